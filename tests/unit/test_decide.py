import pytest
from seen import known, place, seen

from triaged.core.decide import (
    FAVOURITE_RATING,
    LABELS,
    ActKind,
    Member,
    Verdict,
    act_of,
    is_filing,
    judge,
    share,
)
from triaged.core.reconcile import Arrived, Change, Edited, Moved, Vanished
from triaged.core.types import Label, Role

LIBRARY, KEEP, DELETED, TRASH = Role.LIBRARY, Role.KEEP, Role.DELETED, Role.TRASH
DAY = 86_400.0


def moved(src: Role, dst: Role, *, is_present: bool = True) -> Moved:
    return Moved(known(1, place(src), is_present=is_present), seen(place(dst, b"album")))


TABLE = {
    "library to trash": (moved(LIBRARY, TRASH), ActKind.TRASHED, Label.DELETE, 1.0),
    "keep to trash": (moved(KEEP, TRASH), ActKind.TRASHED, Label.DELETE, 1.0),
    "library to deleted": (moved(LIBRARY, DELETED), ActKind.DISCARDED, Label.DELETE, 1.0),
    "keep to deleted": (moved(KEEP, DELETED), ActKind.DISCARDED, Label.DELETE, 1.0),
    "trash to library": (moved(TRASH, LIBRARY), ActKind.RESTORED, Label.KEEP, 1.0),
    "deleted to library": (moved(DELETED, LIBRARY), ActKind.RESTORED, Label.KEEP, 1.0),
    "library to keep": (moved(LIBRARY, KEEP), ActKind.CHOSEN, Label.KEEP, 1.0),
    "trash to keep": (moved(TRASH, KEEP), ActKind.CHOSEN, Label.KEEP, 1.0),
    "deleted to keep": (moved(DELETED, KEEP), ActKind.CHOSEN, Label.KEEP, 1.0),
    "library to another folder": (moved(LIBRARY, LIBRARY), ActKind.FILED, Label.KEEP, 0.5),
    "new in a trash": (Arrived(seen(place(TRASH))), ActKind.FOUND, Label.DELETE, 1.0),
    "new in a deleted folder": (Arrived(seen(place(DELETED))), ActKind.FOUND, Label.DELETE, 1.0),
    "new in a keep folder": (Arrived(seen(place(KEEP))), ActKind.FOUND, Label.KEEP, 1.0),
}


@pytest.mark.parametrize(("change", "kind", "label", "weight"), TABLE.values(), ids=TABLE.keys())
def test_every_row_of_the_table(
    change: Arrived | Moved, kind: ActKind, label: Label, weight: float
) -> None:
    role = change.seen.place.role

    assert act_of(change, came_from_library=True, folder_stands=True) is kind
    assert judge(kind, role, role, [], 0, has_label=False) == Verdict(label, weight)


@pytest.mark.parametrize("kind", [ActKind.TAUGHT, ActKind.LABELLED], ids=["taught", "labelled"])
@pytest.mark.parametrize(
    ("role", "label"), [(DELETED, Label.DELETE), (KEEP, Label.KEEP)], ids=["delete", "keep"]
)
def test_the_owners_word_is_a_label_of_full_weight(kind: ActKind, role: Role, label: Label) -> None:
    assert judge(kind, role, LIBRARY, [], 0, has_label=False) == Verdict(label, 1.0)


def test_a_rating_is_a_keep_of_full_weight() -> None:
    assert LABELS[ActKind.RATED] == (Label.KEEP, 1.0)
    assert FAVOURITE_RATING == 4


HOUSEKEEPING = {
    "gone": Vanished(known(1, place())),
    "edited": Edited(known(1, place()), seen(place(), inode=2)),
    "new in the library": Arrived(seen(place())),
    "trash to deleted": moved(TRASH, DELETED),
    "deleted to trash": moved(DELETED, TRASH),
    "within a trash": moved(TRASH, TRASH),
    "within keep": moved(KEEP, KEEP),
    "keep to library": moved(KEEP, LIBRARY),
    "renamed in its folder": Moved(known(1, place()), seen(place(name=b"y.jpg"))),
    "back where it was": Moved(known(1, place(), is_present=False), seen(place())),
    "gone, and turned up elsewhere": moved(LIBRARY, LIBRARY, is_present=False),
}


@pytest.mark.parametrize("change", HOUSEKEEPING.values(), ids=HOUSEKEEPING.keys())
def test_housekeeping_is_no_act(change: Change) -> None:
    assert act_of(change, came_from_library=True, folder_stands=True) is None


@pytest.mark.parametrize(
    "change", [Arrived(seen(place(TRASH))), moved(LIBRARY, TRASH)], ids=["found", "trashed"]
)
def test_a_trash_counts_only_for_what_came_from_the_library(change: Change) -> None:
    assert act_of(change, came_from_library=False, folder_stands=True) is None


def test_a_photo_that_moved_with_its_folder_is_not_filed() -> None:
    assert act_of(moved(LIBRARY, LIBRARY), came_from_library=False, folder_stands=False) is None


@pytest.mark.parametrize(
    ("size", "age_seconds", "expected"),
    [(1, DAY, True), (50, DAY, True), (51, DAY, False), (1, DAY - 1, False)],
    ids=["one", "the most", "a reorganisation", "part of the import"],
)
def test_filing_is_a_few_photos_a_day_after_they_came(
    size: int, age_seconds: float, expected: bool
) -> None:
    assert is_filing(size, at=age_seconds, first_seen_at=0.0) is expected


THERE, GONE = Member(TRASH, is_present=True), Member(LIBRARY, is_present=False)
WHY_NOT = {
    "an identical copy stays": ([], 1, TRASH, "an identical copy stays"),
    "another file of the shot stays": (
        [THERE, Member(LIBRARY, is_present=True)],
        0,
        TRASH,
        "another file of the shot stays",
    ),
    "another is in a keep folder": (
        [Member(KEEP, is_present=True)],
        0,
        TRASH,
        "another file of the shot stays",
    ),
    "another is merely gone": ([GONE], 0, TRASH, "another file of the shot is merely gone"),
    "back before it was judged": ([], 0, LIBRARY, "it is back in the library"),
}


@pytest.mark.parametrize("kind", [ActKind.TRASHED, ActKind.DISCARDED, ActKind.FOUND])
@pytest.mark.parametrize(
    ("members", "copies", "role_now", "reason"), WHY_NOT.values(), ids=WHY_NOT.keys()
)
def test_a_choice_of_format_or_a_tidied_copy_is_no_delete(
    kind: ActKind, members: list[Member], copies: int, role_now: Role, reason: str
) -> None:
    verdict = judge(kind, TRASH, role_now, members, copies, has_label=False)

    assert verdict == Verdict(None, reason=reason)


def test_all_members_put_away_is_a_delete() -> None:
    assert judge(ActKind.TRASHED, TRASH, TRASH, [THERE], 0, has_label=False).label is Label.DELETE


def test_a_photo_that_left_the_trash_again_was_deleted_all_the_same() -> None:
    assert judge(ActKind.TRASHED, TRASH, None, [], 0, has_label=False).label is Label.DELETE


def test_a_restore_says_keep_whatever_became_of_the_rest() -> None:
    assert judge(ActKind.RESTORED, LIBRARY, None, [GONE], 3, has_label=False).label is Label.KEEP


def test_one_gesture_labels_a_shot_once() -> None:
    verdict = judge(ActKind.TRASHED, TRASH, TRASH, [THERE], 0, has_label=True)

    assert verdict == Verdict(None, reason="the rest of the shot has said so")


def test_a_taught_delete_holds_against_the_library_but_not_against_a_copy() -> None:
    teach = ActKind.TAUGHT
    rest = [Member(LIBRARY, is_present=True)]

    assert judge(teach, DELETED, LIBRARY, rest, 0, has_label=False).label is Label.DELETE
    assert judge(teach, DELETED, DELETED, [], 1, has_label=False).label is None


def test_a_label_by_hand_holds_against_everything() -> None:
    rest = [Member(LIBRARY, is_present=True), GONE]

    assert judge(ActKind.LABELLED, DELETED, LIBRARY, rest, 2, has_label=False).label is Label.DELETE


def test_a_place_that_says_nothing_teaches_nothing() -> None:
    assert judge(ActKind.FOUND, LIBRARY, LIBRARY, [], 0, has_label=False).label is None


@pytest.mark.parametrize(
    ("size", "expected"), [(0, 0.0), (1, 1.0), (20, 1.0), (40, 0.5), (200, 0.1)], ids=str
)
def test_the_photos_of_one_act_share_at_most_twenty(size: int, expected: float) -> None:
    assert share(size) == pytest.approx(expected)
