"""What the worker writes: features by content, attempts and quarantine, models, scores.

Vectors are stored little-endian: embeddings and levels as float16 (unit rows and bounded statistics
lose nothing that matters), the measured part as float32.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from triaged.store.connection import rows, scalar, transaction

ATTEMPTS_MOST = 3
BODIES_KEPT = 5  # models that could serve again; a body may be tens of megabytes


@dataclass(frozen=True, slots=True)
class Embedded:
    """What was read from one photo: its hash, what it says of itself, and its vectors as bytes."""

    photo: int
    size_bytes: int
    mtime_ns: int
    content_hash: str
    facts: str
    measured: bytes
    measured_version: int
    embedding: bytes
    levels: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """Why one photo could not be read; `is_final` when trying again would end the same way."""

    photo: int
    size_bytes: int
    mtime_ns: int
    content_hash: str | None
    reason: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class ShotScore:
    """The delete score of one shot, by the photo that was looked at for it."""

    shot: int
    photo: int
    content_hash: str
    score: float
    percentile: float
    reason: str


class Features:
    """`features.db` for its one writer."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin_attempts(self, photos: Sequence[tuple[int, int, int]]) -> None:
        """Count an attempt for each (photo, size_bytes, mtime_ns), before it is touched."""
        self._db.conn.executemany(
            "INSERT INTO attempts (photo, size_bytes, mtime_ns, attempts) VALUES (?, ?, ?, 1)"
            " ON CONFLICT (photo) DO UPDATE SET attempts ="
            " CASE WHEN size_bytes = excluded.size_bytes AND mtime_ns = excluded.mtime_ns"
            " THEN attempts + 1 ELSE 1 END,"
            " size_bytes = excluded.size_bytes, mtime_ns = excluded.mtime_ns,"
            " quarantined_at = NULL",
            photos,
        )

    def end_attempts(self, photos: Iterable[int]) -> None:
        """Forget the attempts of photos that were read, or that were not reached after all."""
        self._db.conn.executemany(
            "DELETE FROM attempts WHERE photo = ? AND quarantined_at IS NULL",
            ((photo,) for photo in photos),
        )

    def add_embedded(self, found: Embedded, backbone: str, version: str, at: float) -> None:
        """Store what was read from one photo."""
        conn = self._db.conn
        self._add_content(found.photo, found.size_bytes, found.mtime_ns, found.content_hash, at)
        conn.execute(
            "INSERT OR REPLACE INTO pictures (content_hash, measured, measured_version, facts, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (found.content_hash, found.measured, found.measured_version, found.facts, at),
        )
        conn.execute(
            "INSERT OR REPLACE INTO embeddings (content_hash, backbone, version, embedding, levels)"
            " VALUES (?, ?, ?, ?, ?)",
            (found.content_hash, backbone, version, found.embedding, found.levels),
        )

    def add_copy(
        self, photo: int, size_bytes: int, mtime_ns: int, content_hash: str, at: float
    ) -> None:
        """Store that a photo has bytes whose features are known already."""
        self._add_content(photo, size_bytes, mtime_ns, content_hash, at)

    def add_failed(self, failed: Failed, at: float) -> None:
        """Store why a photo could not be read; the third or a final failure quarantines it."""
        if failed.content_hash is not None:
            self._add_content(
                failed.photo, failed.size_bytes, failed.mtime_ns, failed.content_hash, at
            )
        self._db.conn.execute(
            "UPDATE attempts SET reason = ?,"
            " quarantined_at = CASE WHEN ? OR attempts >= ? THEN ? END WHERE photo = ?",
            (failed.reason, failed.is_final, ATTEMPTS_MOST, at, failed.photo),
        )

    def _add_content(
        self, photo: int, size_bytes: int, mtime_ns: int, content_hash: str, at: float
    ) -> None:
        self._db.conn.execute(
            "INSERT OR REPLACE INTO contents (photo, size_bytes, mtime_ns, content_hash, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (photo, size_bytes, mtime_ns, content_hash, at),
        )

    def quarantine_worn_out(self, at: float) -> None:
        """Quarantine photos whose attempts all ended with the worker itself."""
        self._db.execute(
            "UPDATE attempts SET quarantined_at = ?,"
            " reason = coalesce(reason, 'the worker died each time it was read')"
            " WHERE attempts >= ? AND quarantined_at IS NULL",
            (at, ATTEMPTS_MOST),
        )

    def add_model(self, values: dict[str, Any], at: float) -> int:
        """Store a fitted model and make it the active one; returns its number.

        The bodies of old models are dropped, their intervals stay.
        """
        self._db.execute("UPDATE models SET active_to = ? WHERE active_to IS NULL", (at,))
        table = self._db.table("models")
        model = int(table.insert({**values, "fitted_at": at, "active_from": at}).last_pk or 0)
        self._db.execute("UPDATE models SET body = NULL WHERE id <= ?", (model - BODIES_KEPT,))
        return model

    def retire_model(self, at: float) -> None:
        """Stop the active model and drop its scores: what it was learned from was taken back."""
        self._db.execute("UPDATE models SET active_to = ? WHERE active_to IS NULL", (at,))
        self._db.execute("DELETE FROM scores")

    def replace_scores(
        self, scores: Iterable[ShotScore], model: int, at: float, is_all: bool
    ) -> None:
        """Store scores by one model; with `is_all` every other score is dropped."""
        if is_all:
            self._db.execute("DELETE FROM scores")
        self._db.conn.executemany(
            "INSERT OR REPLACE INTO scores"
            " (shot, photo, content_hash, model, score, percentile, reason, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (s.shot, s.photo, s.content_hash, model, s.score, s.percentile, s.reason, at)
                for s in scores
            ),
        )

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def setting(self, name: str) -> str | None:
        """Return what the worker recorded under a name, None if it never did."""
        return setting(self._db, name)

    def set_setting(self, name: str, value: str) -> None:
        """Record something about the worker: the encoder in use, how decoding is confined."""
        self._db.execute(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value)
        )

    def transaction(self) -> AbstractContextManager[None]:
        """Hold the write lock for a block."""
        return transaction(self._db)

    def active_model(self) -> dict[str, Any] | None:
        """Return the model that serves now, None before the first fit."""
        return active_model(self._db)


def setting(db: Database, name: str) -> str | None:
    """Return a recorded setting of `features.db`, None if it was never recorded."""
    value = scalar(db, "SELECT value FROM settings WHERE name = ?", name)
    return None if value is None else str(value)


def active_model(db: Database) -> dict[str, Any] | None:
    """Return the row of the model that serves now, None before the first fit."""
    found = rows(db, "SELECT * FROM models WHERE active_to IS NULL ORDER BY id DESC LIMIT 1")
    return found[0] if found else None
