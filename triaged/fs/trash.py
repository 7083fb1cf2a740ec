"""The owner's trashes, and what lies in them: whence each photo came, and when it was put there.

    trash                              relative `Path` is resolved from
    ---------------------------------  --------------------------------------------
    $XDG_DATA_HOME/Trash               $XDG_DATA_HOME (Send2Trash writes such paths)
    $top/.Trash/$uid (sticky .Trash)   $top, the mount point
    $top/.Trash-$uid                   $top
    ~/.var/app/ID/data/Trash           ~/.var/app/ID/data (Flatpak's home trash)
    COLLECTION/.dtrash (digiKam)       COLLECTION

freedesktop.org Trash specification 1.0. Every tool writes the note first, then renames the file
into `files/`; gio's note is empty for a moment. So a note may stand without a file and a young
one may be half-written, but a file without a note was not put there by a person.
"""

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from triaged.core.filekinds import is_ignored_folder
from triaged.core.trashinfo import LocalTime, TrashInfo, parse, parse_digikam
from triaged.core.types import FileKind
from triaged.fs.mounts import mount_of, mounts
from triaged.fs.scan import VANISHED, Entry, entry_of, kind_if_looked_at, walk

YOUNG_SECONDS = 10.0
"""A note that cannot be read is worth another look while it is younger than this."""

_INFO_SUFFIX = {False: b".trashinfo", True: b".dtrashinfo"}
_LONGEST_INFO_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Trash:
    """One trash folder, whether it exists or may appear later.

    `top` is the folder that relative paths start from.
    """

    path: bytes
    top: bytes
    exists: bool
    is_digikam: bool = False


@dataclass(frozen=True, slots=True)
class Trashed:
    """One file in a trash: `folder` relative to it (`b"files"`, `b"files/album"`), and its past.

    `home_path` is absolute, its folder without symlinks. `deleted_at` is in Unix seconds, None
    where the note has no date.
    """

    folder: bytes
    entry: Entry
    home_path: bytes
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class TrashedLink:
    """One symlink in a trash, as a file manager leaves it when a link of a view is deleted."""

    folder: bytes
    name: bytes
    inode: int
    target: bytes
    home_path: bytes
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class Unread:
    """Something in a trash that could not be read: nothing may be concluded about what is in it.

    `is_young` notes are being written at this moment: look again within two seconds.
    """

    name: bytes
    reason: str
    is_young: bool


def trashes_for(paths: Sequence[bytes], env: Mapping[str, str]) -> list[Trash]:
    """Return the trashes that things from `paths` may go to; the home trash is always the first.

    `env` gives `HOME` and `XDG_DATA_HOME`. Trashes of a mount are listed, existing or not, if the
    home trash lies on another device; on the same device only those that exist.
    """
    home = os.fsencode(env.get("HOME") or os.path.expanduser("~"))
    data_home = os.fsencode(env.get("XDG_DATA_HOME", ""))
    if not data_home.startswith(b"/"):
        data_home = os.path.join(home, b".local/share")
    found = [_trash(os.path.join(data_home, b"Trash"))]
    found += _flatpak_trashes(home)
    for path in paths:
        found += _mount_trashes(path, _device_of(data_home))
        digikam = os.path.join(path, b".dtrash")
        if _is_real_folder(digikam):
            found.append(Trash(digikam, path, exists=True, is_digikam=True))
    return list(dict.fromkeys(found))


def list_trash(trash: Trash, now: float) -> Iterator[Trashed | TrashedLink | Unread]:
    """Yield what lies in `trash` and has a note: photos, links, and what could not be read.

    Folders are trashed whole, with one note: what lies below has the note's path, extended.
    `now` is Unix seconds. Files without a note are skipped, and so is a `trash` that is not there.
    """
    resolved: dict[bytes, bytes] = {}
    for name, info_path in _notes(trash):
        try:
            info, noted_at = _read_note(info_path, is_digikam=trash.is_digikam)
        except FileNotFoundError:
            continue  # restored or emptied this moment
        except (OSError, ValueError) as error:
            yield Unread(name, str(error), _is_young(info_path, now))
            continue
        home_path = _home_path(info.path, trash.top, resolved)
        deleted_at = info.deleted_at_local and local_seconds(info.deleted_at_local, noted_at)
        yield from _below_note(trash, name, home_path, deleted_at)


def local_seconds(date: LocalTime, near: float) -> float | None:
    """Return the Unix seconds at which the owner's clock showed `date`, None if it never could.

    Where the clock was put back and showed it twice, the one nearer to `near` (when the note was
    written). A time that the clock skipped counts on from before the gap.
    """
    readings = set()
    for is_dst in (0, 1, -1):
        with suppress(OverflowError, ValueError):
            readings.add(time.mktime((*date, 0, 0, is_dst)))
    true = {at for at in readings if tuple(time.localtime(at)[:6]) == date}
    if true:
        return min(true, key=lambda at: abs(at - near))
    with suppress(OverflowError, ValueError):
        return time.mktime((*date, 0, 0, -1))
    return None


def _trash(path: bytes, top: bytes | None = None) -> Trash:
    return Trash(path, top or os.path.dirname(path), exists=_is_real_folder(path))


def _flatpak_trashes(home: bytes) -> list[Trash]:
    apps = os.path.join(home, b".var/app")
    try:
        names = sorted(os.listdir(apps))
    except OSError:
        return []
    return [t for name in names if (t := _trash(os.path.join(apps, name, b"data/Trash"))).exists]


def _mount_trashes(path: bytes, home_device: int | None) -> list[Trash]:
    """Return the trashes at the top of the mount that holds `path`, existing or expected."""
    try:
        top = mount_of(os.path.realpath(path), mounts()).mount_point
    except (OSError, ValueError):
        return []
    shared = os.path.join(top, b".Trash")
    own = [_trash(os.path.join(top, b".Trash-%d" % os.getuid()), top)]
    if _is_sticky_folder(shared):
        own.insert(0, _trash(os.path.join(shared, b"%d" % os.getuid()), top))
    is_home = home_device is not None and _device_of(top) == home_device
    return [trash for trash in own if trash.exists or not is_home]


def _device_of(path: bytes) -> int | None:
    """Return the device of `path`, or of the nearest folder above it that exists."""
    while True:
        try:
            return os.stat(path).st_dev
        except OSError:
            if path == os.path.dirname(path):
                return None
            path = os.path.dirname(path)


def _is_real_folder(path: bytes) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def _is_sticky_folder(path: bytes) -> bool:
    """Return whether `path` may be shared: "the sticky bit set, and not a symbolic link"."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) and bool(mode & stat.S_ISVTX)


def _notes(trash: Trash) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name of each thing in `files/` that has a note, and the path of the note."""
    suffix = _INFO_SUFFIX[trash.is_digikam]
    folder = os.path.join(trash.path, b"info")
    files = os.path.join(trash.path, b"files")
    try:
        if trash.is_digikam:
            # digiKam: files/IMG_1.CR2.jpg goes with info/IMG_1.dtrashinfo, up to the first dot
            for name in os.listdir(files):
                yield name, os.path.join(folder, name.partition(b".")[0] + suffix)
        else:
            for name in os.listdir(folder):
                if name.endswith(suffix):
                    yield name[: -len(suffix)], os.path.join(folder, name)
    except (FileNotFoundError, NotADirectoryError):
        return


def _read_note(path: bytes, *, is_digikam: bool) -> tuple[TrashInfo, float]:
    """Return what the note at `path` says and when it was written.

    Raises OSError, or ValueError if it is half-written.
    """
    with open(path, "rb") as note:
        data = note.read(_LONGEST_INFO_BYTES)
        written_at = os.fstat(note.fileno()).st_mtime
    return (parse_digikam(data) if is_digikam else parse(data)), written_at


def _is_young(path: bytes, now: float) -> bool:
    try:
        return abs(now - os.lstat(path).st_mtime) < YOUNG_SECONDS
    except OSError:
        return False


def _home_path(path: bytes, top: bytes, resolved: dict[bytes, bytes]) -> bytes:
    """Return the absolute form of a note's `path`, its folder free of symlinks.

    Tools write the path as their user reached it, and on some systems /home is a link. `resolved`
    remembers folders.
    """
    folder, name = os.path.split(os.path.join(top, path.rstrip(b"/")))
    if folder not in resolved:
        resolved[folder] = os.path.realpath(folder)
    return os.path.join(resolved[folder], name)


def _below_note(
    trash: Trash, name: bytes, home_path: bytes, deleted_at: float | None
) -> Iterator[Trashed | TrashedLink | Unread]:
    """Yield the thing called `name` in `files/`, or all that is below it when it is a folder."""
    path = os.path.join(trash.path, b"files", name)
    try:
        st = os.lstat(path)
    except OSError:
        return  # the note of something not yet there, or long gone
    if stat.S_ISDIR(st.st_mode):
        if not is_ignored_folder(os.path.basename(home_path)):
            yield from _below_folder(trash, name, home_path, deleted_at)
    elif stat.S_ISLNK(st.st_mode):
        with suppress(OSError):
            target = os.readlink(path)
            yield TrashedLink(b"files", name, st.st_ino, target, home_path, deleted_at)
    elif entry := _entry(name, home_path, st):
        yield Trashed(b"files", entry, home_path, deleted_at)


def _entry(name: bytes, home_path: bytes, st: os.stat_result) -> Entry | None:
    """Return the trashed file `name`; its kind is that of the name it had: `a.jpg_1` was a.jpg."""
    kind: FileKind | None = kind_if_looked_at(os.path.basename(home_path))
    return entry_of(name, kind, st) if kind else None


def _below_folder(
    trash: Trash, name: bytes, home_path: bytes, deleted_at: float | None
) -> Iterator[Trashed | Unread]:
    for relative, listing in walk(os.path.join(trash.path, b"files", name)):
        folder = os.path.join(b"files", name, relative).rstrip(b"/")
        home = os.path.join(home_path, relative)
        for entry in listing.entries:
            yield Trashed(folder, entry, os.path.join(home, entry.name), deleted_at)
        if listing.trouble and listing.trouble != VANISHED:
            yield Unread(folder, listing.trouble, is_young=False)
