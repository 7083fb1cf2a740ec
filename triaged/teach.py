"""Teaching by word: folders given to `learn`, and photos labelled one by one.

Nothing is moved. The photos of a taught folder are many acts, one weight each, but one gesture for
`undo`. A photo that lies in the library keeps its place there and is taught where it is.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from triaged.core.decide import ActKind
from triaged.core.types import FileKind, Known, Label, Place, Role, Seen
from triaged.errors import UserError
from triaged.fs.mounts import identity_of
from triaged.fs.scan import Entry, walk
from triaged.store.acts import NewAct, ScoreBefore
from triaged.store.overview import Overview
from triaged.store.photos import join
from triaged.store.roots import Root
from triaged.store.state import Store

_ROLES = {Label.DELETE: Role.DELETED, Label.KEEP: Role.KEEP}


@dataclass(frozen=True, slots=True)
class Taught:
    """How many photos of a folder were new lessons, and how many had said the same before."""

    new: int
    known: int


def teach_folder(store: Store, overview: Overview, folder: bytes, label: Label) -> Taught:
    """Record that every photo below `folder` is one its owner deleted, or kept.

    Raises UserError if it is no folder that can be read, or holds no photos.
    """
    path = os.path.realpath(folder)
    if not os.path.isdir(path):
        raise UserError(f"{os.fsdecode(folder)} is not a folder")
    new = known = 0
    gesture: int | None = None
    with store.transaction():
        for below, listing in walk(path):
            root = _root_for(store, path, join(path, b"", below), _ROLES[label])
            there = _known_photos(store, root, path, below)
            for entry in listing.entries:
                if entry.kind is not FileKind.IMAGE:
                    continue
                photo = there.get(entry.name)
                photo_id = photo.photo if photo else _add(store, root, path, below, entry)
                if photo and _says(store, photo.shot, label):
                    known += 1
                    continue
                before = overview.score_before(photo.shot) if photo else ScoreBefore()
                gesture = _teach(store, photo_id, label, ActKind.TAUGHT, gesture, before)
                new += 1
    if not new + known:
        raise UserError(f"there are no photos in {os.fsdecode(folder)}")
    return Taught(new, known)


def _root_for(store: Store, path: bytes, folder: bytes, role: Role) -> Root:
    """Return the innermost root that holds `folder`, or `path` as a new one."""
    holding = [root for root in store.roots.active() if _is_within(folder, root.path)]
    innermost = max(holding, key=lambda root: len(root.path), default=None)
    if innermost is None or (innermost.path == path and innermost.origin == "taught"):
        return store.roots.ensure(path, role, "taught")
    return innermost


def _is_within(path: bytes, top: bytes) -> bool:
    return path == top or path.startswith(top.rstrip(b"/") + b"/")


def _relative(root: Root, path: bytes, below: bytes) -> bytes:
    """Return the folder of `root` that is `below` of `path`."""
    folder = join(path, b"", below)
    return folder[len(root.path.rstrip(b"/")) :].lstrip(b"/")


def _known_photos(store: Store, root: Root, path: bytes, below: bytes) -> dict[bytes, Known]:
    return store.photos.in_folder(root.id, _relative(root, path, below))


def _add(store: Store, root: Root, path: bytes, below: bytes, entry: Entry) -> int:
    place = Place(root.id, root.role, _relative(root, path, below), entry.name)
    where = join(path, below, entry.name)
    seen = Seen(place, identity_of(where), entry.size_bytes, entry.mtime_ns, entry.kind)
    home_path = where if root.role is Role.LIBRARY else None
    return store.photos.add(seen, home_path, time.time())


def _says(store: Store, shot: int, label: Label) -> bool:
    """Return whether a shot stands decided with this label already."""
    standing = store.acts.label_of(shot)
    return standing is not None and standing["label"] == label.value


def _teach(
    store: Store,
    photo: int,
    label: Label,
    kind: ActKind,
    gesture: int | None,
    before: ScoreBefore,
) -> int:
    act = NewAct(
        kind=kind,
        photo=photo,
        role_from=None,
        role_to=_ROLES[label].value,
        seen_from=None,
        seen_to=store.photos.path_of(photo),
        at=time.time() if kind is ActKind.LABELLED else None,
        before=before,
    )
    return store.acts.add(act, gesture, 1, "taken", time.time())


def label_photos(
    store: Store, overview: Overview, photos: Sequence[Known], label: Label | None
) -> None:
    """Label photos by the owner's word; None clears what stands about them."""
    gesture: int | None = None
    with store.transaction():
        for photo in photos:
            if label is None:
                store.acts.retract_shot(photo.shot)
            elif not _says(store, photo.shot, label):
                before = overview.score_before(photo.shot)
                gesture = _teach(store, photo.photo, label, ActKind.LABELLED, gesture, before)
