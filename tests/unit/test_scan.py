import os
from collections.abc import Callable
from pathlib import Path

import pytest

from triaged.core.types import FileKind
from triaged.fs.scan import VANISHED, Entry, Listing, scan_folder, scan_one, walk


def _make(top: Path, *names: str, data: bytes = b"x") -> bytes:
    for name in names:
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return os.fsencode(top)


def _found(root: bytes, *excludes: str, start: bytes = b"") -> set[bytes]:
    return {
        os.path.join(folder, entry.name)
        for folder, listing in walk(root, excludes, start=start)
        for entry in listing.entries
    }


def _names(listing: Listing) -> set[bytes]:
    return {entry.name for entry in listing.entries}


def test_an_entry_says_what_the_file_is(tmp_path: Path) -> None:
    root = _make(tmp_path, "IMG.JPG", data=b"12345")
    os.utime(tmp_path / "IMG.JPG", ns=(1, 1_700_000_000_123_456_789))
    st = os.stat(tmp_path / "IMG.JPG")

    [entry] = scan_folder(root).entries

    assert entry == Entry(
        name=b"IMG.JPG",
        kind=FileKind.IMAGE,
        inode=st.st_ino,
        device=st.st_dev,
        size_bytes=5,
        mtime_ns=1_700_000_000_123_456_789,
        has_blocks=True,
    )


def test_a_placeholder_of_a_cloud_client_has_no_blocks(tmp_path: Path) -> None:
    with open(tmp_path / "a.jpg", "wb") as sparse:
        sparse.truncate(4_000_000)

    [entry] = scan_folder(os.fsencode(tmp_path)).entries

    assert (entry.size_bytes, entry.has_blocks) == (4_000_000, False)


def test_only_files_that_take_part_are_listed(tmp_path: Path) -> None:
    root = _make(tmp_path, "a.jpg", "a.xmp", "a.cr3", "a.mov", "a.txt", ".a.jpg", "a.jpg.part")
    _make(tmp_path, "empty.jpg", data=b"")
    os.symlink("a.jpg", tmp_path / "link.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()

    listing = scan_folder(root)

    assert _names(listing) == {b"a.jpg", b"a.xmp", b"a.cr3", b"a.mov"}
    assert listing.folders == [b"folder.jpg"]
    assert listing.trouble is None


def test_a_tree_is_walked_to_its_leaves(tmp_path: Path) -> None:
    names = {"a.jpg", "2024/b.jpg", "2024/07/c.jpg", "2025/d.jpg"}

    assert _found(_make(tmp_path, *names)) == {os.fsencode(name) for name in names}


def test_names_that_are_not_utf8_are_walked(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    folder = os.path.join(root, b"\xff\xfe\n")
    os.mkdir(folder)
    with open(os.path.join(folder, b"\xe4.jpg"), "wb") as file:
        file.write(b"x")

    assert _found(root, "*.png") == {b"\xff\xfe\n/\xe4.jpg"}


@pytest.mark.parametrize("folder", [".stfolder", "@eaDir", ".thumbnails", ".Trash-1000", ".x"])
def test_folders_of_tools_are_not_entered(tmp_path: Path, folder: str) -> None:
    root = _make(tmp_path, "a.jpg", f"{folder}/b.jpg", f"sub/{folder}/deep/c.jpg")

    assert _found(root) == {b"a.jpg"}
    assert scan_one(root, os.fsencode(f"sub/{folder}/deep")).entries == []


def test_nomedia_empties_a_folder_and_all_below(tmp_path: Path) -> None:
    root = _make(tmp_path, "a.jpg", "music/cover.jpg", "music/album/cover.jpg", "music/.nomedia")

    assert _found(root) == {b"a.jpg"}
    assert _found(root, start=b"music/album") == set()
    assert scan_one(root, b"music/album").entries == []


def test_linked_folders_are_not_entered(tmp_path: Path) -> None:
    root = _make(tmp_path / "root", "a.jpg")
    _make(tmp_path / "elsewhere", "b.jpg")
    os.symlink(tmp_path / "elsewhere", tmp_path / "root/link")
    os.symlink(".", tmp_path / "root/loop")

    assert _found(root) == {b"a.jpg"}


def test_a_root_may_be_a_link_itself(tmp_path: Path) -> None:
    _make(tmp_path / "real", "2024/a.jpg")
    os.symlink("real", tmp_path / "link")

    assert _found(os.fsencode(tmp_path / "link")) == {b"2024/a.jpg"}


@pytest.mark.parametrize(
    ("pattern", "kept"),
    [
        ("private", {b"a.png", b"b.jpg", b"x/b.jpg"}),
        ("/private", {b"a.png", b"b.jpg", b"x/b.jpg", b"x/private/d.jpg"}),
        ("private/", {b"a.png", b"b.jpg", b"x/b.jpg"}),
        ("*.png", {b"b.jpg", b"private/c.jpg", b"x/b.jpg", b"x/private/d.jpg"}),
        ("x/b.jpg", {b"a.png", b"b.jpg", b"private/c.jpg", b"x/private/d.jpg"}),
        ("x/*", {b"a.png", b"b.jpg", b"private/c.jpg"}),
        ("?", {b"a.png", b"b.jpg", b"private/c.jpg"}),
        ("b", {b"a.png", b"b.jpg", b"private/c.jpg", b"x/b.jpg", b"x/private/d.jpg"}),
    ],
)
def test_excluded_patterns_are_left_out(tmp_path: Path, pattern: str, kept: set[bytes]) -> None:
    root = _make(tmp_path, "a.png", "b.jpg", "private/c.jpg", "x/b.jpg", "x/private/d.jpg")

    assert _found(root, pattern) == kept


def test_a_single_folder_obeys_the_patterns_on_the_way_to_it(tmp_path: Path) -> None:
    root = _make(tmp_path, "private/deep/a.jpg", "open/a.jpg", "open/b.png")

    assert scan_one(root, b"private/deep", ["private"]).entries == []
    assert _names(scan_one(root, b"open", ["private", "*.png"])) == {b"a.jpg"}


def test_a_walk_may_begin_below_the_root(tmp_path: Path) -> None:
    root = _make(tmp_path, "a.jpg", "2024/b.jpg", "2024/07/c.jpg")

    assert _found(root, start=b"2024") == {b"2024/b.jpg", b"2024/07/c.jpg"}


def test_a_walk_ends_when_told_to(tmp_path: Path) -> None:
    root = _make(tmp_path, *(f"{n}/a.jpg" for n in range(9)))
    seen: list[bytes] = []

    for folder, _ in walk(root, stop=lambda: len(seen) >= 3):
        seen.append(folder)

    assert len(seen) == 3


def _is_gone(root: Path) -> None:
    (root / "2024/a.jpg").unlink()
    (root / "2024").rmdir()


def _is_a_file_now(root: Path) -> None:
    _is_gone(root)
    (root / "2024").write_bytes(b"x")


def _is_a_link_now(root: Path) -> None:
    os.rename(root / "2024", root.parent / "elsewhere")
    os.symlink(root.parent / "elsewhere", root / "2024")


@pytest.mark.parametrize("change", [_is_gone, _is_a_file_now, _is_a_link_now])
def test_a_folder_that_vanishes_during_the_walk_says_so(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    root = _make(tmp_path / "root", "2024/a.jpg")

    steps = walk(root)
    assert next(steps)[1].folders == [b"2024"]
    change(tmp_path / "root")

    assert list(steps) == [(b"2024", Listing(trouble=VANISHED))]


def test_an_unreadable_folder_is_trouble_not_absence(tmp_path: Path) -> None:
    names = [f"{'long' * 60}{n}" for n in range(20)]  # a path beyond PATH_MAX cannot be opened
    root = os.fsencode(tmp_path)
    fd = os.open(tmp_path, os.O_RDONLY)
    for name in names:
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)

    folder, listing = list(walk(root))[-1]

    assert folder.count(b"/") > 10
    assert listing.trouble == "unreadable: File name too long"


def test_a_missing_root_is_vanished() -> None:
    assert list(walk(b"/nonexistent/root")) == [(b"", Listing(trouble=VANISHED))]
