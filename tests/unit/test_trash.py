import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from own_mounts import in_own_mounts

from triaged.core.types import FileKind
from triaged.fs.trash import (
    Trash,
    Trashed,
    TrashedLink,
    Unread,
    list_trash,
    trashes_for,
)

_NOTE = "[Trash Info]\nPath={path}\nDeletionDate={date}\n"


def _trash(tmp_path: Path) -> Trash:
    """Return an empty home trash in `tmp_path`."""
    for folder in ("Trash/files", "Trash/info"):
        (tmp_path / folder).mkdir(parents=True)
    return Trash(os.fsencode(tmp_path / "Trash"), os.fsencode(tmp_path), exists=True)


def _put(
    trash: Trash, name: str, path: str, *below: str, date: str = "2026-07-14T18:32:08"
) -> None:
    """Put a file called `name` into `trash`, or a folder of the files `below`, with its note."""
    top = Path(os.fsdecode(trash.path))
    (top / f"info/{name}.trashinfo").write_text(_NOTE.format(path=path, date=date))
    for file in [top / "files" / name / leaf for leaf in below] or [top / "files" / name]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")


def _found(trash: Trash, now: float = 0.0) -> dict[bytes, bytes]:
    """Return where each file in `trash` came from, by its path in the trash."""
    return {
        os.path.join(item.folder, item.entry.name): item.home_path
        for item in list_trash(trash, now)
        if isinstance(item, Trashed)
    }


def test_a_trashed_photo_knows_where_it_came_from_and_when(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    _put(trash, "x.jpg", "/photos/50%25%20x.jpg")

    [item] = list_trash(trash, time.time())

    assert isinstance(item, Trashed)
    assert (item.folder, item.entry.name, item.entry.kind) == (b"files", b"x.jpg", FileKind.IMAGE)
    assert item.home_path == b"/photos/50% x.jpg"
    assert item.deleted_at == time.mktime((2026, 7, 14, 18, 32, 8, 0, 0, -1))
    assert item.entry.inode == os.stat(tmp_path / "Trash/files/x.jpg").st_ino


def test_a_relative_path_starts_where_the_trash_lies(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    _put(trash, "x.jpg", "album/x.jpg")

    assert _found(trash) == {b"files/x.jpg": os.fsencode(tmp_path / "album/x.jpg")}


def test_a_folder_is_trashed_whole(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    _put(trash, "album", "/photos/album", "a.jpg", "2024/b.jpg", ".thumbnails/a.jpg", "c.txt")

    assert _found(trash) == {
        b"files/album/a.jpg": b"/photos/album/a.jpg",
        b"files/album/2024/b.jpg": b"/photos/album/2024/b.jpg",
    }


def test_a_trashed_folder_of_thumbnails_holds_no_photos(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    _put(trash, "thumbs", "/photos/.thumbnails", "a.jpg")

    assert _found(trash) == {}


@pytest.mark.parametrize("name", ["x.2.jpg", "x.jpg_1", "x 1.jpg", "x (2)"])
def test_the_kind_is_that_of_the_name_before(tmp_path: Path, name: str) -> None:
    trash = _trash(tmp_path)
    _put(trash, name, "/photos/x.jpg")
    _put(trash, "y.jpg", "/photos/y.txt")

    assert _found(trash) == {b"files/" + name.encode(): b"/photos/x.jpg"}


def test_what_has_no_note_was_not_trashed_by_a_person(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    (tmp_path / "Trash/files/orphan.jpg").write_bytes(b"x")

    assert list(list_trash(trash, time.time())) == []


def test_a_note_without_its_file_says_nothing(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    _put(trash, "x.jpg", "/photos/x.jpg")
    (tmp_path / "Trash/files/x.jpg").unlink()

    assert list(list_trash(trash, time.time())) == []


@pytest.mark.parametrize(
    ("age_seconds", "is_young"), [(0, True), (5, True), (3600, False)], ids=str
)
def test_a_half_written_note_is_worth_another_look_while_young(
    tmp_path: Path, age_seconds: int, is_young: bool
) -> None:
    trash = _trash(tmp_path)
    _put(trash, "x.jpg", "/photos/x.jpg")
    note = tmp_path / "Trash/info/x.jpg.trashinfo"
    note.write_bytes(b"")

    found = list(list_trash(trash, os.stat(note).st_mtime + age_seconds))

    assert found == [Unread(b"x.jpg", "no [Trash Info] header", is_young)]


def test_one_broken_note_does_not_hide_the_others(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        _put(trash, name, f"/photos/{name}")
    (tmp_path / "Trash/info/b.jpg.trashinfo").write_bytes(b"\xff\0")
    (tmp_path / "Trash/info/folder.trashinfo").mkdir()

    assert set(_found(trash)) == {b"files/a.jpg", b"files/c.jpg"}


def test_a_trashed_link_tells_its_target(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    _put(trash, "0001_97_x.jpg", "/home/anna/Triage/likely-delete/0001_97_x.jpg")
    link = tmp_path / "Trash/files/0001_97_x.jpg"
    link.unlink()
    link.symlink_to("/photos/x.jpg")

    [item] = list_trash(trash, time.time())

    assert isinstance(item, TrashedLink)
    assert (item.name, item.target) == (b"0001_97_x.jpg", b"/photos/x.jpg")
    assert item.home_path == b"/home/anna/Triage/likely-delete/0001_97_x.jpg"
    assert item.inode == os.lstat(link).st_ino


def test_a_path_through_a_link_is_told_as_the_scan_sees_it(tmp_path: Path) -> None:
    trash = _trash(tmp_path)
    (tmp_path / "var/home/anna").mkdir(parents=True)
    (tmp_path / "home").symlink_to("var/home")
    _put(trash, "x.jpg", f"{tmp_path}/home/anna/x.jpg")

    assert _found(trash) == {b"files/x.jpg": os.fsencode(tmp_path / "var/home/anna/x.jpg")}


def test_a_trash_that_is_not_there_is_empty() -> None:
    assert list(list_trash(Trash(b"/nonexistent/Trash", b"/nonexistent", exists=False), 0.0)) == []


def test_digikams_trash_is_read(tmp_path: Path) -> None:
    for folder in ("files", "info"):
        (tmp_path / ".dtrash" / folder).mkdir(parents=True)
    (tmp_path / ".dtrash/files/x.jpg").write_bytes(b"x")
    (tmp_path / ".dtrash/files/orphan.jpg").write_bytes(b"x")
    (tmp_path / ".dtrash/info/x.dtrashinfo").write_text(
        f'{{"path": "{tmp_path}/2024/x.jpg", "deletiontimestamp": "Tue Jul 14 18:32:08 2026"}}'
    )
    root = os.fsencode(tmp_path)

    [trash] = [t for t in trashes_for([root], {"HOME": str(tmp_path)}) if t.is_digikam]

    assert trash.path == root + b"/.dtrash"
    assert _found(trash) == {b"files/x.jpg": root + b"/2024/x.jpg"}


def test_the_home_trash_is_listed_before_it_exists(tmp_path: Path) -> None:
    [missing] = trashes_for([], {"HOME": str(tmp_path)})
    assert missing == Trash(
        os.fsencode(tmp_path / ".local/share/Trash"),
        os.fsencode(tmp_path / ".local/share"),
        exists=False,
    )

    (tmp_path / ".local/share/Trash").mkdir(parents=True)
    [there] = trashes_for([], {"HOME": str(tmp_path)})
    assert there.exists


def test_the_data_home_decides_where_the_home_trash_is(tmp_path: Path) -> None:
    [trash] = trashes_for([], {"HOME": "/h", "XDG_DATA_HOME": str(tmp_path)})

    assert (trash.path, trash.top) == (os.fsencode(tmp_path / "Trash"), os.fsencode(tmp_path))


def test_flatpak_applications_have_trashes_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / ".var/app/org.gnome.Loupe/data/Trash"
    path.mkdir(parents=True)
    (tmp_path / ".var/app/org.other").mkdir()

    _, flatpak = trashes_for([], {"HOME": str(tmp_path)})

    assert flatpak == Trash(os.fsencode(path), os.fsencode(path.parent), exists=True)


_VOLUME = """
import os, subprocess, sys
from triaged.fs.trash import trashes_for
top = sys.argv[1].encode()
subprocess.run(["mount", "-t", "tmpfs", "drive", top], check=True)
os.mkdir(top + b"/photos")
def show(what):
    home, *others = trashes_for([top + b"/photos"], {"HOME": sys.argv[2]})
    print(what, [(t.path[len(top):].decode(), t.top == top, t.exists) for t in others])
show("bare")
os.mkdir(top + b"/.Trash")
show("shared but not sticky")
os.chmod(top + b"/.Trash", 0o1777)
show("shared")
os.mkdir(top + b"/.Trash-0")
show("own")
os.rename(top + b"/.Trash", top + b"/real")
os.symlink(b"real", top + b"/.Trash")
show("a link")
"""


def test_a_volume_has_trashes_at_its_top(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()

    assert in_own_mounts(_VOLUME, tmp_path / "volume", tmp_path) == [
        "bare [('/.Trash-0', True, False)]",
        "shared but not sticky [('/.Trash-0', True, False)]",
        "shared [('/.Trash/0', True, False), ('/.Trash-0', True, False)]",
        "own [('/.Trash/0', True, False), ('/.Trash-0', True, True)]",
        "a link [('/.Trash-0', True, True)]",
    ]


_SEND = "import sys; from send2trash import send2trash; send2trash(sys.argv[1:])"


def test_what_send2trash_trashes_is_found(tmp_path: Path) -> None:
    names = ["Pictures/ä 1.jpg", "other/ä 1.jpg", ".local/share/app/in the data home.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    inodes = {os.stat(tmp_path / name).st_ino: os.fsencode(tmp_path / name) for name in names}
    env = {**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / ".local/share")}
    before = time.time()
    paths = [str(tmp_path / name) for name in names]
    subprocess.run([sys.executable, "-c", _SEND, *paths], env=env, check=True)

    [trash] = [t for t in trashes_for([os.fsencode(tmp_path)], env) if t.exists]
    items = [item for item in list_trash(trash, time.time()) if isinstance(item, Trashed)]

    assert {item.entry.inode: item.home_path for item in items} == inodes
    assert all(before - 1 <= (item.deleted_at or 0) <= time.time() for item in items)


_CLOCK = """
from triaged.fs.trash import local_seconds
for date, near in [
    ((2026, 7, 1, 12, 0, 0), 0),
    ((2026, 1, 1, 12, 0, 0), 0),
    ((2026, 10, 25, 2, 30, 0), 1792888200),
    ((2026, 10, 25, 2, 30, 0), 1792891800),
    ((2026, 3, 29, 2, 30, 0), 0),
]:
    print(int(local_seconds(date, near)))
"""


def test_the_owners_clock_is_read_through_its_jumps() -> None:
    env = {**os.environ, "TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}
    done = subprocess.run(
        [sys.executable, "-c", _CLOCK], env=env, check=True, capture_output=True, text=True
    )

    summer, winter, first, second, skipped = (int(line) for line in done.stdout.split())
    assert summer == 1782900000  # 10:00 UTC
    assert winter == 1767265200  # 11:00 UTC
    assert (first, second) == (1792888200, 1792891800)  # 00:30 and 01:30 UTC
    assert abs(skipped - 1774747800) <= 3600  # 01:30 UTC, give or take the jump
