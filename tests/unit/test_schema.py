import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlite_utils import Database

from triaged.core.types import Role
from triaged.store.connection import open_database, open_readonly, rows, scalar, transaction
from triaged.store.schema import migrate_features, migrate_triaged
from triaged.store.state import Store, open_features

TABLES = {
    b"triaged.db": {
        "settings",
        "roots",
        "shots",
        "photos",
        "acts",
        "decisions",
        "lessons",
        "links",
        "published",
    },
    b"features.db": {
        "settings",
        "contents",
        "attempts",
        "pictures",
        "embeddings",
        "models",
        "scores",
    },
}


def schema(db: Database) -> list[str]:
    return sorted(str(row["sql"]) for row in rows(db, "SELECT sql FROM sqlite_master"))


def test_a_first_start_makes_every_table(tmp_path: Path) -> None:
    Store(bytes(tmp_path)).close()
    open_features(bytes(tmp_path)).close()

    for name, tables in TABLES.items():
        db = open_readonly(os.path.join(bytes(tmp_path), name))
        assert tables <= set(db.table_names())
        db.close()


@pytest.mark.parametrize(
    "migrate", [migrate_triaged, migrate_features], ids=["triaged", "features"]
)
def test_migrating_again_changes_nothing(tmp_path: Path, migrate) -> None:  # type: ignore[no-untyped-def]
    db = open_database(bytes(tmp_path / "x.db"), "FULL")
    migrate(db)
    before = schema(db), db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()
    migrate(db)

    assert (schema(db), db.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()) == before
    db.close()


_START = """
import os, sys
from triaged.store.state import Store, open_features
print("ready", flush=True)
sys.stdin.readline()
Store(os.fsencode(sys.argv[1])).close()
open_features(os.fsencode(sys.argv[1])).close()
"""


def test_processes_that_start_at_once_take_turns(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _START, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)

    assert [process.returncode for process in processes] == [0, 0, 0]
    store = Store(bytes(tmp_path))
    assert scalar(store.db, "SELECT count(*) FROM _sqlite_migrations") == 1
    store.close()


@pytest.mark.parametrize("attempt", range(5))
def test_starts_at_the_same_instant_take_turns(tmp_path: Path, attempt: int) -> None:
    errors: list[BaseException] = []
    together = threading.Barrier(6)

    def start() -> None:
        try:
            together.wait()
            Store(bytes(tmp_path)).close()
        except BaseException as error:
            errors.append(error)

    starts = [threading.Thread(target=start) for _ in range(6)]
    for one in starts:
        one.start()
    for one in starts:
        one.join()

    assert errors == []


def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    db = open_database(bytes(tmp_path / "x.db"), "FULL")
    db.execute("CREATE TABLE photos (id INTEGER)")

    with pytest.raises(sqlite3.OperationalError, match="photos"):
        migrate_triaged(db)

    tables = {name for name in db.table_names() if not name.startswith("_")}
    assert tables == {"photos"}
    db.close()


def test_the_databases_are_their_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Store(bytes(tmp_path)).close()
        open_features(bytes(tmp_path)).close()
    finally:
        os.umask(before)

    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert {"triaged.db", "features.db"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_transaction_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(bytes(tmp_path))

    def write_and_fail() -> None:
        with store.transaction():
            store.set_setting("a", "1")
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert store.setting("a") is None

    with store.transaction():
        store.set_setting("a", "1")
    assert store.setting("a") == "1"
    store.close()


def test_two_writers_who_read_first_take_turns(tmp_path: Path) -> None:
    Store(bytes(tmp_path)).close()
    errors: list[BaseException] = []

    def count_up() -> None:
        try:
            store = Store(bytes(tmp_path))
            for _ in range(25):
                with store.transaction():
                    store.set_setting("n", str(int(store.setting("n") or "0") + 1))
            store.close()
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=count_up) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert errors == []
    store = Store(bytes(tmp_path))
    assert store.setting("n") == "50"
    store.close()


def test_a_transaction_holds_the_write_lock_from_its_start(tmp_path: Path) -> None:
    store = Store(bytes(tmp_path))
    other = sqlite3.connect(tmp_path / "triaged.db", timeout=0, isolation_level=None)

    with store.transaction(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")

    other.execute("BEGIN IMMEDIATE")
    other.close()
    store.close()


def test_decisions_are_synced_in_full_and_features_normally(tmp_path: Path) -> None:
    store, features = Store(bytes(tmp_path)), open_features(bytes(tmp_path))

    assert scalar(store.db, "PRAGMA synchronous") == 2
    assert scalar(features._db, "PRAGMA synchronous") == 1
    is_wal_safe = sqlite3.sqlite_version_info >= (3, 51, 3)
    assert scalar(store.db, "PRAGMA journal_mode") == ("wal" if is_wal_safe else "truncate")
    assert scalar(store.db, "PRAGMA foreign_keys") == 1
    store.close()
    features.close()


def test_who_only_reads_cannot_write(tmp_path: Path) -> None:
    folder = tmp_path / "a?b#c%20d"
    folder.mkdir()
    Store(bytes(folder)).close()

    db = open_readonly(bytes(folder / "triaged.db"))

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.conn.execute("DELETE FROM photos")
    db.close()


def test_reading_a_database_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        open_readonly(bytes(tmp_path / "triaged.db"))

    assert list(tmp_path.iterdir()) == []


def test_a_root_is_remembered_by_its_path(tmp_path: Path) -> None:
    store = Store(bytes(tmp_path))

    first = store.roots.ensure(b"/photos", Role.LIBRARY, "config")
    again = store.roots.ensure(b"/photos", Role.KEEP, "config")

    assert again.id == first.id
    assert again.role is Role.KEEP
    assert not again.is_online
    assert again.identity is None
    store.roots.set_scanned(first.id, 10.0)
    store.roots.set_scanned(first.id, 20.0)
    [root] = store.roots.active()
    assert (root.first_scan_at, root.last_scan_at) == (10.0, 20.0)
    store.roots.set_offline(first.id, "missing")
    assert store.roots.active()[0].trouble == "missing"
    store.roots.retire(first.id)
    assert store.roots.active() == []
    store.close()


def test_a_taught_folder_is_no_watched_root(tmp_path: Path) -> None:
    store = Store(bytes(tmp_path))
    store.roots.ensure(b"/photos", Role.LIBRARY, "config")
    store.roots.ensure(b"/old", Role.DELETED, "taught")

    assert [root.path for root in store.roots.taught()] == [b"/old"]
    store.close()


def test_transactions_of_two_databases_do_not_meet(tmp_path: Path) -> None:
    store, features = Store(bytes(tmp_path)), open_features(bytes(tmp_path))

    with store.transaction(), transaction(features._db):
        store.set_setting("a", "1")
        features.set_setting("a", "2")

    assert (store.setting("a"), features.setting("a")) == ("1", "2")
    store.close()
    features.close()
