"""Comparing: what one root shows against what the database has there. Nothing is concluded yet.

What is at a path under the inode, size and mtime that are known is left at that. Everything else is
a candidate with all the photos it might be, or missing. Of a folder that cannot be read, and of all
below it, nothing is said.
"""

import glob
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from triaged.config import Config
from triaged.core.filekinds import is_ignored_path
from triaged.core.reconcile import Candidate
from triaged.core.types import Known, Place, Role, Seen
from triaged.fs import mounts
from triaged.fs.scan import VANISHED, Entry, Listing, scan_one, walk
from triaged.fs.trash import Trash, Trashed, Unread, list_trash
from triaged.store.photos import join
from triaged.store.roots import Root
from triaged.store.state import Store

log = logging.getLogger(__name__)

_BATCH = 500  # photos met for the first time that are stored in one transaction
_HALF_WRITTEN_SECONDS = 0.5  # desktops write a note and fill it in a moment later


@dataclass(slots=True)
class Finding:
    """What one root showed in this look."""

    candidates: list[Candidate] = field(default_factory=list)
    missing: list[Known] = field(default_factory=list)
    unreadable: list[bytes] = field(default_factory=list)
    seen: int = 0
    is_whole: bool = False


class Comparison:
    """One look at the roots. `again` are the folders that want another one, in how many seconds.

    `strangers` takes candidates that cannot be any known photo, as they are met: a first scan must
    not hold a whole library. `found_again` takes photos that are where they should be.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        roots: Sequence[Root],
        trashes: dict[int, Trash],
        *,
        patient: bool,
        stop: Callable[[], bool],
        strangers: Callable[[list[Seen]], None],
        found_again: Callable[[int], None],
    ) -> None:
        self.again: dict[bytes, float] = {}
        self.found_again = found_again
        self._config = config
        self._store = store
        self._roots = roots
        self._trashes = trashes
        self._patient = patient
        self._stop = stop
        self._strangers = strangers
        self._met: list[Seen] = []

    def look_at(self, root: Root, folders: set[bytes] | None) -> Finding:
        """Return what `root` shows: in `folders` (absolute), or everywhere for None."""
        finding = Finding(is_whole=folders is None or root.role is Role.TRASH)
        if root.role is Role.TRASH:
            self._look_at_trash(root, finding)
        else:
            self._look_at_folders(root, folders, finding)
        self._hand_on()
        return finding

    def _look_at_folders(self, root: Root, folders: set[bytes] | None, finding: Finding) -> None:
        visited: set[bytes] = set()
        for folder, listing in self._listings(root, folders):
            if folder not in visited:  # a new folder is hinted at, and found below its parent
                visited.add(folder)
                self._compare(root, folder, listing, finding)
        below = None if folders is None else _relative(root, folders)
        for folder in self._store.photos.folders(root.id):
            is_hidden = any(_is_within(folder, top) for top in finding.unreadable)
            if folder not in visited and not is_hidden and self._is_away(root, folder, below):
                finding.missing += self._store.photos.in_folder(root.id, folder).values()

    def _is_away(self, root: Root, folder: bytes, below: list[bytes] | None) -> bool:
        """Return whether a folder that was not visited is one that is there no more."""
        if below is None:
            return True
        is_asked = any(_is_within(folder, top) for top in below)
        return is_asked and not os.path.isdir(os.path.join(root.path, folder))

    def _listings(self, root: Root, folders: set[bytes] | None) -> Iterator[tuple[bytes, Listing]]:
        excludes = (*self._config.exclude, *_roots_within(root, self._roots))
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

    def _compare(self, root: Root, folder: bytes, listing: Listing, finding: Finding) -> None:
        """Add what is new and what is missing in one folder to `finding`."""
        if listing.trouble and listing.trouble != VANISHED:
            log.warning("%r is %s", os.fsdecode(join(root.path, b"", folder)), listing.trouble)
            finding.unreadable.append(folder)
            return
        known = self._store.photos.in_folder(root.id, folder)
        finding.seen += len(listing.entries)
        new: list[Candidate] = []
        for entry in listing.entries:
            match = known.pop(entry.name, None)
            if match is not None and _is_unchanged(match, entry):
                self.found_again(match.photo)
                continue
            path = join(root.path, folder, entry.name)
            if self._patient and _is_being_written(entry, self._config.scan.settle_seconds):
                self.again[os.path.dirname(path)] = self._config.scan.settle_seconds
                continue
            if (seen := _seen(root, folder, entry, path, None)) is not None:
                new.append(self._candidate(seen, match, path))
        finding.missing += known.values()
        finding.candidates += self._without_strangers(new)

    def _look_at_trash(self, root: Root, finding: Finding) -> None:
        known = {
            (folder, name): photo
            for folder in self._store.photos.folders(root.id)
            for name, photo in self._store.photos.in_folder(root.id, folder).items()
        }
        unread: list[bytes] = []
        new: list[Candidate] = []
        for item in list_trash(self._trashes[root.id], time.time()):
            if isinstance(item, Unread):
                unread.append(item.name)
                if item.is_young:
                    self.again[os.path.join(root.path, b"info")] = _HALF_WRITTEN_SECONDS
            elif isinstance(item, Trashed):
                match = known.pop((item.folder, item.entry.name), None)
                if match is None or not _is_unchanged(match, item.entry):
                    new += self._trashed(root, item, match)
        finding.missing += [
            photo for (folder, name), photo in known.items() if not _is_below(unread, folder, name)
        ]
        finding.candidates += self._without_strangers(new)

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
        for root in self._roots:
            top = root.path.rstrip(b"/") + b"/"
            if root.role in (Role.LIBRARY, Role.KEEP) and path.startswith(top):
                return not is_ignored_path(path[len(top) :])
        return False

    def _candidate(self, seen: Seen, at_path: Known | None, home_path: bytes) -> Candidate:
        photos = self._store.photos
        return Candidate(
            seen,
            at_path,
            tuple(photos.bearing(seen.identity)) if seen.identity.birth_ns else (),
            tuple(photos.of_path(home_path, seen.size_bytes, seen.mtime_ns)),
        )

    def _without_strangers(self, new: list[Candidate]) -> list[Candidate]:
        """Hand on the candidates that cannot be any known photo; return the others."""
        self._met += [c.seen for c in new if not (c.at_path or c.by_identity or c.by_home)]
        if len(self._met) >= _BATCH:
            self._hand_on()
        return [c for c in new if c.at_path or c.by_identity or c.by_home]

    def _hand_on(self) -> None:
        """Have what was met stored: many folders in one transaction, each costs two syncs."""
        met, self._met = self._met, []
        self._strangers(met)


def _is_within(folder: bytes, top: bytes) -> bool:
    """Return whether a folder is `top` or below it, both relative to one root."""
    return not top or folder == top or folder.startswith(top + b"/")


def _roots_within(root: Root, roots: Sequence[Root]) -> list[str]:
    """Return patterns for the other roots below `root`: a photo is in the innermost one alone."""
    top = root.path.rstrip(b"/") + b"/"
    inner = [other.path[len(top) :] for other in roots if other.path.startswith(top)]
    return ["/" + glob.escape(os.fsdecode(path)) for path in inner]


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
        identity = mounts.identity_of(path)
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
