"""Put in the trash, taken out again, trash emptied: by the tools that people have.

`trash-empty` and `gio trash --empty` empty the trashes of every mounted drive. So only the scratch
home's trash is ever named here, or single things in it.
"""

import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from generated import photo
from home import Daemon, Home

_SETTLE_SECONDS = 0.5
_LEARNED_SECONDS = 10.0

Trash = Callable[[Home, str], object]

_TOOLS: dict[str, Trash] = {
    "gio": lambda home, path: home.run("gio", "trash", path),
    "trash-cli": lambda home, path: home.run("trash-put", path),
    "Send2Trash": lambda home, path: home.run(sys.executable, "-P", "-m", "send2trash", path),
}


def _trashed_at(home: Home, name: str) -> float:
    """Return when a trash's note says that something was put there."""
    note = (home.trash / "info" / f"{name}.trashinfo").read_text()
    date = note.partition("DeletionDate=")[2].split("\n")[0]
    return time.mktime(time.strptime(date[:19], "%Y-%m-%dT%H:%M:%S"))


def _fill(home: Home, daemon: Daemon, *paths: str) -> None:
    home.make_tree({path: photo(zlib.crc32(path.encode())) for path in paths})
    daemon.wait_until_settled()


@pytest.mark.parametrize("tool", _TOOLS)
def test_a_photo_put_in_the_trash_teaches_delete_once_at_the_time_of_the_trash(
    shared_home: Home, daemon: Daemon, tool: str
) -> None:
    home, folder = shared_home, f"Pictures/{tool}"
    _fill(home, daemon, f"{folder}/beach-{tool}.jpg", f"{folder}/receipt-{tool}.jpg")

    _TOOLS[tool](home, f"{folder}/receipt-{tool}.jpg")
    took = daemon.wait_until("the deletion is learned", lambda: bool(home.decisions(folder)))
    daemon.wait_until_settled()

    assert took < _SETTLE_SECONDS + _LEARNED_SECONDS
    assert home.decisions(folder) == [(f"receipt-{tool}.jpg", "delete", "trashed", 1.0)]
    assert home.decision_rows(folder)[0]["at"] == _trashed_at(home, f"receipt-{tool}.jpg")
    assert list(home.tree(folder)) == [f"beach-{tool}.jpg"]


def test_a_photo_restored_by_trash_cli_teaches_keep(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, "Pictures/back"
    _fill(home, daemon, f"{folder}/cat.jpg", f"{folder}/dog.jpg")
    home.run("trash-put", f"{folder}/cat.jpg")
    daemon.wait_until("the deletion is learned", lambda: len(home.decisions(folder)) == 1)

    home.run("trash-restore", str(home.path / folder / "cat.jpg"), given="0\n")
    daemon.wait_until("the restore is learned", lambda: len(home.decisions(folder)) == 2)
    daemon.wait_until_settled()

    assert home.decisions(folder) == [
        ("cat.jpg", "delete", "trashed", 1.0),
        ("cat.jpg", "keep", "restored", 1.0),
    ]
    assert home.present(folder) == {"cat.jpg", "dog.jpg"}


def test_a_photo_restored_by_the_file_manager_teaches_keep(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/gio-back"
    _fill(home, daemon, f"{folder}/tree.jpg")
    home.run("gio", "trash", f"{folder}/tree.jpg")
    daemon.wait_until("the deletion is learned", lambda: len(home.decisions(folder)) == 1)

    home.run_on_session_bus("gio", "trash", "--restore", "trash:///tree.jpg")
    daemon.wait_until("the restore is learned", lambda: len(home.decisions(folder)) == 2)

    assert home.decisions(folder)[-1] == ("tree.jpg", "keep", "restored", 1.0)
    assert home.ask("labels")[-1]["label"] == "keep"


def test_a_photo_trashed_and_restored_before_anybody_looked_teaches_nothing_false(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/slip"
    _fill(home, daemon, f"{folder}/slip.jpg")

    home.run("trash-put", f"{folder}/slip.jpg")
    home.run("trash-restore", str(home.path / folder / "slip.jpg"), given="0\n")
    daemon.wait_until_settled()

    assert [label for _, label, _, _ in home.decisions(folder)] in ([], ["delete", "keep"])
    assert home.present(folder) == {"slip.jpg"}


def test_a_photo_trashed_restored_and_trashed_again_is_a_delete_in_the_end(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/torn"
    _fill(home, daemon, f"{folder}/torn.jpg")
    path = str(home.path / folder / "torn.jpg")

    home.run("trash-put", path)
    daemon.wait_until("the deletion is learned", lambda: len(home.decisions(folder)) == 1)
    home.run("trash-restore", path, given="0\n")
    daemon.wait_until("the restore is learned", lambda: len(home.decisions(folder)) == 2)
    home.run("trash-put", path)
    daemon.wait_until("the deletion is learned", lambda: len(home.decisions(folder)) == 3)

    assert [label for _, label, _, _ in home.decisions(folder)] == ["delete", "keep", "delete"]
    stands = [row["label"] for row in home.ask("labels") if "torn.jpg" in row["path"]]
    assert stands == ["delete"]


def test_two_photos_of_the_same_name_are_two_deletes(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, "Pictures/namesakes"
    _fill(home, daemon, f"{folder}/a/IMG_1.jpg", f"{folder}/b/IMG_1.jpg")

    home.run("gio", "trash", f"{folder}/a/IMG_1.jpg")
    home.run("gio", "trash", f"{folder}/b/IMG_1.jpg")
    daemon.wait_until("both are learned", lambda: len(home.decisions(folder)) == 2)
    daemon.wait_until_settled()

    assert home.decisions(folder) == 2 * [("IMG_1.jpg", "delete", "trashed", 1.0)]
    assert len({row["shot"] for row in home.decision_rows(folder)}) == 2


def _empty_by_trash_cli(home: Home, _name: str) -> None:
    home.run("trash-empty", "--trash-dir", str(home.trash), given="y\n")


def _empty_by_gio(home: Home, name: str) -> None:
    home.run_on_session_bus("gio", "remove", f"trash:///{name}")


@pytest.mark.parametrize("empty", [_empty_by_trash_cli, _empty_by_gio], ids=["trash-cli", "gio"])
def test_emptying_the_trash_adds_nothing_to_an_album_trashed_whole(
    shared_home: Home, daemon: Daemon, empty: Callable[[Home, str], None]
) -> None:
    name = f"album{empty.__name__}"
    home, folder = shared_home, f"Pictures/{name}"
    names = {f"{number}.jpg" for number in range(6)}
    _fill(home, daemon, *(f"{folder}/{name}" for name in names))
    home.run("gio", "trash", folder)
    daemon.wait_until("the album is learned", lambda: len(home.decisions(folder)) == len(names))

    empty(home, name)
    assert not (home.trash / "files" / name).exists()
    daemon.wait_until(
        "the trash is empty", lambda: not home.present(f".local/share/Trash/files/{name}")
    )
    daemon.wait_until_settled()

    learned = home.decisions(folder)
    assert sorted(learned) == sorted((name, "delete", "trashed", 1.0) for name in names)
    assert len({row["gesture"] for row in home.decision_rows(folder)}) == 1


def test_an_emptied_trash_is_not_restored_by_a_new_photo_of_the_same_name(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/again"
    _fill(home, daemon, f"{folder}/again.jpg", f"{folder}/other.jpg")
    home.run("trash-put", f"{folder}/again.jpg")
    daemon.wait_until("the deletion is learned", lambda: len(home.decisions(folder)) == 1)
    _empty_by_trash_cli(home, "")

    home.make_tree({f"{folder}/again.jpg": photo(501)})
    daemon.wait_until_settled()

    assert home.decisions(folder) == [("again.jpg", "delete", "trashed", 1.0)]


def test_other_things_in_the_trash_teach_nothing(shared_home: Home, daemon: Daemon) -> None:
    home = shared_home
    before = home.decisions()
    home.make_tree({"Downloads/foreign.jpg": photo(502), "Pictures/notes.txt": b"milk"})

    home.run("gio", "trash", "Downloads/foreign.jpg", "Pictures/notes.txt")
    daemon.wait_until_settled()

    assert home.decisions() == before
    assert Path(home.trash / "files/foreign.jpg").exists()
