import os
from pathlib import Path

import pytest
from own_mounts import in_own_mounts

from triaged.core.types import Identity
from triaged.fs.mounts import (
    NETWORK_KINDS,
    Mount,
    check_root,
    filesystem_at,
    identity_of,
    invalidate,
    mount_of,
    mounts,
    parse_mountinfo,
)
from triaged.fs.statx import birth_ns, stamp

_MOUNTINFO = rb"""22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
31 27 8:17 / /media/anna/My\040Drive\134x rw,nosuid shared:5 master:1 - exfat /dev/sdb1 rw
32 27 0:45 /photos /mnt/nas rw - nfs4 server:/export/photos rw
33 27 0:46 / /mnt/nas rw - tmpfs none rw
a line of some other shape
"""


def test_mountinfo_is_parsed_with_its_escapes() -> None:
    drive = Mount(os.makedev(8, 17), b"/", rb"/media/anna/My Drive\x", "exfat", b"/dev/sdb1")

    table = parse_mountinfo(_MOUNTINFO)

    assert len(table) == 5
    assert table[2] == drive
    assert table[3].root == b"/photos"
    assert table[3].kind in NETWORK_KINDS


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (b"/", "ext4"),
        (b"/media/anna", "ext4"),
        (rb"/media/anna/My Drive\x", "exfat"),
        (rb"/media/anna/My Drive\x/2024", "exfat"),
        (rb"/media/anna/My Drive\xy", "ext4"),
        (b"/mnt/nas/a", "tmpfs"),
    ],
    ids=repr,
)
def test_the_last_of_the_longest_mount_points_holds_a_path(path: bytes, kind: str) -> None:
    assert mount_of(path, parse_mountinfo(_MOUNTINFO)).kind == kind


def test_a_path_that_no_mount_holds_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no mount"):
        mount_of(b"/x", [])


def test_this_machine_has_a_proc_of_its_own(tmp_path: Path) -> None:
    proc, here = filesystem_at(b"/proc/self"), filesystem_at(os.fsencode(tmp_path))

    assert (proc.kind, proc.mount_point, proc.is_network) == ("proc", b"/proc", False)
    assert proc.id != here.id
    assert here.device == os.stat(tmp_path).st_dev
    assert any(mount.mount_point == here.mount_point for mount in mounts())


def test_an_identity_outlives_a_move_but_not_a_copy(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "a.jpg")
    Path(os.fsdecode(path)).write_bytes(b"x")
    before = identity_of(path)
    os.rename(path, path + b".moved")
    Path(os.fsdecode(path)).write_bytes(b"x")

    assert identity_of(path + b".moved") == before
    assert identity_of(path) != before
    invalidate()
    assert identity_of(path + b".moved") == before


def test_an_identity_is_the_links_own_unless_followed(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    os.symlink("a.jpg", tmp_path / "link")
    path, link = os.fsencode(tmp_path / "a.jpg"), os.fsencode(tmp_path / "link")

    assert identity_of(link).inode == os.lstat(link).st_ino
    assert identity_of(link, follow=True) == identity_of(path)


def test_statx_agrees_with_stat(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path)
    st = os.stat(path)

    assert (stamp(path).device, stamp(path).inode) == (st.st_dev, st.st_ino)
    born = birth_ns(path)
    assert born == 0 or 0 <= st.st_ctime_ns - born < 60 * 10**9


def test_statx_of_nothing_raises() -> None:
    with pytest.raises(FileNotFoundError):
        birth_ns(b"/nonexistent")


def _root(tmp_path: Path) -> tuple[bytes, Identity]:
    root = os.fsencode(tmp_path / "root")
    os.mkdir(root)
    return root, identity_of(root, follow=True)


def test_a_healthy_root_has_no_fault(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)
    Path(os.fsdecode(root), "a.jpg").write_bytes(b"x")

    assert check_root(root, identity) is None
    assert check_root(root, None) is None


def test_a_missing_root_is_missing(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)
    os.rmdir(root)

    assert check_root(root, identity) == "missing"


def test_a_root_that_became_a_file_is_not_a_folder(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)
    os.rmdir(root)
    Path(os.fsdecode(root)).write_bytes(b"x")

    assert check_root(root, identity) == "not a folder"


def test_a_root_made_anew_is_another_folder(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)
    os.rename(root, root + b".old")
    os.mkdir(root)

    assert check_root(root, identity) == "another folder stands in its place"
    assert check_root(root + b".old", identity) is None


def test_a_freed_inode_number_does_not_make_the_old_root(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)
    if identity.birth_ns == 0:
        pytest.skip("the temporary folder's file system keeps no birth times")
    probe = os.fsencode(tmp_path / "probe")
    while not os.path.exists(probe) or birth_ns(probe) == identity.birth_ns:
        Path(os.fsdecode(probe)).unlink(missing_ok=True)
        Path(os.fsdecode(probe)).write_bytes(b"x")  # until the kernel's clock has ticked
    os.rmdir(root)
    os.mkdir(root)

    assert check_root(root, identity) == "another folder stands in its place"


def test_a_root_on_another_disk_says_which(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)
    expected = Identity("1234-ABCD", identity.inode, identity.birth_ns)

    assert (check_root(root, expected) or "").startswith("another disk: ")


def test_a_file_system_without_birth_times_is_told_by_the_inode(tmp_path: Path) -> None:
    root, identity = _root(tmp_path)

    assert check_root(root, Identity(identity.filesystem, identity.inode, 0)) is None
    other = Identity(identity.filesystem, identity.inode + 1, 0)
    assert check_root(root, other) == "another folder stands in its place"


_UNPLUG = """
import os, subprocess, sys
from triaged.fs.mounts import check_root, filesystem_at, identity_of
top = sys.argv[1].encode()
root = top + b"/photos"
subprocess.run(["mount", "-t", "tmpfs", "drive", top], check=True)
os.mkdir(root)
identity = identity_of(root, follow=True)
print(filesystem_at(root).mount_point == top, check_root(root, identity))
subprocess.run(["umount", top], check=True)
print(check_root(root, identity))
os.mkdir(root)
print(check_root(root, identity))
"""


def test_an_unplugged_drive_is_not_taken_for_an_empty_root(tmp_path: Path) -> None:
    healthy, missing, refilled = in_own_mounts(_UNPLUG, tmp_path)

    assert healthy == "True None"
    assert missing == "missing"
    assert refilled.startswith("another disk: ")


_BIND = """
import os, subprocess, sys
from triaged.fs.scan import walk
root = sys.argv[1].encode()
os.mkdir(root + b"/sub")
subprocess.run(["mount", "--bind", root, root + b"/sub"], check=True)
for folder, listing in walk(root):
    print(folder, [entry.name for entry in listing.entries], listing.trouble)
"""


def test_a_root_mounted_within_itself_is_walked_once(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")

    assert in_own_mounts(_BIND, tmp_path) == [
        "b'' [b'a.jpg'] None",
        "b'sub' [] a folder within itself",
    ]
