"""What the worker reads: photos to embed, lessons to fit, shots to score. Nothing is written."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlite_utils import Database

from triaged.store.connection import rows, scalar
from triaged.store.photos import join

_BATCH = 1_000


class EncoderId(NamedTuple):
    """What turns pictures into features: a backbone, its version, that of the measured part."""

    backbone: str
    version: str
    measured_version: int


class Study:
    """Questions to the connection of an Overview: `main` is features.db, `triaged` triaged.db."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def to_embed(self, encoder: EncoderId, limit: int) -> list[dict[str, Any]]:
        """Return photos whose features are missing: never tried before tried, trashes first."""
        found = rows(
            self._db,
            "SELECT p.id AS photo, r.path AS root, p.folder, p.name, p.size_bytes, p.mtime_ns,"
            " coalesce(t.attempts, 0) AS attempts" + _TO_EMBED + " ORDER BY attempts,"
            " r.role NOT IN ('trash', 'deleted', 'keep'), p.id DESC LIMIT ?",
            *encoder,
            limit,
        )
        for row in found:
            row["path"] = join(row.pop("root"), row.pop("folder"), row.pop("name"))
        return found

    def count_to_embed(self, encoder: EncoderId) -> int:
        """Return how many photos wait for their features."""
        return int(scalar(self._db, "SELECT count(*)" + _TO_EMBED, *encoder))

    def new_lessons(self, encoder: EncoderId) -> list[dict[str, Any]]:
        """Return the features of decided shots that are not yet kept with the decisions."""
        return rows(
            self._db,
            "SELECT s.shot, e.backbone, e.version, i.content_hash, min(p.id) AS photo,"
            " e.embedding, e.levels, i.measured, i.measured_version, i.facts"
            " FROM triaged.standing s JOIN triaged.photos p ON p.shot = s.shot"
            " JOIN embeddings e ON e.content_hash = p.content_hash AND e.backbone = ?"
            "  AND e.version = ?"
            " JOIN pictures i ON i.content_hash = p.content_hash AND i.measured_version = ?"
            " LEFT JOIN triaged.lessons l ON l.shot = s.shot AND l.backbone = e.backbone"
            "  AND l.version = e.version"
            " WHERE l.shot IS NULL OR l.measured_version != i.measured_version GROUP BY s.shot",
            *encoder,
        )

    def decided(self, encoder: EncoderId) -> list[dict[str, Any]]:
        """Return every standing decision with what its shot looked like, by decision.

        `home_path` is where it lay in the library before the act: what came after may have been
        the act itself.
        """
        return rows(
            self._db,
            "SELECT s.*, l.photo, l.content_hash, l.embedding, l.levels, l.measured, l.facts,"
            " CASE WHEN a.role_from = 'library' THEN a.seen_from ELSE p.home_path END"
            " AS home_path, p.name, p.taken_at FROM triaged.standing s"
            " JOIN triaged.acts a ON a.id = s.act"
            " JOIN triaged.lessons l ON l.shot = s.shot AND l.backbone = ?"
            "  AND l.version = ? AND l.measured_version = ?"
            " JOIN triaged.photos p ON p.id = l.photo ORDER BY s.decision",
            *encoder,
        )

    def settled(self, encoder: EncoderId, before: float, limit: int) -> list[dict[str, Any]]:
        """Return library shots never decided about and captured before `before`: a fixed sample."""
        return rows(
            self._db,
            _SHOT_FEATURES + " AND coalesce(p.taken_at, p.mtime_ns / 1e9) < ?"
            " AND NOT EXISTS (SELECT 1 FROM triaged.decisions d WHERE d.shot = p.shot)"
            " ORDER BY c.content_hash LIMIT ?",
            *encoder,
            before,
            limit,
        )

    def shots_with_features(
        self, encoder: EncoderId, unscored_by: int | None
    ) -> Iterator[list[dict[str, Any]]]:
        """Yield library shots with their features in batches, by shot.

        With `unscored_by` only those that this model has not scored as they are now. Each batch is
        a query of its own, so that no lock is held while it is worked on.
        """
        fresh = (
            " AND NOT EXISTS (SELECT 1 FROM scores s WHERE s.shot = p.shot AND s.model = ?"
            " AND s.content_hash = c.content_hash)"
        )
        query = (
            _SHOT_FEATURES
            + (fresh if unscored_by is not None else "")
            + " AND p.shot > ? ORDER BY p.shot LIMIT ?"
        )
        extra = () if unscored_by is None else (unscored_by,)
        last = 0
        while batch := rows(self._db, query, *encoder, *extra, last, _BATCH):
            yield batch
            last = batch[-1]["shot"]


_TO_EMBED = (
    " FROM triaged.photos p JOIN triaged.roots r ON r.id = p.root"
    " LEFT JOIN contents c ON c.photo = p.id AND c.size_bytes = p.size_bytes"
    "  AND c.mtime_ns = p.mtime_ns"
    " LEFT JOIN embeddings e ON e.content_hash = c.content_hash AND e.backbone = ?"
    "  AND e.version = ?"
    " LEFT JOIN pictures i ON i.content_hash = c.content_hash AND i.measured_version = ?"
    " LEFT JOIN attempts t ON t.photo = p.id AND t.size_bytes = p.size_bytes"
    "  AND t.mtime_ns = p.mtime_ns"
    " WHERE p.is_present = 1 AND p.kind = 'image' AND r.is_active = 1"
    " AND (r.is_online = 1 OR r.origin = 'taught')"
    " AND (e.content_hash IS NULL OR i.content_hash IS NULL) AND t.quarantined_at IS NULL"
)
_SHOT_FEATURES = (
    "SELECT p.shot, p.id AS photo, c.content_hash, e.embedding, e.levels, i.measured,"
    " i.facts, p.home_path, p.name, p.taken_at"
    " FROM triaged.photos p JOIN triaged.roots r ON r.id = p.root"
    " JOIN contents c ON c.photo = p.id AND c.size_bytes = p.size_bytes"
    "  AND c.mtime_ns = p.mtime_ns"
    " JOIN embeddings e ON e.content_hash = c.content_hash AND e.backbone = ? AND e.version = ?"
    " JOIN pictures i ON i.content_hash = c.content_hash AND i.measured_version = ?"
    " WHERE p.is_present = 1 AND p.kind = 'image' AND r.is_active = 1 AND r.role = 'library'"
    # The first readable picture of a shot stands for it.
    " AND NOT EXISTS (SELECT 1 FROM triaged.photos q JOIN triaged.roots o ON o.id = q.root"
    " JOIN contents d ON d.photo = q.id AND d.size_bytes = q.size_bytes"
    "  AND d.mtime_ns = q.mtime_ns"
    " JOIN embeddings f ON f.content_hash = d.content_hash AND f.backbone = e.backbone"
    "  AND f.version = e.version"
    " WHERE q.shot = p.shot AND q.id < p.id AND q.is_present = 1 AND q.kind = 'image'"
    "  AND o.is_active = 1 AND o.role = 'library')"
)
