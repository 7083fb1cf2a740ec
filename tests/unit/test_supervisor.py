import os
import select
import sys
import time
from collections.abc import Iterator

import pytest

from triaged.supervisor import Supervisor

DEADLINE_SECONDS = 20.0

_ECHO = "import sys; print('ready', flush=True)\nfor line in sys.stdin: print('rung', flush=True)"
_LEAVE = "import sys; sys.exit(int(sys.argv[1]))"
_STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('ready', flush=True)
while True: time.sleep(60)
"""


def supervise(code: str, *arguments: str) -> Supervisor:
    return Supervisor(b"", [sys.executable, "-c", code, *arguments])


@pytest.fixture
def echo() -> Iterator[Supervisor]:
    supervisor = supervise(_ECHO)
    yield supervisor
    supervisor.stop(DEADLINE_SECONDS)


def wait_for_news(supervisor: Supervisor) -> None:
    """Wait until the worker has said something or has left, and take it."""
    assert supervisor.fd is not None
    readable, _, _ = select.select([supervisor.fd], [], [], DEADLINE_SECONDS)
    assert readable, "no news within the deadline"
    assert supervisor.hear()


def wait_until_it_has_left(supervisor: Supervisor) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while supervisor.is_running and time.monotonic() < deadline:
        wait_for_news(supervisor)
    assert not supervisor.is_running


def test_nothing_runs_before_there_is_work(echo: Supervisor) -> None:
    assert not echo.is_running
    assert echo.fd is None
    assert echo.seconds_until_start is None
    assert not echo.hear()
    echo.start_if_wanted()
    assert not echo.is_running


def test_a_ring_starts_a_worker_and_the_next_one_wakes_it(echo: Supervisor) -> None:
    echo.ring()
    assert echo.is_running
    wait_for_news(echo)
    first = echo.fd

    echo.ring()
    wait_for_news(echo)

    assert echo.fd == first


def test_a_worker_that_left_in_peace_is_started_again_at_once() -> None:
    supervisor = supervise(_LEAVE, "0")
    supervisor.ring()
    wait_until_it_has_left(supervisor)
    assert supervisor.seconds_until_start is None

    supervisor.ring()
    assert supervisor.is_running
    wait_until_it_has_left(supervisor)


def test_a_worker_that_crashed_is_waited_for_longer_each_time() -> None:
    supervisor = supervise(_LEAVE, "3")
    pauses = []
    for _ in range(9):
        supervisor.ring()
        wait_until_it_has_left(supervisor)
        pauses.append(supervisor.seconds_until_start or 0.0)
        supervisor._not_before = 0.0  # the pause is over

    expected = [5, 10, 20, 40, 80, 160, 320, 600, 600]
    assert pauses == pytest.approx(expected, abs=1.0)


def test_a_crashed_worker_is_not_started_before_its_pause_is_over() -> None:
    supervisor = supervise(_LEAVE, "3")
    supervisor.ring()
    wait_until_it_has_left(supervisor)

    supervisor.ring()
    supervisor.start_if_wanted()

    assert not supervisor.is_running
    assert 0.0 < (supervisor.seconds_until_start or 0.0) <= 5.0


def test_a_peaceful_end_forgives_earlier_crashes() -> None:
    supervisor = supervise(_LEAVE, "3")
    supervisor.ring()
    wait_until_it_has_left(supervisor)
    supervisor._not_before = 0.0
    supervisor._command[-1] = "0"
    supervisor.ring()
    wait_until_it_has_left(supervisor)
    supervisor._command[-1] = "3"
    supervisor.ring()
    wait_until_it_has_left(supervisor)

    assert 4.0 < (supervisor.seconds_until_start or 0.0) <= 5.0


def test_a_worker_that_was_killed_counts_as_crashed(echo: Supervisor) -> None:
    echo.ring()
    wait_for_news(echo)
    assert echo._process is not None
    echo._process.kill()

    wait_until_it_has_left(echo)

    assert echo.seconds_until_start is not None


def test_a_ring_for_a_worker_that_has_just_left_is_not_lost() -> None:
    supervisor = supervise(_LEAVE, "0")
    supervisor.ring()
    process = supervisor._process
    assert process is not None
    process.wait(DEADLINE_SECONDS)

    supervisor.ring()
    wait_until_it_has_left(supervisor)
    assert supervisor.seconds_until_start == 0.0

    supervisor.start_if_wanted()
    assert supervisor.is_running
    wait_until_it_has_left(supervisor)


@pytest.mark.parametrize(
    ("code", "patience", "longest"),
    [(_ECHO, DEADLINE_SECONDS, DEADLINE_SECONDS), (_STUBBORN, 0.2, DEADLINE_SECONDS)],
    ids=["asked", "killed"],
)
def test_a_worker_is_stopped_by_a_deadline(code: str, patience: float, longest: float) -> None:
    supervisor = supervise(code)
    supervisor.ring()
    wait_for_news(supervisor)
    process = supervisor._process
    assert process is not None
    begun = time.monotonic()

    supervisor.stop(patience)

    assert time.monotonic() - begun < longest
    assert process.returncode is not None
    assert not supervisor.is_running
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


def test_stopping_when_nothing_runs_is_nothing() -> None:
    supervise(_ECHO).stop(0.0)
