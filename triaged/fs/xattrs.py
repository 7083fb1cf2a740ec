"""The notes the program leaves on a photo: extended attributes `user.triaged.*`, text.

    name     value
    -------  ------------------------------------------------------
    score    the delete score, four decimals
    reason   why, in words
    model    the model that said so
    hash     the content the score belongs to: `cp -a` copies attributes

They are a view; the database is the truth. Writing one changes the ctime that backup tools look
at, so that values are compared first. Neither mtime nor atime changes. xattr(7).
"""

import errno
import os
from collections.abc import Mapping
from enum import StrEnum

NAMES = ("score", "reason", "model", "hash")
"""What may be written, in the order of importance: where space is short, the score comes first."""

_PREFIX = "user.triaged."


class Written(StrEnum):
    """What came of a write. `FULL` is the attribute space of one inode, not the disk's."""

    WRITTEN = "written"
    SAME = "same"
    UNSUPPORTED = "unsupported"
    FULL = "full"
    DENIED = "denied"
    GONE = "gone"


_FAILURES = {
    errno.ENOTSUP: Written.UNSUPPORTED,
    errno.ENOSYS: Written.UNSUPPORTED,
    errno.ENOSPC: Written.FULL,
    errno.EDQUOT: Written.FULL,
    errno.E2BIG: Written.FULL,
    errno.ERANGE: Written.FULL,
    errno.EACCES: Written.DENIED,
    errno.EPERM: Written.DENIED,
    errno.EROFS: Written.DENIED,
    errno.ENOENT: Written.GONE,
    errno.ENOTDIR: Written.GONE,
    errno.ELOOP: Written.GONE,
}


def read(path: bytes) -> dict[str, str]:
    """Return the notes on the file `path` by name; empty where there are none or none can be."""
    found = {}
    for name in NAMES:
        value = _value(path, name)
        if value is not None:
            found[name] = value.decode("utf-8", "surrogateescape")
    return found


def write(path: bytes, values: Mapping[str, str]) -> Written:
    """Write `values` (keys from `NAMES`) on the file `path`, only those that differ.

    A symlink is never followed, and refused. Other notes stay. Raises ValueError for a name that
    is not in `NAMES`, OSError for errors that no file system should give.
    """
    if strange := set(values) - set(NAMES):
        raise ValueError(f"unknown notes {sorted(strange)}")
    wanted = {
        name: values[name].encode("utf-8", "surrogateescape") for name in NAMES if name in values
    }
    changed = {name: value for name, value in wanted.items() if _value(path, name) != value}
    for name, value in changed.items():
        try:
            os.setxattr(path, _PREFIX + name, value, follow_symlinks=False)
        except OSError as error:
            return _failure(error)
    return Written.WRITTEN if changed else Written.SAME


def remove(path: bytes) -> Written:
    """Take all notes off the file `path`."""
    result = Written.SAME
    for name in NAMES:
        try:
            os.removexattr(path, _PREFIX + name, follow_symlinks=False)
            result = Written.WRITTEN
        except OSError as error:
            if error.errno != errno.ENODATA:
                return _failure(error)
    return result


def _value(path: bytes, name: str) -> bytes | None:
    try:
        return os.getxattr(path, _PREFIX + name, follow_symlinks=False)
    except OSError:
        return None


def _failure(error: OSError) -> Written:
    """Return the outcome that `error` stands for, or raise it."""
    outcome = _FAILURES.get(error.errno or 0)
    if outcome is None:
        raise error
    return outcome
