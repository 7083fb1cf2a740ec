"""What an act teaches. Pure: the same act on the same shot gives the same verdict.

    from       to         act        teaches  weight
    ---------  ---------  ---------  -------  ------
    library    trash      trashed    delete   1.0
    keep       trash      trashed    delete   1.0
    library    deleted    discarded  delete   1.0
    keep       deleted    discarded  delete   1.0
    trash      library    restored   keep     1.0
    deleted    library    restored   keep     1.0
    any        keep       chosen     keep     1.0
    library/a  library/b  filed      keep     0.5
    (new)      trash      found      delete   1.0    only if it came from a library root
    (new)      deleted    found      delete   1.0
    (new)      keep       found      keep     1.0
    the owner's word: learn, label          either   1.0    taught, labelled
    any        (absent)   none: gone, not judged

The last row is deliberate: a missing file is not a decision, or an unplugged drive would read as
the deletion of a whole library. Everything else between two places (trash to `deleted`, an emptied
trash, a rename, an import) is housekeeping and no act at all.

An act on one file is an act on its shot only if the rest of the shot went with it: trashing the RAW
and keeping the JPEG is a choice of format, trashing one of two identical copies is tidying up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from triaged.core.reconcile import Arrived, Change, Edited, Moved, Vanished
from triaged.core.types import Label, Place, Role

FILING_MOST = 50  # more photos than this in one act are a reorganisation
FILING_AFTER_SECONDS = 86_400.0  # sooner than this after its arrival, a move is part of the import
SHARED_MOST = 20  # the photos of one act weigh at most as much as this many
FAVOURITE_RATING = 4  # stars from which a rating says: keep


class ActKind(StrEnum):
    """What was seen to happen to a photo."""

    TRASHED = "trashed"
    DISCARDED = "discarded"
    RESTORED = "restored"
    CHOSEN = "chosen"
    FILED = "filed"
    FOUND = "found"
    RATED = "rated"
    TAUGHT = "taught"
    LABELLED = "labelled"


LABELS: dict[ActKind, tuple[Label, float]] = {
    ActKind.TRASHED: (Label.DELETE, 1.0),
    ActKind.DISCARDED: (Label.DELETE, 1.0),
    ActKind.RESTORED: (Label.KEEP, 1.0),
    ActKind.CHOSEN: (Label.KEEP, 1.0),
    ActKind.FILED: (Label.KEEP, 0.5),
    ActKind.RATED: (Label.KEEP, 1.0),
}
_PLACE_LABELS: dict[Role | None, Label] = {
    Role.TRASH: Label.DELETE,
    Role.DELETED: Label.DELETE,
    Role.KEEP: Label.KEEP,
}
_HOME = (Role.LIBRARY, Role.KEEP)
_OUT = (Role.TRASH, Role.DELETED)


@dataclass(frozen=True, slots=True)
class Member:
    """Where another file of the same shot is now."""

    role: Role
    is_present: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """A label for the shot, or None with the reason why the act teaches nothing."""

    label: Label | None
    weight: float = 0.0
    reason: str = ""


def act_of(change: Change, came_from_library: bool, folder_stands: bool) -> ActKind | None:
    """Return the act that `change` is, None for housekeeping.

    `came_from_library` is whether the trash says that the photo came from a library root;
    `folder_stands` is whether the folder that a photo left is still there.
    """
    match change:
        case Arrived(seen):
            is_ours = seen.place.role is not Role.TRASH or came_from_library
            return ActKind.FOUND if seen.place.role in _PLACE_LABELS and is_ours else None
        case Moved(known, seen):
            kind = _move(known.place, seen.place, folder_stands)
            is_elsewhere = kind is ActKind.TRASHED and not came_from_library
            is_stray = kind is ActKind.FILED and not known.is_present
            return None if is_elsewhere or is_stray else kind
        case Edited() | Vanished():
            return None


def _move(src: Place, dst: Place, folder_stands: bool) -> ActKind | None:
    if dst.role is Role.KEEP:
        return None if src.role is Role.KEEP else ActKind.CHOSEN
    if src.role in _HOME and dst.role in _OUT:
        return ActKind.TRASHED if dst.role is Role.TRASH else ActKind.DISCARDED
    if src.role in _OUT and dst.role is Role.LIBRARY:
        return ActKind.RESTORED
    is_filing = src.role is Role.LIBRARY and dst.role is Role.LIBRARY and folder_stands
    if is_filing and (src.root, src.folder) != (dst.root, dst.folder):
        return ActKind.FILED
    return None


def is_filing(size_of_act: int, at: float, first_seen_at: float) -> bool:
    """Return whether a move inside the library is filing, not importing or reorganising.

    `at` and `first_seen_at` are Unix seconds: the move, and when the photo was first seen.
    """
    return size_of_act <= FILING_MOST and at - first_seen_at >= FILING_AFTER_SECONDS


def judge(
    kind: ActKind,
    role_to: Role | None,
    role_now: Role | None,
    members: Sequence[Member],
    copies: int,
    has_label: bool,
) -> Verdict:
    """Return what an act teaches about its shot.

    `role_to` is where the act put the photo (for the owner's word: what they called it), `role_now`
    where it is now, None if nowhere. `members` are the other files of the shot, `copies` how many
    identical files of other shots still stand in the library or a `keep` folder, `has_label`
    whether this gesture has already labelled the shot.
    """
    label, weight = LABELS.get(kind, (_PLACE_LABELS.get(role_to), 1.0))
    if label is None:
        return Verdict(None, reason="it lies where nothing is said by lying there")
    if has_label:
        return Verdict(None, reason="the rest of the shot has said so")
    if label is Label.KEEP or kind is ActKind.LABELLED:
        return Verdict(label, weight)
    reason = _why_not_deleted(kind, role_now, members, copies)
    return Verdict(None, reason=reason) if reason else Verdict(label, weight)


def _why_not_deleted(
    kind: ActKind, role_now: Role | None, members: Sequence[Member], copies: int
) -> str:
    """Return why a photo that was put away was not deleted, empty if it was."""
    if copies:
        return "an identical copy stays"
    if kind is ActKind.TAUGHT:
        return ""
    if role_now in _HOME:
        return "it is back in the library"
    if any(not member.is_present for member in members):
        return "another file of the shot is merely gone"
    if any(member.role in _HOME for member in members):
        return "another file of the shot stays"
    return ""


def share(size_of_act: int) -> float:
    """Return the part of its weight that each photo of one act keeps: min(n, 20) / n."""
    return min(size_of_act, SHARED_MOST) / max(size_of_act, 1)
