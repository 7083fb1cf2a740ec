import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from shelf import Shelf

from triaged.core.decide import ActKind
from triaged.core.types import Label, Role
from triaged.store.acts import ScoreBefore
from triaged.store.connection import rows
from triaged.store.state import Store


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.close()


DELETE, KEEP = Label.DELETE, Label.KEEP


def standing(shelf: Shelf, photo: int) -> tuple[str, float] | None:
    found = shelf.store.acts.label_of(shelf.shot_of(photo))
    return None if found is None else (found["label"], found["weight"])


STANDING = {
    "nothing": ([], None),
    "one": ([(DELETE, 1.0)], ("delete", 1.0)),
    "the latest of equals": ([(DELETE, 1.0), (KEEP, 1.0)], ("keep", 1.0)),
    "back and forth": ([(DELETE, 1.0), (KEEP, 1.0), (DELETE, 1.0)], ("delete", 1.0)),
    "a weak keep after a verdict": ([(DELETE, 1.0), (KEEP, 0.5)], ("delete", 1.0)),
    "a verdict after a weak keep": ([(KEEP, 0.5), (DELETE, 1.0)], ("delete", 1.0)),
    "the latest of weak ones": ([(KEEP, 0.5), (DELETE, 0.5)], ("delete", 0.5)),
}


@pytest.mark.parametrize(("decisions", "expected"), STANDING.values(), ids=STANDING.keys())
def test_the_latest_among_the_heaviest_stands(
    shelf: Shelf, decisions: list[tuple[Label, float]], expected: tuple[str, float] | None
) -> None:
    photo = shelf.add(b"x.jpg")
    for label, weight in decisions:
        shelf.decide(photo, label, weight)

    assert standing(shelf, photo) == expected


def test_what_was_retracted_counts_no_more_and_nothing_is_erased(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.decide(photo, KEEP, 0.5, ActKind.FILED)
    gesture = shelf.decide(photo, DELETE)

    assert shelf.store.acts.retract_gesture(gesture) == 1
    assert standing(shelf, photo) == ("keep", 0.5)
    assert shelf.store.acts.retract_gesture(gesture) == 0
    assert len(rows(shelf.store.db, "SELECT * FROM decisions")) == 2


def test_everything_about_one_shot_can_be_retracted(shelf: Shelf) -> None:
    photo, other = shelf.add(b"x.jpg"), shelf.add(b"y.jpg")
    for one in (photo, photo, other):
        shelf.decide(one)
    shelf.store.acts.retract_gesture(shelf.decide(photo))

    assert shelf.store.acts.retract_shot(shelf.shot_of(photo)) == 2
    assert standing(shelf, photo) is None
    assert standing(shelf, other) == ("delete", 1.0)


def test_a_decision_is_never_changed_by_a_later_one(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.decide(photo, DELETE)
    before = rows(shelf.store.db, "SELECT * FROM decisions")
    shelf.decide(photo, KEEP)

    assert rows(shelf.store.db, "SELECT * FROM decisions")[:1] == before


def test_an_act_is_judged_once_and_knows_what_it_is_about(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg", content_hash="h")
    before = ScoreBefore(0.7, 0.9, 3)
    shelf.act(photo, ActKind.DISCARDED, role_to=Role.DELETED, before=before)

    [act] = shelf.store.acts.open()
    assert (act.photo, act.shot) == (photo, shelf.shot_of(photo))
    assert (act.kind, act.role_to, act.at) == (ActKind.DISCARDED, "deleted", 100.0)
    assert (act.content_hash, act.file_kind, act.is_present) == ("h", "image", True)
    assert act.before == before

    shelf.store.acts.decide(act, DELETE, 1.0, 300.0)
    assert shelf.store.acts.open() == []


def test_an_act_that_teaches_nothing_says_why(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.act(photo)
    [act] = shelf.store.acts.open()

    shelf.store.acts.reject(act.id, "an identical copy stays", 300.0)

    assert shelf.store.acts.open() == []
    [row] = rows(shelf.store.db, "SELECT state, reason, judged_at FROM acts")
    assert row == {"state": "rejected", "reason": "an identical copy stays", "judged_at": 300.0}
    assert standing(shelf, photo) is None


def test_one_gesture_labels_a_shot_once(shelf: Shelf) -> None:
    photo = shelf.add(b"x.jpg")
    shot = shelf.shot_of(photo)
    gesture = shelf.decide(photo)

    assert shelf.store.acts.has_decision(gesture, shot)
    assert not shelf.store.acts.has_decision(gesture + 1, shot)
    assert not shelf.store.acts.has_decision(gesture, shot + 1)
    shelf.store.acts.retract_gesture(gesture)
    assert not shelf.store.acts.has_decision(gesture, shot)


def test_a_held_act_waits_until_it_is_confirmed(shelf: Shelf) -> None:
    photos = [shelf.add(b"%d.jpg" % n) for n in range(3)]
    gesture = shelf.act(photos[0], state="held", size=3)
    for photo in photos[1:]:
        assert shelf.act(photo, gesture=gesture, state="held", size=3) == gesture

    assert shelf.store.acts.open() == []
    [held] = shelf.store.acts.held()
    assert (held["gesture"], held["kind"], held["photos"]) == (gesture, "trashed", 3)
    assert held["example"] == b"/photos/0.jpg"

    assert shelf.store.acts.confirm(gesture) == 3
    assert len(shelf.store.acts.open()) == 3
    assert shelf.store.acts.held() == []
    assert shelf.store.acts.confirm(gesture) == 0


def test_a_held_act_can_be_dropped(shelf: Shelf) -> None:
    gesture = shelf.act(shelf.add(b"x.jpg"), state="held")

    assert shelf.store.acts.drop(gesture) == 1
    assert shelf.store.acts.held() == []
    assert shelf.store.acts.open() == []


def test_gestures_are_listed_newest_first_once_they_count(shelf: Shelf) -> None:
    first = shelf.decide(shelf.add(b"1.jpg"))
    second = shelf.decide(shelf.add(b"2.jpg"))
    shelf.act(shelf.add(b"open.jpg"))
    shelf.store.acts.retract_gesture(shelf.decide(shelf.add(b"undone.jpg")))

    found = shelf.store.acts.gestures(10)

    assert [row["gesture"] for row in found] == [second, first]
    assert found[0] | {"gesture": 0} == {
        "gesture": 0,
        "kind": "trashed",
        "photos": 1,
        "seen_at": 200.0,
        "at": 100.0,
        "example": b"/photos/2.jpg",
    }
    assert len(shelf.store.acts.gestures(1)) == 1


def test_decided_shots_are_counted_by_label(shelf: Shelf) -> None:
    assert shelf.store.acts.counts() == {"delete": 0, "keep": 0}
    photo = shelf.add(b"1.jpg")
    for one, label in [(photo, DELETE), (photo, KEEP), (shelf.add(b"2.jpg"), DELETE)]:
        shelf.decide(one, label)

    assert shelf.store.acts.counts() == {"delete": 1, "keep": 1}
    assert len(shelf.store.acts.standing()) == 2


def test_the_online_record_has_decisions_with_a_score_before_them(shelf: Shelf) -> None:
    score = ScoreBefore(0.8, 0.9, 1)
    shelf.decide(shelf.add(b"1.jpg"), DELETE, before=score)
    shelf.decide(shelf.add(b"unscored.jpg"), DELETE)
    shelf.decide(shelf.add(b"taught.jpg"), DELETE, kind=ActKind.TAUGHT, before=score)
    shelf.decide(shelf.add(b"rated.jpg"), KEEP, kind=ActKind.RATED, before=score)
    shelf.store.acts.retract_gesture(shelf.decide(shelf.add(b"2.jpg"), KEEP, before=score))

    [row] = shelf.store.acts.scored_before()

    assert (row["label"], row["score"], row["percentile"], row["model"]) == ("delete", 0.8, 0.9, 1)


def test_the_export_has_what_stands(shelf: Shelf) -> None:
    gesture = shelf.decide(shelf.add(b"x.jpg"), DELETE, before=ScoreBefore(0.8, 0.9, 2))

    assert shelf.store.acts.export() == [
        {
            "path": b"/photos/x.jpg",
            "label": "delete",
            "weight": 1.0,
            "source": "trashed",
            "at": 100.0,
            "group": gesture,
            "score_before": 0.8,
            "model_before": 2,
        }
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE acts SET state = 'forgotten'",
        "UPDATE decisions SET label = 'maybe'",
        "INSERT INTO decisions (act, shot, label, weight, source, made_at)"
        " VALUES (999, 1, 'keep', 1, 'x', 0)",
    ],
    ids=["a state", "a label", "an act that is not there"],
)
def test_the_database_refuses_what_has_no_meaning(shelf: Shelf, statement: str) -> None:
    shelf.decide(shelf.add(b"x.jpg"))

    with pytest.raises(sqlite3.IntegrityError):
        shelf.store.db.conn.execute(statement)


def test_decisions_are_there_after_a_restart(shelf: Shelf, tmp_path: Path) -> None:
    photo = shelf.add(b"x.jpg")
    shelf.decide(photo)
    before = shelf.store.acts.standing()

    again = Store(shelf.path)

    assert again.acts.standing() == before
    again.close()
