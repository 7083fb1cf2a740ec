"""From changes to acts: which photos were acted on together, and with what score before.

Photos of one gesture share its weight (`core.decide.share`) and are undone together. They have the
same kind, and times that follow each other within two seconds; where the times are unknown, the
same look. What is found at first sight, in an archive or an old trash, is many acts: one each.
"""

from triaged.core.decide import ActKind, act_of, is_filing
from triaged.core.guards import is_too_large
from triaged.core.reconcile import Arrived, Moved
from triaged.store.acts import NewAct, ScoreBefore
from triaged.store.overview import Overview
from triaged.store.state import Store

SAME_GESTURE_SECONDS = 2.0


class Gestures:
    """Collects the acts of one look, then stores them as gestures. `now` is Unix seconds."""

    def __init__(self, store: Store, overview: Overview, now: float) -> None:
        self.now = now
        self._store = store
        self._overview = overview
        self._acts: list[tuple[NewAct, float, int]] = []

    def note(
        self,
        change: Arrived | Moved,
        photo: int,
        left: bytes | None,
        came_from_library: bool,
        *,
        folder_stands: bool,
    ) -> None:
        """Note the act that `change` of `photo` is, if it is one; `left` is the path it left."""
        path = self._store.photos.path_of(photo)
        if left == path:  # the file stayed, the roots changed: as if found there at first sight
            change, left = Arrived(change.seen), None
        kind = act_of(change, came_from_library, folder_stands)
        if kind is None:
            return
        seen, known = change.seen, change.known if isinstance(change, Moved) else None
        at = seen.deleted_at if kind in (ActKind.TRASHED, ActKind.FOUND) else self.now
        act = NewAct(
            kind=kind,
            photo=photo,
            role_from=known.place.role.value if known else None,
            role_to=seen.place.role.value,
            seen_from=left,
            seen_to=path,
            at=self.now if at is None and kind is ActKind.TRASHED else at,
            before=self._overview.score_before(known.shot) if known else ScoreBefore(),
        )
        first_seen_at = known.first_seen_at if known else self.now
        self._acts.append((act, first_seen_at, known.place.root if known else 0))

    def store(self) -> int:
        """Store the acts by gesture, within the caller's transaction; return how many there are."""
        stored = 0
        for gesture in _gestures(self._acts):
            stored += self._store_gesture(gesture)
        self._acts.clear()
        return stored

    def _store_gesture(self, acts: list[tuple[NewAct, float, int]]) -> int:
        size = len(acts)
        total = self._store.roots.present(acts[0][2])
        state = "held" if is_too_large(size, total) else "taken"
        gesture: int | None = None
        stored = 0
        for act, first_seen_at, _ in acts:
            if act.kind is ActKind.FILED and not is_filing(size, self.now, first_seen_at):
                continue
            gesture = self._store.acts.add(act, gesture, size, state, self.now)
            stored += 1
        return stored


def _gestures(acts: list[tuple[NewAct, float, int]]) -> list[list[tuple[NewAct, float, int]]]:
    """Return the acts in groups that were one gesture each, in the order of their times."""
    groups: list[list[tuple[NewAct, float, int]]] = []
    for item in sorted(acts, key=lambda item: (item[0].kind.value, item[0].at or 0.0)):
        act, last = item[0], groups[-1][-1][0] if groups else None
        is_same = (
            last is not None
            and act.kind is not ActKind.FOUND
            and act.kind is last.kind
            and (act.at or 0.0) - (last.at or 0.0) <= SAME_GESTURE_SECONDS
        )
        if is_same:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
