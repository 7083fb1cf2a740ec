from itertools import permutations

import pytest
from seen import known, place, seen

from triaged.core.reconcile import Arrived, Candidate, Edited, Moved, Vanished, reconcile
from triaged.core.types import Known, Role, Seen

HERE = place(name=b"x.jpg")
THERE = place(folder=b"album", name=b"x.jpg")
TRASH = place(Role.TRASH, b"files", b"x.jpg")
HOME = b"/photos/x.jpg"


def candidate(
    file: Seen,
    at_path: Known | None = None,
    identity: tuple[Known, ...] = (),
    home: tuple = (),  # type: ignore[type-arg]
) -> Candidate:
    return Candidate(file, at_path, identity, home)


MOVED_AWAY = known(1, HERE)
EDITED = known(1, HERE, inode=1)
TRASHED_ACROSS = known(1, HERE, inode=1, home_path=HOME)

ROWS = {
    "a known photo has the identity, and is no longer where it was": (
        candidate(seen(THERE), identity=(MOVED_AWAY,)),
        [Moved(MOVED_AWAY, seen(THERE))],
    ),
    "a known photo is at the path under another identity": (
        candidate(seen(HERE, inode=2, size_bytes=11), at_path=EDITED),
        [Edited(EDITED, seen(HERE, inode=2, size_bytes=11))],
    ),
    "a known photo is at the path with other bytes": (
        candidate(seen(HERE, size_bytes=11), at_path=EDITED),
        [Edited(EDITED, seen(HERE, size_bytes=11))],
    ),
    "a known photo of the same library path, size and mtime": (
        candidate(seen(TRASH, inode=2, home_path=HOME), home=(TRASHED_ACROSS,)),
        [Moved(TRASHED_ACROSS, seen(TRASH, inode=2, home_path=HOME))],
    ),
    "none of these": (candidate(seen(HERE)), [Arrived(seen(HERE))]),
}


@pytest.mark.parametrize(("found", "expected"), ROWS.values(), ids=ROWS.keys())
def test_every_row_of_the_table(found: Candidate, expected: list[object]) -> None:
    assert reconcile([found], [], set()) == expected


def test_known_and_not_seen_and_not_moved_is_vanished() -> None:
    assert reconcile([], [known(1, HERE)], set()) == [Vanished(known(1, HERE))]


def test_what_moved_has_not_vanished() -> None:
    photo = known(1, HERE)

    changes = reconcile([candidate(seen(THERE), identity=(photo,))], [photo], set())

    assert changes == [Moved(photo, seen(THERE))]


def test_a_photo_that_still_stands_has_not_moved_it_is_a_hard_link() -> None:
    found = candidate(seen(THERE), identity=(known(1, HERE),))

    assert reconcile([found], [], standing={1}) == [Arrived(seen(THERE))]


def test_a_photo_that_still_stands_has_not_moved_by_its_path_either() -> None:
    file = seen(TRASH, inode=2, home_path=HOME)
    found = candidate(file, home=(known(1, HERE, home_path=HOME),))

    assert reconcile([found], [], standing={1}) == [Arrived(file)]


@pytest.mark.parametrize(
    "other", [{"size_bytes": 11}, {"mtime_ns": 21}], ids=["another size", "another mtime"]
)
def test_a_path_alone_is_no_identity(other: dict[str, int]) -> None:
    file = seen(TRASH, inode=2, home_path=HOME, **other)  # type: ignore[arg-type]
    found = candidate(file, home=(known(1, HERE, home_path=HOME),))

    assert reconcile([found], [], set()) == [Arrived(file)]


def test_another_birth_time_is_another_file_with_a_used_inode_number() -> None:
    file = seen(THERE, birth_ns=101)

    assert reconcile([candidate(file, identity=(known(1, HERE),))], [], set()) == [Arrived(file)]


@pytest.mark.parametrize(
    ("size_bytes", "is_same"), [(10, True), (11, False)], ids=["same stamp", "another size"]
)
def test_without_birth_times_an_identity_needs_size_and_mtime(
    size_bytes: int, is_same: bool
) -> None:
    photo = known(1, HERE, birth_ns=0)
    file = seen(THERE, birth_ns=0, size_bytes=size_bytes)

    [change] = reconcile([candidate(file, identity=(photo,))], [], set())

    assert change == (Moved(photo, file) if is_same else Arrived(file))


def test_a_gone_photo_comes_back_at_its_place() -> None:
    gone = known(1, HERE, is_present=False)

    assert reconcile([candidate(seen(HERE), identity=(gone,))], [], set()) == [
        Moved(gone, seen(HERE))
    ]


def test_two_photos_that_swapped_names_both_moved() -> None:
    a, b = known(1, HERE, inode=1), known(2, THERE, inode=2)
    swapped = [
        candidate(seen(HERE, inode=2), at_path=a, identity=(b,)),
        candidate(seen(THERE, inode=1), at_path=b, identity=(a,)),
    ]

    changes = reconcile(swapped, [], set())

    assert changes == [Moved(b, seen(HERE, inode=2)), Moved(a, seen(THERE, inode=1))]


def test_a_chain_of_renames_is_read_in_any_order() -> None:
    names = [b"1.jpg", b"2.jpg", b"3.jpg"]
    photos = [known(n, place(name=names[n]), inode=n) for n in range(2)]
    moved = [
        candidate(seen(place(name=names[1]), inode=0), at_path=photos[1], identity=(photos[0],)),
        candidate(seen(place(name=names[2]), inode=1), identity=(photos[1],)),
    ]

    for order in permutations(moved):
        changes = reconcile(order, [photos[0]], set())
        assert {(type(c), c.known.photo) for c in changes if not isinstance(c, Arrived)} == {
            (Moved, 0),
            (Moved, 1),
        }


def test_a_replaced_photo_that_is_nowhere_has_vanished() -> None:
    replaced, mover = known(1, HERE, inode=1), known(2, THERE, inode=2)
    found = candidate(seen(HERE, inode=2), at_path=replaced, identity=(mover,))

    assert reconcile([found], [mover], set()) == [
        Moved(mover, seen(HERE, inode=2)),
        Vanished(replaced),
    ]


def test_one_photo_explains_only_one_file() -> None:
    photo = known(1, HERE)
    found = [
        candidate(seen(place(name=n)), identity=(photo,)) for n in (b"hard1.jpg", b"hard2.jpg")
    ]

    changes = reconcile(found, [photo], set())

    assert [type(change) for change in changes] == [Moved, Arrived]


def test_an_identity_counts_before_a_path() -> None:
    by_inode, by_path = known(1, THERE), known(2, HERE, inode=5, home_path=HOME)
    file = seen(TRASH, home_path=HOME)

    [change] = reconcile([candidate(file, identity=(by_inode,), home=(by_path,))], [], set())

    assert change == Moved(by_inode, file)
