"""How a process gives up all it does not need for decoding: rlimits, landlock, seccomp, by ctypes.

    layer     what it takes away
    --------  ----------------------------------------------------------------------------------
    rlimits   memory beyond a base, files that grow, core dumps, more than a few open files
    landlock  every path of every file system; TCP; signals and abstract sockets outside
    seccomp   every system call but reading, answering, memory, threads, time and leaving

Order: imports first, then `confine`; nothing can be loaded afterwards. Each layer stands alone, so
a kernel without one still has the others, and `confine` says which. There is no RLIMIT_NPROC: it
counts all of the owner's processes and threads, so no number is right; seccomp refuses `fork`.

Sources: landlock(7), seccomp(2), linux/{landlock,seccomp,filter,audit}.h, asm/unistd_64.h (x86_64)
and asm-generic/unistd.h (aarch64).
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys

_MAX_OPEN_FILES = 16  # open files: standard streams, the one being read, a library's odd one

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38

# The landlock calls are newer than the split of the tables: one number everywhere.
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_CREATE_RULESET_VERSION = 1

_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FILTER_FLAG_TSYNC = 1  # every thread that a library started during its import as well
_RET_KILL_PROCESS = 0x80000000
_RET_ALLOW = 0x7FFF0000
_RET_ERRNO = 0x00050000
_CLONE_THREAD = 0x00010000
_CLONE3 = 435  # its flags lie in memory that a filter cannot read: "no such call", libc uses clone
_FIRST_UNKNOWN = 450  # newer than this table: "no such call", as on an older kernel

# machine: (AUDIT_ARCH, number of seccomp(2), column of the table below)
_MACHINES = {"x86_64": (0xC000003E, 317, 0), "aarch64": (0xC00000B7, 277, 1)}

# Allowed whatever the arguments.               x86_64, aarch64
_ALLOWED = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "exit": (60, 93),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "sigaltstack": (131, 132),
    "gettid": (186, 178),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "restart_syscall": (219, 128),
    "fadvise64": (221, 223),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "newfstatat": (262, 79),  # what libc's fstat is made of; paths are landlock's business
    "set_robust_list": (273, 99),
    "dup3": (292, 24),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
_CLONE = (56, 220)  # with CLONE_THREAD only: decoders of HEIF and AVIF start threads
_TGKILL = (234, 131)  # to this process only: abort() is made of it
_PRLIMIT64 = (302, 261)  # of this process only


def confine(memory_bytes: int) -> tuple[str, ...]:
    """Confine this process for good and return the layers in force, and those that are missing.

    `memory_bytes` is what it may map beyond what it has mapped by now. A missing layer reads
    "no landlock (Operation not supported)". Call it with every module loaded and one thread.
    """
    layers = [_limit_resources(memory_bytes)]
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for name, restrict in (("landlock", forbid_paths), ("seccomp", forbid_calls)):
        try:
            restrict()
            layers.append(name)
        except OSError as error:
            layers.append(f"no {name} ({error.strerror})")
    return tuple(layers)


def die_with_parent() -> None:
    """Have the kernel kill this process when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def limit_cpu(seconds: float) -> None:
    """Let this process use `seconds` of processor time from now; SIGXCPU kills it after them."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit_resources(memory_bytes: int) -> str:
    with open("/proc/self/statm", "rb") as statm:
        mapped_bytes = int(statm.read().split()[0]) * resource.getpagesize()
    for limit, value in (
        (resource.RLIMIT_AS, mapped_bytes + memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        hard = resource.getrlimit(limit)[1]
        lowest = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (lowest, lowest))
    return "rlimits"


def forbid_paths() -> None:
    """Have landlock refuse every access it knows of to this thread. Raises OSError without it."""
    abi = _call(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    rights = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)  # + refer, truncate, ioctl on devices
    fields = [(1 << rights) - 1]
    fields += [0b11] if abi >= 4 else []  # bind and connect of TCP
    fields += [0b11] if abi >= 6 else []  # abstract unix sockets, signals
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _call(_LANDLOCK_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        _call(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def forbid_calls() -> None:
    """Have seccomp refuse every call but those of the table to this process. Raises OSError."""
    machine = _MACHINES.get(platform.machine())
    if machine is None or sys.maxsize < 2**32:
        raise OSError(errno.ENOSYS, f"no table for {platform.machine()}")
    audit_arch, seccomp, column = machine
    program = _filter(audit_arch, column, os.getpid())
    code = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog {unsigned short len; struct sock_filter *filter;}
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    _call(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, header)


def _filter(audit_arch: int, column: int, pid: int) -> bytes:
    """Return the BPF program: allow the table, judge three calls by an argument, refuse the rest.

    A foreign architecture kills, because its numbers mean other calls. x32 numbers are those of
    x86_64 with bit 30 set: they equal nothing here, and are refused as unknown.
    """
    allow, refuse, unknown = _RET_ALLOW, _RET_ERRNO | errno.EPERM, _RET_ERRNO | errno.ENOSYS
    code = [_load(4), _when(_EQUAL, audit_arch, skip=1), _answer(_RET_KILL_PROCESS), _load(0)]
    for numbers in _ALLOWED.values():
        code += [_unless(_EQUAL, numbers[column], skip=1), _answer(allow)]
    for numbers, test, value in (
        (_CLONE, _HAS_BITS, _CLONE_THREAD),
        (_TGKILL, _EQUAL, pid),
        (_PRLIMIT64, _EQUAL, 0),
    ):
        judged = [_load(16), _unless(test, value, skip=1), _answer(allow), _answer(refuse)]
        code += [_unless(_EQUAL, numbers[column], skip=len(judged)), *judged]
    code += [_unless(_EQUAL, _CLONE3, skip=1), _answer(unknown)]
    code += [_unless(_AT_LEAST, _FIRST_UNKNOWN, skip=1), _answer(unknown), _answer(refuse)]
    return b"".join(code)


# BPF_JMP | BPF_K with BPF_JEQ, BPF_JGE, BPF_JSET
_EQUAL, _AT_LEAST, _HAS_BITS = 0x15, 0x35, 0x45


def _load(offset: int) -> bytes:
    """Load 32 bits of struct seccomp_data: 0 number, 4 architecture, 16 first argument (low)."""
    return struct.pack("=HBBI", 0x20, 0, 0, offset)


def _when(test: int, value: int, skip: int) -> bytes:
    """Skip the next `skip` instructions if the test holds."""
    return struct.pack("=HBBI", test, skip, 0, value)


def _unless(test: int, value: int, skip: int) -> bytes:
    """Skip the next `skip` instructions unless the test holds."""
    return struct.pack("=HBBI", test, 0, skip, value)


def _answer(action: int) -> bytes:
    return struct.pack("=HBBI", 0x06, 0, 0, action)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    zero = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _call(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call that libc has no name for. Raises OSError with its errno."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    passed = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    answer = int(libc.syscall(ctypes.c_long(number), *passed))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
