"""The heavy process: does the work of `work.py` whenever the doorbell rings.

It reads both databases and writes only `features.db`. Its pipes are doorbells: a line on standard
input says "look again", a line on standard output says "there is news", the end of either says that
the other side has gone. It leaves when there has been nothing to do for a while.

    python -m triaged.worker --config FILE [--eager] [--humble]
"""

import argparse
import fcntl
import logging
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

from triaged import journal
from triaged.config import Config, load
from triaged.errors import UserError
from triaged.fs.places import find_places
from triaged.store.features import Features
from triaged.store.overview import Overview
from triaged.store.state import open_features
from triaged.work import Stopped, Worker

log = logging.getLogger(__name__)


@contextmanager
def locked(state_dir: bytes) -> Iterator[None]:
    """Wait for one's turn and hold it: `features.db` has one writer at a time."""
    path = os.path.join(state_dir, b"worker.lock")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def main() -> int:
    """Run the worker until it is idle, asked to stop, or left alone."""
    parser = argparse.ArgumentParser(prog="triaged.worker")
    parser.add_argument("--config", required=True)
    parser.add_argument("--eager", action="store_true", help="fit without delay, leave when left")
    parser.add_argument("--humble", action="store_true", help="run when nobody else wants to")
    options = parser.parse_args()
    journal.set_up(logging.INFO)
    try:
        config = load(os.fsencode(options.config))
    except UserError as error:
        log.error("%s", error)
        return error.exit_code
    if options.humble:
        _be_humble()
    return _run(config, eager=options.eager)


def _run(config: Config, *, eager: bool) -> int:
    state_dir = find_places().state_dir
    features = open_features(state_dir)
    worker = Worker(config, features, Overview(state_dir), _tell)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.is_stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        has_work = True
        while has_work and not worker.is_stopping:
            with locked(state_dir):
                worker.work(fit_now=eager)
                _note_trouble(features, "")
            _tell("done")
            has_work = _wait(None if eager else config.worker.idle_seconds)
    except (Stopped, BrokenPipeError):
        log.info("stopped in the middle; the rest stays for the next time")
    except UserError as error:
        log.error("%s", error)
        _note_trouble(features, str(error))
        return error.exit_code
    return 0


def _note_trouble(features: Features, trouble: str) -> None:
    """Record for `status` why the work cannot be done, empty when it can."""
    if trouble != (features.setting("trouble") or ""):
        features.set_setting("trouble", trouble)


def _tell(news: str) -> None:
    """Ring the daemon's doorbell; BrokenPipeError if there is nobody."""
    print(news, flush=True)  # noqa: T201  # standard output is the doorbell


def _wait(seconds: float | None) -> bool:
    """Wait for the doorbell; False when nobody rang for so long, or nobody is there any more."""
    readable, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return bool(readable) and bool(os.read(sys.stdin.fileno(), 4096))


def _be_humble() -> None:
    """Leave the processor and the disk to everybody else."""
    os.nice(19)
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    psutil.Process().ionice(psutil.IOPRIO_CLASS_IDLE)


if __name__ == "__main__":
    sys.exit(main())
