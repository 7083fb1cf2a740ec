"""Which file this is, beyond what `os.stat` tells: the time of its birth, by statx(2).

ext4 hands out a freed inode number at once, so that only inode and birth time together name a
file. Births are read from the kernel's tick (some 4 ms): two files that were made, one in the place
of the other, within one tick are the same to us. Offsets are those of `struct statx` in
linux/stat.h, which are the same on every machine.
"""

import ctypes
import os
import struct
from dataclasses import dataclass

_AT_FDCWD = -100
_AT_SYMLINK_NOFOLLOW = 0x100
_STATX_INO_AND_BTIME = 0x100 | 0x800
_STATX_BTIME = 0x800
_SIZE = 256
_MASK = struct.Struct("=I")  # at 0
_INODE = struct.Struct("=Q")  # at 32
_BIRTH = struct.Struct("=qI")  # at 80: seconds, nanoseconds
_DEVICE = struct.Struct("=II")  # at 136: major, minor

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Device and inode number of a file, and its birth in Unix nanoseconds, 0 if not kept."""

    device: int
    inode: int
    birth_ns: int


def stamp(path: bytes, *, follow: bool = False) -> Stamp:
    """Return the stamp of what lies at `path`, of a symlink itself unless `follow`.

    Raises OSError as `os.stat` does.
    """
    if not hasattr(_libc, "statx"):  # glibc before 2.28
        st = os.stat(path, follow_symlinks=follow)
        return Stamp(st.st_dev, st.st_ino, 0)
    buffer = ctypes.create_string_buffer(_SIZE)
    flags = 0 if follow else _AT_SYMLINK_NOFOLLOW
    if _libc.statx(_AT_FDCWD, path, flags, _STATX_INO_AND_BTIME, buffer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return _read(buffer.raw)


def birth_ns(path: bytes) -> int:
    """Return when `path` was made, in Unix nanoseconds; 0 where the file system keeps no such time.

    Raises OSError as `os.lstat` does.
    """
    return stamp(path).birth_ns


def _read(raw: bytes) -> Stamp:
    """Return the stamp in the 256 bytes `raw` of a `struct statx`."""
    (mask,) = _MASK.unpack_from(raw, 0)
    (inode,) = _INODE.unpack_from(raw, 32)
    seconds, nanoseconds = _BIRTH.unpack_from(raw, 80)
    device = os.makedev(*_DEVICE.unpack_from(raw, 136))
    born = seconds * 1_000_000_000 + nanoseconds if mask & _STATX_BTIME else 0
    return Stamp(device, inode, born)
