"""One daemon at a time, gone within five seconds of being asked, and nothing left behind it."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from generated import photo
from home import Daemon, Home


def test_a_second_daemon_refuses_to_start(shared_home: Home, daemon: Daemon) -> None:
    second = shared_home.triaged("run")
    once = shared_home.triaged("run", "--once")

    for done in (second, once):
        assert done.returncode == 1
        assert "another triaged is running" in done.stderr
        assert "Traceback" not in done.stderr
    assert shared_home.ask("status")["running"] is True
    assert Path(f"/proc/{daemon.pid}").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_an_idle_daemon_ends_cleanly_when_asked(home: Home, how: signal.Signals) -> None:
    home.make_tree({"Pictures/a.jpg": photo(1)})
    with home.daemon() as daemon:
        assert daemon.stop(how) == 0
        assert home.processes() == []

    assert home.ask("status")["running"] is False


def test_a_daemon_that_is_embedding_ends_cleanly_and_goes_on_the_next_time(home: Home) -> None:
    home.make_tree({f"Pictures/{i}.jpg": photo(i % 8) + b"%d" % i for i in range(120)})
    with home.daemon(wait=False) as daemon:
        daemon.wait_until("it has begun to read", lambda: home.count_read() > 0)
        assert daemon.stop() == 0
        assert home.processes() == []
        read = home.ask("status")
    assert 0 < read["waiting"] < 120

    with home.daemon() as daemon:
        pass
    assert home.ask("status")["waiting"] == 0
    assert home.ask("status")["quarantined"] == []


def test_a_daemon_ends_cleanly_at_any_moment_of_its_start(home: Home) -> None:
    home.make_tree({f"Pictures/{i}.jpg": photo(i) for i in range(6)})
    moments = random.Random(3)
    for _ in range(6):
        with home.daemon(wait=False) as daemon:
            began = time.monotonic()
            daemon.wait_until("it has begun to run", lambda p=daemon.pid: _is_resident(p))
            until = began + moments.uniform(0, 2.5)
            daemon.wait_until("a moment has passed", lambda at=until: time.monotonic() > at)
            assert daemon.stop() in (0, -signal.SIGTERM)  # before there is anything to clean up
            assert home.processes() == []

    with home.daemon() as daemon:
        assert home.present("Pictures") == {f"{i}.jpg" for i in range(6)}
        assert daemon.stop() == 0


def _is_resident(pid: int) -> bool:
    return b"triaged.resident" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_what_happens_while_no_daemon_runs_is_seen_by_the_next(home: Home) -> None:
    home.make_tree({f"Pictures/{name}.jpg": photo(i) for i, name in enumerate("abcdef")})
    with home.daemon():
        pass

    home.run("gio", "trash", "Pictures/a.jpg")
    home.run("mv", "Pictures/b.jpg", "Favourites/")
    home.run("mv", "Pictures/c.jpg", "Pictures/renamed.jpg")
    home.run("rm", "Pictures/d.jpg")
    home.make_tree({"Pictures/new.jpg": photo(99)})
    with home.daemon() as daemon:
        daemon.wait_until_gone("Pictures", {"d.jpg"})
        daemon.wait_until_settled()

    assert sorted(home.decisions()) == [
        ("a.jpg", "delete", "trashed", 1.0),
        ("b.jpg", "keep", "chosen", 1.0),
    ]
    assert home.present("Pictures") == {"renamed.jpg", "e.jpg", "f.jpg", "new.jpg"}


def test_a_stale_lock_stops_nobody(home: Home) -> None:
    home.state.mkdir(parents=True)
    (home.state / "daemon.lock").write_text(str(os.getpid()))

    with home.daemon() as daemon:
        assert daemon.stop() == 0
