"""Which roots there are, and which of them can be trusted now.

    the disk says                                   the root is
    ----------------------------------------------  -------------------------
    missing, not a folder, unreadable               offline
    another disk, another folder than at first      offline
    it had photos, shows none, nobody moved them    offline: it came up empty
    as it was                                       online

From a root that is offline nothing is concluded. It comes back by itself. Its identity stands in
the database; there is no marker file that anybody could copy onto an empty disk.
"""

import logging
import os

from triaged.config import Config
from triaged.core.types import Role
from triaged.fs import mounts
from triaged.fs.trash import Trash, trashes_for
from triaged.store.roots import Root
from triaged.store.state import Store

log = logging.getLogger(__name__)

EMPTIED = "it came up empty"


class RootWatch:
    """Keeps the roots of the database true to the configuration and the disk."""

    def __init__(self, config: Config, store: Store) -> None:
        self._config = config
        self._store = store
        self.trashes: dict[int, Trash] = {}

    def refresh(self) -> list[Root]:
        """Return the roots to look at, each checked against the disk as it is now."""
        mounts.invalidate()
        wanted = {os.path.realpath(root.path): root.role for root in self._config.roots}
        trashes = {
            os.path.realpath(trash.path): trash
            for trash in trashes_for(list(wanted), os.environ)
            if trash.exists
        }
        self._record(wanted, list(trashes))
        roots = [root for root in self._store.roots.active() if root.origin != "taught"]
        self.trashes = {r.id: trashes[r.path] for r in roots if r.path in trashes}
        for root in roots:
            self.check(root)
        return [root for root in self._store.roots.active() if root.origin != "taught"]

    def away(self) -> list[Root]:
        """Return the configured roots that are offline because of their disk or folder."""
        return [
            root
            for root in self._store.roots.active()
            if root.origin == "config" and root.trouble not in (None, EMPTIED)
        ]

    def is_any_back(self) -> bool:
        """Return whether a root that is offline could be trusted again; nothing is recorded."""
        return any(mounts.check_root(root.path, root.identity) is None for root in self.away())

    def _record(self, wanted: dict[bytes, Role], trashes: list[bytes]) -> None:
        """Write the differences between the database and what is wanted."""
        all_wanted = {path: (role, "config") for path, role in wanted.items()}
        all_wanted |= dict.fromkeys(trashes, (Role.TRASH, "found"))
        there = {root.path: root for root in self._store.roots.active()}
        with self._store.transaction():
            for path, (role, origin) in all_wanted.items():
                root = there.get(path)
                if root is None or (root.role, root.origin) != (role, origin):
                    self._store.roots.ensure(path, role, origin)
            for path, root in there.items():
                if path not in all_wanted and root.origin == "config":
                    self._store.roots.retire(root.id)

    def check(self, root: Root) -> bool:
        """Return whether a root can be trusted now, and record it where that has changed."""
        expected = None if root.role is Role.TRASH else root.identity
        trouble = mounts.check_root(root.path, expected)
        if trouble is not None:
            if root.is_online or trouble != root.trouble:
                log.warning("root %r is offline: %s", os.fsdecode(root.path), trouble)
                self._store.roots.set_offline(root.id, trouble)
            return False
        try:
            identity = mounts.identity_of(root.path, follow=True)
        except OSError:
            return False  # gone since the line before: the next look will say why
        if identity != root.identity or (not root.is_online and root.trouble != EMPTIED):
            self._store.roots.set_online(root.id, identity)
            log.info("root %r is online", os.fsdecode(root.path))
        return True
