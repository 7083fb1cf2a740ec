"""A view: a folder of absolute symlinks to photos, shown by any file manager in the order of names.

Names are `0001_97_IMG_4711.jpg`: the rank, padded with zeros because viewers sort by name, the
percentage, and the photo's own name. A new link is made in one step, a changed one is made under
a temporary name and renamed over the old one, so that a link is never missing for an instant.
What the owner has put into the folder stays.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

_LONGEST_NAME = 255
_LONGEST_EXTENSION = 16
_TEMPORARY = b".triaged-new-"
_LINK_NAME = re.compile(rb"\d+_\d{2,3}_.+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ViewChange:
    """What publishing did: links made or changed (name, inode), names removed, links kept.

    `blocked` are names that something of the owner's occupies.
    """

    added: tuple[tuple[bytes, int], ...]
    removed: tuple[bytes, ...]
    kept: int
    blocked: tuple[bytes, ...]


def link_name(rank: int, rank_digits: int, percent: int, name: bytes) -> bytes:
    """Return the name of the link at `rank` (1 is first) to a photo called `name`.

    At most 255 bytes: a long stem is cut, between characters, and the extension stays.
    """
    prefix = b"%0*d_%02d_" % (rank_digits, rank, percent)
    stem, extension = os.path.splitext(name)
    if len(extension) > _LONGEST_EXTENSION:
        stem, extension = name, b""
    room = _LONGEST_NAME - len(prefix) - len(extension)
    return prefix + _cut(stem, room) + extension


def is_link_name(name: bytes) -> bool:
    """Return whether `name` is one that `link_name` gives."""
    return _LINK_NAME.fullmatch(name) is not None


def read_view(folder: bytes) -> dict[bytes, bytes]:
    """Return the symlinks in `folder`, name to target; empty if there is no such folder."""
    view = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() and not entry.name.startswith(_TEMPORARY):
                with suppress(OSError):  # it went while we looked
                    view[entry.name] = os.readlink(entry.path)
    return view


def publish_view(
    folder: bytes,
    wanted: Mapping[bytes, bytes],
    is_ours: Callable[[bytes], bool] = is_link_name,
) -> ViewChange:
    """Make `folder` hold the links `wanted` (name to absolute target), touching only differences.

    Makes the folder, for the owner alone, where it is missing. Removes links that are not wanted
    if `is_ours` says so of their name; never removes or replaces anything but a symlink. Raises
    OSError when the folder cannot be written.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    _sweep(folder)
    there = read_view(folder)
    stale = [name for name in there if name not in wanted and is_ours(name)]
    removed = tuple(name for name in stale if _unlink_symlink(os.path.join(folder, name)))
    changes = {name: target for name, target in wanted.items() if there.get(name) != target}
    made = {name: _place(folder, name, target) for name, target in changes.items()}
    return ViewChange(
        added=tuple((name, inode) for name, inode in made.items() if inode is not None),
        removed=removed,
        kept=len(wanted) - len(changes),
        blocked=tuple(name for name, inode in made.items() if inode is None),
    )


def write_text_if_changed(path: bytes, text: str) -> bool:
    """Make the file `path` hold `text`, in one step; return whether that changed anything.

    A file made or changed is for the owner alone (mode 0600).
    """
    data = text.encode()
    with suppress(FileNotFoundError), open(path, "rb") as old:
        if old.read(len(data) + 1) == data:
            return False
    temporary = os.path.join(os.path.dirname(path), b"%s%d" % (_TEMPORARY, os.getpid()))
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as new:
            new.write(data)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    return True


def _cut(stem: bytes, room: int) -> bytes:
    """Return at most `room` bytes of `stem`, not splitting a UTF-8 character."""
    if len(stem) <= room:
        return stem
    end = room
    while end > room - 4 and stem[end] & 0xC0 == 0x80:  # stem[end] continues a character
        end -= 1
    return stem[:end]


def _sweep(folder: bytes) -> None:
    """Remove what a publishing that was killed half-way has left."""
    with os.scandir(folder) as entries:
        left = [entry.path for entry in entries if entry.name.startswith(_TEMPORARY)]
    for path in left:
        with suppress(FileNotFoundError):
            os.unlink(path)


def _is_symlink(path: bytes) -> bool | None:
    """Return whether a symlink lies at `path`, None if nothing does."""
    try:
        return stat.S_ISLNK(os.lstat(path).st_mode)
    except FileNotFoundError:
        return None


def _unlink_symlink(path: bytes) -> bool:
    if not _is_symlink(path):
        return False
    with suppress(FileNotFoundError):
        os.unlink(path)
    return True


def _place(folder: bytes, name: bytes, target: bytes) -> int | None:
    """Make the link `name` point to `target`; return its inode, None if the name is occupied."""
    path = os.path.join(folder, name)
    if _is_symlink(path):
        temporary = os.path.join(folder, b"%s%d" % (_TEMPORARY, os.getpid()))
        os.symlink(target, temporary)
        os.rename(temporary, path)
    else:
        try:
            os.symlink(target, path)
        except FileExistsError:
            return None
    return os.lstat(path).st_ino
