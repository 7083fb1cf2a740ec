import os
import threading
from pathlib import Path

import pytest

from triaged.fs.links import (
    is_link_name,
    link_name,
    publish_view,
    read_view,
    write_text_if_changed,
)


@pytest.mark.parametrize(
    ("rank", "percent", "name", "expected"),
    [
        (1, 97, b"IMG_4711.jpg", b"0001_97_IMG_4711.jpg"),
        (12345, 100, b"a.jpg", b"12345_100_a.jpg"),
        (7, 3, b"\xff.jpg", b"0007_03_\xff.jpg"),
        (7, 3, b"no extension", b"0007_03_no extension"),
    ],
    ids=["usual", "beyond the digits", "not utf-8", "no extension"],
)
def test_a_link_is_named_by_rank_percent_and_photo(
    rank: int, percent: int, name: bytes, expected: bytes
) -> None:
    assert link_name(rank, 4, percent, name) == expected
    assert is_link_name(expected)


@pytest.mark.parametrize("char", ["a", "ä", "写", "😀"])
@pytest.mark.parametrize("shift", range(4))
def test_a_long_name_is_cut_between_characters(char: str, shift: int) -> None:
    stem = ("x" * shift + char * 255).encode()[:251]
    stem = stem.decode(errors="ignore").encode()

    name = link_name(1, 4, 97, stem + b".jpg")

    assert 255 - len(char.encode()) < len(name) <= 255
    assert name.endswith(b".jpg")
    assert name.decode().startswith("0001_97_")


def test_a_long_name_that_is_not_utf8_is_cut_as_well() -> None:
    name = link_name(1, 4, 97, b"\x80" * 251 + b".jpg")

    assert len(name) <= 255
    assert name.endswith(b".jpg")


@pytest.mark.parametrize("name", [b"README.txt", b"holiday_97_a.jpg", b"0001_97_", b"1_7_a.jpg"])
def test_other_names_are_not_taken_for_links(name: bytes) -> None:
    assert not is_link_name(name)


@pytest.fixture
def folder(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path / "Triage/likely-delete")


def _links(*pairs: tuple[str, str]) -> dict[bytes, bytes]:
    return {f"{n:04d}_90_{name}".encode(): t.encode() for n, (name, t) in enumerate(pairs, 1)}


def test_a_view_is_made_for_the_owner_alone(folder: bytes) -> None:
    wanted = _links(("a.jpg", "/p/a.jpg"), ("b.jpg", "/p/b.jpg"))

    change = publish_view(folder, wanted)

    assert read_view(folder) == wanted
    assert os.stat(folder).st_mode & 0o777 == 0o700
    assert dict(change.added) == {
        name: os.lstat(os.path.join(folder, name)).st_ino for name in wanted
    }
    assert (change.removed, change.kept, change.blocked) == ((), 0, ())


def test_only_differences_are_touched(folder: bytes) -> None:
    publish_view(folder, _links(("a.jpg", "/p/a.jpg"), ("b.jpg", "/p/b.jpg"), ("c.jpg", "/p/c")))
    kept = os.lstat(os.path.join(folder, b"0001_90_a.jpg"))

    wanted = _links(("a.jpg", "/p/a.jpg"), ("b.jpg", "/moved/b.jpg"), ("d.jpg", "/p/d.jpg"))
    change = publish_view(folder, wanted)

    assert read_view(folder) == wanted
    assert {name for name, _ in change.added} == {b"0002_90_b.jpg", b"0003_90_d.jpg"}
    assert change.removed == (b"0003_90_c.jpg",)
    assert change.kept == 1
    assert os.lstat(os.path.join(folder, b"0001_90_a.jpg")).st_ctime_ns == kept.st_ctime_ns


def test_publishing_the_same_again_does_nothing(folder: bytes) -> None:
    wanted = _links(("a.jpg", "/p/a.jpg"))
    publish_view(folder, wanted)
    before = os.stat(folder).st_mtime_ns

    change = publish_view(folder, wanted)

    assert (change.added, change.removed, change.kept) == ((), (), 1)
    assert os.stat(folder).st_mtime_ns == before


def test_what_the_owner_put_there_stays(folder: bytes) -> None:
    publish_view(folder, _links(("a.jpg", "/p/a.jpg")))
    owners = {b"notes.txt": b"mine", b"0002_90_b.jpg": b"a real photo"}
    for name, data in owners.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    os.symlink(b"/elsewhere", os.path.join(folder, b"my own link"))

    change = publish_view(folder, _links(("x.jpg", "/p/x.jpg"), ("b.jpg", "/p/b.jpg")))

    assert change.blocked == (b"0002_90_b.jpg",)
    for name, data in owners.items():
        with open(os.path.join(folder, name), "rb") as file:
            assert file.read() == data
    assert read_view(folder) == {b"0001_90_x.jpg": b"/p/x.jpg", b"my own link": b"/elsewhere"}


def test_what_a_killed_publishing_left_is_swept_away(folder: bytes) -> None:
    os.makedirs(folder)
    os.symlink(b"/p/a.jpg", os.path.join(folder, b".triaged-new-4711"))

    assert read_view(folder) == {}
    publish_view(folder, {})

    assert os.listdir(folder) == []


def test_a_view_that_is_not_there_is_empty(folder: bytes) -> None:
    assert read_view(folder) == {}


def test_a_link_is_never_missing_while_it_changes(folder: bytes) -> None:
    publish_view(folder, {b"0001_90_a.jpg": b"/p/0"})
    path, done, reads, misses = os.path.join(folder, b"0001_90_a.jpg"), threading.Event(), [0], [0]

    def read() -> None:
        while not done.is_set():
            reads[0] += 1
            misses[0] += not os.path.lexists(path)

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(300):
        publish_view(folder, {b"0001_90_a.jpg": b"/p/%d" % n})
    done.set()
    reader.join()

    assert reads[0] > 0
    assert misses[0] == 0


def test_a_text_is_written_only_when_it_differs(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "README.txt")

    assert write_text_if_changed(path, "what a deletion here does: ä")
    made = os.stat(path)
    assert not write_text_if_changed(path, "what a deletion here does: ä")
    assert os.stat(path).st_ino == made.st_ino
    assert write_text_if_changed(path, "what a deletion")

    assert (tmp_path / "README.txt").read_text() == "what a deletion"
    assert made.st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["README.txt"]
