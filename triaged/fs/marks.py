"""What the kernel itself says of our watches: proc_pid_fdinfo(5), one line for each folder watched.

    inotify wd:3 ino:20c110 sdev:fe00000 mask:7c8 ignored_mask:0 fhandle-bytes:8 ...

watchdog swallows it when a folder cannot be watched, and does not notice an unmount.
"""

import os
from collections.abc import Iterator
from contextlib import suppress


def inotify_fds() -> set[int]:
    """Return the descriptors of this process that are inotify instances."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):  # the descriptor of this very listing
            if os.readlink(f"/proc/self/fd/{name}") == "anon_inode:inotify":
                found.add(int(name))
    return found


def count_marks(inotify_fd: int) -> int:
    """Return how many folders the kernel watches for `inotify_fd`, 0 if there is no such thing."""
    return sum(1 for _ in _marks(inotify_fd))


def has_mark(inotify_fd: int, key: tuple[int, int]) -> bool:
    """Return whether the kernel watches the folder with device and inode `key`.

    On btrfs and overlayfs fdinfo shows another device number than `os.stat`: there it is False.
    """
    device, inode = key
    wanted = b" ino:%x sdev:%x " % (inode, os.major(device) << 20 | os.minor(device))
    return any(wanted in line for line in _marks(inotify_fd))


def _marks(inotify_fd: int) -> Iterator[bytes]:
    with suppress(OSError), open(f"/proc/self/fdinfo/{inotify_fd}", "rb") as lines:
        yield from (line for line in lines if line.startswith(b"inotify "))
