"""One daemon for a state folder: the lock it holds, and how a command reaches it."""

import contextlib
import fcntl
import os
import signal
import time

from triaged.errors import UserError
from triaged.fs.places import make_private_dir

_LOCK_TRIES, _LOCK_PAUSE_SECONDS = 5, 0.1


def make_state_dir(state_dir: bytes) -> None:
    """Make the state folder; raises UserError if that cannot be."""
    try:
        make_private_dir(state_dir)
    except OSError as error:
        raise UserError(
            f"the state folder {os.fsdecode(state_dir)} cannot be made: {error.strerror}"
        ) from None


def take_lock(state_dir: bytes) -> int:
    """Return a descriptor that holds the daemon's lock; raises UserError if another has it."""
    make_state_dir(state_dir)
    path = os.path.join(state_dir, b"daemon.lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)  # a command may be trying whether there is a daemon
    else:
        os.close(fd)
        raise UserError(
            f"another triaged is running on {os.fsdecode(state_dir)}; `triaged status` shows it"
        )
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # until the loop takes nudges
    os.truncate(fd, 0)
    os.write(fd, str(os.getpid()).encode())
    return fd


def nudge(state_dir: bytes) -> None:
    """Tell a running daemon that a command has changed what stands decided."""
    if is_running(state_dir):
        with open(os.path.join(state_dir, b"daemon.lock"), "rb") as file:
            pid = int(file.read() or 0)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)


def is_running(state_dir: bytes) -> bool:
    """Return whether a daemon holds the lock of `state_dir`."""
    try:
        fd = os.open(os.path.join(state_dir, b"daemon.lock"), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
