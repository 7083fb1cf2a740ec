"""A pretend person in a scratch home: the real daemon runs, and they delete, keep and restore.

Everything goes the way it does on a desktop: into the trash by Send2Trash, back out of it, and into
a folder of favourites by a plain move.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from triaged.errors import UserError

_PATIENCE_SECONDS = 170.0
_BLINK_SECONDS = 0.25

_CONFIG = """\
backbone: descriptor
roots:
  - path: {home}/Pictures
    role: library
  - path: {home}/Favourites
    role: keep
review:
  folder: {home}/Triage
  min_age_days: 0
scan:
  settle_seconds: 1
"""


class Home:
    """A home folder of its own with a daemon; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.pictures = path / "Pictures"
        self.favourites = path / "Favourites"
        self.likely_delete = path / "Triage" / "likely-delete"
        self._daemon: subprocess.Popen[bytes] | None = None
        self._env = {
            **os.environ,
            "HOME": str(path),
            "XDG_CONFIG_HOME": str(path / ".config"),
            "XDG_DATA_HOME": str(path / ".local/share"),
            "XDG_STATE_HOME": str(path / ".local/state"),
            "XDG_CACHE_HOME": str(path / ".cache"),
        }
        for folder in (self.pictures, self.favourites):
            folder.mkdir(parents=True)
        self._config = path / "config.yaml"
        self._config.write_text(_CONFIG.format(home=path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._daemon is not None:
            self._daemon.send_signal(signal.SIGTERM)
            self._daemon.wait()

    def start_daemon(self) -> None:
        """Start `triaged run`; its log goes to `daemon.log`."""
        with open(self.path / "daemon.log", "wb") as log:
            self._daemon = subprocess.Popen(self._command("run"), env=self._env, stderr=log)

    def _command(self, *arguments: str) -> list[str]:
        program = (sys.executable, "-P", "-m", "triaged", "--config", str(self._config))
        return [*program, *arguments]

    def ask(self, *arguments: str) -> Any:
        """Return what a command of triaged prints with `--json`."""
        done = subprocess.run(
            self._command(*arguments, "--json"), env=self._env, capture_output=True, check=False
        )
        if done.returncode:
            raise UserError(f"{arguments[0]} failed: {done.stderr.decode(errors='replace')}")
        return json.loads(done.stdout)

    def wait_until(self, what: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the status as soon as it fulfils `is_so`; raises UserError if it never does."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if self._daemon is not None and self._daemon.poll() is not None:
                break
            status: dict[str, Any] = self.ask("status")
            if is_so(status):
                return status
            time.sleep(_BLINK_SECONDS)
        log = (self.path / "daemon.log").read_text(errors="replace")[-2000:]
        raise UserError(f"gave up waiting until {what}; the daemon said:\n{log}")

    def trash(self, photos: Sequence[Path]) -> None:
        """Put photos into the trash, as a file manager does."""
        command = (sys.executable, "-P", "-m", "send2trash", *map(str, photos))
        subprocess.run(command, env=self._env, check=True)

    def keep(self, photos: Sequence[Path]) -> None:
        """Move photos among the favourites."""
        for photo in photos:
            shutil.move(photo, self.favourites / photo.name)

    def restore(self, photo: Path) -> None:
        """Take a photo out of the trash again: back first, then its note is removed."""
        trash = self.path / ".local/share/Trash"
        photo.parent.mkdir(parents=True, exist_ok=True)
        (trash / "files" / photo.name).rename(photo)
        (trash / "info" / f"{photo.name}.trashinfo").unlink()
