"""What the program talks about: places, files seen, photos known, labels. Pure data, no behaviour.

Paths are bytes, because file names on Linux are bytes. `folder` is relative to its root, `b""` for
the root itself. Times are Unix seconds (`at`); file times are nanoseconds (`mtime_ns`).
"""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What it means for a photo to lie below a root."""

    LIBRARY = "library"
    KEEP = "keep"
    DELETED = "deleted"
    TRASH = "trash"


class Label(StrEnum):
    """What the owner wants of a shot."""

    DELETE = "delete"
    KEEP = "keep"


class FileKind(StrEnum):
    """How a file takes part in a shot: only images are looked at, others live and die with them."""

    IMAGE = "image"
    RAW = "raw"
    VIDEO = "video"
    SIDECAR = "sidecar"


@dataclass(frozen=True, slots=True)
class Identity:
    """Which file this is, whatever its name: stable across renames on one file system.

    `filesystem` is a UUID, or the mount's source where it has none. `birth_ns` is 0 where the
    file system keeps no birth time; such identities never match.
    """

    filesystem: str
    inode: int
    birth_ns: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: a root (its number in the database), a folder below it, a name."""

    root: int
    role: Role
    folder: bytes
    name: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """One file as a scan found it.

    `home_path` is the absolute path in the library that a trash says the file came from, and
    `deleted_at` when; both are None outside trashes.
    """

    place: Place
    identity: Identity
    size_bytes: int
    mtime_ns: int
    kind: FileKind
    home_path: bytes | None = None
    deleted_at: float | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """One photo as the database remembers it.

    `home_path` is its last absolute path in the library, None if it was never seen there.
    """

    photo: int
    shot: int
    place: Place
    identity: Identity
    size_bytes: int
    mtime_ns: int
    is_present: bool
    home_path: bytes | None
    first_seen_at: float
    content_hash: str | None = None
