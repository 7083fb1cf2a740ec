"""Which file system a path lies on, whether that is a network, and whether a root is still itself.

An unplugged drive leaves an empty folder behind, and a folder made anew looks like the old one.
So a root is known by the UUID of its file system and by the inode and birth time of the folder,
kept in the database; there is no marker file that somebody could put back in good faith.

`/proc/self/mountinfo` is described in proc_pid_mountinfo(5).
"""

import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass

from triaged.core.types import Identity
from triaged.fs.statx import Stamp, stamp

_MOUNTINFO = "/proc/self/mountinfo"
_BY_UUID = b"/dev/disk/by-uuid"

_NETWORK_FUSES = (
    "davfs2 gcsfuse glusterfs google-drive-ocamlfuse gvfsd-fuse jmtpfs onedriver rclone s3fs "
    "simple-mtpfs sshfs vmhgfs-fuse"
)
_NETWORKS = "9p afs ceph cifs davfs ncpfs nfs nfs3 nfs4 prl_fs smb3 smbfs vboxsf virtiofs"
NETWORK_KINDS = frozenset(_NETWORKS.split()) | {f"fuse.{name}" for name in _NETWORK_FUSES.split()}
"""Where a watch sees only the changes that this machine makes, and reading is costly."""

_UNSTABLE_INODE_KINDS = frozenset(
    ("cifs", "exfat", "fuseblk", "msdos", "smb3", "smbfs", "vboxsf", "vfat")
)
"""Where inode numbers are made up on each mount: they name nothing, and no identity matches."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo."""

    device: int
    root: bytes
    mount_point: bytes
    kind: str
    source: bytes


@dataclass(frozen=True, slots=True)
class Filesystem:
    """A file system as it is mounted.

    `id` is its UUID, else made of the mount's source, its root, and the inode and birth of the
    mount point; `device` is the `st_dev` of the files on it. `has_stable_inodes` is False where
    inode numbers do not outlive a mount.
    """

    id: str
    kind: str
    mount_point: bytes
    is_network: bool
    device: int
    has_stable_inodes: bool


_by_device: dict[int, Filesystem] = {}


def invalidate() -> None:
    """Forget the file systems seen so far; call it before each scan.

    The next drive plugged in gets the device number of the last one.
    """
    _by_device.clear()


def filesystem_at(path: bytes) -> Filesystem:
    """Return the file system that holds `path`, looked up afresh; raises OSError as `os.stat`."""
    found = _look_up(path, os.stat(path).st_dev)
    _by_device[found.device] = found
    return found


def identity_of(path: bytes, *, follow: bool = False) -> Identity:
    """Return the identity of the file or folder at `path`, of a symlink itself unless `follow`.

    `birth_ns` is 0 where inodes are not stable, so that it never matches. File systems are cached
    by device until `invalidate`. Raises OSError as `os.stat` does.
    """
    found = stamp(path, follow=follow)
    filesystem = _by_device.get(found.device)
    if filesystem is None:
        where = path if follow else os.path.dirname(path)
        filesystem = _by_device[found.device] = _look_up(where or b".", found.device)
    return _identity(filesystem, found)


def check_root(path: bytes, expected: Identity | None) -> str | None:
    """Return None if the root at `path` is there, readable and itself; else what is wrong.

    `expected` is what `identity_of(path, follow=True)` said when the root was first seen, None if
    it never was. Looks at the mounts afresh.
    """
    try:
        if not stat.S_ISDIR(os.stat(path).st_mode):
            return "not a folder"
        with os.scandir(path) as names:
            next(names, None)
        filesystem, found = filesystem_at(path), stamp(path, follow=True)
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return _difference(filesystem, _identity(filesystem, found), expected)


def mounts() -> list[Mount]:
    """Return what is mounted, in the order of mountinfo: a later mount covers an earlier one."""
    with open(_MOUNTINFO, "rb") as lines:
        return parse_mountinfo(lines.read())


def parse_mountinfo(data: bytes) -> list[Mount]:
    """Return the mounts that `data` lists; lines of another shape are skipped."""
    rows = []
    for line in data.splitlines():
        before, _, after = line.partition(b" - ")
        left, right = before.split(b" "), after.split(b" ")
        if len(left) >= 6 and len(right) >= 2:
            major, minor = left[2].split(b":")
            device = os.makedev(int(major), int(minor))
            kind, source = os.fsdecode(right[0]), _unescaped(right[1])
            rows.append(Mount(device, _unescaped(left[3]), _unescaped(left[4]), kind, source))
    return rows


def mount_of(path: bytes, table: list[Mount]) -> Mount:
    """Return the mount of `table` that holds the absolute, resolved `path`; ValueError if none."""
    held = [mount for mount in table if _is_below(path, mount.mount_point)]
    if not held:
        raise ValueError(f"no mount holds {path!r}")
    longest = max(len(mount.mount_point) for mount in held)
    return [mount for mount in held if len(mount.mount_point) == longest][-1]


def _unescaped(field: bytes) -> bytes:
    r"""Return `field` with the kernel's `\040` and the like (space, tab, newline, \) undone."""
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), field)


def _is_below(path: bytes, top: bytes) -> bool:
    return path == top or path.startswith(top.rstrip(b"/") + b"/")


def _look_up(path: bytes, device: int) -> Filesystem:
    """Return the file system of the existing `path`, whose files have `st_dev` `device`."""
    mount = mount_of(os.path.realpath(path), mounts())
    return Filesystem(
        id=_uuid(mount) or _made_up_id(mount),
        kind=mount.kind,
        mount_point=mount.mount_point,
        is_network=mount.kind in NETWORK_KINDS,
        device=device,
        has_stable_inodes=mount.kind not in _UNSTABLE_INODE_KINDS,
    )


def _uuid(mount: Mount) -> str | None:
    """Return the UUID by which udev lists the mounted block device, None if it does not.

    Btrfs mounts have a device number of their own: there the mount's source is looked at as well.
    """
    devices = {mount.device}
    with suppress(OSError):
        devices.add(os.stat(mount.source).st_rdev)
    devices.discard(0)  # the st_rdev of what is no device
    with suppress(OSError), os.scandir(_BY_UUID) as links:
        for link in links:
            with suppress(OSError):
                if link.stat().st_rdev in devices:
                    return os.fsdecode(link.name)
    return None


def _made_up_id(mount: Mount) -> str:
    """Return a name for a file system without UUID (NFS, ZFS, tmpfs, a container's overlay)."""
    where = f"{os.fsdecode(mount.source)}:{os.fsdecode(mount.root)}"
    if mount.kind in _UNSTABLE_INODE_KINDS:
        return where
    try:
        found = stamp(mount.mount_point, follow=True)
    except OSError:
        return where
    return f"{where}:{found.inode}:{found.birth_ns}"


def _identity(filesystem: Filesystem, found: Stamp) -> Identity:
    born = found.birth_ns if filesystem.has_stable_inodes else 0
    return Identity(filesystem.id, found.inode, born)


def _difference(filesystem: Filesystem, found: Identity, expected: Identity | None) -> str | None:
    """Return in words how the root `found` differs from the one `expected`, None if it does not."""
    if expected is None:
        return None
    if found.filesystem != expected.filesystem:
        return f"another disk: {found.filesystem} where {expected.filesystem} was"
    if not filesystem.has_stable_inodes:
        return None
    was_born_then = found.birth_ns == expected.birth_ns or 0 in (found.birth_ns, expected.birth_ns)
    if found.inode == expected.inode and was_born_then:
        return None
    return "another folder stands in its place"
