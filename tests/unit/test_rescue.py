"""Backups, and damaged databases: what was decided survives, and what is missing is said."""

import os
from pathlib import Path

import pytest

from triaged.store.connection import open_readonly, scalar
from triaged.store.rescue import GENERATIONS, back_up, begin, end, is_sound, newest_backup_at
from triaged.store.state import Store, open_features


@pytest.fixture
def state_dir(tmp_path: Path) -> bytes:
    return os.fsencode(tmp_path)


def _store_saying(state_dir: bytes, word: str) -> None:
    store = Store(state_dir)
    store.set_setting("word", word)
    store.close()


def _word(state_dir: bytes) -> str | None:
    store = Store(state_dir)
    word = store.setting("word")
    store.close()
    return word


def _damage(path: bytes) -> None:
    """Overwrite all but the first page with noise."""
    size = os.stat(path).st_size
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def test_a_backup_holds_what_was_stored_and_is_private(state_dir: bytes) -> None:
    store = Store(state_dir)
    store.set_setting("word", "first")

    backup = back_up(store.db, state_dir)

    assert is_sound(backup)
    assert os.stat(backup).st_mode & 0o777 == 0o600
    assert newest_backup_at(state_dir) == os.stat(backup).st_mtime


def test_only_three_backups_are_kept_the_newest_first(state_dir: bytes) -> None:
    store = Store(state_dir)
    for number in range(GENERATIONS + 2):
        store.set_setting("word", str(number))
        back_up(store.db, state_dir)

    folder = os.path.join(state_dir, b"backups")
    names = sorted(os.listdir(folder))
    backups = [open_readonly(os.path.join(folder, name)) for name in names]
    words = [scalar(db, "SELECT value FROM settings WHERE name = 'word'") for db in backups]

    assert names == [b"triaged-1.db", b"triaged-2.db", b"triaged-3.db"]
    assert words == ["4", "3", "2"]


def test_after_a_clean_end_nothing_is_checked_or_said(state_dir: bytes) -> None:
    _store_saying(state_dir, "kept")
    assert begin(state_dir) == []
    end(state_dir)
    assert begin(state_dir) == []
    assert _word(state_dir) == "kept"


def test_a_damaged_database_is_replaced_by_its_backup_and_set_aside(state_dir: bytes) -> None:
    store = Store(state_dir)
    store.set_setting("word", "saved")
    back_up(store.db, state_dir)
    store.set_setting("word", "after the backup")
    store.close()
    begin(state_dir)  # and never ends: a power cut
    _damage(os.path.join(state_dir, b"triaged.db"))

    said = begin(state_dir)

    assert len(said) == 1
    assert "triaged.db was damaged" in said[0]
    assert "backup" in said[0]
    assert _word(state_dir) == "saved"
    assert os.path.exists(os.path.join(state_dir, b"triaged.db.damaged-1"))


def test_a_damaged_backup_is_passed_over_for_an_older_one(state_dir: bytes) -> None:
    store = Store(state_dir)
    for word in ("older", "newer"):
        store.set_setting("word", word)
        back_up(store.db, state_dir)
    store.close()
    begin(state_dir)
    _damage(os.path.join(state_dir, b"backups", b"triaged-1.db"))
    _damage(os.path.join(state_dir, b"triaged.db"))

    begin(state_dir)

    assert _word(state_dir) == "older"


def test_without_a_backup_learning_begins_anew_and_says_so(state_dir: bytes) -> None:
    _store_saying(state_dir, "lost")
    with open(os.path.join(state_dir, b"triaged.db"), "r+b") as file:
        file.write(b"this is no database at all")

    said = begin(state_dir)

    assert "begins anew" in said[0]
    assert _word(state_dir) is None


def test_damaged_features_are_set_aside_and_cost_nothing_that_was_taught(state_dir: bytes) -> None:
    _store_saying(state_dir, "kept")
    open_features(state_dir).close()
    begin(state_dir)
    _damage(os.path.join(state_dir, b"features.db"))

    said = begin(state_dir)
    open_features(state_dir).close()

    assert "features.db was damaged" in said[0]
    assert _word(state_dir) == "kept"
    assert is_sound(os.path.join(state_dir, b"features.db"))
