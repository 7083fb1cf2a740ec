from collections.abc import Iterator
from pathlib import Path

import pytest
from seen import DISK, TOPS, place, seen
from shelf import Shelf

from triaged.core.types import FileKind, Identity, Role
from triaged.store.photos import join


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()


LIBRARY = TOPS[Role.LIBRARY]


def test_a_photo_is_remembered_as_it_was_seen(shelf: Shelf) -> None:
    photo = shelf.add(b"\xff x.jpg", folder=b"2024/trip", inode=7, at=5.0)

    known = shelf.store.photos.get(photo)

    assert known is not None
    assert known.place == place(folder=b"2024/trip", name=b"\xff x.jpg")
    assert known.identity == Identity(DISK, 7, 100)
    assert (known.size_bytes, known.mtime_ns, known.first_seen_at) == (10, 20, 5.0)
    assert known.is_present
    assert known.home_path == b"/photos/2024/trip/\xff x.jpg"
    assert known.content_hash is None
    assert shelf.store.photos.path_of(photo) == known.home_path
    assert shelf.store.photos.get(photo + 1) is None


def test_a_folder_shows_what_is_present_in_it_alone(shelf: Shelf) -> None:
    here = shelf.add(b"x.jpg", folder=b"a")
    gone = shelf.add(b"gone.jpg", folder=b"a")
    shelf.add(b"x.jpg", folder=b"a/b")
    shelf.add(b"x.jpg", Role.KEEP, b"a")
    shelf.store.photos.set_gone(gone, 9.0)

    found = shelf.store.photos.in_folder(LIBRARY, b"a")

    assert {name: known.photo for name, known in found.items()} == {b"x.jpg": here}
    assert set(shelf.store.photos.folders(LIBRARY)) == {b"a", b"a/b"}
    assert shelf.store.roots.present(LIBRARY) == 2


def test_a_folder_whose_photos_are_gone_is_no_folder(shelf: Shelf) -> None:
    shelf.store.photos.set_gone(shelf.add(b"x.jpg", folder=b"a"), 9.0)

    assert list(shelf.store.photos.folders(LIBRARY)) == []


def test_two_present_photos_cannot_be_at_one_place(shelf: Shelf) -> None:
    first = shelf.add(b"x.jpg")
    with pytest.raises(Exception, match="UNIQUE"):
        shelf.add(b"x.jpg")

    shelf.store.photos.set_gone(first, 9.0)
    assert shelf.add(b"x.jpg") != first


def test_photos_are_found_by_identity_present_and_newest_first(shelf: Shelf) -> None:
    gone = shelf.add(b"gone.jpg", inode=7)
    older = shelf.add(b"older.jpg", inode=7)
    newer = shelf.add(b"newer.jpg", inode=7)
    shelf.add(b"other.jpg", inode=8)
    shelf.store.photos.set_gone(gone, 9.0)

    found = shelf.store.photos.bearing(Identity(DISK, 7, 100))

    assert [known.photo for known in found] == [newer, older, gone]
    assert shelf.store.photos.bearing(Identity(DISK, 7, 101)) == []
    assert shelf.store.photos.bearing(Identity("another disk", 7, 100)) == []


@pytest.mark.parametrize(
    ("size_bytes", "mtime_ns", "is_found"),
    [(10, 20, True), (11, 20, False), (10, 21, False)],
    ids=["same stamp", "another size", "another mtime"],
)
def test_photos_are_found_by_the_path_they_belong_to(
    shelf: Shelf, size_bytes: int, mtime_ns: int, is_found: bool
) -> None:
    trashed = shelf.add(b"x.jpg", Role.TRASH, b"files", home_path=b"/photos/a/x.jpg")
    kept = shelf.add(b"x.jpg", Role.KEEP, b"a")
    photos = shelf.store.photos

    at_home = photos.of_path(b"/photos/a/x.jpg", size_bytes, mtime_ns)
    in_keep = photos.of_path(b"/favourites/a/x.jpg", size_bytes, mtime_ns)

    assert [known.photo for known in at_home] == [trashed] * is_found
    assert [known.photo for known in in_keep] == [kept] * is_found


PLACES = {
    "top folder": ((b"/p", b"", b"x"), b"/p/x"),
    "below": ((b"/p/", b"a/b", b"x"), b"/p/a/b/x"),
    "a folder": ((b"/p", b"a", b""), b"/p/a"),
}


@pytest.mark.parametrize(("parts", "expected"), PLACES.values(), ids=PLACES.keys())
def test_a_place_has_one_path(parts: tuple[bytes, bytes, bytes], expected: bytes) -> None:
    assert join(*parts) == expected


def test_any_photo_is_found_at_its_path(shelf: Shelf) -> None:
    photos = {
        b"/photos/x.jpg": shelf.add(b"x.jpg"),
        b"/photos/a/\xff.jpg": shelf.add(b"\xff.jpg", folder=b"a"),
        b"/favourites/x.jpg": shelf.add(b"x.jpg", Role.KEEP),
        b"/archive/a/x.jpg": shelf.add(b"x.jpg", Role.DELETED, b"a"),
        b"/home/Trash/files/x.jpg": shelf.add(b"x.jpg", Role.TRASH, b"files"),
    }

    for path, photo in photos.items():
        known = shelf.store.photos.at_path(path)
        assert known is not None, path
        assert known.photo == photo
    assert shelf.store.photos.at_path(b"/photos/y.jpg") is None


def test_the_photo_at_a_path_is_the_one_there_before_one_that_belongs_there(shelf: Shelf) -> None:
    here = shelf.add(b"x.jpg")
    trashed = shelf.add(b"x.jpg", Role.TRASH, b"files", home_path=b"/photos/x.jpg")

    found = shelf.store.photos.at_path(b"/photos/x.jpg")
    assert found is not None
    assert found.photo == here

    shelf.store.photos.set_gone(here, 9.0)
    found = shelf.store.photos.at_path(b"/photos/x.jpg")
    assert found is not None
    assert found.photo == trashed


SHOTS = {
    "RAW and JPEG": (b"IMG_1.CR2", b"IMG_1.JPG", True),
    "a live photo": (b"IMG_1.HEIC", b"IMG_1.MOV", True),
    "an edit beside its original": (b"IMG_1.JPG", b"IMG_1-edited.JPG", True),
    "another stem": (b"IMG_1.JPG", b"IMG_2.JPG", False),
}


@pytest.mark.parametrize(("one", "other", "is_one_shot"), SHOTS.values(), ids=SHOTS.keys())
def test_files_of_one_stem_are_one_shot(
    shelf: Shelf, one: bytes, other: bytes, is_one_shot: bool
) -> None:
    shots = {shelf.shot_of(shelf.add(name, kind=FileKind.IMAGE)) for name in (one, other)}

    assert len(shots) == (1 if is_one_shot else 2)


def test_another_folder_is_another_shot(shelf: Shelf) -> None:
    one, other = shelf.add(b"IMG_1.CR2", folder=b"a"), shelf.add(b"IMG_1.JPG", folder=b"b")

    assert shelf.shot_of(one) != shelf.shot_of(other)


def test_in_a_trash_the_folder_before_makes_the_shot(shelf: Shelf) -> None:
    raw, jpeg, other = (
        shelf.add(name, Role.TRASH, b"files", home_path=home)
        for name, home in [
            (b"IMG_1.CR2", b"/photos/a/IMG_1.CR2"),
            (b"IMG_1.JPG", b"/photos/a/IMG_1.JPG"),
            (b"IMG_1.PNG", b"/photos/b/IMG_1.PNG"),
        ]
    )

    assert shelf.shot_of(raw) == shelf.shot_of(jpeg) != shelf.shot_of(other)


def test_a_photo_that_moved_is_the_same_photo(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    there = seen(place(Role.TRASH, b"files", b"x.2.jpg"), inode=3)

    shelf.store.photos.put(photo, there, b"/photos/x.jpg")

    known = shelf.store.photos.get(photo)
    assert known is not None
    assert known.place == there.place
    assert known.content_hash == "h"
    assert known.home_path == b"/photos/x.jpg"


@pytest.mark.parametrize("change", [{"size_bytes": 11}, {"mtime_ns": 21}], ids=["size", "mtime"])
def test_other_bytes_lose_a_photo_its_hash(shelf: Shelf, change: dict[str, int]) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")

    shelf.store.photos.put(photo, seen(place(name=b"x.jpg"), **change), b"/photos/x.jpg")  # type: ignore[arg-type]

    known = shelf.store.photos.get(photo)
    assert known is not None
    assert known.content_hash is None


def test_two_photos_can_swap_places_once_lifted(shelf: Shelf) -> None:
    one, other = shelf.add(b"1.jpg", inode=1), shelf.add(b"2.jpg", inode=2)
    photos = shelf.store.photos

    with shelf.store.transaction():
        photos.lift([one, other])
        photos.put(one, seen(place(name=b"2.jpg"), inode=1), None)
        photos.put(other, seen(place(name=b"1.jpg"), inode=2), None)

    assert {n: k.photo for n, k in photos.in_folder(LIBRARY, b"").items()} == {
        b"1.jpg": other,
        b"2.jpg": one,
    }


def test_a_gone_photo_comes_back(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.store.photos.set_gone(photo, 9.0)
    assert shelf.store.photos.in_folder(LIBRARY, b"") == {}

    shelf.store.photos.put(photo, seen(place(name=b"x.jpg"), inode=0), b"/photos/x.jpg")

    assert shelf.store.photos.in_folder(LIBRARY, b"")[b"x.jpg"].is_present


def test_members_of_a_shot_are_listed_with_where_they_are(shelf: Shelf) -> None:
    raw = shelf.add(b"IMG_1.CR2", kind=FileKind.RAW)
    jpeg = shelf.add(b"IMG_1.JPG")
    shelf.store.photos.set_gone(raw, 9.0)

    members = shelf.store.photos.members(shelf.shot_of(jpeg))

    assert [(m["photo"], m["kind"], m["role"], m["is_present"]) for m in members] == [
        (raw, "raw", "library", 0),
        (jpeg, "image", "library", 1),
    ]


COPIES = {
    "in the library": (Role.LIBRARY, True, 1),
    "in a keep folder": (Role.KEEP, True, 1),
    "in a deleted folder": (Role.DELETED, True, 0),
    "in a trash": (Role.TRASH, True, 0),
    "gone": (Role.LIBRARY, False, 0),
}


@pytest.mark.parametrize(("role", "is_present", "expected"), COPIES.values(), ids=COPIES.keys())
def test_identical_copies_count_where_they_are_kept(
    shelf: Shelf, role: Role, is_present: bool, expected: int
) -> None:
    trashed = shelf.add(b"x.jpg", Role.TRASH, b"files", content_hash="h")
    copy = shelf.add(b"copy.jpg", role, content_hash="h")
    if not is_present:
        shelf.store.photos.set_gone(copy, 9.0)

    assert len(shelf.store.photos.copies_kept(shelf.shot_of(trashed))) == expected


def test_a_shot_is_no_copy_of_itself_nor_of_another_picture(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    shelf.add(b"x-edited.jpg", content_hash="h")
    shelf.add(b"y.jpg", content_hash="other")
    shelf.add(b"unread.jpg")

    assert shelf.store.photos.copies_kept(shelf.shot_of(photo)) == []


def test_a_copy_of_any_member_is_a_copy_of_the_shot(shelf: Shelf) -> None:
    raw = shelf.add(b"x.cr2", Role.TRASH, b"files", kind=FileKind.RAW)
    shelf.add(b"x.jpg", Role.TRASH, b"files", content_hash="h")
    shelf.add(b"best.jpg", Role.KEEP, b"album", content_hash="h")
    copies = shelf.store.photos.copies_kept

    assert copies(shelf.shot_of(raw)) == [(b"/favourites/album/best.jpg", True)]
    shelf.store.roots.set_offline(TOPS[Role.KEEP], "missing")
    assert copies(shelf.shot_of(raw)) == [(b"/favourites/album/best.jpg", False)]


def test_images_are_counted_by_role(shelf: Shelf) -> None:
    shelf.add(b"1.jpg")
    shelf.add(b"2.jpg")
    shelf.add(b"2.cr2", kind=FileKind.RAW)
    shelf.add(b"3.jpg", Role.TRASH, b"files")
    shelf.store.photos.set_gone(shelf.add(b"gone.jpg"), 9.0)

    assert shelf.store.photos.counts() == {"library": 2, "trash": 1}


def test_a_retired_root_keeps_its_photos_and_counts_no_more(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    trashed = shelf.add(b"y.jpg", Role.TRASH, b"files", content_hash="h")
    shelf.store.roots.retire(LIBRARY)

    assert shelf.store.photos.counts() == {"trash": 1}
    assert shelf.store.photos.copies_kept(shelf.shot_of(trashed)) == []
    assert shelf.store.photos.get(photo) is not None
    assert shelf.store.roots.ensure(b"/photos", Role.LIBRARY, "config").id == LIBRARY
    assert shelf.store.photos.counts() == {"library": 1, "trash": 1}


def test_sizes_are_told(shelf: Shelf) -> None:
    assert shelf.store.photos.sizes([shelf.add(b"1.jpg"), shelf.add(b"2.jpg")]) == [10, 10]
