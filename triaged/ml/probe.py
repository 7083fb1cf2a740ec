"""What a taken-over decoder would try, tried on purpose: the test of the confinement.

Every attempt either works ("allowed") or is refused with an errno ("EPERM", "EACCES"). The last
three must work, or nothing could be decoded.
"""

import ctypes
import errno
import os
import socket
import sys
import threading
from collections.abc import Callable

_IO_URING_SETUP = 425  # one number everywhere; the classic way around a seccomp filter


def attempts() -> dict[str, str]:
    """Try everything in this process and return what came of it, by name."""
    return {name: attempt(name) for name in _ATTEMPTS}


def attempt(name: str) -> str:
    """Try one thing and return what came of it. Raises KeyError for an unknown name."""
    try:
        _ATTEMPTS[name]()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error.errno))
    except Exception as error:  # such as RuntimeError where no thread can be started
        return type(error).__name__
    return "allowed"


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)
    os.wait()


def _execute() -> None:
    os.execv(sys.executable, [sys.executable, "-c", ""])  # noqa: S606  # no shell is the point


def _system_call(number: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(ctypes.c_long(number), 0, 0) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _start_thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


_ATTEMPTS: dict[str, Callable[[], object]] = {
    "read a file": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "write a file": lambda: os.open("triaged-probe", os.O_WRONLY | os.O_CREAT, 0o600),
    "list a folder": lambda: os.listdir("/"),
    "remove a file": lambda: os.unlink("triaged-probe"),
    "rename a file": lambda: os.rename("triaged-probe", "triaged-probe-2"),
    "change the mode of an open file": lambda: os.fchmod(sys.stdin.fileno(), 0o600),
    "set an attribute of an open file": lambda: os.setxattr(0, "user.triaged", b"1"),
    "set the times of an open file": lambda: os.utime(sys.stdin.fileno(), (0, 0)),
    "open a network socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "open a local socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "fork": _fork,
    "execute a program": _execute,
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "make an io_uring": lambda: _system_call(_IO_URING_SETUP),
    "start a thread": _start_thread,
    "map memory": lambda: bytearray(64 << 20),
    "ask for randomness": lambda: os.getrandom(8),
}
