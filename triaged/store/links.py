"""What the owner was shown: the links of the review folder, and what was written to photos."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from triaged.store.connection import rows, scalar


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a view."""

    shot: int
    photo: int
    name: bytes
    rank: int
    inode: int | None = None
    is_control: bool = False


class Links:
    """The `links` and `published` tables."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def shown(self, view: str) -> list[Link]:
        """Return the links that stand in a view now, by rank."""
        return [
            Link(**{**row, "is_control": bool(row["is_control"])})
            for row in rows(
                self._db,
                "SELECT shot, photo, name, rank, inode, is_control FROM links"
                " WHERE view = ? AND shown_to IS NULL ORDER BY rank",
                view,
            )
        ]

    def replace(self, view: str, ended: Iterable[bytes], begun: Iterable[Link], at: float) -> None:
        """Record a refresh: the links named `ended` are gone, `begun` stand from now on."""
        generation = 1 + int(scalar(self._db, "SELECT coalesce(max(generation), 0) FROM links"))
        self._db.conn.executemany(
            "UPDATE links SET shown_to = ? WHERE view = ? AND name = ? AND shown_to IS NULL",
            ((at, view, name) for name in ended),
        )
        self._db.conn.executemany(
            "INSERT INTO links (generation, view, shot, photo, name, rank, is_control, inode,"
            " shown_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    generation,
                    view,
                    link.shot,
                    link.photo,
                    link.name,
                    link.rank,
                    int(link.is_control),
                    link.inode,
                    at,
                )
                for link in begun
            ),
        )

    def published(self) -> dict[int, dict[str, Any]]:
        """Return what was last written to each photo's attributes, by photo."""
        return {row["photo"]: row for row in rows(self._db, "SELECT * FROM published")}

    def set_published(
        self, photo: int, content_hash: str, score: float, model: int, outcome: str, at: float
    ) -> None:
        """Record what was written to a photo's attributes, and how that went."""
        self._db.conn.execute(
            "INSERT OR REPLACE INTO published (photo, content_hash, score, model, outcome, at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (photo, content_hash, score, model, outcome, at),
        )
