"""Roots: which folders are looked at, which disk they were on, whether to trust them now."""

from dataclasses import dataclass
from typing import Any

from sqlite_utils import Database

from triaged.core.types import Identity, Role
from triaged.store.connection import rows, scalar


@dataclass(frozen=True, slots=True)
class Root:
    """One root as the database has it; `identity` is None until it was first seen."""

    id: int
    path: bytes
    role: Role
    origin: str
    is_online: bool
    trouble: str | None
    identity: Identity | None
    first_scan_at: float | None
    last_scan_at: float | None


class Roots:
    """The `roots` table."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def active(self) -> list[Root]:
        """Return the roots in use, oldest first."""
        return [_root(row) for row in rows(self._db, _SELECT + " WHERE is_active = 1 ORDER BY id")]

    def taught(self) -> list[Root]:
        """Return the folders given to `learn`: their photos count, nobody watches them."""
        return [_root(row) for row in rows(self._db, _SELECT + " WHERE origin = 'taught'")]

    def ensure(self, path: bytes, role: Role, origin: str) -> Root:
        """Return the root at `path`, made or brought back into use, with this role."""
        self._db.execute(
            "INSERT INTO roots (path, role, origin) VALUES (?, ?, ?)"
            " ON CONFLICT (path) DO UPDATE SET role = excluded.role, origin = excluded.origin,"
            " is_active = 1",
            (path, role.value, origin),
        )
        return _root(rows(self._db, _SELECT + " WHERE path = ?", path)[0])

    def retire(self, root: int) -> None:
        """Stop using a root; its photos and their lessons stay."""
        self._db.execute("UPDATE roots SET is_active = 0, is_online = 0 WHERE id = ?", (root,))

    def set_online(self, root: int, identity: Identity) -> None:
        """Record that a root is healthy and which folder of which disk it is."""
        self._db.execute(
            "UPDATE roots SET is_online = 1, trouble = NULL, filesystem = ?, inode = ?,"
            " birth_ns = ? WHERE id = ?",
            (identity.filesystem, identity.inode, identity.birth_ns, root),
        )

    def set_offline(self, root: int, trouble: str) -> None:
        """Record that a root cannot be trusted, and why in words."""
        self._db.execute(
            "UPDATE roots SET is_online = 0, trouble = ? WHERE id = ?", (trouble, root)
        )

    def set_scanned(self, root: int, at: float) -> None:
        """Record a complete scan of a root."""
        self._db.execute(
            "UPDATE roots SET last_scan_at = ?, first_scan_at = coalesce(first_scan_at, ?)"
            " WHERE id = ?",
            (at, at, root),
        )

    def present(self, root: int) -> int:
        """Return how many files of a root are present."""
        return int(
            scalar(self._db, "SELECT count(*) FROM photos WHERE root = ? AND is_present = 1", root)
        )


_SELECT = (
    "SELECT id, path, role, origin, is_online, trouble, filesystem, inode, birth_ns,"
    " first_scan_at, last_scan_at FROM roots"
)


def _root(row: dict[str, Any]) -> Root:
    values = dict(row)
    filesystem, inode, birth_ns = (values.pop(key) for key in ("filesystem", "inode", "birth_ns"))
    identity = None if filesystem is None else Identity(str(filesystem), inode, birth_ns)
    values["role"] = Role(values["role"])
    values["is_online"] = bool(values["is_online"])
    return Root(**values, identity=identity)
