"""Python run where it may mount and unmount at will, without touching the machine's mounts."""

import subprocess
import sys
from pathlib import Path

import pytest


def in_own_mounts(script: str, *arguments: Path) -> list[str]:
    """Run Python in a mount namespace of its own; return the lines it printed."""
    probe = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        subprocess.run([*probe, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no mount namespaces here: {error}")
    command = [*probe, sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
