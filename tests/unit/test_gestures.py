from collections.abc import Iterator
from pathlib import Path

import pytest
from seen import TOPS, place, seen
from shelf import Shelf

from triaged.core.reconcile import Arrived, Moved
from triaged.core.types import Known, Role
from triaged.gestures import SAME_GESTURE_SECONDS, Gestures
from triaged.store.connection import rows

NOW = 1_000_000.0
DAY = 86_400.0


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()


def known(shelf: Shelf, photo: int) -> Known:
    found = shelf.store.photos.get(photo)
    assert found is not None
    return found


def trash(shelf: Shelf, gestures: Gestures, photo: int, deleted_at: float | None) -> None:
    """Note that a photo was moved to the trash."""
    before = known(shelf, photo)
    left = shelf.store.photos.path_of(photo)
    there = seen(
        place(Role.TRASH, b"files", b"%d.jpg" % photo), home_path=left, deleted_at=deleted_at
    )
    shelf.store.photos.put(photo, there, left)
    gestures.note(Moved(before, there), photo, left, came_from_library=True, folder_stands=True)


def file_away(shelf: Shelf, gestures: Gestures, photo: int) -> None:
    """Note that a photo was moved to another folder of the library."""
    before = known(shelf, photo)
    left = shelf.store.photos.path_of(photo)
    there = seen(place(Role.LIBRARY, b"album", b"%d.jpg" % photo))
    shelf.store.photos.put(photo, there, b"/photos/album/%d.jpg" % photo)
    gestures.note(Moved(before, there), photo, left, came_from_library=False, folder_stands=True)


def stored(shelf: Shelf, gestures: Gestures) -> list[dict[str, object]]:
    with shelf.store.transaction():
        count = gestures.store()
    found = rows(shelf.store.db, "SELECT * FROM acts ORDER BY photo")
    assert count == len(found)
    return found


TIMES = {
    "at once": ([100.0, 100.0], 1),
    "within two seconds of each other": ([100.0, 102.0, 104.0], 1),
    "later": ([100.0, 102.5], 2),
    "told in another order": ([104.0, 100.0, 102.0], 1),
    "no time told": ([None, None], 1),
}


@pytest.mark.parametrize(("times", "gestures"), TIMES.values(), ids=TIMES.keys())
def test_photos_trashed_together_are_one_gesture(
    shelf: Shelf, times: list[float | None], gestures: int
) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    for number, at in enumerate(times):
        trash(shelf, noted, shelf.add(b"%d.jpg" % number, inode=number), at)

    acts = stored(shelf, noted)

    assert len({act["gesture"] for act in acts}) == gestures
    if gestures == 1:
        assert {act["size_of_act"] for act in acts} == {len(times)}


def test_an_act_is_stored_with_its_past(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", folder=b"trip")
    shelf.score(photo, 0.8, model=2)
    noted = Gestures(shelf.store, shelf.overview, NOW)
    trash(shelf, noted, photo, 500.0)

    [act] = stored(shelf, noted)

    assert (act["kind"], act["role_from"], act["role_to"]) == ("trashed", "library", "trash")
    assert act["seen_from"] == b"/photos/trip/x.jpg"
    assert act["seen_to"] == b"/home/Trash/files/%d.jpg" % photo
    assert (act["at"], act["seen_at"], act["state"]) == (500.0, NOW, "taken")
    assert (act["score"], act["percentile"], act["model"]) == (0.8, 0.5, 2)


def test_a_trashing_without_a_date_happened_now(shelf: Shelf) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    trash(shelf, noted, shelf.add(b"x.jpg"), None)

    assert stored(shelf, noted)[0]["at"] == NOW


@pytest.mark.parametrize("deleted_at", [500.0, None], ids=["dated", "undated"])
def test_what_is_found_in_a_trash_is_many_acts_of_its_own_time(
    shelf: Shelf, deleted_at: float | None
) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    for n in range(3):
        there = seen(place(Role.TRASH, b"files", b"%d.jpg" % n), deleted_at=deleted_at)
        photo = shelf.add(b"%d.jpg" % n, Role.TRASH, b"files")
        noted.note(Arrived(there), photo, None, came_from_library=True, folder_stands=False)

    acts = stored(shelf, noted)

    assert len({act["gesture"] for act in acts}) == 3
    assert {act["size_of_act"] for act in acts} == {1}
    assert {act["at"] for act in acts} == {deleted_at}
    assert {act["score"] for act in acts} == {None}


def test_housekeeping_is_not_stored(shelf: Shelf) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    photo = shelf.add(b"x.jpg")
    renamed = Moved(known(shelf, photo), seen(place(name=b"y.jpg")))
    noted.note(renamed, photo, b"/photos/x.jpg", came_from_library=False, folder_stands=True)

    assert stored(shelf, noted) == []


def test_different_kinds_are_different_gestures(shelf: Shelf) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    trash(shelf, noted, shelf.add(b"1.jpg", inode=1), NOW)
    file_away(shelf, noted, shelf.add(b"2.jpg", inode=2))

    acts = stored(shelf, noted)

    assert {act["kind"] for act in acts} == {"trashed", "filed"}
    assert len({act["gesture"] for act in acts}) == 2


FILING = {
    "one, a day later": (1, NOW - DAY, 1),
    "fifty": (50, NOW - DAY, 50),
    "a reorganisation": (51, NOW - DAY, 0),
    "part of the import": (1, NOW - DAY + 1, 0),
}


@pytest.mark.parametrize(("count", "first_seen", "filed"), FILING.values(), ids=FILING.keys())
def test_filing_is_not_importing_or_reorganising(
    shelf: Shelf, count: int, first_seen: float, filed: int
) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    for n in range(count):
        file_away(shelf, noted, shelf.add(b"%d.jpg" % n, inode=n, at=first_seen))

    assert len(stored(shelf, noted)) == filed


@pytest.mark.parametrize(("count", "state"), [(200, "taken"), (201, "held")], ids=["200", "201"])
def test_a_very_large_act_is_held(shelf: Shelf, count: int, state: str) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    for n in range(count):
        trash(shelf, noted, shelf.add(b"%d.jpg" % n, inode=n), NOW)

    acts = stored(shelf, noted)

    assert {act["state"] for act in acts} == {state}
    assert len({act["gesture"] for act in acts}) == 1
    assert shelf.store.roots.present(TOPS[Role.LIBRARY]) == 0


def test_gestures_are_stored_once(shelf: Shelf) -> None:
    noted = Gestures(shelf.store, shelf.overview, NOW)
    trash(shelf, noted, shelf.add(b"x.jpg"), NOW)

    assert noted.store() == 1
    assert noted.store() == 0


def test_two_seconds_hold_a_gesture_together() -> None:
    assert SAME_GESTURE_SECONDS == 2.0
