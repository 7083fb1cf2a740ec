import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from seen import TOPS, place, seen
from shelf import ENCODER, FACTS, Shelf

from triaged.core.decide import ActKind
from triaged.core.types import FileKind, Role
from triaged.judge import judge_open_acts, keep_lessons, settle, take_in
from triaged.store.connection import rows
from triaged.store.features import Failed


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()


def facts(**known: object) -> str:
    return json.dumps({**json.loads(FACTS), **known})


def worker_reads(shelf: Shelf, photo: int, content_hash: str = "h", **known: object) -> None:
    """Store what the worker reads of a photo, in its own database only."""
    before = rows(shelf.store.db, "SELECT content_hash FROM photos WHERE id = ?", photo)
    shelf.read(photo, content_hash, facts(**known))
    shelf.store.db.execute(
        "UPDATE photos SET content_hash = ? WHERE id = ?", (before[0]["content_hash"], photo)
    )


def trash(shelf: Shelf, photo: int) -> None:
    """Move a photo to the trash, with its act."""
    gesture = shelf.act(photo)
    assert gesture
    home = shelf.store.photos.path_of(photo)
    there = seen(place(Role.TRASH, b"files", b"%d.jpg" % photo))
    shelf.store.photos.put(photo, there, home)


def outcome(shelf: Shelf) -> list[tuple[str, str | None]]:
    """Return the state of each act and why it teaches nothing."""
    found = rows(shelf.store.db, "SELECT state, reason FROM acts ORDER BY id")
    return [(row["state"], row["reason"]) for row in found]


def standing(shelf: Shelf) -> list[tuple[str, str]]:
    return [(row["label"], row["source"]) for row in shelf.store.acts.standing()]


def test_an_act_waits_until_its_photo_has_been_read(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    trash(shelf, photo)
    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert len(shelf.store.acts.open()) == 1

    worker_reads(shelf, photo)
    assert take_in(shelf.store, shelf.overview) == 1
    assert judge_open_acts(shelf.store, shelf.overview) == 1
    assert standing(shelf) == [("delete", "trashed")]


def test_an_act_is_judged_once(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    trash(shelf, photo)

    assert judge_open_acts(shelf.store, shelf.overview) == 1
    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert len(rows(shelf.store.db, "SELECT * FROM decisions")) == 1


def test_an_act_waits_for_an_unread_photo_that_may_be_a_copy(shelf: Shelf, tmp_path: Path) -> None:
    copy = make_copy(shelf, tmp_path / "best")
    shelf.store.db.execute("UPDATE photos SET content_hash = NULL")
    trash(shelf, shelf.add(b"x.jpg", content_hash="h"))
    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert len(shelf.store.acts.open()) == 1

    unread = shelf.store.photos.at_path(bytes(copy))
    assert unread is not None
    shelf.store.photos.set_content(unread.photo, "h", None, None)
    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert outcome(shelf) == [("rejected", "an identical copy stays")]


def test_nobody_waits_for_a_photo_that_cannot_be_read(shelf: Shelf) -> None:
    photo, broken = shelf.add(b"x.jpg", content_hash="h"), shelf.add(b"y.jpg")
    shelf.features.begin_attempts([(broken, 10, 20)])
    shelf.features.add_failed(Failed(broken, 10, 20, None, "broken", is_final=True), 1.0)
    trash(shelf, photo)

    assert judge_open_acts(shelf.store, shelf.overview) == 1


def test_a_copy_that_stays_makes_it_tidying(shelf: Shelf, tmp_path: Path) -> None:
    make_copy(shelf, tmp_path / "album")
    trash(shelf, shelf.add(b"x.jpg", content_hash="h"))

    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert outcome(shelf) == [("rejected", "an identical copy stays")]


def test_an_identical_copy_that_turns_up_takes_the_delete_back(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    trash(shelf, photo)
    assert judge_open_acts(shelf.store, shelf.overview) == 1

    copy = shelf.add(b"copied-back.jpg")
    worker_reads(shelf, copy, "h")
    settle(shelf.store, shelf.overview)

    assert standing(shelf) == []
    assert outcome(shelf) == [("retracted", "an identical copy stays")]


def test_a_broken_photo_in_the_trash_is_no_lesson(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    shelf.features.begin_attempts([(photo, 10, 20)])
    shelf.features.add_failed(Failed(photo, 10, 20, "h", "damaged", is_final=True), 1.0)
    trash(shelf, photo)

    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert outcome(shelf) == [("rejected", "its picture could not be read")]


def make_copy(shelf: Shelf, folder: Path) -> Path:
    """Add an identical copy that really stands in `folder`, a keep root; return its path."""
    folder.mkdir()
    (folder / "copy.jpg").write_bytes(b"x")
    shelf.store.db.execute("UPDATE roots SET path = ? WHERE role = 'keep'", (bytes(folder),))
    shelf.add(b"copy.jpg", Role.KEEP, content_hash="h")
    return folder / "copy.jpg"


def test_a_copy_that_is_missing_just_now_may_have_been_moved(shelf: Shelf, tmp_path: Path) -> None:
    copy = make_copy(shelf, tmp_path / "other disk")
    trash(shelf, shelf.add(b"x.jpg", content_hash="h"))
    copy.unlink()
    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert len(shelf.store.acts.open()) == 1

    found = shelf.store.photos.at_path(bytes(copy))
    assert found is not None
    shelf.store.photos.set_gone(found.photo, 9.0)

    assert judge_open_acts(shelf.store, shelf.overview) == 1


def test_a_copy_on_a_drive_that_is_away_stays(shelf: Shelf, tmp_path: Path) -> None:
    copy = make_copy(shelf, tmp_path / "drive")
    shelf.store.roots.set_offline(TOPS[Role.KEEP], "missing")
    trash(shelf, shelf.add(b"x.jpg", content_hash="h"))
    copy.unlink()

    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert outcome(shelf) == [("rejected", "an identical copy stays")]


def test_all_copies_put_away_is_a_delete_of_each(shelf: Shelf) -> None:
    for folder in (b"a", b"b"):
        trash(shelf, shelf.add(b"x.jpg", folder=folder, content_hash="h"))

    assert judge_open_acts(shelf.store, shelf.overview) == 2


def test_trashing_the_raw_and_keeping_the_jpeg_is_a_choice_of_format(shelf: Shelf) -> None:
    raw = shelf.add(b"x.cr2", kind=FileKind.RAW)
    shelf.add(b"x.jpg", content_hash="h")
    trash(shelf, raw)

    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert outcome(shelf) == [("rejected", "another file of the shot stays")]


def test_a_whole_shot_put_away_is_one_label(shelf: Shelf) -> None:
    raw = shelf.add(b"x.cr2", kind=FileKind.RAW)
    jpeg = shelf.add(b"x.jpg", content_hash="h")
    gesture = shelf.act(raw)
    shelf.act(jpeg, gesture=gesture)
    for photo in (raw, jpeg):
        there = seen(place(Role.TRASH, b"files", b"%d.jpg" % photo))
        shelf.store.photos.put(photo, there, shelf.store.photos.path_of(photo))

    assert judge_open_acts(shelf.store, shelf.overview) == 1
    assert sorted(state for state, _ in outcome(shelf)) == ["rejected", "taken"]


def trash_shot(shelf: Shelf) -> tuple[int, int]:
    """Move a RAW and its unread JPEG to the trash together."""
    raw, jpeg = shelf.add(b"x.cr2", kind=FileKind.RAW), shelf.add(b"x.jpg")
    gesture = shelf.act(raw)
    shelf.act(jpeg, gesture=gesture)
    for photo in (raw, jpeg):
        there = seen(place(Role.TRASH, b"files", b"%d.jpg" % photo))
        shelf.store.photos.put(photo, there, shelf.store.photos.path_of(photo))
    return raw, jpeg


def test_a_shot_waits_until_its_picture_has_been_read(shelf: Shelf) -> None:
    _, jpeg = trash_shot(shelf)
    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert len(shelf.store.acts.open()) == 2

    worker_reads(shelf, jpeg)

    assert settle(shelf.store, shelf.overview).decisions == 1


def test_a_copy_of_the_jpeg_that_stays_keeps_the_whole_shot(shelf: Shelf, tmp_path: Path) -> None:
    make_copy(shelf, tmp_path / "best")
    _, jpeg = trash_shot(shelf)
    worker_reads(shelf, jpeg, "h")

    assert settle(shelf.store, shelf.overview).decisions == 0
    assert outcome(shelf) == [("rejected", "an identical copy stays")] * 2


def test_what_holds_no_picture_teaches_nothing(shelf: Shelf) -> None:
    trash(shelf, shelf.add(b"x.mov", kind=FileKind.VIDEO))

    judge_open_acts(shelf.store, shelf.overview)

    assert outcome(shelf) == [("rejected", "there is no picture in it to learn from")]


def test_a_picture_that_cannot_be_read_teaches_nothing(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    trash(shelf, photo)
    shelf.features.begin_attempts([(photo, 10, 20)])
    shelf.features.add_failed(Failed(photo, 10, 20, None, "broken", is_final=True), 1.0)

    judge_open_acts(shelf.store, shelf.overview)

    assert outcome(shelf) == [("rejected", "its picture could not be read")]


def test_a_picture_that_went_before_it_was_read_teaches_nothing(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    trash(shelf, photo)
    shelf.store.photos.set_gone(photo, 9.0)

    judge_open_acts(shelf.store, shelf.overview)

    assert outcome(shelf) == [("rejected", "its picture could not be read")]


def test_back_in_the_library_before_it_was_judged_is_no_delete(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    trash(shelf, photo)
    shelf.act(photo, ActKind.RESTORED, role_to=Role.LIBRARY)
    shelf.store.photos.put(photo, seen(place(name=b"x.jpg")), b"/photos/x.jpg")

    assert judge_open_acts(shelf.store, shelf.overview) == 1
    assert standing(shelf) == [("keep", "restored")]


def test_a_held_act_is_not_judged(shelf: Shelf) -> None:
    shelf.act(shelf.add(b"x.jpg", content_hash="h"), state="held")

    assert judge_open_acts(shelf.store, shelf.overview) == 0
    assert outcome(shelf) == [("held", None)]


def test_two_files_of_one_name_taken_apart_are_two_shots(shelf: Shelf) -> None:
    one, other = shelf.add(b"IMG_1.heic"), shelf.add(b"IMG_1.jpg")
    assert shelf.shot_of(one) == shelf.shot_of(other)
    worker_reads(shelf, one, "h1", taken_at=1_000.0)
    worker_reads(shelf, other, "h2", taken_at=9_000.0)

    take_in(shelf.store, shelf.overview)

    assert shelf.shot_of(one) != shelf.shot_of(other)


@pytest.mark.parametrize(
    "times", [(1_000.0, 1_001.5), (1_000.0, None)], ids=["within two seconds", "one unknown"]
)
def test_files_of_one_name_taken_together_stay_one_shot(
    shelf: Shelf, times: tuple[float, float | None]
) -> None:
    one, other = shelf.add(b"IMG_1.heic"), shelf.add(b"IMG_1.jpg")
    worker_reads(shelf, one, "h1", taken_at=times[0])
    worker_reads(shelf, other, "h2", taken_at=times[1])

    take_in(shelf.store, shelf.overview)

    assert shelf.shot_of(one) == shelf.shot_of(other)


@pytest.mark.parametrize(
    ("rating", "expected"),
    [(None, []), (3, []), (-1, []), (4, [("keep", "rated")]), (5, [("keep", "rated")])],
    ids=["unrated", "three", "rejected", "four", "five"],
)
def test_four_stars_say_keep(
    shelf: Shelf, rating: int | None, expected: list[tuple[str, str]]
) -> None:
    worker_reads(shelf, shelf.add(b"x.jpg"), rating=rating)

    settle(shelf.store, shelf.overview)

    assert standing(shelf) == expected


def test_a_rating_is_noted_once_while_it_stands(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    worker_reads(shelf, photo, "h", rating=5)
    settle(shelf.store, shelf.overview)
    worker_reads(shelf, photo, "edited", rating=5)
    settle(shelf.store, shelf.overview)

    assert standing(shelf) == [("keep", "rated")]
    assert len(rows(shelf.store.db, "SELECT * FROM acts")) == 1


def test_what_a_decided_shot_looked_like_is_kept_with_the_decision(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    trash(shelf, photo)
    worker_reads(shelf, photo)
    assert keep_lessons(shelf.store, shelf.overview) == 0  # no encoder is known yet
    shelf.features.set_setting("encoder", json.dumps(ENCODER))

    assert settle(shelf.store, shelf.overview) == (1, 1, 1)
    assert settle(shelf.store, shelf.overview) == (0, 0, 0)
    [lesson] = rows(shelf.store.db, "SELECT shot, embedding, content_hash FROM lessons")
    assert lesson == {"shot": shelf.shot_of(photo), "embedding": b"e", "content_hash": "h"}
