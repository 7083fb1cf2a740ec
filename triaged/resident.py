"""The entry of the resident process: `triaged run` becomes this, so that it stays small.

    python -m triaged.resident FILE        FILE is the configuration

The command line's libraries are left behind, and numpy is declared absent before sqlite-utils looks
for it: together a third of the memory, for nothing that this process uses.
"""

import os
import sys
from typing import NoReturn


def become(config_file: bytes) -> NoReturn:
    """Turn this process into the resident one; never returns."""
    arguments = [sys.executable, "-P", "-m", "triaged.resident", os.fsdecode(config_file)]
    os.execv(sys.executable, arguments)  # noqa: S606  # this very program, no shell


def main(config_file: bytes) -> int:
    """Run the daemon until it is stopped; return its exit code."""
    sys.modules["numpy"] = None  # type: ignore[assignment]
    import logging
    import sqlite3

    from triaged import journal
    from triaged.config import load
    from triaged.daemon import Daemon
    from triaged.errors import EXIT_NO, UserError
    from triaged.fs.places import find_places
    from triaged.lock import take_lock

    journal.set_up(logging.INFO)
    state_dir = find_places().state_dir
    try:
        config = load(config_file)
        lock = take_lock(state_dir)
        Daemon(config, config_file, state_dir).run()
    except sqlite3.OperationalError as error:
        log = logging.getLogger(__name__)
        log.error("the databases in %s cannot be used: %s", os.fsdecode(state_dir), error)
        return EXIT_NO
    except UserError as error:
        print(f"triaged: {error}", file=sys.stderr)  # noqa: T201  # the last word before leaving
        return error.exit_code
    os.close(lock)
    return 0


if __name__ == "__main__":
    sys.exit(main(os.fsencode(sys.argv[1])))
