"""One installation of triaged: its state, its eyes, and a reader that stands in for the worker."""

import os
import time
from pathlib import Path
from typing import Any

import xxhash
from desk import ROOTS

from triaged.config import Config, RootConfig, ScanConfig
from triaged.core.types import Role
from triaged.judge import settle
from triaged.observe import Looked, Observer
from triaged.store.connection import rows
from triaged.store.overview import Overview
from triaged.store.state import Store, open_features

PATIENT_SECONDS = 3600.0  # longer than any example lasts


class Machine:
    """A store with an observer. `patience` is how long what is missing is waited for (seconds)."""

    def __init__(self, home: Path, state_dir: Path, patience: float = 0.0) -> None:
        roots = tuple(RootConfig(os.fsencode(home / p), Role(role)) for p, role in ROOTS.items())
        scan = ScanConfig(settle_seconds=0.0, gone_seconds=patience)
        self._config = Config(roots=roots, scan=scan)
        self._state_dir = os.fsencode(state_dir)
        os.makedirs(state_dir)
        self.open()

    def open(self) -> None:
        """Start: open the databases, with an observer that remembers nothing."""
        self.store = Store(self._state_dir)
        self.features = open_features(self._state_dir)
        self.overview = Overview(self._state_dir)
        self._observer = Observer(self._config, self.store, self.overview)

    def close(self) -> None:
        """Stop."""
        for part in (self.overview, self.features, self.store):
            part.close()

    def look(self, folders: set[bytes] | None, *, patient: bool = True) -> Looked:
        """Look at folders, or at everything for None."""
        if patient:
            return self._observer.look(folders)
        return Observer(self._config, self.store, self.overview, patient=False).look(folders)

    def read_and_judge(self) -> None:
        """Hash what the worker would read, then judge."""
        with self.features.transaction():
            for path, photo, size_bytes, mtime_ns in self._unread():
                try:
                    with open(path, "rb") as file:
                        digest = xxhash.xxh3_128(file.read()).hexdigest()
                except OSError:
                    continue
                self.features.add_copy(photo, size_bytes, mtime_ns, digest, time.time())
        settle(self.store, self.overview)

    def _unread(self) -> list[tuple[bytes, int, int, int]]:
        found = rows(
            self.store.db,
            "SELECT p.id, p.size_bytes, p.mtime_ns FROM photos p JOIN roots r ON r.id = p.root"
            " WHERE p.is_present = 1 AND p.kind = 'image' AND p.content_hash IS NULL"
            " AND r.is_online = 1",
        )
        return [
            (self.store.photos.path_of(r["id"]), r["id"], r["size_bytes"], r["mtime_ns"])
            for r in found
        ]

    def let_days_pass(self, days: int) -> None:
        """Make everything known longer known."""
        self.store.db.execute(
            "UPDATE photos SET first_seen_at = first_seen_at - ?", (days * 86400,)
        )

    def standing(self) -> list[tuple[Any, ...]]:
        """Return what stands decided: where the act led, label, weight, source."""
        found = rows(
            self.store.db,
            "SELECT a.seen_to, s.label, s.weight, s.source FROM standing s"
            " JOIN acts a ON a.id = s.act ORDER BY 1, 2, 3, 4",
        )
        return [tuple(row.values()) for row in found]

    def decisions(self) -> list[tuple[Any, ...]]:
        """Return every decision there is, with where its act led, oldest first.

        Whether it still counts is left out: a copy found late takes a delete back.
        """
        found = rows(
            self.store.db,
            "SELECT d.*, a.seen_to FROM decisions d JOIN acts a ON a.id = d.act ORDER BY d.id",
        )
        return [tuple(row.items()) for row in found]

    def tidied_away(self, after: int) -> list[tuple[Any, ...]]:
        """Return later delete decisions on shots of which an identical copy is kept."""
        found = rows(
            self.store.db,
            "SELECT d.id, c.id AS copy FROM decisions d JOIN photos p ON p.shot = d.shot"
            " JOIN photos c ON c.content_hash = p.content_hash AND c.shot != p.shot"
            " JOIN roots r ON r.id = c.root JOIN acts a ON a.id = d.act"
            " WHERE d.label = 'delete' AND d.id > ? AND c.is_present = 1 AND a.state = 'taken'"
            " AND r.role IN ('library', 'keep')",
            after,
        )
        return [tuple(row.values()) for row in found]

    def present(self) -> dict[bytes, int]:
        """Return the inode of every photo that the database has somewhere, by path."""
        found = rows(self.store.db, "SELECT id, inode FROM photos WHERE is_present = 1")
        return {self.store.photos.path_of(row["id"]): row["inode"] for row in found}

    def offline(self) -> set[str]:
        """Return the names of the roots that are not trusted now."""
        return {Path(os.fsdecode(r.path)).name for r in self.store.roots.active() if r.trouble}

    def label_at(self, path: Path) -> str | None:
        """Return what stands for the photo at a path."""
        known = self.store.photos.at_path(os.fsencode(path))
        standing = self.store.acts.label_of(known.shot) if known else None
        return standing["label"] if standing else None
