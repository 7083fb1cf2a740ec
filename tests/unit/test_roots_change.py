"""A folder that becomes a root of its own, or ceases to be one: the files stayed where they are."""

import os
from pathlib import Path

from triaged.config import Config, RootConfig, ScanConfig
from triaged.core.types import Role
from triaged.judge import settle
from triaged.observe import Observer
from triaged.once import open_state
from triaged.store.connection import rows
from triaged.store.state import open_features

NAMES = ("one.jpg", "two.jpg")


class Life:
    """A library `Pictures` with photos in `Pictures/rejected`, looked at under changing configs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = os.fsencode(path / "state")
        os.makedirs(self.state)
        (path / "Pictures" / "rejected").mkdir(parents=True)
        (path / "Pictures" / "kept.jpg").write_bytes(b"kept")
        for name in NAMES:
            (path / "Pictures" / "rejected" / name).write_bytes(name.encode())
        self.store, self.overview = open_state(self.state)

    def look(self, *, is_root: bool) -> None:
        """Look and judge, with `Pictures/rejected` as a `deleted` root or as a plain folder."""
        roots = [RootConfig(os.fsencode(self.path / "Pictures"), Role.LIBRARY)]
        if is_root:
            roots.append(RootConfig(os.fsencode(self.path / "Pictures/rejected"), Role.DELETED))
        config = Config(roots=tuple(roots), scan=ScanConfig(settle_seconds=0, gone_seconds=0))
        Observer(config, self.store, self.overview, patient=False).look(None)
        features = open_features(self.state)
        for row in rows(self.store.db, "SELECT * FROM photos WHERE is_present = 1"):
            content = (row["id"], row["size_bytes"], row["mtime_ns"], row["name"].hex(), 1.0)
            features.add_copy(*content)
        features.close()
        settle(self.store, self.overview)

    def standing(self) -> list[tuple[str, str]]:
        """Return file name and label of all that stands."""
        found = [(row["path"], row["label"]) for row in self.store.acts.export()]
        return sorted((os.path.basename(path).decode(), label) for path, label in found)

    def photos(self) -> int:
        """Return how many photos there are, gone ones included."""
        return len(rows(self.store.db, "SELECT id FROM photos"))


def test_a_deleted_folder_named_later_teaches_what_lies_in_it(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.look(is_root=False)
    assert life.standing() == []

    life.look(is_root=True)

    assert life.standing() == [(name, "delete") for name in NAMES]
    assert life.photos() == 3


def test_a_root_that_leaves_the_configuration_takes_no_lesson_with_it(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.look(is_root=True)
    life.look(is_root=False)
    assert life.standing() == [(name, "delete") for name in NAMES]

    life.look(is_root=True)

    assert life.standing() == [(name, "delete") for name in NAMES]
    assert life.photos() == 3
