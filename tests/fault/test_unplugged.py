"""A drive that is away, came back, or is another one: nothing learned, nothing gone, no links.

The daemon notices at its next look; here any file that arrives in another folder makes it look.
"""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from generated import photo, receipt
from home import Daemon, Home

_CONFIG = {"learn": {"min_labels": 5}, "review": {"min_score": 0.0}}
_PHOTOS = {f"Pictures/trip/{number}.jpg": photo(number) for number in range(4)}
_NAMES = {Path(path).name for path in _PHOTOS}


@pytest.fixture(scope="module")
def plugged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Daemon]]:
    """A home with photos and links to them, and the daemon running."""
    home = Home(tmp_path_factory.mktemp("unplugged"), **_CONFIG)
    _fill(home)
    with home.daemon() as daemon:
        daemon.wait_until("there are links", lambda: len(home.links()) == len(_PHOTOS))
        yield home, daemon


def _fill(home: Home) -> None:
    home.make_tree({f"Old/away/{number}.jpg": receipt(number) for number in range(5)})
    home.make_tree({f"Old/dear/{number}.jpg": photo(20 + number) for number in range(5)})
    home.make_tree(_PHOTOS)
    home.ask("learn", "--deleted", "Old/away", "--kept", "Old/dear")


def _state(home: Home) -> tuple[str, str | None]:
    [root] = [r for r in home.ask("status")["roots"] if r["path"] == str(home.pictures)]
    return root["state"], root["trouble"]


def _identities(home: Home) -> dict[bytes, int]:
    return {row["name"]: row["id"] for row in home.photos("Pictures") if row["is_present"]}


@pytest.mark.parametrize(
    ("stand_in", "trouble"),
    [
        (None, "missing"),
        ({}, "another folder stands in its place"),
        ({"foreign.jpg": photo(99)}, "another folder stands in its place"),
    ],
    ids=["nothing", "an empty folder", "a folder with other photos"],
)
def test_a_drive_pulled_out_teaches_nothing_and_comes_back_by_itself(
    plugged: tuple[Home, Daemon], stand_in: dict[str, bytes] | None, trouble: str
) -> None:
    home, daemon = plugged
    known, learned, links = _identities(home), home.decisions(), home.links()

    home.pictures.rename(home.path / "drive")
    if stand_in is not None:
        home.pictures.mkdir()
        home.make_tree({f"Pictures/{name}": data for name, data in stand_in.items()})
    daemon.wait_until_settled()
    assert _state(home) == ("offline", trouble)
    assert _identities(home) == known
    assert home.links() == {}

    if stand_in is not None:
        home.run("rm", "-r", str(home.pictures))
    (home.path / "drive").rename(home.pictures)
    daemon.wait_until_settled()
    assert _state(home) == ("online", None)
    assert _identities(home) == known
    assert home.links() == links
    assert home.decisions() == learned
    assert home.acts("Pictures") == []


def test_a_drive_that_is_not_there_at_the_start_teaches_nothing(home: Home) -> None:
    home.make_tree(_PHOTOS)
    with home.daemon():
        known = _identities(home)
    home.pictures.rename(home.path / "drive")

    with home.daemon():
        assert _state(home) == ("offline", "missing")
        assert _identities(home) == known

    (home.path / "drive").rename(home.pictures)
    with home.daemon():
        assert _state(home) == ("online", None)
    assert _identities(home) == known
    assert home.acts() == []


def test_a_drive_that_comes_up_empty_teaches_nothing(home: Home) -> None:
    home.make_tree(_PHOTOS)
    with home.daemon():
        known = _identities(home)
    (home.pictures / "trip").rename(home.path / "aside")

    with home.daemon():
        assert _state(home) == ("offline", "it came up empty")
        assert _identities(home) == known

    (home.path / "aside").rename(home.pictures / "trip")
    with home.daemon():
        assert _state(home) == ("online", None)
    assert _identities(home) == known
    assert home.acts() == []


def test_a_drive_unmounted_and_mounted_again_teaches_nothing(
    home: Home, own_mounts: list[str]
) -> None:
    drive = home.path / "drive"
    home.pictures.rename(drive)
    home.pictures.mkdir()
    home.make_tree({f"drive/{number}.jpg": photo(number) for number in range(3)})
    mount = shlex.join(["mount", "--bind", str(drive), str(home.pictures)])
    start = [*own_mounts, "sh", "-c", f'{mount} && exec "$@"', "sh"]

    with home.daemon(within=start) as daemon:
        known = _identities(home)
        assert {name.decode() for name in known} == {"0.jpg", "1.jpg", "2.jpg"}
        _inside(daemon, "umount", str(home.pictures))
        daemon.wait_until_settled()
        assert (_trouble(home) or "").startswith("another disk: ")
        assert _identities(home) == known

        _inside(daemon, "mount", "--bind", str(drive), str(home.pictures))
        daemon.wait_until_settled()
        assert _trouble(home) is None
        assert _identities(home) == known

    assert home.acts() == []


def _inside(daemon: Daemon, *command: str) -> None:
    """Run a command among the mounts of the daemon."""
    subprocess.run([*daemon.command_inside(), *command], check=True, capture_output=True)


def _trouble(home: Home) -> str | None:
    """Return what the daemon says of the library; a command would look at it from outside."""
    path = str(home.pictures).encode()
    [row] = home.ask_databases("SELECT * FROM triaged.roots WHERE path = ? AND is_active", path)
    return None if row["is_online"] else row["trouble"]
