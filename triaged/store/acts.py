"""Acts and decisions: what the owner did, and what it taught. Both are append-only.

An act's `state` is the one thing that changes: `taken` counts, `held` waits for the owner's word,
`rejected` taught nothing, `retracted` was undone. A decision counts while its act is `taken`.
"""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from triaged.core.decide import ActKind
from triaged.core.types import Label
from triaged.store.connection import rows, scalar


@dataclass(frozen=True, slots=True)
class ScoreBefore:
    """The score a photo had when its owner acted on it; None throughout if it had none."""

    score: float | None = None
    percentile: float | None = None
    model: int | None = None


@dataclass(frozen=True, slots=True)
class NewAct:
    """One photo's part of an act, as observed."""

    kind: ActKind
    photo: int
    role_from: str | None
    role_to: str | None
    seen_from: bytes | None
    seen_to: bytes | None
    at: float | None
    before: ScoreBefore


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An act that has not been judged yet."""

    id: int
    gesture: int
    kind: ActKind
    photo: int
    shot: int
    at: float | None
    content_hash: str | None
    file_kind: str
    is_present: bool
    role_to: str | None
    before: ScoreBefore


# Where the photo was in the owner's eyes: before it was put away, or after it came back.
_PATH_IN_LIBRARY = (
    "CASE WHEN a.role_from IN ('trash', 'deleted') OR a.seen_from IS NULL"
    " THEN a.seen_to ELSE a.seen_from END"
)


class Acts:
    """The `acts` and `decisions` tables and what stands of them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, act: NewAct, gesture: int | None, size: int, state: str, seen_at: float) -> int:
        """Insert an act; `gesture` None begins a new one. Returns the gesture."""
        cursor = self._db.conn.execute(
            "INSERT INTO acts (gesture, kind, photo, role_from, role_to, seen_from, seen_to, at,"
            " seen_at, size_of_act, state, score, percentile, model)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                gesture or 0,
                act.kind.value,
                act.photo,
                act.role_from,
                act.role_to,
                act.seen_from,
                act.seen_to,
                act.at,
                seen_at,
                size,
                state,
                act.before.score,
                act.before.percentile,
                act.before.model,
            ),
        )
        act_id = int(cursor.lastrowid or 0)
        if gesture is None:
            self._db.conn.execute("UPDATE acts SET gesture = id WHERE id = ?", (act_id,))
            return act_id
        return gesture

    def open(self) -> list[OpenAct]:
        """Return the acts that are to be judged, oldest first."""
        return [
            OpenAct(
                id=row["id"],
                gesture=row["gesture"],
                kind=ActKind(row["kind"]),
                photo=row["photo"],
                shot=row["shot"],
                at=row["at"],
                content_hash=row["content_hash"],
                file_kind=row["file_kind"],
                is_present=bool(row["is_present"]),
                role_to=row["role_to"],
                before=ScoreBefore(row["score"], row["percentile"], row["model"]),
            )
            for row in rows(
                self._db,
                "SELECT a.id, a.gesture, a.kind, a.photo, p.shot, a.at, p.content_hash,"
                " p.kind AS file_kind, p.is_present, a.role_to, a.score, a.percentile, a.model"
                " FROM acts a JOIN photos p ON p.id = a.photo"
                " WHERE a.judged_at IS NULL AND a.state = 'taken' ORDER BY a.id",
            )
        ]

    def reject(self, act: int, reason: str, at: float) -> None:
        """Record that an act teaches nothing, and why."""
        self._db.execute(
            "UPDATE acts SET state = 'rejected', reason = ?, judged_at = ? WHERE id = ?",
            (reason, at, act),
        )

    def decide(self, act: OpenAct, label: Label, weight: float, at: float) -> int:
        """Record what an act taught; returns the decision."""
        self._db.execute("UPDATE acts SET judged_at = ? WHERE id = ?", (at, act.id))
        cursor = self._db.conn.execute(
            "INSERT INTO decisions (act, shot, label, weight, source, at, made_at, score,"
            " percentile, model) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                act.id,
                act.shot,
                label.value,
                weight,
                act.kind.value,
                act.at,
                at,
                act.before.score,
                act.before.percentile,
                act.before.model,
            ),
        )
        return int(cursor.lastrowid or 0)

    def has_decision(self, gesture: int, shot: int) -> bool:
        """Return whether this gesture has labelled this shot already."""
        return bool(
            scalar(
                self._db,
                "SELECT 1 FROM decisions d JOIN acts a ON a.id = d.act"
                " WHERE a.gesture = ? AND d.shot = ? AND a.state = 'taken' LIMIT 1",
                gesture,
                shot,
            )
        )

    def gestures(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest gestures that still count: gesture, kind, photos, seen_at, at."""
        return rows(
            self._db,
            "SELECT gesture, min(kind) AS kind, count(*) AS photos, max(seen_at) AS seen_at,"
            " max(at) AS at, min(coalesce(seen_from, seen_to)) AS example FROM acts"
            " WHERE state = 'taken' AND judged_at IS NOT NULL"
            " GROUP BY gesture ORDER BY max(id) DESC LIMIT ?",
            limit,
        )

    def retract_gesture(self, gesture: int) -> int:
        """Undo a gesture's lessons; nothing is erased. Returns how many photos it concerned."""
        return self._set_state(gesture, "taken", "retracted")

    def retract_shot(self, shot: int) -> int:
        """Undo every lesson about one shot; returns how many acts that were."""
        cursor = self._db.conn.execute(
            "UPDATE acts SET state = 'retracted' WHERE state = 'taken' AND id IN"
            " (SELECT act FROM decisions WHERE shot = ?)",
            (shot,),
        )
        return cursor.rowcount

    def retract_tidied(self) -> int:
        """Undo the deletes of which an identical copy stands in the library or a keep folder.

        It was there all the time and its hint was lost, or the photo was copied back out of the
        trash: either way its owner has it. Returns how many there were.
        """
        tidied = [
            row["act"]
            for row in rows(
                self._db,
                "SELECT DISTINCT d.act FROM decisions d JOIN acts a ON a.id = d.act"
                " JOIN photos p ON p.shot = d.shot"
                " JOIN photos c ON c.content_hash = p.content_hash AND c.shot != p.shot"
                " JOIN roots r ON r.id = c.root"
                " WHERE d.label = 'delete' AND a.state = 'taken'"
                " AND a.kind IN ('trashed', 'discarded', 'found') AND c.is_present = 1"
                " AND r.is_active = 1 AND r.role IN ('library', 'keep')",
            )
        ]
        self._db.conn.executemany(
            "UPDATE acts SET state = 'retracted', reason = 'an identical copy stays' WHERE id = ?",
            ((act,) for act in tidied),
        )
        return len(tidied)

    def held(self) -> list[dict[str, Any]]:
        """Return what waits for the owner's word: gesture, kind, photos, seen_at, example."""
        return rows(
            self._db,
            "SELECT gesture, min(kind) AS kind, count(*) AS photos, max(seen_at) AS seen_at,"
            " min(coalesce(seen_from, seen_to)) AS example FROM acts WHERE state = 'held'"
            " GROUP BY gesture ORDER BY gesture",
        )

    def confirm(self, gesture: int) -> int:
        """Let a held gesture count; returns how many photos it concerns."""
        return self._set_state(gesture, "held", "taken")

    def drop(self, gesture: int) -> int:
        """Drop a held gesture; returns how many photos it concerned."""
        return self._set_state(gesture, "held", "rejected")

    def _set_state(self, gesture: int, old: str, new: str) -> int:
        cursor = self._db.conn.execute(
            "UPDATE acts SET state = ? WHERE gesture = ? AND state = ?", (new, gesture, old)
        )
        return cursor.rowcount

    def standing(self) -> list[dict[str, Any]]:
        """Return the label of every decided shot, as the view `standing` has it."""
        return rows(self._db, "SELECT * FROM standing ORDER BY decision")

    def label_of(self, shot: int) -> dict[str, Any] | None:
        """Return what stands for one shot, None if nothing does."""
        found = rows(self._db, "SELECT * FROM standing WHERE shot = ?", shot)
        return found[0] if found else None

    def counts(self) -> dict[str, int]:
        """Return how many shots stand decided, by label."""
        found = rows(self._db, "SELECT label, count(*) AS n FROM standing GROUP BY label")
        return {label.value: 0 for label in Label} | {row["label"]: row["n"] for row in found}

    def export(self) -> list[dict[str, Any]]:
        """Return every standing decision, oldest first, as a notebook wants it.

        `group` never straddles an honest split: the photos of one act share it. `score_before` is
        the score before the act, None if there was none.
        """
        return rows(
            self._db,
            f"SELECT {_PATH_IN_LIBRARY} AS path, s.label, s.weight, s.source, s.at,"
            " s.gesture AS 'group', d.score AS score_before, d.model AS model_before"
            " FROM standing s JOIN acts a ON a.id = s.act JOIN decisions d ON d.id = s.decision"
            " ORDER BY s.decision",
        )

    def history(self, limit: int) -> list[dict[str, Any]]:
        """Return the newest acts: seen_at, at, kind, state, reason, path, and label if any."""
        return rows(
            self._db,
            "SELECT a.seen_at, a.at, a.kind, a.state, a.reason, a.size_of_act,"
            f" {_PATH_IN_LIBRARY} AS path, d.label, d.score AS score_before"
            " FROM acts a LEFT JOIN decisions d ON d.act = a.id ORDER BY a.id DESC LIMIT ?",
            limit,
        )

    def scored_before(self) -> list[dict[str, Any]]:
        """Return the decisions that had a score before them: the online record, oldest first."""
        return rows(
            self._db,
            "SELECT d.id, d.label, d.score, d.percentile, d.model, d.made_at FROM decisions d"
            " JOIN acts a ON a.id = d.act WHERE a.state = 'taken' AND d.score IS NOT NULL"
            " AND d.source NOT IN ('taught', 'rated') ORDER BY d.id",
        )
