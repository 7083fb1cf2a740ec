import pytest

from triaged.core.filekinds import is_ignored_folder, is_ignored_name, is_ignored_path, kind_of
from triaged.core.types import FileKind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"IMG_4711.jpg", FileKind.IMAGE),
        (b"IMG_4711.JPG", FileKind.IMAGE),
        (b"a.b.heic", FileKind.IMAGE),
        (b"\xff\xfe.avif", FileKind.IMAGE),
        (b"IMG_4711.CR3", FileKind.RAW),
        (b"MVI_1.MOV", FileKind.VIDEO),
        (b"IMG_4711.jpg.xmp", FileKind.SIDECAR),
        (b"IMG_4711.AAE", FileKind.SIDECAR),
        (b"notes.txt", None),
        (b"jpg", None),
        (b".jpg", None),
        (b"IMG_4711.", None),
        (b"", None),
    ],
    ids=repr,
)
def test_the_extension_tells_the_kind(name: bytes, kind: FileKind | None) -> None:
    assert kind_of(name) is kind


@pytest.mark.parametrize(
    "name",
    [
        b".hidden.jpg",
        b"._IMG_1.jpg",
        b".fuse_hidden0000a1.jpg",
        b".syncthing.IMG_1.jpg.tmp",
        b"~syncthing~IMG_1.jpg.tmp",
        b"IMG_1.sync-conflict-20260101-120000-ABCDEFG.jpg",
        b"IMG_1 (conflicted copy 2026-01-01 120000).jpg",
        b"IMG_1 (Anna's conflicted copy 2026-01-01).jpg",
        b"IMG_1.jpg_original",
        b"IMG_1.jpg_exiftool_tmp",
        b"IMG_1.jpg~",
        b"IMG_1.jpg.part",
        b"IMG_1.jpg.CRDOWNLOAD",
        b"line\nbreak.tmp",
    ],
    ids=repr,
)
def test_names_lent_for_a_while_are_ignored(name: bytes) -> None:
    assert is_ignored_name(name)


@pytest.mark.parametrize(
    "name",
    [b"IMG_1.jpg", b"IMG_original.jpg", b"part.jpg", b"conflicted.jpg", b"a~b.jpg", b"tmp.png"],
    ids=repr,
)
def test_ordinary_names_are_not_ignored(name: bytes) -> None:
    assert not is_ignored_name(name)


@pytest.mark.parametrize(
    ("folder", "is_ignored"),
    [
        (b".stfolder", True),
        (b".stversions", True),
        (b".thumbnails", True),
        (b".Trash-1000", True),
        (b".dtrash", True),
        (b"@eaDir", True),
        (b"$RECYCLE.BIN", True),
        (b"System Volume Information", True),
        (b"2024", False),
        (b"Trash", False),
        (b"thumbnails of my life", False),
    ],
    ids=repr,
)
def test_folders_of_tools_are_ignored(folder: bytes, is_ignored: bool) -> None:
    assert is_ignored_folder(folder) is is_ignored


@pytest.mark.parametrize(
    ("path", "is_ignored"),
    [
        (b"2024/07/a.jpg", False),
        (b"a.jpg", False),
        (b"2024/.thumbnails/a.jpg", True),
        (b"@eaDir/a.jpg/SYNOPHOTO.jpg", True),
        (b"2024/a.jpg_original", True),
    ],
    ids=repr,
)
def test_one_ignored_part_ignores_the_path(path: bytes, is_ignored: bool) -> None:
    assert is_ignored_path(path) is is_ignored
