"""Fixtures of the fault tier: a home of its own, and namespaces where things can be broken."""

import subprocess

import pytest
from home import Home


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("fault"))


@pytest.fixture(scope="session")
def own_mounts() -> list[str]:
    """Return the command that gives a program mounts of its own, which it may change."""
    return _namespace("--user", "--map-root-user", "--mount")


@pytest.fixture(scope="session")
def no_privileges() -> list[str]:
    """Return the command that runs a program with its owner's rights, root's without its powers."""
    return _namespace("--user", "--map-user=1000", "--map-group=1000")


def _namespace(*options: str) -> list[str]:
    command = ["unshare", *options]
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no user namespaces here: {error}")
    return command
