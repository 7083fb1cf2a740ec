"""The life of the one worker process: started on demand, rung, waited for, stopped by a deadline.

it leaves with 0           there is nothing to do: start it again when there is
it leaves otherwise        wait 5 s, 10 s, ... 10 min, then try again
it does not stop in time   kill it; its work is resumed by the next one
"""

import contextlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 600.0


class Supervisor:
    """Owns at most one worker. `command` starts it; the default is this program's own worker."""

    def __init__(self, config_file: bytes, command: Sequence[str] = ()) -> None:
        self._command = list(command) or [
            *(sys.executable, "-P", "-m", "triaged.worker"),
            *("--humble", "--config", os.fsdecode(config_file)),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._is_wanted = False
        self._failures = 0
        self._not_before = 0.0

    @property
    def fd(self) -> int | None:
        """The descriptor that becomes readable when the worker has news or has left."""
        process = self._process
        return None if process is None or process.stdout is None else process.stdout.fileno()

    @property
    def is_running(self) -> bool:
        """Whether there is a worker."""
        return self._process is not None

    @property
    def seconds_until_start(self) -> float | None:
        """How long until a wanted worker may be started; None if none is waiting to be."""
        if not self._is_wanted or self._process is not None:
            return None
        return max(0.0, self._not_before - time.monotonic())

    def ring(self) -> None:
        """Say that there is work: wake the worker, or start one as soon as its pause is over."""
        self._is_wanted = True
        if self._process is None:
            self.start_if_wanted()
        elif self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()

    def start_if_wanted(self) -> None:
        """Start a worker if one is wanted, none runs, and the pause after a crash is over."""
        if self.seconds_until_start != 0.0:
            return
        self._is_wanted = False
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def hear(self) -> bool:
        """Take what the worker said; return whether there is news. Notices that it has left."""
        process = self._process
        if process is None or process.stdout is None:
            return False
        if os.read(process.stdout.fileno(), 65_536):
            return True
        self._bury(process, process.wait())
        return True

    def _bury(self, process: subprocess.Popen[bytes], code: int) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process = None
        if code == 0:
            self._failures = 0
            return
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2**self._failures)
        self._failures += 1
        self._is_wanted = True
        self._not_before = time.monotonic() + pause
        log.warning("the worker left with %d; next try in %.0f s", code, pause)

    def stop(self, seconds: float) -> None:
        """End the worker within `seconds`: ask, then kill."""
        process = self._process
        if process is None:
            return
        self._process = None
        process.terminate()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            log.warning("the worker did not stop within %.0f s and was killed", seconds)
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
