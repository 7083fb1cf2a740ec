"""The state folder: both databases, opened and brought to their newest schema."""

import os
from contextlib import AbstractContextManager

from sqlite_utils import Database

from triaged.store.acts import Acts
from triaged.store.connection import open_database, scalar, transaction
from triaged.store.features import Features
from triaged.store.links import Links
from triaged.store.photos import Photos
from triaged.store.roots import Roots
from triaged.store.schema import migrate_features, migrate_triaged


class Store:
    """`triaged.db`, the precious database, by noun."""

    def __init__(self, state_dir: bytes) -> None:
        self.db: Database = open_database(os.path.join(state_dir, b"triaged.db"), "FULL")
        migrate_triaged(self.db)
        self.roots = Roots(self.db)
        self.photos = Photos(self.db)
        self.acts = Acts(self.db)
        self.links = Links(self.db)

    def transaction(self) -> AbstractContextManager[None]:
        """Hold the write lock for a block; all of it is stored, or nothing."""
        return transaction(self.db)

    def setting(self, name: str) -> str | None:
        """Return a recorded setting, None if it was never set."""
        value = scalar(self.db, "SELECT value FROM settings WHERE name = ?", name)
        return None if value is None else str(value)

    def set_setting(self, name: str, value: str) -> None:
        """Record a setting."""
        self.db.execute(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value)
        )

    def add_lesson(self, values: dict[str, object]) -> None:
        """Keep what a decided shot looked like with its decision."""
        self.db.table("lessons").insert(values, pk=("shot", "backbone", "version"), replace=True)

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def open_features(state_dir: bytes) -> Features:
    """Open `features.db` for its one writer."""
    db = open_database(os.path.join(state_dir, b"features.db"), "NORMAL")
    migrate_features(db)
    return Features(db)
