"""Hints: which folders something has happened in. Never what: that only a scan can tell.

One watchdog observer for all roots, one dictionary of dirty folders, one thing to wait on.

    watchdog's trap                                      what we do
    ---------------------------------------------------  -------------------------------------------
    a full mask live-locks above 4,100 folders           an explicit filter
    overlapping watches replace each other's mask        the same filter for every root
    a root that is a symlink gives no events             watch its real path
    overflow reaches no handler, only a logger           listen to that logger, ask for a full scan
    mending 16,384 watches overflows the queue again     a new observer after each overflow
    an exception in a handler kills the dispatcher       the handler adds to a dictionary, no more
    folders over the kernel's limit are silently blind   count the watches: `watch_count`
    a root unmounted or made anew is silent for ever     `add` it again at each scan: it looks

Watch first, then scan: what changes during the scan is hinted at.
"""

import contextlib
import logging
import os
import select
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import inotify_c
from watchdog.observers.api import ObservedWatch
from watchdog.observers.inotify import InotifyObserver

from triaged.fs.marks import count_marks, has_mark, inotify_fds

_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    FileClosedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
]
_OVERFLOW_LOGGER = "watchdog.observers.inotify_c"
_EMITTER_LOGGER = "watchdog.observers.inotify"

# watchdog 7.1 warns of a harmless race while folders are made, and prints every path it watches
# into each warning: 1 MB at 10,000 folders, kept for ever in the warnings' registry.
warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
if hasattr(inotify_c, "Watch"):
    inotify_c.Watch.__repr__ = object.__repr__  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True)
class Hints:
    """Folders in which something happened, each with the monotonic time of the last hint.

    A hinted folder may be gone, or have come with all that is below it. `overflowed` means that
    hints were lost: look everywhere.
    """

    folders: dict[bytes, float] = field(default_factory=dict)
    overflowed: bool = False


@dataclass(slots=True)
class _Root:
    """One watched folder: watchdog's handle, and the inode and device it was added with."""

    watch: ObservedWatch
    is_recursive: bool
    key: tuple[int, int]
    has_mark: bool


class Watcher:
    """Watches roots and collects hints; close it when done, or use it as a context manager.

    A hint names a folder by its real path. Where inotify is not to be had, `trouble` says so, no
    hint ever comes, and scans alone do the work. `overflow_settle_s` is how long after an overflow
    the roots are watched anew and a scan is asked for: a storm of events overflows more than once.
    """

    def __init__(self, overflow_settle_s: float = 2.0) -> None:
        self._overflow_settle_s = overflow_settle_s
        self._lock = threading.Lock()
        self._dirty: dict[bytes, float] = {}
        self._overflow_due: float | None = None
        self._roots: dict[bytes, _Root] = {}
        self._troubles: dict[bytes, str] = {}
        self._observer: InotifyObserver | None = None
        self._inotify_fd = -1
        self._wake_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._handler = _HintCollector(self)
        self._listener = _OverflowListener(self)
        logger = logging.getLogger(_OVERFLOW_LOGGER)
        logger.setLevel(logging.WARNING)  # whatever the program's own level is
        logger.addHandler(self._listener)
        logging.getLogger(_EMITTER_LOGGER).addFilter(_is_worth_logging)

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def trouble(self) -> str | None:
        """Why hints are missing, in words for the owner; None while all is well."""
        if self._observer is not None and not self._observer.is_alive():
            return "watching has stopped: the thread that reads the events died"
        return "; ".join(self._troubles.values()) or None

    def add(self, path: bytes, recursive: bool = True) -> None:
        """Watch the folder `path`, with all below it if `recursive`.

        To be called again at each scan: does nothing while the watch is sound, and sets it up anew
        when the folder was unmounted, replaced or made again. Failure shows in `trouble`.
        """
        try:
            if self._is_sound(path, recursive):
                return
            self.remove(path)
            self._schedule(path, recursive)
        except OSError as error:
            self._troubles[path] = f"cannot watch {os.fsdecode(path)!r}: {error.strerror}"

    def remove(self, path: bytes) -> None:
        """Stop watching `path`; does nothing if it was not watched."""
        self._troubles.pop(path, None)
        root = self._roots.pop(path, None)
        if root is not None and self._observer is not None:
            self._observer.unschedule(root.watch)

    def wait(self, timeout_s: float | None, fds: Sequence[int] = ()) -> set[int]:
        """Block until a hint, `wake`, input or end on one of `fds`, or `timeout_s` (None: ever).

        Returns those of `fds` that are ready. Hints not yet taken do not end a second wait.
        """
        poll = select.poll()
        for fd in (self._wake_fd, *fds):
            poll.register(fd, select.POLLIN)
        ready = {fd for fd, _ in poll.poll(self._milliseconds(timeout_s))}
        if self._wake_fd in ready:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake_fd)
        return ready - {self._wake_fd}

    def wake(self) -> None:
        """End the `wait` going on, or else the next one; safe in a signal handler: no lock."""
        with contextlib.suppress(OSError, ValueError):  # woken 2^64 times, or closed
            os.eventfd_write(self._wake_fd, 1)

    def take_hints(self) -> Hints:
        """Return the hints since the last call, and forget them.

        Some time after an overflow, first watches all roots anew, so that a scan begun after this
        call misses nothing; that takes seconds for 100,000 folders.
        """
        overflowed = self._overflow_due is not None and time.monotonic() >= self._overflow_due
        if overflowed:
            self._watch_anew()
        with self._lock:
            dirty, self._dirty = self._dirty, {}
        return Hints(dirty, overflowed)

    def watch_count(self) -> int:
        """Return how many folders the kernel watches: fewer than there are means blind ones."""
        return count_marks(self._inotify_fd)

    def close(self) -> None:
        """Stop watching."""
        logging.getLogger(_OVERFLOW_LOGGER).removeHandler(self._listener)
        logging.getLogger(_EMITTER_LOGGER).removeFilter(_is_worth_logging)
        self._stop_observer()
        wake_fd, self._wake_fd = self._wake_fd, -1
        if wake_fd >= 0:
            os.close(wake_fd)

    def note(self, folders: Sequence[bytes]) -> None:
        """Take a hint for each of `folders`; called by watchdog's thread."""
        now = time.monotonic()
        with self._lock:
            self._dirty.update(dict.fromkeys(folders, now))
        self.wake()

    def note_overflow(self) -> None:
        """Take it that hints were lost; called by watchdog's thread."""
        with self._lock:
            if self._overflow_due is None:
                self._overflow_due = time.monotonic() + self._overflow_settle_s
        self.wake()

    def _schedule(self, path: bytes, recursive: bool) -> None:
        """Add `path` to the observer, started when there is none. Raises OSError."""
        real = os.path.realpath(path)
        st = os.stat(real)
        if self._observer is None:
            self._start_observer()
        assert self._observer is not None  # noqa: S101
        watch = self._observer.schedule(
            self._handler, os.fsdecode(real), recursive=recursive, event_filter=_EVENTS
        )
        root = _Root(watch, recursive, (st.st_dev, st.st_ino), has_mark=True)
        root.has_mark = has_mark(self._inotify_fd, root.key)
        self._roots[path] = root

    def _start_observer(self) -> None:
        """Start watchdog; its inotify descriptor is the one that was not there before."""
        before = inotify_fds()
        observer = InotifyObserver(generate_full_events=True)
        self._inotify_fd = max(inotify_fds() - before, default=-1)
        observer.start()
        self._observer = observer

    def _stop_observer(self) -> None:
        """Stop watchdog, and with it all watches."""
        self._roots.clear()
        observer, self._observer, self._inotify_fd = self._observer, None, -1
        if observer is not None:
            observer.stop()
            observer.join()

    def _watch_anew(self) -> None:
        """Watch all roots with a new inotify instance.

        Watchdog mends its watches after an overflow by taking each off and on. The kernel reports
        each one taken off: beyond the 16,384 that its queue holds, that overflows it again, for
        ever, at 100 % CPU (measured with watchdog 7.1.0 and 20,000 folders).
        """
        roots = [(path, root.is_recursive) for path, root in self._roots.items()]
        self._stop_observer()
        with self._lock:
            self._overflow_due = None  # the old instance can report no more
        for path, is_recursive in roots:
            self.add(path, is_recursive)

    def _is_sound(self, path: bytes, recursive: bool) -> bool:
        """Return whether the watch on `path` is the one wanted and the kernel still serves it."""
        root = self._roots.get(path)
        if root is None or self._observer is None or root.is_recursive != recursive:
            return False
        st = os.stat(path)
        emits = any(e.watch == root.watch and e.is_alive() for e in self._observer.emitters)
        is_same = (st.st_dev, st.st_ino) == root.key
        return emits and is_same and (not root.has_mark or has_mark(self._inotify_fd, root.key))

    def _milliseconds(self, timeout_s: float | None) -> float | None:
        """Return how long to poll: `timeout_s`, but not past the scan that an overflow asks for."""
        due = self._overflow_due
        if due is not None:
            left = max(0.0, due - time.monotonic())
            timeout_s = left if timeout_s is None else min(timeout_s, left)
        return None if timeout_s is None else max(0.0, timeout_s * 1000)


class _HintCollector(FileSystemEventHandler):
    """Turns events into hints. An exception here would end watchdog's thread."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def dispatch(self, event: FileSystemEvent) -> None:
        """Hint at the folders of `event`: where it was, where it went, and itself if a folder."""
        paths = [os.fsencode(path) for path in (event.src_path, event.dest_path) if path]
        folders = [os.path.dirname(path) for path in paths]
        self._watcher.note([*folders, *paths] if event.is_directory else folders)


class _OverflowListener(logging.Handler):
    """Hears watchdog say that the kernel's queue overflowed; nothing else tells of it."""

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(logging.WARNING)
        self._watcher = watcher

    def emit(self, record: logging.LogRecord) -> None:
        """Pass an overflow on."""
        if "overflow" in record.getMessage():
            self._watcher.note_overflow()


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return False for the error that watchdog logs each time a watch is taken off."""
    return "called when the thread is inactive" not in record.getMessage()
