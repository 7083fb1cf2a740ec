"""What happened between what is known and what was seen. Pure: no disk, no clock.

    seen at path P with identity I                                       means
    -------------------------------------------------------------------  ---------
    a known photo has I, and is no longer where it was                   Moved
    a known photo is at P under another identity                         Edited (an atomic save)
    a known photo, no longer where it was, came from or belongs to the
        same library path, with the same size and mtime                  Moved
    none of these                                                        Arrived
    known, not seen, and not moved                                       Vanished

Size and mtime alone never identify a photo: bursts share both on file systems that count in two
seconds. An identity whose birth time is unknown counts only together with size and mtime, because
file systems without birth times also hand out inodes again. A photo that still stands where it was
has not moved, whatever else bears its identity: that is a hard link.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from triaged.core.types import Known, Seen


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that is new or different at its path, with every photo that it might be.

    `at_path` is the present photo the database has at that very path. `by_identity` bear the same
    inode and birth time. `by_home` have the same library path, size and mtime.
    """

    seen: Seen
    at_path: Known | None = None
    by_identity: tuple[Known, ...] = ()
    by_home: tuple[Known, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file never seen before."""

    seen: Seen


@dataclass(frozen=True, slots=True)
class Edited:
    """The same photo at the same path, with other bytes or another inode."""

    known: Known
    seen: Seen


@dataclass(frozen=True, slots=True)
class Moved:
    """The same photo at another path, or back at the one it vanished from."""

    known: Known
    seen: Seen


@dataclass(frozen=True, slots=True)
class Vanished:
    """A photo that is nowhere to be seen. Never a decision."""

    known: Known


Change = Arrived | Edited | Moved | Vanished


def reconcile(
    candidates: Iterable[Candidate], missing: Sequence[Known], standing: Collection[int]
) -> list[Change]:
    """Return what happened, every known photo in at most one change.

    `missing` are present photos whose path was looked at and is empty now; `standing` are the
    photos that still are where the database has them, as the disk says.
    """
    candidates = list(candidates)
    used: set[int] = set()
    explained: dict[int, Arrived | Edited | Moved] = {}
    for explain in (_by_identity, _by_place):  # all identities first: swaps and chains of renames
        for number, candidate in enumerate(candidates):
            if number in explained:
                continue
            change = explain(candidate, used, standing)
            if change is not None:
                explained[number] = change
                used.add(change.known.photo)
    changes: list[Change] = [
        explained.get(number) or Arrived(candidate.seen)
        for number, candidate in enumerate(candidates)
    ]
    replaced = [c.at_path for c in candidates if c.at_path is not None]
    for known in (*replaced, *missing):
        if known.photo not in used:
            used.add(known.photo)
            changes.append(Vanished(known))
    return changes


def _by_identity(
    candidate: Candidate, used: Collection[int], standing: Collection[int]
) -> Edited | Moved | None:
    seen, at_path = candidate.seen, candidate.at_path
    if at_path is not None and _has_identity(at_path, seen):
        return None if at_path.photo in used else Edited(at_path, seen)
    for known in candidate.by_identity:
        is_free = known.photo not in used and known.photo not in standing
        if is_free and _has_identity(known, seen):
            return Moved(known, seen)
    return None


def _by_place(
    candidate: Candidate, used: Collection[int], standing: Collection[int]
) -> Edited | Moved | None:
    seen, at_path = candidate.seen, candidate.at_path
    if at_path is not None and at_path.photo not in used:
        return Edited(at_path, seen)
    for known in candidate.by_home:
        is_free = known.photo not in used and known.photo not in standing
        if is_free and _has_stamp(known, seen):
            return Moved(known, seen)
    return None


def _has_identity(known: Known, seen: Seen) -> bool:
    if known.identity != seen.identity:
        return False
    return seen.identity.birth_ns != 0 or _has_stamp(known, seen)


def _has_stamp(known: Known, seen: Seen) -> bool:
    return known.size_bytes == seen.size_bytes and known.mtime_ns == seen.mtime_ns
