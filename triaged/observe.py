"""Looking: what lies in the roots and trashes now, against what the database knows.

One look is steps 3 to 6 of the data flow. Hints only say where to look first; a full look goes the
same road over everything. What is new and explains nothing else is stored as it is met, so that a
first scan of a large library needs no more memory than its largest folder. Moves, acts and
disappearances of one look are stored in one transaction at its end, if the root is still healthy.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from triaged.compare import Comparison, Finding
from triaged.config import Config
from triaged.core.guards import is_emptied
from triaged.core.reconcile import Arrived, Change, Edited, Moved, Vanished, reconcile
from triaged.core.types import Known, Role, Seen
from triaged.gestures import Gestures
from triaged.health import EMPTIED, RootWatch
from triaged.store.overview import Overview
from triaged.store.photos import join
from triaged.store.roots import Root
from triaged.store.state import Store

log = logging.getLogger(__name__)

_BATCH = 500  # photos met for the first time that are stored in one transaction


@dataclass(slots=True)
class Looked:
    """What a look brought: how much is new, and which folders want another look in how long (s)."""

    arrived: int = 0
    moved: int = 0
    edited: int = 0
    gone: int = 0
    acts: int = 0
    again: dict[bytes, float] = field(default_factory=dict)

    @property
    def is_news(self) -> bool:
        """Whether anything is different from before."""
        return bool(self.arrived or self.moved or self.edited or self.gone or self.acts)


class Observer:
    """The eyes of the resident process: keeps what must be remembered between two looks.

    `patient` is False where nobody will look again soon: then what is missing is gone at once.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        overview: Overview,
        *,
        patient: bool = True,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._config = config
        self._store = store
        self._overview = overview
        self._patient = patient
        self._stop = stop
        self._missing_since: dict[int, float] = {}
        self.root_watch = RootWatch(config, store)
        self._roots: list[Root] = []
        self._looked = Looked()

    def look(self, folders: set[bytes] | None) -> Looked:
        """Look at `folders` (absolute), or at everything for None; store what happened.

        A trash is looked at whole: it is where a disappearance finds its reason.
        """
        self._roots = self.root_watch.refresh()
        looked = self._looked = Looked()
        comparison = Comparison(
            self._config,
            self._store,
            self._roots,
            self.root_watch.trashes,
            patient=self._patient,
            stop=self._stop,
            strangers=self._add_strangers,
            found_again=self._found_again,
        )
        findings: dict[int, Finding] = {}
        for root in sorted(self._roots, key=lambda root: root.role is Role.TRASH):
            is_wanted = root.role is not Role.TRASH or _is_trash_due(root, folders, findings)
            if is_wanted and not _is_offline(root) and not self._stop():
                findings[root.id] = comparison.look_at(root, folders)
        if self._stop():
            return Looked()
        healthy = [r for r in self._roots if r.id in findings and self.root_watch.check(r)]
        self._conclude(healthy, findings, looked)
        looked.again |= comparison.again
        return looked

    def _found_again(self, photo: int) -> None:
        self._missing_since.pop(photo, None)

    def _add_strangers(self, seen: list[Seen]) -> None:
        """Store files that cannot be any known photo."""
        for start in range(0, len(seen), _BATCH):
            with self._store.transaction():
                gestures = Gestures(self._store, self._overview, time.time())
                for one in seen[start : start + _BATCH]:
                    self._add(Arrived(one), gestures, self._looked)
                self._looked.acts += gestures.store()

    def _is_in(self, path: bytes | None, *roles: Role) -> bool:
        """Return whether a path lies in a root of one of these roles."""
        return path is not None and any(
            path.startswith(root.path.rstrip(b"/") + b"/")
            for root in self._roots
            if root.role in roles
        )

    def _conclude(self, roots: list[Root], findings: dict[int, Finding], looked: Looked) -> None:
        """Reconcile what several roots showed, and store it in one transaction."""
        candidates = [c for root in roots for c in findings[root.id].candidates]
        missing = [k for root in roots for k in findings[root.id].missing]
        involved = {k.photo: k for c in candidates for k in (*c.by_identity, *c.by_home)}
        seen_at = {self._path(c.seen) for c in candidates}
        standing = {k.photo for k in involved.values() if self._stands(k, seen_at)}
        changes = reconcile(candidates, missing, standing)
        emptied = self._emptied(roots, findings, changes)
        now = time.time()
        with self._store.transaction():
            for root in roots:
                self._record_scan(root, findings[root.id], root.id in emptied, now)
            self._apply([c for c in changes if not _is_in(c, emptied)], now, looked)

    def _record_scan(self, root: Root, finding: Finding, is_emptied_root: bool, at: float) -> None:
        if is_emptied_root:
            if root.trouble != EMPTIED:
                log.warning("root %r is offline: %s", os.fsdecode(root.path), EMPTIED)
            self._store.roots.set_offline(root.id, EMPTIED)
        elif finding.is_whole:
            self._store.roots.set_scanned(root.id, at)
        if finding.seen and root.trouble == EMPTIED and root.identity is not None:
            self._store.roots.set_online(root.id, root.identity)

    def _emptied(
        self, roots: list[Root], findings: dict[int, Finding], changes: list[Change]
    ) -> set[int]:
        """Return the roots that had photos, show none, and whose photos are nowhere to be seen."""
        left = [c for c in changes if isinstance(c, Moved | Vanished) and c.known.is_present]
        moved = Counter(c.known.place.root for c in left if isinstance(c, Moved))
        away = Counter(c.known.place.root for c in left)
        return {
            root.id
            for root in roots
            if root.role is not Role.TRASH
            and not findings[root.id].unreadable
            and is_emptied(away[root.id], findings[root.id].seen, moved[root.id])
            and away[root.id] == self._store.roots.present(root.id)  # no folder was left out
        }

    def _path(self, seen: Seen) -> bytes:
        return join(self._root_path(seen.place.root), seen.place.folder, seen.place.name)

    def _stands(self, known: Known, seen_at: set[bytes]) -> bool:
        """Return whether a photo still is where the database has it, and was not seen there now.

        A folder may have become a root of its own, or have ceased to be one: the same file at the
        same path is in another root then.
        """
        path = self._store.photos.path_of(known.photo)
        if not known.is_present or path in seen_at:
            return False
        if any(r.id == known.place.root and _is_offline(r) for r in self._roots):
            return True  # on a drive that is away; what looks like it is a copy, or a cloned disk
        try:
            found = os.lstat(path)
        except OSError:
            return False
        return found.st_ino == known.identity.inode

    def _apply(self, changes: list[Change], now: float, looked: Looked) -> None:
        gestures = Gestures(self._store, self._overview, now)
        photos = self._store.photos
        taken = {c.seen.place for c in changes if not isinstance(c, Vanished)}
        vanished = [c.known for c in changes if isinstance(c, Vanished)]
        for known in vanished:
            if known.place in taken or self._is_gone(known, looked):
                photos.set_gone(known.photo, now)
                self._missing_since.pop(known.photo, None)
                looked.gone += 1
        photos.lift(c.known.photo for c in changes if isinstance(c, Moved | Edited))
        for change in changes:
            if not isinstance(change, Vanished):
                self._add(change, gestures, looked)
        looked.acts += gestures.store()

    def _is_gone(self, known: Known, looked: Looked) -> bool:
        """Return whether a missing photo has been missing for long enough to be gone."""
        if not self._patient:
            return True
        since = self._missing_since.setdefault(known.photo, time.monotonic())
        if time.monotonic() - since >= self._config.scan.gone_seconds:
            return True
        path = self._store.photos.path_of(known.photo)
        looked.again.setdefault(os.path.dirname(path), self._config.scan.gone_seconds)
        return False

    def _add(self, change: Arrived | Edited | Moved, gestures: Gestures, looked: Looked) -> None:
        """Store one change and note the act it is."""
        seen = change.seen
        home_path = self._home_path(change)
        came_home = self._is_in(seen.home_path, Role.LIBRARY, Role.KEEP)
        if isinstance(change, Arrived):
            photo = self._store.photos.add(seen, home_path, gestures.now)
            looked.arrived += 1
            gestures.note(change, photo, None, came_home, folder_stands=False)
            return
        known = change.known
        left = self._store.photos.path_of(known.photo)
        self._store.photos.put(known.photo, seen, home_path)
        self._missing_since.pop(known.photo, None)
        if isinstance(change, Edited):
            looked.edited += 1
        else:
            looked.moved += 1
            stands = os.path.isdir(os.path.dirname(left))
            gestures.note(change, known.photo, left, came_home, folder_stands=stands)

    def _home_path(self, change: Arrived | Edited | Moved) -> bytes | None:
        """Return where the photo's home in the library is, or was last."""
        seen = change.seen
        if seen.place.role is Role.LIBRARY:
            return self._path(seen)
        if not isinstance(change, Arrived) and change.known.home_path is not None:
            return change.known.home_path
        return seen.home_path if self._is_in(seen.home_path, Role.LIBRARY) else None

    def _root_path(self, root: int) -> bytes:
        return next(r.path for r in self._roots if r.id == root)


def _is_in(change: Change, roots: set[int]) -> bool:
    return isinstance(change, Vanished) and change.known.place.root in roots


def _is_trash_due(root: Root, folders: set[bytes] | None, findings: dict[int, Finding]) -> bool:
    """Return whether to look into a trash: something happened there, or something is missing."""
    if folders is None or root.last_scan_at is None:
        return True
    is_hinted = any(f == root.path or f.startswith(root.path + b"/") for f in folders)
    return is_hinted or any(finding.missing for finding in findings.values())


def _is_offline(root: Root) -> bool:
    """Return whether a root is not to be looked at; one that came up empty is, to come back."""
    return root.trouble is not None and root.trouble != EMPTIED
