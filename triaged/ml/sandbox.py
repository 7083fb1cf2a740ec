"""The pool of decoding children: files go in, facts and features come out, trouble stays inside.

    a child that               costs
    -------------------------  ----------------------------------------------------------------
    crashes, is killed         the file it was at (`is_crash`); the next one goes to another child
    takes too long, hangs      the same; it is killed
    says nonsense              the same; nothing of that answer is used
    ends before it has read    nothing; after the third in a row RuntimeError: it is not the files

The parent opens the files (regular ones only, no symbolic links) and hands the open file over, so
that a child needs no right to open anything. Children are started when there is work for them,
answer in the order they were asked, and leave with their parent. The program they run stands in
`decoder.py`, what is said in `wire.py`, what they cannot do in `confinement.py`.
"""

import errno
import os
import selectors
import stat
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

from triaged.ml.child import PROGRAM, Child, Job, Limits, Lost, Outcome, Want

__all__ = ["DecoderPool", "Job", "Limits", "Outcome", "Want"]

_AHEAD = 2  # files with a child: one at work, one waiting, so that it need not wait for its parent
_MAX_FAILED_STARTS = 3


class _Unreadable(Exception):  # noqa: N818  # the reason, read as a sentence
    """A path that is not handed to a child; `str()` is the reason for the owner."""


class DecoderPool:
    """Up to `workers` decoding children (0: one a core). Use it as a context manager.

    One thread only, and that thread must outlive the pool: the kernel ends the children together
    with the thread that started them. `program` is for tests: what to run as a child.
    """

    def __init__(
        self,
        workers: int,
        want: Want,
        limits: Limits | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._want = want
        self._limits = limits or Limits()
        self._program = program
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._given_back: deque[Job] = deque()  # by children that were lost
        self._finished: deque[Outcome] = deque()
        self._failed_starts = 0
        self._layers: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kill all children at once. The pool cannot be used afterwards."""
        for child in list(self._children):
            self._end(child)
        self._selector.close()

    @property
    def confinement(self) -> str:
        """What holds the children, in words; waits for the first child to say so.

        Raises RuntimeError when children do not start.
        """
        while not self._layers:
            if not self._children:
                self._start()
            self._collect()
        return ", ".join(self._layers)

    def run(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """Yield one outcome for every job, as they finish; jobs are drawn as children get free.

        Time that the caller spends between two outcomes does not count against a file. Leaving
        early kills the children that are at work. Raises RuntimeError when children do not start.
        """
        source = iter(jobs)
        try:
            while True:
                has_more = self._feed(source)
                while self._finished:
                    left_at = time.monotonic()
                    yield self._finished.popleft()
                    self._put_off(time.monotonic() - left_at)
                if any(child.pending for child in self._children):
                    self._collect()
                elif not has_more:
                    return
        finally:
            self._give_up()

    def _put_off(self, seconds: float) -> None:
        for child in self._children:
            child.deadline += seconds

    def _give_up(self) -> None:
        self._given_back.clear()
        self._finished.clear()
        for child in [child for child in self._children if child.pending]:
            self._end(child)

    def _feed(self, source: Iterator[Job]) -> bool:
        """Hand out jobs until every child has enough; return whether there may be more."""
        while (child := self._free_child()) is not None:
            job = self._given_back.popleft() if self._given_back else next(source, None)
            if job is None:
                return False
            try:
                fd = _open(job.path, self._limits.file_bytes)
            except _Unreadable as error:
                self._finished.append(Outcome(job.key, error=str(error)))
                return True
            try:
                child.ask(job, fd)
            except Lost as lost:
                self._given_back.append(job)
                self._bury(child, lost)
            finally:
                os.close(fd)
        return True

    def _free_child(self) -> Child | None:
        """Return the least busy child, a new one rather than a busy one; None if all are full."""
        child = min(self._children, key=lambda child: len(child.pending), default=None)
        if child is None or (child.pending and len(self._children) < self._workers):
            return self._start()
        return child if len(child.pending) < _AHEAD else None

    def _start(self) -> Child:
        child = Child(self._program, self._want, self._limits)
        self._children.append(child)
        self._selector.register(child.channel, selectors.EVENT_READ, child)
        return child

    def _collect(self) -> None:
        """Wait until a child says something or is late, and keep what has finished."""
        earliest = min(child.deadline for child in self._children)
        for key, _ in self._selector.select(max(0.0, earliest - time.monotonic())):
            self._listen(key.data)
        for child in [c for c in self._children if c.deadline <= time.monotonic()]:
            self._bury(child, Lost(child.lateness))

    def _listen(self, child: Child) -> None:
        try:
            for outcome in child.listen():
                self._finished.append(outcome)
                self._failed_starts = 0
        except Lost as lost:
            self._bury(child, lost)
        if child.hello is not None:
            self._layers = child.hello.layers

    def _bury(self, child: Child, lost: Lost) -> None:
        """End a child: the file it had read, if any, is to blame; the others are given back."""
        self._end(child)
        outcome = child.blame(lost)
        self._given_back.extend(child.pending)
        if outcome is not None:
            self._finished.append(outcome)
            self._failed_starts = 0
        elif child.pending or child.hello is None:
            self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS:
            raise RuntimeError(f"decoders end before they have read anything; the last one: {lost}")

    def _end(self, child: Child) -> None:
        self._children.remove(child)
        self._selector.unregister(child.channel)
        child.kill()


def _open(path: bytes, limit_bytes: int) -> int:
    """Return an open regular file of at most `limit_bytes`. Raises `_Unreadable`."""
    # O_NONBLOCK: opening a pipe must not wait for its other end. It means nothing on a file.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
    try:
        try:
            fd = os.open(path, flags | os.O_NOATIME)
        except PermissionError:  # O_NOATIME is for the file's owner only
            fd = os.open(path, flags)
    except OSError as error:
        reason = "a symbolic link" if error.errno == errno.ELOOP else error.strerror
        raise _Unreadable(f"cannot be opened: {reason}") from error
    except ValueError:
        raise _Unreadable("cannot be opened: a zero byte in its name") from None
    status = os.fstat(fd)
    if stat.S_ISREG(status.st_mode) and status.st_size <= limit_bytes:
        return fd
    os.close(fd)
    if not stat.S_ISREG(status.st_mode):
        raise _Unreadable("not a regular file")
    raise _Unreadable(f"{status.st_size:,} bytes; the limit is {limit_bytes:,}")
