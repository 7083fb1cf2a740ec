"""Fixtures of the end-to-end tier: a home of its own, or one running daemon for a whole module."""

from collections.abc import Iterator

import pytest
from home import Daemon, Home


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("e2e"))


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home for the tests of one module; each uses a folder of its own."""
    return Home(tmp_path_factory.mktemp("e2e"))


@pytest.fixture(scope="module")
def daemon(shared_home: Home) -> Iterator[Daemon]:
    """The daemon of `shared_home`."""
    with shared_home.daemon() as running:
        yield running
