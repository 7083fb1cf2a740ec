"""Killed at any moment: nothing lost, nothing falsely learned, the work goes on."""

import contextlib
import random
import time

import psutil
from generated import photo, receipt
from home import Daemon, Home

_KILLS = 12


def _photos(count: int) -> dict[str, bytes]:
    """Return photos with different bytes: what stands behind the end of a JPEG is not looked at."""
    return {f"Pictures/{n:02}.jpg": photo(n % 8) + b"%d" % n for n in range(count)}


def _let_pass(daemon: Daemon, seconds: float) -> None:
    until = time.monotonic() + seconds
    daemon.wait_until("a moment has passed", lambda: time.monotonic() > until)


def _parts(home: Home, module: str) -> list[psutil.Process]:
    found = []
    for process in home.processes():
        with contextlib.suppress(psutil.Error):
            if module in process.cmdline():
                found.append(process)
    return found


def _decoders(home: Home) -> list[psutil.Process]:
    return _parts(home, "triaged.ml.decoder")


def _kill(processes: list[psutil.Process]) -> int:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return len(processes)


def test_killed_a_dozen_times_while_it_reads_labels_and_fits_nothing_is_lost(home: Home) -> None:
    moments = random.Random(11)
    home.make_tree(_photos(36))
    home.make_tree({f"Deleted/{number}.jpg": receipt(number) for number in range(5)})
    trashed: list[str] = []
    for kill in range(_KILLS):
        with home.daemon(wait=False) as daemon:
            _let_pass(daemon, moments.uniform(0.2, 1.4))
            trashed.append(f"{kill:02}.jpg")
            home.run("trash-put", f"Pictures/{trashed[-1]}")
            _let_pass(daemon, moments.uniform(0.05, 0.5))
            _kill(_parts(home, "triaged.worker") if kill % 3 == 0 else [])
            daemon.kill()

    with home.daemon() as daemon:
        daemon.wait_until("there is a model", lambda: home.attribute("Pictures/35.jpg") is not None)

    learned = home.decisions("Pictures")
    assert sorted(name for name, *_ in learned) == trashed
    assert {label for _, label, _, _ in learned} == {"delete"}
    assert len(home.decisions("Deleted")) == 5
    status = home.ask("status")
    assert (status["waiting"], status["quarantined"]) == (0, [])
    assert home.present("Pictures") == {f"{n:02}.jpg" for n in range(_KILLS, 36)}
    for name in ("triaged.db", "features.db"):
        assert _is_sound(home, name)


def _is_sound(home: Home, name: str) -> bool:
    schema = "triaged" if name == "triaged.db" else "main"
    return home.ask_databases(f"PRAGMA {schema}.integrity_check") == [{"integrity_check": "ok"}]


def test_a_killed_worker_is_started_again_and_goes_on(home: Home) -> None:
    home.make_tree(_photos(24))
    with home.daemon(wait=False) as daemon:
        daemon.wait_until("it has begun to read", lambda: home.count_read() > 0)
        daemon.wait_until("the worker is there", lambda: bool(_parts(home, "triaged.worker")))
        assert _kill(_parts(home, "triaged.worker")) == 1
        daemon.wait_until_settled()

        assert daemon.pid in psutil.pids()
    assert home.ask("status")["waiting"] == 0
    assert home.ask("status")["quarantined"] == []


def test_decoders_killed_again_and_again_hurt_no_photo(home: Home) -> None:
    home.make_tree(_photos(96))
    killed = 0
    with home.daemon(wait=False) as daemon:
        while killed < 6 and home.count_read() < 90:
            daemon.wait_until("there are decoders", lambda: bool(_decoders(home)))
            _let_pass(daemon, 0.1)
            killed += _kill(_decoders(home)[:1])
        daemon.wait_until_settled()

    assert killed >= 3
    assert home.ask("status")["waiting"] == 0
    assert home.ask("status")["quarantined"] == []


def _decoders(home: Home) -> list[psutil.Process]:
    return _parts(home, "triaged.ml.decoder")
