"""What lies in the owner's folders right now: photos, and the files that live and die with them.

Regular files of known kinds, by their own inode; nothing is opened, no symlink is followed.

    skipped                                      why
    -------------------------------------------  -------------------------------------------
    symlinks                                     the review folder is made of them
    empty files                                  a download or a save has only begun
    names of `core.filekinds`, other kinds       not the owner's photos
    folders of `core.filekinds`                  thumbnails, versions, trashes, hidden ones
    folders with `.nomedia`, and all below       Android's word for "no photos here"
    what an `exclude` pattern matches            the owner said so

A listing with `trouble` proves nothing about what is not in it.
"""

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from triaged.core.filekinds import is_ignored_folder, is_ignored_name, kind_of
from triaged.core.types import FileKind

VANISHED = "vanished"
"""The trouble of a folder that is not there: what was in it has gone or moved."""

Names = Callable[[bytes], FileKind | None]
"""Returns the kind of a file name, None to leave the file alone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file. `has_blocks` is False for a cloud client's placeholder: reading would download."""

    name: bytes
    kind: FileKind
    inode: int
    device: int
    size_bytes: int
    mtime_ns: int
    has_blocks: bool


@dataclass(frozen=True, slots=True)
class Listing:
    """One folder: its files, the names of the folders in it, and what went wrong, if it did."""

    entries: list[Entry] = field(default_factory=list)
    folders: list[bytes] = field(default_factory=list)
    trouble: str | None = None


def kind_if_looked_at(name: bytes) -> FileKind | None:
    """Return the kind of a file called `name`, None if it is of no kind or to be left alone."""
    kind = kind_of(name)
    return None if kind is None or is_ignored_name(name) else kind


def scan_folder(path: bytes, kind_of_name: Names = kind_if_looked_at) -> Listing:
    """Return what lies in the folder `path`, not below it.

    `trouble` is `VANISHED` when the folder is not there, else why it could not be read to the end.
    """
    listing = Listing()
    try:
        with os.scandir(path) as found:
            for item in found:
                if item.name == b".nomedia":
                    return Listing()
                _take(item, listing, kind_of_name)
    except (FileNotFoundError, NotADirectoryError):
        return Listing(trouble=VANISHED)
    except OSError as error:
        return Listing(listing.entries, listing.folders, f"unreadable: {error.strerror}")
    return listing


def walk(
    root: bytes,
    excludes: Sequence[str] = (),
    stop: Callable[[], bool] = lambda: False,
    start: bytes = b"",
) -> Iterator[tuple[bytes, Listing]]:
    """Yield each folder of `root`, relative to it (`b""` is the root), with what lies in it.

    Depth first, in memory that does not grow with the tree; ends early once `stop()` is true.
    Begins at the folder `start` and yields only what is below it. Patterns of `excludes` match as
    in fnmatch: with a `/` the path relative to the root, else a name at any depth. A folder that
    cannot be read is yielded with its trouble.
    """
    excluded = compile_excludes(excludes)
    if is_left_alone(root, start, excluded):
        return
    pending = [(start, 0)]
    trail: list[tuple[int, int]] = []  # device and inode of the folders that we are in
    while pending and not stop():
        folder, depth = pending.pop()
        del trail[depth:]
        listing = _scan_on_trail(os.path.join(root, folder), trail)
        listing = without_excluded(listing, folder, excluded)
        pending.extend((os.path.join(folder, name), depth + 1) for name in listing.folders)
        yield folder, listing


def scan_one(root: bytes, folder: bytes, excludes: Sequence[str] = ()) -> Listing:
    """Return what `walk` would of `folder` of `root` alone: empty if it would not go there."""
    excluded = compile_excludes(excludes)
    if is_left_alone(root, folder, excluded):
        return Listing()
    return without_excluded(scan_folder(os.path.join(root, folder)), folder, excluded)


def compile_excludes(excludes: Sequence[str]) -> re.Pattern[str] | None:
    """Return one pattern that matches `/` + the relative path of whatever `excludes` leaves out."""
    parts = []
    for pattern in excludes:
        bare = pattern.strip("/")
        lead = "/" if "/" in pattern.rstrip("/") else "/(?:.*/)?"
        parts.append(lead + fnmatch.translate(bare))
    return re.compile("|".join(parts)) if parts else None


def is_left_alone(root: bytes, folder: bytes, excluded: re.Pattern[str] | None = None) -> bool:
    """Return whether `folder` of `root`, or one above, is ignored, excluded or has `.nomedia`."""
    parts = folder.split(b"/") if folder else []
    above = [b"/".join(parts[:depth]) for depth in range(len(parts) + 1)]
    return (
        any(is_ignored_folder(part) for part in parts)
        or any(_is_excluded(path, excluded) for path in above[1:])
        or any(os.path.lexists(os.path.join(root, path, b".nomedia")) for path in above)
    )


def without_excluded(listing: Listing, folder: bytes, excluded: re.Pattern[str] | None) -> Listing:
    """Return the `listing` of `folder`, relative to its root, without what `excluded` matches."""
    if excluded is None:
        return listing
    return Listing(
        [e for e in listing.entries if not _is_excluded(os.path.join(folder, e.name), excluded)],
        [n for n in listing.folders if not _is_excluded(os.path.join(folder, n), excluded)],
        listing.trouble,
    )


def _take(item: os.DirEntry[bytes], listing: Listing, kind_of_name: Names) -> None:
    """Add `item` to `listing` if it belongs there. Raises OSError when it cannot be looked at."""
    name = item.name
    if item.is_dir(follow_symlinks=False):
        if not is_ignored_folder(name):
            listing.folders.append(name)
        return
    kind = kind_of_name(name)
    if kind is None or not item.is_file(follow_symlinks=False):
        return
    try:
        st = item.stat(follow_symlinks=False)
    except FileNotFoundError:  # it went between the listing and the look
        return
    entry = entry_of(name, kind, st)
    if entry is not None:
        listing.entries.append(entry)


def entry_of(name: bytes, kind: FileKind, st: os.stat_result) -> Entry | None:
    """Return the entry of a file called `name`, None if it is empty or not a regular file."""
    if st.st_size == 0 or not stat.S_ISREG(st.st_mode):
        return None
    return Entry(
        name, kind, st.st_ino, st.st_dev, st.st_size, st.st_mtime_ns, has_blocks=st.st_blocks > 0
    )


def _scan_on_trail(path: bytes, trail: list[tuple[int, int]]) -> Listing:
    """Return what lies in `path`, unless a broken file system has led us into a folder above it."""
    try:
        st = os.lstat(path) if trail else os.stat(path)  # the root alone may be a symlink
    except (FileNotFoundError, NotADirectoryError):
        return Listing(trouble=VANISHED)
    except OSError as error:
        return Listing(trouble=f"unreadable: {error.strerror}")
    if not stat.S_ISDIR(st.st_mode):
        return Listing(trouble=VANISHED)
    key = st.st_dev, st.st_ino
    if key in trail:
        return Listing(trouble="a folder within itself")
    trail.append(key)
    return scan_folder(path)


def _is_excluded(path: bytes, excluded: re.Pattern[str] | None) -> bool:
    return excluded is not None and excluded.match("/" + os.fsdecode(path)) is not None
