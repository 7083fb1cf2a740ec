"""Everything once, in the foreground: for cron, for `learn`, for somebody who waits."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable

from triaged.config import Config
from triaged.errors import UserError
from triaged.judge import settle
from triaged.observe import Observer
from triaged.publish import Publisher
from triaged.store.overview import Overview
from triaged.store.state import Store, open_features

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]


def run_once(
    config: Config,
    config_file: bytes,
    state_dir: bytes,
    progress: Progress = lambda _done, _total: None,
) -> None:
    """Look, read, judge, fit, score and publish once.

    `progress` takes how many photos were read, and of how many. Raises UserError if the worker
    could not do its part.
    """
    store, overview = open_state(state_dir)
    looked = Observer(config, store, overview, patient=False).look(None)
    log.info(
        "%d new, %d moved, %d edited, %d gone, %d acts",
        *(looked.arrived, looked.moved, looked.edited, looked.gone, looked.acts),
    )
    work(store, overview, config_file, progress)
    Publisher(config, store, overview).publish()
    overview.close()
    store.close()


def open_state(state_dir: bytes) -> tuple[Store, Overview]:
    """Open both databases, made and migrated where needed."""
    store = Store(state_dir)
    open_features(state_dir).close()
    return store, Overview(state_dir)


def work(store: Store, overview: Overview, config_file: bytes, progress: Progress) -> None:
    """Have a worker read, fit and score until there is nothing left to do, judging in between.

    Waits its turn if the daemon's worker is at work. Raises UserError if the worker fails.
    """
    command = (sys.executable, "-P", "-m", "triaged.worker", "--eager", "--config", config_file)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both pipes were asked for")
        settle(store, overview)
        is_first, most = True, 0
        for line in process.stdout:
            news = any(settle(store, overview))
            waiting = _waiting(overview)
            most = max(most, waiting)
            progress(most - waiting, most)
            if line != b"done\n":
                continue
            if not (news or is_first):
                break
            is_first = False
            process.stdin.write(b"\n")
            process.stdin.flush()
        process.stdin.close()
    if process.returncode:
        trouble = overview.worker_setting("trouble")
        raise UserError(
            f"the worker left with {process.returncode}: {trouble or 'see the lines above'}"
            f" ({os.fsdecode(config_file)})"
        )


def _waiting(overview: Overview) -> int:
    encoder = overview.encoder()
    return overview.study.count_to_embed(encoder) if encoder else 0
