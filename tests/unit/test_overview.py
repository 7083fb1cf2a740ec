from collections.abc import Iterator
from pathlib import Path

import pytest
from seen import TOPS
from shelf import ENCODER, FACTS, Shelf

from triaged.core.decide import ActKind
from triaged.core.types import FileKind, Label, Role
from triaged.store.acts import ScoreBefore
from triaged.store.features import ATTEMPTS_MOST, Embedded, Failed
from triaged.store.overview import FitState
from triaged.store.study import EncoderId


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()


LIBRARY = TOPS[Role.LIBRARY]


def waiting(shelf: Shelf, encoder: EncoderId = ENCODER) -> list[int]:
    found = [row["photo"] for row in shelf.overview.study.to_embed(encoder, 100)]
    assert shelf.overview.study.count_to_embed(encoder) == len(found)
    return found


def test_what_was_not_read_waits_trashes_first(shelf: Shelf) -> None:
    library = shelf.add(b"x.jpg", folder=b"a")
    trashed = shelf.add(b"y.jpg", Role.TRASH, b"files")
    shelf.add(b"x.cr2", kind=FileKind.RAW)
    shelf.store.photos.set_gone(shelf.add(b"gone.jpg"), 9.0)

    assert waiting(shelf) == [trashed, library]
    [first, second] = shelf.overview.study.to_embed(ENCODER, 100)
    assert (first["path"], second["path"]) == (b"/home/Trash/files/y.jpg", b"/photos/a/x.jpg")
    assert (second["size_bytes"], second["mtime_ns"], second["attempts"]) == (10, 20, 0)


def test_what_was_read_waits_no_more_until_something_changes(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.read(photo, "h")
    assert waiting(shelf) == []

    assert waiting(shelf, ENCODER._replace(version="2")) == [photo]
    assert waiting(shelf, ENCODER._replace(backbone="onnx:x")) == [photo]
    assert waiting(shelf, ENCODER._replace(measured_version=2)) == [photo]
    shelf.store.db.execute("UPDATE photos SET mtime_ns = 21")
    assert waiting(shelf) == [photo]


def test_photos_that_were_tried_come_last_and_quarantined_ones_not_at_all(shelf: Shelf) -> None:
    bad, tried, fresh = (shelf.add(name) for name in (b"bad.jpg", b"tried.jpg", b"fresh.jpg"))
    for photo, attempts in [(bad, ATTEMPTS_MOST), (tried, 1)]:
        for _ in range(attempts):
            shelf.features.begin_attempts([(photo, 10, 20)])
    shelf.features.add_failed(Failed(bad, 10, 20, None, "broken", is_final=False), 9.0)

    assert waiting(shelf) == [fresh, tried]
    [row] = shelf.overview.quarantined()
    assert (row["photo"], row["path"], row["reason"]) == (bad, b"/photos/bad.jpg", "broken")


def test_photos_of_a_root_that_is_away_wait_until_it_is_back(shelf: Shelf) -> None:
    shelf.add(b"x.jpg")
    shelf.store.roots.set_offline(LIBRARY, "missing")

    assert waiting(shelf) == []


def test_what_the_worker_read_and_the_photos_do_not_know_is_handed_over(shelf: Shelf) -> None:
    photo, edited = shelf.add(b"x.jpg"), shelf.add(b"edited.jpg")
    shelf.features.add_copy(photo, 10, 20, "h", 1.0)
    shelf.features.add_copy(edited, 10, 19, "before the edit", 1.0)

    [row] = shelf.overview.unread_contents(10)
    assert (row["photo"], row["content_hash"], row["facts"]) == (photo, "h", None)

    shelf.store.photos.set_content(photo, "h", None, None)
    assert shelf.overview.unread_contents(10) == []


def test_the_score_before_an_act_is_the_one_the_shot_has_now(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shot = shelf.shot_of(photo)
    assert shelf.overview.score_before(shot) == ScoreBefore()

    shelf.score(photo, 0.7, model=3)

    assert shelf.overview.score_before(shot) == ScoreBefore(0.7, 0.5, 3)
    assert shelf.overview.count_scored() == 1
    assert shelf.overview.all_scores() == [0.7]
    assert shelf.overview.scored_by() == 3


def test_what_a_decided_shot_looked_like_is_kept_once(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.read(photo, "h")
    assert shelf.overview.study.new_lessons(ENCODER) == []
    shelf.decide(photo)

    [lesson] = shelf.overview.study.new_lessons(ENCODER)
    shelf.store.add_lesson(lesson)

    assert shelf.overview.study.new_lessons(ENCODER) == []
    assert (lesson["embedding"], lesson["measured"], lesson["photo"]) == (b"e", b"m", photo)


def test_a_lesson_outlives_its_photo_and_its_features(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.read(photo, "h")
    shelf.decide(photo)
    for lesson in shelf.overview.study.new_lessons(ENCODER):
        shelf.store.add_lesson(lesson)
    shelf.store.photos.set_gone(photo, 9.0)
    shelf.features._db.execute("DELETE FROM embeddings")

    [row] = shelf.overview.study.decided(ENCODER)

    assert (row["label"], row["weight"], row["embedding"]) == ("delete", 1.0, b"e")


ACTS = {
    "trashed from the library": (ActKind.TRASHED, b"/photos/trip/x.jpg"),
    "moved to a keep folder": (ActKind.CHOSEN, b"/photos/trip/x.jpg"),
    "filed elsewhere": (ActKind.FILED, b"/photos/trip/x.jpg"),
}


@pytest.mark.parametrize(("kind", "home_path"), ACTS.values(), ids=ACTS.keys())
def test_a_lesson_knows_the_folder_before_the_act(
    shelf: Shelf, kind: ActKind, home_path: bytes
) -> None:
    photo = shelf.add(b"x.jpg", folder=b"trip")
    shelf.read(photo, "h")
    shelf.decide(photo, kind=kind)
    shelf.store.db.execute("UPDATE photos SET home_path = ?", (b"/photos/after the act/x.jpg",))
    for lesson in shelf.overview.study.new_lessons(ENCODER):
        shelf.store.add_lesson(lesson)

    [row] = shelf.overview.study.decided(ENCODER)

    assert row["home_path"] == home_path


def test_an_archive_has_no_folder_in_the_library(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", Role.DELETED, b"holiday")
    shelf.read(photo, "h")
    shelf.decide(photo)
    shelf.store.db.execute("UPDATE acts SET role_from = NULL, seen_from = NULL")
    for lesson in shelf.overview.study.new_lessons(ENCODER):
        shelf.store.add_lesson(lesson)

    [row] = shelf.overview.study.decided(ENCODER)

    assert row["home_path"] is None


def settled(shelf: Shelf, limit: int = 10) -> list[int]:
    return [row["photo"] for row in shelf.overview.study.settled(ENCODER, 1_000.0, limit)]


def test_the_background_is_old_undecided_and_in_the_library(shelf: Shelf) -> None:
    photos = {}
    for n, (name, role) in enumerate(
        [(b"old.jpg", Role.LIBRARY), (b"young.jpg", Role.LIBRARY), (b"decided.jpg", Role.LIBRARY),
         (b"undone.jpg", Role.LIBRARY), (b"keep.jpg", Role.KEEP), (b"trash.jpg", Role.TRASH)]
    ):  # fmt: skip
        photos[name] = shelf.add(name, role)
        shelf.read(photos[name], f"h{n}")
    shelf.store.photos.set_content(photos[b"young.jpg"], "h1", 2_000.0, None)
    shelf.decide(photos[b"decided.jpg"])
    shelf.store.acts.retract_gesture(shelf.decide(photos[b"undone.jpg"]))

    assert settled(shelf) == [photos[b"old.jpg"]]


def test_the_background_is_the_same_sample_each_time(shelf: Shelf) -> None:
    for n in range(6):
        shelf.read(shelf.add(b"%d.jpg" % n), f"{(n * 5) % 6}")

    assert settled(shelf, 3) == settled(shelf, 3) == settled(shelf)[:3]


def to_score(shelf: Shelf, model: int | None) -> list[int]:
    batches = shelf.overview.study.shots_with_features(ENCODER, model)
    return [row["photo"] for batch in batches for row in batch]


def test_only_what_a_model_has_not_scored_is_scored_again(shelf: Shelf) -> None:
    one, other = shelf.add(b"1.jpg"), shelf.add(b"2.jpg")
    shelf.add(b"unread.jpg")
    shelf.read(one, "h1")
    shelf.read(other, "h2")
    shelf.score(one, 0.5, "h1", model=1)

    assert to_score(shelf, None) == [one, other]
    assert to_score(shelf, 1) == [other]
    assert to_score(shelf, 2) == [one, other]
    shelf.score(one, 0.5, "other bytes", model=1)
    assert to_score(shelf, 1) == [one, other]


def test_a_shot_is_scored_by_its_first_picture(shelf: Shelf) -> None:
    first, second = shelf.add(b"IMG_1.heic"), shelf.add(b"IMG_1.jpg")
    shelf.read(first, "h1")
    shelf.read(second, "h2")

    assert to_score(shelf, None) == [first]


def test_a_shot_of_two_pictures_is_scored_once(shelf: Shelf) -> None:
    first, second = shelf.add(b"IMG_1.heic"), shelf.add(b"IMG_1.jpg")
    shelf.read(first, "h1")
    shelf.read(second, "h2")
    shelf.score(first, 0.5, "h1", model=1)

    assert to_score(shelf, 1) == []


def test_what_the_worker_has_just_read_is_scored_before_the_daemon_knows(shelf: Shelf) -> None:
    photo = shelf.add(b"1.jpg")
    shelf.features.add_embedded(
        Embedded(photo, 10, 20, "h1", FACTS, b"m", 1, b"e", b"l"),
        ENCODER.backbone,
        ENCODER.version,
        1.0,
    )

    [batch] = shelf.overview.study.shots_with_features(ENCODER, None)

    assert [(row["photo"], row["content_hash"]) for row in batch] == [(photo, "h1")]


def listed(shelf: Shelf, min_score: float = 0.5) -> list[int]:
    return [photo.photo for photo in shelf.overview.listable(min_score, 10)]


def test_what_can_be_listed_is_likely_undecided_and_there(shelf: Shelf) -> None:
    photos = {
        name: shelf.add(name)
        for name in (b"likely.jpg", b"more.jpg", b"unlikely.jpg", b"decided.jpg", b"gone.jpg")
    }
    for name, score in [(b"unlikely.jpg", 0.4), (b"more.jpg", 0.9)]:
        shelf.score(photos[name], score)
    for name in (b"likely.jpg", b"decided.jpg", b"gone.jpg"):
        shelf.score(photos[name], 0.8)
    shelf.score(shelf.add(b"keep.jpg", Role.KEEP), 0.9)
    gesture = shelf.decide(photos[b"decided.jpg"])
    shelf.store.photos.set_gone(photos[b"gone.jpg"], 9.0)

    assert listed(shelf) == [photos[b"more.jpg"], photos[b"likely.jpg"]]

    shelf.store.acts.retract_gesture(gesture)
    assert photos[b"decided.jpg"] in listed(shelf)
    shelf.store.roots.set_offline(LIBRARY, "missing")
    assert listed(shelf) == []


STALE = {
    "never written": (None, True),
    "as it was": (("h", 0.70, 1.0), False),
    "moved a little": (("h", 0.74, 1.0), False),
    "moved, a week ago": (("h", 0.50, 1.0), True),
    "moved, but written lately": (("h", 0.50, 500.0), False),
    "other bytes": (("before", 0.70, 500.0), True),
}


@pytest.mark.parametrize(("written", "is_stale"), STALE.values(), ids=STALE.keys())
def test_a_score_is_written_again_when_it_is_stale(
    shelf: Shelf, written: tuple[str, float, float] | None, is_stale: bool
) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    shelf.score(photo, 0.70)
    if written is not None:
        content_hash, score, at = written
        shelf.store.links.set_published(photo, content_hash, score, 1, "written", at)

    found = list(shelf.overview.to_publish(0.05, not_since=100.0))

    assert [row["photo"] for row in found] == [photo] * is_stale
    assert [row["path"] for row in found] == [b"/photos/x.jpg"] * is_stale


def test_features_are_found_by_path(shelf: Shelf) -> None:
    photo, kept = shelf.add(b"x.jpg", folder=b"a/b"), shelf.add(b"x.jpg", Role.KEEP)
    shelf.read(photo, "h")
    shelf.read(kept, "h2")

    found = shelf.overview.features_by_path(ENCODER)

    assert (found.get(b"/photos/a/b/x.jpg") or {})["photo"] == photo
    assert (found.get(b"/favourites/x.jpg") or {})["photo"] == kept
    assert found.get(b"/photos/x.jpg") is None
    assert found.get(b"/elsewhere/x.jpg") is None


def test_the_path_of_a_shot_is_where_it_belongs(shelf: Shelf) -> None:
    trashed = shelf.add(b"x.jpg", Role.TRASH, b"files", home_path=b"/photos/x.jpg")
    archived = shelf.add(b"y.jpg", Role.DELETED, b"a")

    assert shelf.overview.path_of_shot(shelf.shot_of(trashed)) == b"/photos/x.jpg"
    assert shelf.overview.path_of_shot(shelf.shot_of(archived)) == b"/archive/a/y.jpg"
    assert shelf.overview.path_of_shot(999) is None


def test_a_fit_is_due_by_what_was_decided_since_the_last(shelf: Shelf) -> None:
    assert shelf.overview.fit_state(10.0) == FitState(0, 0, None)
    gesture = shelf.decide(shelf.add(b"1.jpg"))
    shelf.decide(shelf.add(b"2.jpg"), Label.KEEP)
    assert shelf.overview.fit_state(10.0) == FitState(2, 2, None)

    row = {"backbone": "descriptor", "version": "1", "deletes": 1, "keeps": 1, "background": 0,
           "changes": shelf.overview.changes(), "summary": "{}", "body": b""}  # fmt: skip
    shelf.features.add_model(row, 10.0)
    assert shelf.overview.fit_state(15.0) == FitState(0, 2, 5.0)

    shelf.store.acts.retract_gesture(gesture)
    assert shelf.overview.fit_state(15.0) == FitState(1, 1, 5.0)


def test_library_paths_are_those_of_the_configuration(shelf: Shelf) -> None:
    shelf.store.roots.ensure(b"/old", Role.LIBRARY, "taught")

    assert shelf.overview.root_paths(Role.LIBRARY) == [b"/photos"]


def test_the_worker_tells_which_encoder_it_uses(shelf: Shelf) -> None:
    assert shelf.overview.encoder() is None
    shelf.features.set_setting("encoder", '["descriptor", "1", 1]')

    assert shelf.overview.encoder() == ENCODER
    assert shelf.overview.worker_setting("trouble") is None
