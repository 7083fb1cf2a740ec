"""A state folder with both databases and one root of each role, for tests of what is stored."""

import os
from pathlib import Path

from seen import DISK, TOPS, place, seen

from triaged.core.decide import ActKind
from triaged.core.types import FileKind, Identity, Label, Role
from triaged.store.acts import NewAct, ScoreBefore
from triaged.store.features import Embedded, ShotScore
from triaged.store.overview import Overview
from triaged.store.state import Store, open_features
from triaged.store.study import EncoderId

ENCODER = EncoderId("descriptor", "1", 1)
PATHS = {
    Role.LIBRARY: b"/photos",
    Role.KEEP: b"/favourites",
    Role.DELETED: b"/archive",
    Role.TRASH: b"/home/Trash",
}
FACTS = (
    '{"taken_at": null, "camera": null, "flash": null, "exposure_seconds": null,'
    ' "aperture": null, "iso": null, "focal_mm": null, "rating": null}'
)


class Shelf:
    """Both databases, open, with the roots of `PATHS` online."""

    def __init__(self, folder: Path) -> None:
        self.path = os.fsencode(folder)
        self.store = Store(self.path)
        self.features = open_features(self.path)
        self.overview = Overview(self.path)
        with self.store.transaction():
            for role, path in PATHS.items():
                root = self.store.roots.ensure(path, role, "config")
                assert root.id == TOPS[role]
                self.store.roots.set_online(root.id, Identity(DISK, root.id, 1))

    def close(self) -> None:
        """Close everything."""
        for part in (self.overview, self.features, self.store):
            part.close()

    def add(
        self,
        name: bytes,
        role: Role = Role.LIBRARY,
        folder: bytes = b"",
        *,
        inode: int = 0,
        kind: FileKind = FileKind.IMAGE,
        home_path: bytes | None = None,
        content_hash: str | None = None,
        at: float = 0.0,
    ) -> int:
        """Add a photo and return its number; a library photo is at home where it is."""
        if role is Role.LIBRARY:
            home_path = b"/".join(part for part in (PATHS[role], folder, name) if part)
        photos = self.store.photos
        with self.store.transaction():
            photo = photos.add(
                seen(place(role, folder, name), inode=inode, kind=kind), home_path, at
            )
            if content_hash is not None:
                photos.set_content(photo, content_hash, None, None)
        return photo

    def shot_of(self, photo: int) -> int:
        """Return the shot of a photo."""
        known = self.store.photos.get(photo)
        assert known is not None
        return known.shot

    def act(
        self,
        photo: int,
        kind: ActKind = ActKind.TRASHED,
        gesture: int | None = None,
        *,
        role_to: Role = Role.TRASH,
        size: int = 1,
        state: str = "taken",
        at: float | None = 100.0,
        before: ScoreBefore | None = None,
    ) -> int:
        """Store an act on a photo and return its gesture."""
        path = self.store.photos.path_of(photo)
        known = before or ScoreBefore()
        new = NewAct(kind, photo, Role.LIBRARY.value, role_to.value, path, b"/to", at, known)
        with self.store.transaction():
            return self.store.acts.add(new, gesture, size, state, 200.0)

    def decide(
        self,
        photo: int,
        label: Label = Label.DELETE,
        weight: float = 1.0,
        kind: ActKind = ActKind.TRASHED,
        before: ScoreBefore | None = None,
    ) -> int:
        """Store an act and what it taught; return its gesture."""
        gesture = self.act(photo, kind, before=before)
        [act] = [act for act in self.store.acts.open() if act.gesture == gesture]
        with self.store.transaction():
            self.store.acts.decide(act, label, weight, 300.0)
        return gesture

    def read(self, photo: int, content_hash: str, facts: str = FACTS) -> None:
        """Store what a worker reads of a photo, in both databases."""
        found = Embedded(photo, 10, 20, content_hash, facts, b"m", 1, b"e", b"l")
        with self.features.transaction():
            self.features.add_embedded(found, ENCODER.backbone, ENCODER.version, 1.0)
        with self.store.transaction():
            self.store.photos.set_content(photo, content_hash, None, None)

    def score(self, photo: int, score: float, content_hash: str = "h", model: int = 1) -> None:
        """Store a score of the shot of a photo."""
        row = ShotScore(self.shot_of(photo), photo, content_hash, score, 0.5, "why")
        with self.features.transaction():
            self.features.replace_scores([row], model, 1.0, is_all=False)
