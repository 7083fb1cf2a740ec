"""Backups of the precious database, and what happens when a database is damaged.

    backups/triaged-1.db      the newest; -2 and -3 are older
    triaged.db.damaged-N      a damaged database, set aside and never deleted

A backup is made by `VACUUM INTO` (a copy of the file alone would lose what its journal holds), then
fsynced, then renamed. After an unclean end both databases are checked. A damaged `triaged.db` is
replaced by the newest backup that is sound; a damaged `features.db` is set aside and made again
from the photos.
"""

import contextlib
import os
import sqlite3

from sqlite_utils import Database

from triaged.store.connection import open_readonly, rows, scalar

GENERATIONS = 3
_FOLDER = b"backups"
_RUNNING = b"running"
_COMPANIONS = (b"-journal", b"-wal", b"-shm")


def back_up(db: Database, state_dir: bytes) -> bytes:
    """Make a backup of the open `triaged.db`, dropping the oldest; return its path.

    Raises sqlite3.OperationalError or OSError if there is no room; the older backups stay.
    """
    folder = os.path.join(state_dir, _FOLDER)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    part = os.path.join(folder, b"part")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(part)
    old_mask = os.umask(0o077)
    try:
        db.conn.execute("VACUUM INTO ?", (os.fsdecode(part),))
    finally:
        os.umask(old_mask)
    _sync(part)
    for number in range(GENERATIONS, 1, -1):
        with contextlib.suppress(FileNotFoundError):
            os.replace(_backup(state_dir, number - 1), _backup(state_dir, number))
    os.replace(part, _backup(state_dir, 1))
    _sync(folder)
    return _backup(state_dir, 1)


def newest_backup_at(state_dir: bytes) -> float | None:
    """Return when the newest backup was made (Unix seconds), None if there is none."""
    try:
        return os.stat(_backup(state_dir, 1)).st_mtime
    except FileNotFoundError:
        return None


def begin(state_dir: bytes) -> list[str]:
    """Note that the daemon runs; if it did not end cleanly before, check and mend the databases.

    Returns what was done, in words for the owner; empty if all was well.
    """
    running = os.path.join(state_dir, _RUNNING)
    said: list[str] = []
    if os.path.exists(running) or not _opens(state_dir):
        said = _mend(state_dir)
    with open(running, "wb"):
        pass
    return said


def end(state_dir: bytes) -> None:
    """Note that the daemon has ended cleanly."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(state_dir, _RUNNING))


def _opens(state_dir: bytes) -> bool:
    """Return whether both databases, where they are there, have a head that can be read."""
    for name in (b"triaged.db", b"features.db"):
        path = os.path.join(state_dir, name)
        if os.path.exists(path):
            try:
                db = open_readonly(path)
                scalar(db, "SELECT count(*) FROM sqlite_master")
                db.close()
            except sqlite3.DatabaseError:
                return False
    return True


def _mend(state_dir: bytes) -> list[str]:
    said = []
    triaged, features = (os.path.join(state_dir, n) for n in (b"triaged.db", b"features.db"))
    if os.path.exists(triaged) and not is_sound(triaged):
        aside = _set_aside(triaged)
        said.append(
            f"triaged.db was damaged and is now {os.fsdecode(aside)}; {_restore(state_dir)}"
        )
    if os.path.exists(features) and not is_sound(features):
        aside = _set_aside(features)
        said.append(
            f"features.db was damaged and is now {os.fsdecode(aside)};"
            " photos are read again, nothing you taught is lost"
        )
    return said


def is_sound(path: bytes) -> bool:
    """Return whether SQLite finds nothing wrong with the database at `path`."""
    try:
        # Not read-only: a journal left by a crash must be rolled back before anything is true.
        connection = sqlite3.connect(os.fsdecode(path), timeout=30.0, isolation_level=None)
        with contextlib.closing(connection):
            found = rows(Database(connection), "PRAGMA quick_check")
    except sqlite3.DatabaseError:
        return False
    return [row["quick_check"] for row in found] == ["ok"]


def _restore(state_dir: bytes) -> str:
    """Put the newest sound backup in place; return in words what that means."""
    for number in range(1, GENERATIONS + 1):
        backup = _backup(state_dir, number)
        if os.path.exists(backup) and is_sound(backup):
            target = os.path.join(state_dir, b"triaged.db")
            with open(backup, "rb") as source, open(target + b".part", "wb") as copy:
                os.fchmod(copy.fileno(), 0o600)
                while block := source.read(1 << 20):
                    copy.write(block)
                copy.flush()
                os.fsync(copy.fileno())
            os.replace(target + b".part", target)
            _sync(state_dir)
            return (
                f"the backup {os.fsdecode(backup)} took its place: what you did after it was made"
                " is missing, unless the trash still shows it"
            )
    return "there was no sound backup: learning begins anew"


def _set_aside(path: bytes) -> bytes:
    """Rename a damaged database and its journals; return the new name."""
    number = 1
    while os.path.exists(aside := path + b".damaged-%d" % number):
        number += 1
    os.replace(path, aside)
    for companion in _COMPANIONS:
        with contextlib.suppress(FileNotFoundError):
            os.replace(path + companion, aside + companion)
    return aside


def _backup(state_dir: bytes, number: int) -> bytes:
    return os.path.join(state_dir, _FOLDER, b"triaged-%d.db" % number)


def _sync(path: bytes) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
