"""How a database is opened, and what a transaction is here.

- Every write is inside `BEGIN IMMEDIATE`: a deferred transaction that reads first and writes later
  fails as locked whatever the time-out (SQLite, "Transactions", section 2.2).
- `synchronous=FULL` where decisions are kept: NORMAL loses acknowledged rows in a power cut.
- WAL only from SQLite 3.51.3: earlier ones can corrupt when two connections write and checkpoint at
  the same instant. `TRUNCATE` journals below that.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from typing import Any, Literal
from urllib.parse import quote_from_bytes

from sqlite_utils import Database

_BUSY_SECONDS = 30.0
_FIRST_SAFE_WAL = (3, 51, 3)


def open_database(path: bytes, synchronous: Literal["FULL", "NORMAL"]) -> Database:
    """Open the database at `path` for reading and writing, made private to its owner if new."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.close(fd)
    connection = sqlite3.connect(os.fsdecode(path), timeout=_BUSY_SECONDS, isolation_level=None)
    journal = "WAL" if sqlite3.sqlite_version_info >= _FIRST_SAFE_WAL else "TRUNCATE"
    connection.execute(f"PRAGMA journal_mode={journal}")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")
    return Database(connection)


def open_readonly(path: bytes) -> Database:
    """Open the database at `path` for reading; raises sqlite3.OperationalError without one."""
    uri = f"file:{quote_from_bytes(path)}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS, isolation_level=None)
    connection.execute("PRAGMA query_only=ON")
    return Database(connection)


@contextlib.contextmanager
def transaction(db: Database) -> Iterator[None]:
    """Hold the write lock from the first statement; commit at the end, roll back on exceptions."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        db.conn.execute("ROLLBACK")
        raise
    db.conn.execute("COMMIT")


def rows(db: Database, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Return every row of a query as a mapping from column to value."""
    cursor = db.conn.execute(sql, values)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def scalar(db: Database, sql: str, *values: Any) -> Any:
    """Return the first column of the first row of a query, None if there is no row."""
    row = db.conn.execute(sql, values).fetchone()
    return None if row is None else row[0]
