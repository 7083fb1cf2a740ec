"""`python -m triaged` is `triaged`."""

from triaged.cli import main

main()
