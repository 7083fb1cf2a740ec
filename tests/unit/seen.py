"""Files as scans see them, and photos as the database knows them, for tests of pure rules."""

from triaged.core.types import FileKind, Identity, Known, Place, Role, Seen

DISK = "4f1c-disk"
TOPS = {Role.LIBRARY: 1, Role.KEEP: 2, Role.DELETED: 3, Role.TRASH: 4}


def place(role: Role = Role.LIBRARY, folder: bytes = b"", name: bytes = b"x.jpg") -> Place:
    """Return a place in the one root of that role."""
    return Place(TOPS[role], role, folder, name)


def seen(
    where: Place,
    inode: int = 1,
    *,
    birth_ns: int = 100,
    size_bytes: int = 10,
    mtime_ns: int = 20,
    home_path: bytes | None = None,
    deleted_at: float | None = None,
    kind: FileKind = FileKind.IMAGE,
) -> Seen:
    """Return a file as a scan found it."""
    identity = Identity(DISK, inode, birth_ns)
    return Seen(where, identity, size_bytes, mtime_ns, kind, home_path, deleted_at)


def known(
    photo: int,
    where: Place,
    inode: int = 1,
    *,
    birth_ns: int = 100,
    size_bytes: int = 10,
    mtime_ns: int = 20,
    is_present: bool = True,
    home_path: bytes | None = None,
) -> Known:
    """Return a photo as the database remembers it."""
    identity = Identity(DISK, inode, birth_ns)
    return Known(
        photo, photo, where, identity, size_bytes, mtime_ns, is_present, home_path, 0.0, None
    )
