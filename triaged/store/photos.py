"""Photos and their shots: what lies where, and which files live and die together."""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from sqlite_utils import Database

from triaged.core.shots import is_edit, stem_of
from triaged.core.types import Identity, Known, Place, Role, Seen
from triaged.store.connection import rows, scalar

_SELECT = (
    "SELECT p.id, p.shot, p.root, r.role, p.folder, p.name, p.filesystem, p.inode, p.birth_ns,"
    " p.size_bytes, p.mtime_ns, p.is_present, p.home_path, p.first_seen_at, p.content_hash"
    " FROM photos p JOIN roots r ON r.id = p.root"
)


class Photos:
    """The `photos` and `shots` tables."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def in_folder(self, root: int, folder: bytes) -> dict[bytes, Known]:
        """Return the present photos of one folder by name."""
        where = " WHERE p.root = ? AND p.folder = ? AND p.is_present = 1"
        return {k.place.name: k for k in self._select(where, root, folder)}

    def folders(self, root: int) -> Iterator[bytes]:
        """Yield the folders of a root that have present photos, in order."""
        cursor = self._db.conn.execute(
            "SELECT DISTINCT folder FROM photos WHERE root = ? AND is_present = 1", (root,)
        )
        for (folder,) in cursor.fetchall():
            yield folder

    def bearing(self, identity: Identity) -> list[Known]:
        """Return every photo, present or gone, last seen with this identity."""
        return self._select(
            " WHERE p.inode = ? AND p.birth_ns = ? AND p.filesystem = ?"
            " ORDER BY p.is_present DESC, p.id DESC LIMIT 8",
            identity.inode,
            identity.birth_ns,
            identity.filesystem,
        )

    def of_path(self, path: bytes, size_bytes: int, mtime_ns: int) -> list[Known]:
        """Return the photos that belong to, or lay last at, a path and have this size and mtime."""
        stamped = " AND p.size_bytes = ? AND p.mtime_ns = ? ORDER BY p.is_present DESC, p.id DESC"
        found = self._select(" WHERE p.home_path = ?" + stamped, path, size_bytes, mtime_ns)
        folder, name = os.path.split(path)
        for root, top in self._db.conn.execute("SELECT id, path FROM roots").fetchall():
            if folder == top or folder.startswith(top.rstrip(b"/") + b"/"):
                found += self._select(
                    " WHERE p.root = ? AND p.folder = ? AND p.stem = ? AND p.name = ?" + stamped,
                    *(root, folder[len(top.rstrip(b"/")) + 1 :], stem_of(name), name),
                    *(size_bytes, mtime_ns),
                )
        return list({known.photo: known for known in found}.values())

    def get(self, photo: int) -> Known | None:
        """Return one photo, None if there is none of this number."""
        found = self._select(" WHERE p.id = ?", photo)
        return found[0] if found else None

    def at_path(self, path: bytes) -> Known | None:
        """Return the photo at an absolute path, or else one that belongs there; present first."""
        place = (
            "CAST(r.path || '/' || CASE WHEN p.folder = x'' THEN p.name"
            " ELSE p.folder || '/' || p.name END AS BLOB)"  # text never equals a blob
        )
        found = self._select(
            f" WHERE {place} = ? OR p.home_path = ?"
            f" ORDER BY p.is_present DESC, {place} = ? DESC, p.id DESC LIMIT 1",
            *(path, path, path),
        )
        return found[0] if found else None

    def add(self, seen: Seen, home_path: bytes | None, at: float) -> int:
        """Insert a file seen for the first time, in its shot; return its number."""
        stem = stem_of(os.path.basename(home_path) if home_path else seen.place.name)
        cursor = self._db.conn.execute(
            "INSERT INTO photos (root, folder, name, filesystem, inode, birth_ns, size_bytes,"
            " mtime_ns, stem, kind, shot, first_role, home_path, first_seen_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *_place(seen),
                *_stamp(seen),
                stem,
                seen.kind.value,
                self._shot_for(seen, stem, home_path),
                seen.place.role.value,
                home_path,
                at,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _shot_for(self, seen: Seen, stem: bytes, home_path: bytes | None) -> int:
        """Return the shot of the files with this stem from the same folder, or a new one."""
        home = os.path.dirname(home_path or b"")
        suffix = os.path.splitext(seen.place.name)[1].lower()
        for name, other_home, shot in self._db.conn.execute(
            "SELECT name, home_path, shot FROM photos"
            " WHERE root = ? AND folder = ? AND stem = ? AND is_present = 1",
            (seen.place.root, seen.place.folder, stem),
        ):
            is_other = name != seen.place.name and os.path.splitext(name)[1].lower() != suffix
            if (is_other or is_edit(name) != is_edit(seen.place.name)) and (
                os.path.dirname(other_home or b"") == home
            ):
                return int(shot)
        return self.new_shot(None)

    def lift(self, photos: Iterable[int]) -> None:
        """Take photos off their places, so that others may stand there within the transaction."""
        self._db.conn.executemany(
            "UPDATE photos SET is_present = 0 WHERE id = ?", ((photo,) for photo in photos)
        )

    def put(self, photo: int, seen: Seen, home_path: bytes | None) -> None:
        """Record where a photo is now; other bytes than before lose it its content hash."""
        self._db.conn.execute(
            "UPDATE photos SET content_hash = CASE WHEN size_bytes = ? AND mtime_ns = ?"
            " THEN content_hash END, root = ?, folder = ?, name = ?, filesystem = ?, inode = ?,"
            " birth_ns = ?, size_bytes = ?, mtime_ns = ?, stem = ?, home_path = ?, is_present = 1,"
            " gone_at = NULL WHERE id = ?",
            (
                seen.size_bytes,
                seen.mtime_ns,
                *_place(seen),
                *_stamp(seen),
                stem_of(os.path.basename(home_path) if home_path else seen.place.name),
                home_path,
                photo,
            ),
        )

    def set_gone(self, photo: int, at: float) -> None:
        """Record that a photo is nowhere to be seen. Never a decision."""
        self._db.conn.execute(
            "UPDATE photos SET is_present = 0, gone_at = ? WHERE id = ?", (at, photo)
        )

    def set_content(
        self, photo: int, content_hash: str, taken_at: float | None, rating: int | None
    ) -> None:
        """Record what the worker read from a photo's bytes."""
        self._db.conn.execute(
            "UPDATE photos SET content_hash = ?, taken_at = ?, rating = ? WHERE id = ?",
            (content_hash, taken_at, rating, photo),
        )

    def set_shot(self, photo: int, shot: int) -> None:
        """Make a photo a member of another shot."""
        self._db.conn.execute("UPDATE photos SET shot = ? WHERE id = ?", (shot, photo))

    def new_shot(self, taken_at: float | None) -> int:
        """Insert a shot and return its number."""
        cursor = self._db.conn.execute("INSERT INTO shots (taken_at) VALUES (?)", (taken_at,))
        return int(cursor.lastrowid or 0)

    def members(self, shot: int) -> list[dict[str, Any]]:
        """Return the files of a shot: photo, kind, role, presence, capture time, size, hash."""
        return rows(
            self._db,
            "SELECT p.id AS photo, p.kind, r.role, p.is_present, p.taken_at, p.size_bytes,"
            " p.content_hash FROM photos p JOIN roots r ON r.id = p.root"
            " WHERE p.shot = ? ORDER BY p.id",
            shot,
        )

    def copies_kept(self, shot: int) -> list[tuple[bytes, bool]]:
        """Return the present files in library and keep roots that are identical to one of a shot.

        Each with its path, and whether its root is online.
        """
        found = self._db.conn.execute(
            "SELECT r.path, p.folder, p.name, r.is_online FROM photos p"
            " JOIN roots r ON r.id = p.root WHERE p.content_hash IN (SELECT content_hash"
            "  FROM photos WHERE shot = ? AND content_hash IS NOT NULL)"
            " AND p.shot != ? AND p.is_present = 1"
            " AND r.is_active = 1 AND r.role IN ('library', 'keep')",
            (shot, shot),
        )
        return [(join(*where), bool(is_online)) for *where, is_online in found]

    def unread_at_home(self) -> list[tuple[int, int, int]]:
        """Return photo, shot and size of the library and keep images whose bytes are not known."""
        return self._db.conn.execute(
            "SELECT p.id, p.shot, p.size_bytes FROM photos p JOIN roots r ON r.id = p.root"
            " WHERE p.content_hash IS NULL AND p.is_present = 1 AND p.kind = 'image'"
            " AND r.is_active = 1 AND r.is_online = 1 AND r.role IN ('library', 'keep')"
        ).fetchall()

    def counts(self) -> dict[str, int]:
        """Return how many images are present, by role."""
        return {
            row["role"]: row["n"]
            for row in rows(
                self._db,
                "SELECT r.role, count(*) AS n FROM photos p JOIN roots r ON r.id = p.root"
                " WHERE p.is_present = 1 AND p.kind = 'image' AND r.is_active = 1 GROUP BY r.role",
            )
        }

    def sizes(self, photos: Iterable[int]) -> list[int]:
        """Return the sizes of photos in bytes."""
        return [
            int(scalar(self._db, "SELECT size_bytes FROM photos WHERE id = ?", photo))
            for photo in photos
        ]

    def path_of(self, photo: int) -> bytes:
        """Return the absolute path where a photo is, or was last."""
        row = self._db.conn.execute(
            "SELECT r.path, p.folder, p.name FROM photos p JOIN roots r ON r.id = p.root"
            " WHERE p.id = ?",
            (photo,),
        ).fetchone()
        return join(*row)

    def _select(self, where: str, *values: object) -> list[Known]:
        return [_known(*row) for row in self._db.conn.execute(_SELECT + where, values)]


def join(root: bytes, folder: bytes, name: bytes) -> bytes:
    """Return the absolute path of a place."""
    return b"/".join(part for part in (root.rstrip(b"/") or b"/", folder, name) if part)


def _known(
    photo: int,
    shot: int,
    root: int,
    role: str,
    folder: bytes,
    name: bytes,
    filesystem: str,
    inode: int,
    birth_ns: int,
    size_bytes: int,
    mtime_ns: int,
    is_present: int,
    home_path: bytes | None,
    first_seen_at: float,
    content_hash: str | None,
) -> Known:
    return Known(
        photo=photo,
        shot=shot,
        place=Place(root, Role(role), folder, name),
        identity=Identity(filesystem, inode, birth_ns),
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
        is_present=bool(is_present),
        home_path=home_path,
        first_seen_at=first_seen_at,
        content_hash=content_hash,
    )


def _place(seen: Seen) -> tuple[int, bytes, bytes]:
    return seen.place.root, seen.place.folder, seen.place.name


def _stamp(seen: Seen) -> tuple[str, int, int, int, int]:
    identity = seen.identity
    return (
        identity.filesystem,
        identity.inode,
        identity.birth_ns,
        seen.size_bytes,
        seen.mtime_ns,
    )
