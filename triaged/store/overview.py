"""Questions that need both databases: one read-only connection that sees them together.

`main` is features.db, `triaged` is triaged.db. Nothing here writes.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlite_utils import Database

from triaged.core.review import Listable
from triaged.core.types import Role
from triaged.store.acts import ScoreBefore
from triaged.store.connection import open_readonly, rows, scalar
from triaged.store.features import active_model, setting
from triaged.store.study import EncoderId, Study

_PATH = "r.path || '/' || CASE WHEN p.folder = x'' THEN p.name ELSE p.folder || '/' || p.name END"


class FitState(NamedTuple):
    """How much was decided since the last fit; `seconds_since_fit` is None before the first."""

    new: int
    labels: int
    seconds_since_fit: float | None


class FeaturesByPath:
    """Looks features up by path, a folder's root at a time."""

    def __init__(self, db: Database, encoder: EncoderId) -> None:
        self._db = db
        self._encoder = encoder
        self._roots = db.conn.execute(
            "SELECT id, path FROM triaged.roots WHERE is_active = 1"
        ).fetchall()

    def get(self, path: bytes) -> dict[str, Any] | None:
        """Return the features and the stamp of the photo at `path`, None if it was not read."""
        for root, top in self._roots:
            top = top.rstrip(b"/") + b"/"
            if not path.startswith(top):
                continue
            folder, _, name = path[len(top) :].rpartition(b"/")
            found = rows(self._db, _PHOTO_FEATURES, *self._encoder, root, folder, name)
            if found:
                return found[0]
        return None


class Overview:
    """A read-only view of both databases."""

    def __init__(self, state_dir: bytes) -> None:
        self.db: Database = open_readonly(os.path.join(state_dir, b"features.db"))
        triaged = os.path.join(state_dir, b"triaged.db")  # as bytes: not every name is text
        self.db.conn.execute("ATTACH ? AS triaged", (triaged,))
        self.study = Study(self.db)

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def unread_contents(self, limit: int) -> list[dict[str, Any]]:
        """Return what the worker read and `photos` does not know: photo, content_hash, facts."""
        return rows(
            self.db,
            "SELECT p.id AS photo, p.shot, c.content_hash, i.facts FROM contents c"
            " JOIN triaged.photos p ON p.id = c.photo AND p.size_bytes = c.size_bytes"
            "  AND p.mtime_ns = c.mtime_ns"
            " LEFT JOIN pictures i ON i.content_hash = c.content_hash"
            " WHERE p.content_hash IS NOT c.content_hash LIMIT ?",
            limit,
        )

    def score_before(self, shot: int) -> ScoreBefore:
        """Return the score that a shot has now."""
        row = self.db.conn.execute(
            "SELECT score, percentile, model FROM scores WHERE shot = ?", (shot,)
        ).fetchone()
        return ScoreBefore(*row) if row else ScoreBefore()

    def features_by_path(self, encoder: EncoderId) -> FeaturesByPath:
        """Return a look-up from absolute paths to the features of present photos."""
        return FeaturesByPath(self.db, encoder)

    def path_of_shot(self, shot: int) -> bytes | None:
        """Return where a decided shot's photo belongs in the library, or else lies, or lay last."""
        found = self.db.conn.execute(
            f"SELECT coalesce(p.home_path, CAST({_PATH} AS BLOB)) FROM triaged.photos p"
            " JOIN triaged.roots r ON r.id = p.root WHERE p.shot = ?"
            " ORDER BY p.kind != 'image', p.id LIMIT 1",
            (shot,),
        ).fetchone()
        return None if found is None else found[0]

    def listable(self, min_score: float, limit: int) -> list[Listable]:
        """Return the undecided library photos with the highest scores, at most `limit`."""
        return [
            Listable(
                photo=row["photo"],
                shot=row["shot"],
                path=row["path"],
                score=row["score"],
                taken_at=row["taken_at"],
                rating=row["rating"],
                size_bytes=row["size_bytes"],
            )
            for row in rows(
                self.db,
                f"SELECT s.photo, s.shot, CAST({_PATH} AS BLOB) AS path, s.score,"
                " coalesce(p.taken_at, p.mtime_ns / 1e9) AS taken_at, p.rating, p.size_bytes"
                " FROM scores s JOIN triaged.photos p ON p.id = s.photo"
                " JOIN triaged.roots r ON r.id = p.root"
                " WHERE s.score >= ? AND p.is_present = 1 AND r.is_active = 1"
                " AND r.is_online = 1 AND r.role = 'library'"
                " AND NOT EXISTS (SELECT 1 FROM triaged.standing t WHERE t.shot = s.shot)"
                " ORDER BY s.score DESC, s.photo LIMIT ?",
                min_score,
                limit,
            )
        ]

    def to_publish(self, moved_by: float, not_since: float) -> Iterator[dict[str, Any]]:
        """Yield photos whose attributes are missing or stale.

        Stale means other bytes than were scored, or a score that moved by at least `moved_by` and
        was last written before `not_since`.
        """
        cursor = self.db.conn.execute(
            f"SELECT s.photo, s.content_hash, s.score, s.reason, s.model, r.id,"
            f" CAST({_PATH} AS BLOB) FROM scores s"
            " JOIN triaged.photos p ON p.id = s.photo AND p.content_hash = s.content_hash"
            " JOIN triaged.roots r ON r.id = p.root"
            " LEFT JOIN triaged.published w ON w.photo = s.photo"
            " WHERE p.is_present = 1 AND r.is_online = 1 AND r.is_active = 1"
            " AND r.role = 'library' AND (w.photo IS NULL OR w.content_hash != s.content_hash"
            "  OR (abs(w.score - s.score) >= ? AND w.at < ?))",
            (moved_by, not_since),
        )
        for photo, content_hash, score, reason, model, root, path in cursor.fetchall():
            yield {
                "photo": photo,
                "content_hash": content_hash,
                "score": score,
                "reason": reason,
                "model": model,
                "root": root,
                "path": path,
            }

    def quarantined(self) -> list[dict[str, Any]]:
        """Return the photos that could not be read, with the reason."""
        return rows(
            self.db,
            f"SELECT p.id AS photo, CAST({_PATH} AS BLOB) AS path, t.reason, t.attempts"
            " FROM attempts t JOIN triaged.photos p ON p.id = t.photo AND p.is_present = 1"
            "  AND p.size_bytes = t.size_bytes AND p.mtime_ns = t.mtime_ns"
            " JOIN triaged.roots r ON r.id = p.root WHERE t.quarantined_at IS NOT NULL"
            " ORDER BY path",
        )

    def encoder(self) -> EncoderId | None:
        """Return the encoder the worker uses, None before its first run."""
        recorded = setting(self.db, "encoder")
        return None if recorded is None else EncoderId(*json.loads(recorded))

    def worker_setting(self, name: str) -> str | None:
        """Return what the worker recorded under a name, None if it never did."""
        return setting(self.db, name)

    def fit_state(self, now: float) -> FitState:
        """Return what has been decided since the last fit; `now` is Unix seconds."""
        model = self.active_model()
        changes = self.changes()
        return FitState(
            new=changes - (model["changes"] if model else 0),
            labels=int(scalar(self.db, "SELECT count(*) FROM triaged.standing")),
            seconds_since_fit=now - model["fitted_at"] if model else None,
        )

    def changes(self) -> int:
        """Return a number that grows whenever what stands decided may have changed."""
        return int(
            scalar(
                self.db,
                "SELECT (SELECT coalesce(max(id), 0) FROM triaged.decisions)"
                " + (SELECT count(*) FROM triaged.acts WHERE state = 'retracted')",
            )
        )

    def scored_by(self) -> int | None:
        """Return the newest model that has scored anything, None before the first."""
        found = scalar(self.db, "SELECT max(model) FROM scores")
        return None if found is None else int(found)

    def all_scores(self) -> list[float]:
        """Return every score, in no order."""
        return [row[0] for row in self.db.conn.execute("SELECT score FROM scores").fetchall()]

    def root_paths(self, role: Role) -> list[bytes]:
        """Return the paths of the configured roots of one role."""
        return [
            row[0]
            for row in self.db.conn.execute(
                "SELECT path FROM triaged.roots WHERE role = ? AND is_active = 1"
                " AND origin = 'config' ORDER BY id",
                (role.value,),
            ).fetchall()
        ]

    def active_model(self) -> dict[str, Any] | None:
        """Return the model that serves now, None before the first fit."""
        return active_model(self.db)

    def count_scored(self) -> int:
        """Return how many shots have a score."""
        return int(scalar(self.db, "SELECT count(*) FROM scores"))


_PHOTO_FEATURES = (
    "SELECT p.id AS photo, p.shot, p.content_hash, p.size_bytes, p.mtime_ns, p.name, p.home_path,"
    " p.taken_at, e.embedding, e.levels, i.measured, i.facts FROM triaged.photos p"
    " JOIN contents c ON c.photo = p.id AND c.size_bytes = p.size_bytes"
    "  AND c.mtime_ns = p.mtime_ns"
    " JOIN embeddings e ON e.content_hash = c.content_hash AND e.backbone = ? AND e.version = ?"
    " JOIN pictures i ON i.content_hash = c.content_hash AND i.measured_version = ?"
    " WHERE p.root = ? AND p.folder = ? AND p.name = ? AND p.is_present = 1"
)
