"""The resident process: wait, look, judge, wake the worker, publish. One thread, one loop.

    hint        the watcher says that something has happened in a folder
    look        observe.py, once the folder has settled
    judge       judge.py, after every look and whenever the worker has news
    wake        the worker, when there is something to read or a fit is due
    publish     publish.py, when scores or decisions have changed

Signals only set a flag and wake the loop. Everything can be stopped between two folders.
"""

import json
import logging
import os
import signal
import sqlite3
import time
from types import FrameType

from triaged import journal
from triaged.agenda import Agenda
from triaged.config import Config
from triaged.core.schedule import seconds_until_fit
from triaged.core.types import Role
from triaged.fs.watch import Watcher
from triaged.judge import settle
from triaged.observe import Looked, Observer
from triaged.publish import Publisher
from triaged.store.overview import Overview
from triaged.store.rescue import back_up, begin, end, newest_backup_at
from triaged.store.state import Store, open_features
from triaged.supervisor import Supervisor

log = logging.getLogger(__name__)

_STOP_SECONDS = 3.0  # for the worker; the whole stop must not take five
_BACKUP_SECONDS = 86_400.0
_AWAY_SECONDS = 30.0  # between two looks for a root that is away
_RETRY_SECONDS = 10.0  # after the disk of the databases refused a write
_LONGEST_WAIT_SECONDS = 3_600.0


class Daemon:
    """The resident loop and what it holds open. `run` returns when asked to stop by a signal."""

    def __init__(self, config: Config, config_file: bytes, state_dir: bytes) -> None:
        self._config = config
        self._state_dir = state_dir
        rescued = begin(state_dir)
        for text in rescued:
            log.error("%s", text)
        self._store = Store(state_dir)
        if rescued:
            self._store.set_setting("rescued", "; ".join(rescued))
        open_features(state_dir).close()  # so that it can be read before the worker's first run
        self._overview = Overview(state_dir)
        self._observer = Observer(config, self._store, self._overview, stop=self._is_stopping)
        self._publisher = Publisher(config, self._store, self._overview)
        self._supervisor = Supervisor(config_file)
        self._watcher = Watcher()
        self._agenda = Agenda(config.scan.settle_seconds, config.scan.interval_minutes * 60)
        self._watched: dict[bytes, bool] = {}
        self._stopping = False
        self._nudged = False
        self._fit_at: float | None = None
        self._away_at: float | None = None

    def run(self) -> None:
        """Watch, look and publish until SIGTERM or SIGINT."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGUSR1, self._nudge)
        try:
            self._watch()
            journal.notify("READY=1\nSTATUS=looking at everything")
            self._supervisor.ring()
            while not self._stopping:
                self._turn()
        finally:
            self._close()

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._watcher.wake()

    def _nudge(self, _signal: int, _frame: FrameType | None) -> None:
        self._nudged = True
        self._watcher.wake()

    def _is_stopping(self) -> bool:
        journal.notify("WATCHDOG=1")
        return self._stopping

    def _close(self) -> None:
        journal.notify("STOPPING=1")
        self._supervisor.stop(_STOP_SECONDS)
        self._watcher.close()
        self._overview.close()
        self._store.close()
        end(self._state_dir)
        log.info("stopped")

    def _turn(self) -> None:
        """One turn of the loop: wait until there is something to do, and do it."""
        fds = [] if self._supervisor.fd is None else [self._supervisor.fd]
        ready = self._watcher.wait(self._seconds_to_wait(), fds)
        journal.notify("WATCHDOG=1")
        hints = self._watcher.take_hints()
        self._agenda.hint(hints.folders)
        if hints.overflowed:
            log.warning("hints were lost: looking at everything")
            self._agenda.look_everywhere(time.monotonic())
        has_news = bool(ready) and self._supervisor.hear()
        if self._nudged:
            self._nudged, has_news = False, True
            self._supervisor.ring()
        self._supervisor.start_if_wanted()
        self._look_for_lost_roots()
        try:
            self._work(has_news)
        except sqlite3.OperationalError as error:
            log.error("the databases cannot be written: %s; trying again", error)
            self._agenda.look_everywhere(time.monotonic() + _RETRY_SECONDS)

    def _work(self, has_news: bool) -> None:
        due = self._agenda.take(time.monotonic())
        looked = None
        if due is not None:
            looked = self._look(due.folders)
        is_whole = due is not None and due.folders is None
        if not has_news and not is_whole and (looked is None or not looked.is_news):
            return
        settled = settle(self._store, self._overview)
        if settled.decisions or settled.lessons or (looked is not None and looked.is_news):
            self._supervisor.ring()
        self._plan_fit()
        self._publish()
        self._back_up()
        self._say_status()

    def _back_up(self) -> None:
        """Make the daily backup, if something was decided since the last one."""
        last, changes = newest_backup_at(self._state_dir), str(self._overview.changes())
        is_due = last is None or not 0 <= time.time() - last < _BACKUP_SECONDS
        if not is_due or changes in ("0", self._store.setting("backed_up")):
            return
        trouble = ""
        try:
            back_up(self._store.db, self._state_dir)
            self._store.set_setting("backed_up", changes)
        except (OSError, sqlite3.OperationalError) as error:
            trouble = f"no backup could be made: {error}"
        self._note_trouble("backup_trouble", trouble)

    def _publish(self) -> None:
        """Publish; a folder that cannot be written is a trouble to be seen, not an end."""
        trouble = ""
        try:
            self._publisher.publish()
        except OSError as error:
            name = os.fsdecode(error.filename or self._config.review.folder)
            trouble = f"{name} cannot be written: {error.strerror}"
        self._note_trouble("publish_trouble", trouble)

    def _note_trouble(self, name: str, trouble: str) -> None:
        """Record a trouble for `status` when it begins, changes or ends (empty)."""
        if trouble != (self._store.setting(name) or ""):
            self._store.set_setting(name, trouble)
            if trouble:
                log.warning("%s", trouble)

    def _look(self, folders: set[bytes] | None) -> Looked:
        if folders is None:
            self._watch()
        looked = self._observer.look(folders)
        now = time.monotonic()
        for folder, seconds in looked.again.items():
            self._agenda.look_again([folder], now + seconds)
        if looked.is_news:
            log.info(
                "looked at %s: %d new, %d moved, %d edited, %d gone, %d acts",
                "everything" if folders is None else f"{len(folders)} folders",
                *(looked.arrived, looked.moved, looked.edited, looked.gone, looked.acts),
            )
        if looked.moved or folders is None:
            self._watch()
        is_away = bool(self._observer.root_watch.away())
        self._away_at = now + _AWAY_SECONDS if is_away else None
        return looked

    def _look_for_lost_roots(self) -> None:
        """Ask for a full look if a root that was away is back: nothing else tells of it."""
        now = time.monotonic()
        if self._away_at is not None and now >= self._away_at:
            self._away_at = now + _AWAY_SECONDS
            if self._observer.root_watch.is_any_back():
                self._agenda.look_everywhere(now)

    def _watch(self) -> None:
        """Watch the configured roots and the trashes found so far: first watch, then look."""
        wanted = {os.path.realpath(root.path): True for root in self._config.roots}
        for root in self._store.roots.active():
            if root.role is Role.TRASH:
                wanted |= {os.path.join(root.path, part): False for part in (b"files", b"info")}
        for path in self._watched.keys() - wanted.keys():
            self._watcher.remove(path)
        for path, is_recursive in wanted.items():
            if os.path.isdir(path):
                self._watcher.add(path, recursive=is_recursive)
        self._watched = wanted
        trouble = self._watcher.trouble
        text = f"some changes are only seen by the regular scan: {trouble}" if trouble else ""
        self._note_trouble("watch_trouble", text)

    def _plan_fit(self) -> None:
        """Wake the worker now if a fit is due, or set the time when it will be."""
        state = self._overview.fit_state(time.time())
        seconds = seconds_until_fit(state.new, state.labels, state.seconds_since_fit)
        self._fit_at = None
        if seconds is not None and state.seconds_since_fit is not None:
            self._fit_at = time.monotonic() + seconds

    def _seconds_to_wait(self) -> float:
        now = time.monotonic()
        times = [self._agenda.next_at() - now, _LONGEST_WAIT_SECONDS, _watchdog_seconds()]
        if self._fit_at is not None:
            if self._fit_at <= now:
                self._fit_at = None
                self._supervisor.ring()
            else:
                times.append(self._fit_at - now)
        if (seconds := self._supervisor.seconds_until_start) is not None:
            times.append(seconds)
        if self._away_at is not None:
            times.append(self._away_at - now)
        return max(0.0, min(times))

    def _say_status(self) -> None:
        counts = self._store.photos.counts()
        encoder = self._overview.encoder()
        known = counts.get("library", 0)
        waiting = self._overview.study.count_to_embed(encoder) if encoder else known
        text = f"{known:,} photos, {waiting:,} waiting"
        journal.notify(f"STATUS={text}")
        self._store.set_setting("daemon", json.dumps({"pid": os.getpid(), "at": time.time()}))


def _watchdog_seconds() -> float:
    """Return how often the service manager wants to hear from us, halved for safety."""
    usec = os.environ.get("WATCHDOG_USEC", "")
    return int(usec) / 2e6 if usec.isdigit() and int(usec) else _LONGEST_WAIT_SECONDS
