"""Looking: what lies in the roots and trashes now, against what the database knows.

One look is steps 3 to 6 of the data flow. Hints only say where to look first; a full look goes the
same road over everything. What is new and explains nothing else is stored as it is met, so that a
first scan of a large library needs no more memory than its largest folder. Moves, acts and
disappearances of one look are stored in one transaction at its end, if the root is still healthy.
"""

import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from triaged.config import Config
from triaged.core.filekinds import is_ignored_path
from triaged.core.guards import is_emptied
from triaged.core.reconcile import Arrived, Candidate, Change, Edited, Moved, Vanished, reconcile
from triaged.core.types import Identity, Known, Place, Role, Seen
from triaged.fs import mounts
from triaged.fs.scan import VANISHED, Entry, Listing, scan_one, walk
from triaged.fs.trash import Trashed, Unread, list_trash
from triaged.gestures import Gestures
from triaged.health import EMPTIED, RootWatch
from triaged.store.overview import Overview
from triaged.store.photos import join
from triaged.store.roots import Root
from triaged.store.state import Store

log = logging.getLogger(__name__)

_HALF_WRITTEN_SECONDS = 0.5  # desktops write a note and fill it in a moment later
_BATCH = 500  # photos met for the first time that are stored in one transaction


@dataclass(slots=True)
class Finding:
    """What one root showed in this look."""

    candidates: list[Candidate] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)
    seen: int = 0
    is_whole: bool = False


@dataclass(slots=True)
class Looked:
    """What a look brought: how much is new, and which folders want another look in how long (s)."""

    arrived: int = 0
    moved: int = 0
    edited: int = 0
    gone: int = 0
    acts: int = 0
    again: dict[bytes, float] = field(default_factory=dict)
    is_complete: bool = True

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
        self._roots = RootWatch(config, store)

    def look(self, folders: set[bytes] | None) -> Looked:
        """Look at `folders` (absolute), or at everything for None; store what happened.

        Trashes are always looked at whole: they are where a disappearance finds its reason.
        """
        roots = self._roots.refresh()
        looked = Looked()
        findings: dict[int, Finding] = {}
        for root in roots:
            if self._stop():
                return Looked(is_complete=False)
            if root.trouble and root.trouble != EMPTIED:
                continue
            findings[root.id] = self._look_at(root, folders, looked)
        if self._stop():
            return Looked(is_complete=False)
        healthy = [r for r in roots if r.id in findings and self._roots.check(r)]
        self._conclude(healthy, findings, looked)
        return looked

    def _look_at(self, root: Root, folders: set[bytes] | None, looked: Looked) -> Finding:
        finding = Finding(is_whole=folders is None or root.role is Role.TRASH)
        if root.role is Role.TRASH:
            self._look_at_trash(root, finding, looked)
            return finding
        visited: set[bytes] = set()
        for folder, listing in self._listings(root, folders):
            if folder not in visited:  # a new folder is hinted at, and found below its parent
                visited.add(folder)
                self._compare(root, folder, listing, finding, looked)
        below = None if folders is None else _relative(root, folders)
        for folder in self._store.photos.folders(root.id):
            if folder not in visited and self._is_away(root, folder, below):
                finding.missing += self._store.photos.in_folder(root.id, folder).values()
        return finding

    def _is_away(self, root: Root, folder: bytes, below: list[bytes] | None) -> bool:
        """Return whether a folder that was not visited is one that is there no more."""
        if below is None:
            return True
        is_asked = any(folder == top or not top or folder.startswith(top + b"/") for top in below)
        return is_asked and not os.path.isdir(os.path.join(root.path, folder))

    def _listings(self, root: Root, folders: set[bytes] | None) -> Iterator[tuple[bytes, Listing]]:
        excludes = self._config.exclude
        if folders is None:
            yield from walk(root.path, excludes, self._stop)
            return
        known = None
        for folder in _relative(root, folders):
            listing = scan_one(root.path, folder, excludes)
            yield folder, listing
            if listing.folders and known is None:
                known = set(self._store.photos.folders(root.id))
            for name in listing.folders:
                below = os.path.join(folder, name)
                if known is not None and below not in known:
                    yield from walk(root.path, excludes, self._stop, start=below)

    def _compare(
        self, root: Root, folder: bytes, listing: Listing, finding: Finding, looked: Looked
    ) -> None:
        """Add what is new and what is missing in one folder to `finding`."""
        if listing.trouble and listing.trouble != VANISHED:
            log.warning("%r is %s", os.fsdecode(join(root.path, b"", folder)), listing.trouble)
            finding.seen += 1  # it may hold photos: the root has not come up empty
            return
        known = self._store.photos.in_folder(root.id, folder)
        finding.seen += len(listing.entries)
        new: list[Candidate] = []
        for entry in listing.entries:
            match = known.pop(entry.name, None)
            if match is not None and _is_unchanged(match, entry):
                self._missing_since.pop(match.photo, None)
                continue
            path = join(root.path, folder, entry.name)
            if self._patient and _is_being_written(entry, self._config.scan.settle_seconds):
                looked.again[os.path.dirname(path)] = self._config.scan.settle_seconds
                continue
            if (seen := _seen(root, folder, entry, path, None)) is not None:
                new.append(self._candidate(seen, match, path))
        finding.missing += known.values()
        finding.candidates += self._store_strangers(new, looked)

    def _look_at_trash(self, root: Root, finding: Finding, looked: Looked) -> None:
        known = {
            (folder, name): photo
            for folder in self._store.photos.folders(root.id)
            for name, photo in self._store.photos.in_folder(root.id, folder).items()
        }
        unread: list[bytes] = []
        new: list[Candidate] = []
        for item in list_trash(self._roots.trashes[root.id], time.time()):
            if isinstance(item, Unread):
                unread.append(item.name)
                if item.is_young:
                    looked.again[os.path.join(root.path, b"info")] = _HALF_WRITTEN_SECONDS
            elif isinstance(item, Trashed):
                match = known.pop((item.folder, item.entry.name), None)
                if match is None or not _is_unchanged(match, item.entry):
                    new += self._trashed(root, item, match)
        finding.missing += [
            photo for (folder, name), photo in known.items() if not _is_below(unread, folder, name)
        ]
        finding.candidates += self._store_strangers(new, looked)

    def _trashed(self, root: Root, item: Trashed, match: Known | None) -> list[Candidate]:
        """Return the candidate that a file in a trash is; none if it is no photo of ours."""
        path = join(root.path, item.folder, item.entry.name)
        seen = _seen(root, item.folder, item.entry, path, item)
        if seen is None:
            return []
        candidate = self._candidate(seen, match, item.home_path)
        is_known = candidate.by_identity or candidate.by_home or match is not None
        return [candidate] if is_known or self._is_looked_at(item.home_path) else []

    def _is_looked_at(self, path: bytes) -> bool:
        """Return whether a scan would have looked at a path in a library or keep root."""
        for root in self._store.roots.active():
            top = root.path.rstrip(b"/") + b"/"
            if root.role in (Role.LIBRARY, Role.KEEP) and path.startswith(top):
                return not is_ignored_path(path[len(top) :])
        return False

    def _is_in(self, path: bytes | None, *roles: Role) -> bool:
        """Return whether a path lies in a root of one of these roles."""
        return path is not None and any(
            path.startswith(root.path.rstrip(b"/") + b"/")
            for root in self._store.roots.active()
            if root.role in roles
        )

    def _candidate(self, seen: Seen, at_path: Known | None, home_path: bytes) -> Candidate:
        photos = self._store.photos
        return Candidate(
            seen,
            at_path,
            tuple(photos.bearing(seen.identity)) if seen.identity.birth_ns else (),
            tuple(photos.of_path(home_path, seen.size_bytes, seen.mtime_ns)),
        )

    def _store_strangers(self, new: list[Candidate], looked: Looked) -> list[Candidate]:
        """Store the candidates that cannot be any known photo; return the others."""
        strangers = [c for c in new if not (c.at_path or c.by_identity or c.by_home)]
        for start in range(0, len(strangers), _BATCH):
            with self._store.transaction():
                gestures = Gestures(self._store, self._overview, time.time())
                for candidate in strangers[start : start + _BATCH]:
                    self._add(Arrived(candidate.seen), gestures, looked)
                looked.acts += gestures.store()
        return [c for c in new if c.at_path or c.by_identity or c.by_home]

    def _conclude(self, roots: list[Root], findings: dict[int, Finding], looked: Looked) -> None:
        """Reconcile what several roots showed, and store it in one transaction."""
        candidates = [c for root in roots for c in findings[root.id].candidates]
        missing = [k for root in roots for k in findings[root.id].missing]
        involved = {k.photo: k for c in candidates for k in (*c.by_identity, *c.by_home)}
        standing = {k.photo for k in involved.values() if self._stands(k)}
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
        moved: dict[int, int] = {}
        for change in changes:
            if isinstance(change, Moved):
                src = change.known.place.root
                moved[src] = moved.get(src, 0) + 1
        return {
            root.id
            for root in roots
            if root.role is not Role.TRASH
            and findings[root.id].is_whole
            and is_emptied(
                self._store.roots.present(root.id), findings[root.id].seen, moved.get(root.id, 0)
            )
        }

    def _stands(self, known: Known) -> bool:
        """Return whether a photo still is where the database has it."""
        if not known.is_present:
            return False
        try:
            found = os.lstat(self._store.photos.path_of(known.photo))
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
            return join(self._root_path(seen.place.root), seen.place.folder, seen.place.name)
        if not isinstance(change, Arrived) and change.known.home_path is not None:
            return change.known.home_path
        return seen.home_path if self._is_in(seen.home_path, Role.LIBRARY) else None

    def _root_path(self, root: int) -> bytes:
        return next(r.path for r in self._store.roots.active() if r.id == root)


def _is_in(change: Change, roots: set[int]) -> bool:
    return isinstance(change, Vanished) and change.known.place.root in roots


def _relative(root: Root, folders: set[bytes]) -> list[bytes]:
    """Return those of the absolute `folders` that lie in `root`, relative to it, sorted."""
    top = root.path.rstrip(b"/") + b"/"
    inside = {f[len(top) :].rstrip(b"/") for f in folders if f.startswith(top)}
    return sorted(inside | ({b""} if root.path in folders else set()))


def _is_unchanged(known: Known, entry: Entry) -> bool:
    return (
        known.identity.inode == entry.inode
        and known.size_bytes == entry.size_bytes
        and known.mtime_ns == entry.mtime_ns
    )


def _is_being_written(entry: Entry, settle_seconds: float) -> bool:
    age_seconds = time.time() - entry.mtime_ns / 1e9
    return 0 <= age_seconds < settle_seconds


def _is_below(unread: list[bytes], folder: bytes, name: bytes) -> bool:
    """Return whether a place in a trash belongs to a note that could not be read."""
    path = os.path.join(folder, name)
    return any(path == b"files/" + n or path.startswith(b"files/" + n + b"/") for n in unread)


def _seen(
    root: Root, folder: bytes, entry: Entry, path: bytes, trashed: Trashed | None
) -> Seen | None:
    """Return a file as it was seen; None if it is gone again."""
    try:
        identity: Identity = mounts.identity_of(path)
    except OSError:
        return None
    return Seen(
        place=Place(root.id, root.role, folder, entry.name),
        identity=identity,
        size_bytes=entry.size_bytes,
        mtime_ns=entry.mtime_ns,
        kind=entry.kind,
        home_path=trashed.home_path if trashed else None,
        deleted_at=trashed.deleted_at if trashed else None,
    )
