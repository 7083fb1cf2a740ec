"""A scratch home with the real program in it: a tree goes in, a person acts, the tree comes out.

    home.make_tree({"Pictures/a.jpg": photo()})     files, with the times of an old library
    home.run("gio", "trash", "Pictures/a.jpg")      what a person does, with the tools they have
    with home.daemon() as daemon:                   `triaged run`, ended at the end of the block
        daemon.wait_until_settled()                 everything done so far has been looked at

Waiting is for a condition and by a deadline. What the program knows is read from its databases,
read-only, or asked of `triaged ... --json`.
"""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from triaged.fs.mounts import filesystem_at
from triaged.store.connection import open_readonly, rows

STOP_SECONDS = 5.0  # SIGTERM ends the program cleanly within this
_PATIENCE_SECONDS = 60.0
_BLINK_SECONDS = 0.05
_WRITTEN_AT = 1_655_562_605  # June 2022: what is put into a library is seldom from today
_DEFAULTS: dict[str, Any] = {
    "backbone": "descriptor",
    "scan": {"settle_seconds": 0.5, "gone_seconds": 1},
    "worker": {"idle_seconds": 5},
}
_TOOL_PACKAGES = {
    "gio": "libglib2.0-bin",
    "dbus-run-session": "dbus",
    "trash-put": "trash-cli",
    "trash-restore": "trash-cli",
    "trash-empty": "trash-cli",
    "unshare": "util-linux",
}


@dataclass(frozen=True, slots=True)
class File:
    """What one name in a tree is: everything about it that its owner could miss."""

    mode: int
    mtime_ns: int
    content: str  # the hash of a file, the target of a link, empty for others


class Home:
    """A home folder of its own below `parent`. `config` changes or adds keys of the defaults."""

    def __init__(self, parent: Path, **config: Any) -> None:
        self.path = _folder_on_a_disk(parent)
        self.pictures = self.path / "Pictures"
        self.likely_delete = self.path / "Triage" / "likely-delete"
        self.trash = self.path / ".local/share/Trash"
        self.state = self.path / ".local/state/triaged"
        self.config_file = self.path / ".config/triaged/config.yaml"
        self.log_file = self.path / "daemon.log"
        self.within: list[str] = []  # a command to run the program's commands in
        self._files_made = 0
        self._cookies = 0
        self.env = self._environment()
        (self.path / "run").mkdir(mode=0o700)
        for name in ("Pictures", "Favourites", "Deleted", "Cookies"):
            (self.path / name).mkdir()
        self.configure(**config)

    def _environment(self) -> dict[str, str]:
        own = {
            "HOME": self.path,
            "XDG_CONFIG_HOME": self.path / ".config",
            "XDG_DATA_HOME": self.path / ".local/share",
            "XDG_STATE_HOME": self.path / ".local/state",
            "XDG_CACHE_HOME": self.path / ".cache",
            "XDG_RUNTIME_DIR": self.path / "run",
        }
        foreign = ("DBUS_SESSION_BUS_ADDRESS", "XDG_PICTURES_DIR", "DISPLAY", "WAYLAND_DISPLAY")
        env = {name: value for name, value in os.environ.items() if name not in foreign}
        return env | {name: str(path) for name, path in own.items()}

    def configure(self, **config: Any) -> None:
        """Write the configuration: the defaults of these tests, changed by `config`."""
        roles = {"Pictures": "library", "Cookies": "library"}
        roles |= {"Favourites": "keep", "Deleted": "deleted"}
        roots = [{"path": str(self.path / name), "role": role} for name, role in roles.items()]
        review = {"folder": str(self.path / "Triage")}
        wanted = {**_DEFAULTS, "roots": roots, **config}
        wanted["review"] = review | wanted.get("review", {})
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(yaml.safe_dump(wanted))

    def make_tree(self, tree: Mapping[str, bytes]) -> None:
        """Write files by their path below the home, each with an old mtime of its own."""
        for name, content in tree.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{self._files_made}.part")  # whole or not at all, as cp -p
            part.write_bytes(content)
            self._files_made += 1
            os.utime(part, (_WRITTEN_AT + self._files_made,) * 2)
            part.rename(path)

    def run(self, *command: str, given: str | None = None) -> str:
        """Run a person's command in the home; return what it printed. Skips where it is missing."""
        tool = shutil.which(command[0])
        if tool is None:
            pytest.skip(f"{command[0]} is not installed ({_TOOL_PACKAGES.get(command[0], '?')})")
        done = subprocess.run(
            [tool, *command[1:]],
            cwd=self.path,
            env=self.env,
            input=given,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def run_on_session_bus(self, *command: str) -> str:
        """Run a command that needs a desktop session, on a message bus of its own."""
        return self.run("dbus-run-session", "--", *command)

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of this very program, as in this home."""
        return [sys.executable, "-P", "-m", "triaged", *arguments]

    def triaged(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of the program to its end, whatever its exit code."""
        return subprocess.run(
            [*self.within, *self.command(*arguments)],
            cwd=self.path,
            env=self.env,
            input=given,
            capture_output=True,
            text=True,
            timeout=2 * _PATIENCE_SECONDS,
        )

    def ask(self, *arguments: str) -> Any:
        """Return what a command of the program prints with `--json`; it must end well."""
        done = self.triaged(*arguments, "--json")
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def daemon(self, *, wait: bool = True, within: Sequence[str] = ()) -> Iterator["Daemon"]:
        """Run `triaged run` for a block; with `wait`, from when it has looked at everything.

        `within` is a command to run it in, such as one that makes a namespace.
        """
        with open(self.log_file, "ab") as log:
            process = subprocess.Popen(
                [*within, *self.command("run")],
                cwd=self.path,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        daemon = Daemon(self, process)
        try:
            if wait:
                daemon.wait_until_settled()
            yield daemon
        finally:
            if process.poll() is None:
                daemon.stop()
            for left in self.processes():
                left.kill()

    def processes(self) -> list[psutil.Process]:
        """Return the program's processes that live in this home: daemon, worker, decoders."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                is_ours = process.environ().get("HOME") == str(self.path)
                if is_ours and any("triaged" in word for word in process.cmdline()):
                    found.append(process)
        return found

    def ask_databases(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Return rows of both databases (`triaged.NAME` is the precious one), [] without them."""
        paths = [self.state / "features.db", self.state / "triaged.db"]
        if not all(path.exists() for path in paths):
            return []
        db = open_readonly(os.fsencode(paths[0]))
        try:
            db.conn.execute("ATTACH ? AS triaged", (str(paths[1]),))
            return rows(db, sql, *values)
        finally:
            db.close()

    def acts(self, folder: str = "") -> list[dict[str, Any]]:
        """Return every act on photos that belong, or lie, below a folder of the home: its row, and
        the photo's name, file_kind and place, oldest first.
        """
        found = self.ask_databases(
            "SELECT a.*, p.name, p.home_path, p.kind AS file_kind, r.path AS root, p.folder"
            " FROM triaged.acts a JOIN triaged.photos p ON p.id = a.photo"
            " JOIN triaged.roots r ON r.id = p.root ORDER BY a.id"
        )
        return [act for act in found if self._is_below(folder, act)]

    def decisions(self, folder: str = "") -> list[tuple[str, str, str, float]]:
        """Return what was learned about photos below a folder of the home, and counts, oldest
        first: name, label, source, weight.
        """
        return [
            (os.fsdecode(_home_name(row)), row["label"], row["source"], row["weight"])
            for row in self.decision_rows(folder)
        ]

    def decision_rows(self, folder: str = "") -> list[dict[str, Any]]:
        """Return the decisions that count below a folder of the home, all there is of each."""
        found = self.ask_databases(
            "SELECT d.*, p.name, p.home_path, r.path AS root, p.folder, a.gesture, a.size_of_act"
            " FROM triaged.decisions d JOIN triaged.acts a ON a.id = d.act"
            " JOIN triaged.photos p ON p.id = a.photo JOIN triaged.roots r ON r.id = p.root"
            " WHERE a.state = 'taken' ORDER BY d.id"
        )
        return [row for row in found if self._is_below(folder, row)]

    def _is_below(self, folder: str, row: dict[str, Any]) -> bool:
        lies = os.path.join(row["root"], row["folder"], row["name"])
        top = os.fsencode(self.path / folder)
        return any(path.startswith(top + b"/") for path in (row["home_path"] or lies, lies))

    def photos(self, folder: str = "") -> list[dict[str, Any]]:
        """Return the photos known to lie, or to have lain last, below a folder of the home."""
        found = self.ask_databases(
            "SELECT p.*, r.path AS root_path, r.role FROM triaged.photos p"
            " JOIN triaged.roots r ON r.id = p.root ORDER BY p.id"
        )
        top = os.fsencode(self.path / folder) + b"/"
        return [
            row
            for row in found
            if os.path.join(row["root_path"], row["folder"], row["name"]).startswith(top)
        ]

    def count_read(self) -> int:
        """Return how many photos have been read so far."""
        counted = self.ask_databases("SELECT count(*) AS n FROM contents")
        return int(counted[0]["n"]) if counted else 0

    def present(self, folder: str = "") -> set[str]:
        """Return the names of the photos known to lie below a folder of the home now."""
        return {os.fsdecode(row["name"]) for row in self.photos(folder) if row["is_present"]}

    def tree(self, folder: str = "") -> dict[str, File]:
        """Return everything below a folder of the home by its path relative to it."""
        top = os.fsencode(self.path / folder)
        found = {}
        for here, folders, files in os.walk(top):
            for name in (*folders, *files):
                path = os.path.join(here, name)
                found[os.fsdecode(os.path.relpath(path, top))] = _file(path)
        return found

    def links(self) -> dict[str, str]:
        """Return the links of `likely-delete` in their order, each with its target."""
        with contextlib.suppress(FileNotFoundError):
            names = sorted(os.listdir(self.likely_delete))
            return {name: os.readlink(self.likely_delete / name) for name in names}
        return {}

    def attribute(self, path: str, name: str = "score") -> str | None:
        """Return a note that the program left on a file of the home, None if there is none."""
        with contextlib.suppress(OSError):
            return os.getxattr(self.path / path, f"user.triaged.{name}").decode()
        return None

    def log(self) -> str:
        """Return what the daemon and its worker have said so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def bake_cookie(self) -> bytes:
        """Put a file into a library folder that teaches nothing; return its name.

        Once the daemon knows it, it has looked at whatever happened before.
        """
        self._cookies += 1
        name = f"cookie-{self._cookies}.xmp"
        self.make_tree({f"Cookies/{name}": b"<x/>"})
        return name.encode()


class Daemon:
    """A running `triaged run`."""

    def __init__(self, home: Home, process: subprocess.Popen[bytes]) -> None:
        self._home = home
        self._process = process
        self.pid = process.pid

    def wait_until(
        self, what: str, is_so: Callable[[], bool], seconds: float = _PATIENCE_SECONDS
    ) -> float:
        """Wait for a condition; return how long it took (s). Fails with the log if it never is."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            with contextlib.suppress(sqlite3.DatabaseError):  # locked, or to be rolled back
                if is_so():
                    return time.monotonic() - began
            if self._process.poll() is not None:
                pytest.fail(f"ended with {self._process.poll()}: {self._home.log()[-3000:]}")
            time.sleep(_BLINK_SECONDS)
        pytest.fail(f"not so within {seconds:g} s: {what}\n{self._home.log()[-3000:]}")

    def wait_until_settled(self, seconds: float = _PATIENCE_SECONDS) -> None:
        """Wait until all that has happened so far was looked at, read and judged."""
        cookie = self._home.bake_cookie()
        self.wait_until("the daemon has looked at a new file", lambda: self._knows(cookie), seconds)
        self.wait_until("all photos are read and all acts judged", self.is_settled, seconds)

    def wait_until_gone(self, folder: str, names: set[str]) -> None:
        """Wait until photos below a folder are known to be nowhere."""
        self.wait_until(
            f"{names} are known to be gone", lambda: not names & self._home.present(folder)
        )

    def is_settled(self) -> bool:
        """Return whether every photo has been read and every act judged."""
        waiting = self._home.ask_databases(
            "SELECT (SELECT count(*) FROM triaged.photos p JOIN triaged.roots r ON r.id = p.root"
            "  LEFT JOIN attempts t ON t.photo = p.id AND t.size_bytes = p.size_bytes"
            "   AND t.mtime_ns = p.mtime_ns WHERE p.is_present AND p.kind = 'image'"
            "  AND r.is_online AND r.is_active AND t.quarantined_at IS NULL"
            "  AND p.content_hash IS NULL) +"
            " (SELECT count(*) FROM triaged.acts WHERE judged_at IS NULL AND state = 'taken') AS n"
        )
        return bool(waiting) and waiting[0]["n"] == 0

    def _knows(self, name: bytes) -> bool:
        return bool(self._home.ask_databases("SELECT 1 FROM triaged.photos WHERE name = ?", name))

    def wait_until_scored(self, *paths: str, seconds: float = _PATIENCE_SECONDS) -> float:
        """Wait until files of the home carry their score; return how long it took (s)."""
        return self.wait_until(
            f"{paths} have a score",
            lambda: all(self._home.attribute(path) is not None for path in paths),
            seconds,
        )

    def command_inside(self) -> list[str]:
        """Return the command that runs a program among the mounts of this daemon."""
        target = ("--target", str(self.pid), "--user", "--mount", f"--wd={self._home.path}")
        return ["nsenter", *target, "--preserve-credentials"]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; return its exit code. Fails if that takes more than `STOP_SECONDS`."""
        self._process.send_signal(how)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            pytest.fail(f"still there {STOP_SECONDS:g} s after {how.name}: {self._home.log()}")

    def kill(self) -> None:
        """End it as a power cut would, and whatever it started."""
        processes = self._home.processes()
        self._process.kill()
        self._process.wait()
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, STOP_SECONDS)

    def wait(self, seconds: float = _PATIENCE_SECONDS) -> int:
        """Wait until it ends by itself; return its exit code."""
        return self._process.wait(seconds)


def _home_name(row: dict[str, Any]) -> bytes:
    """Return the name a photo had in the library: a trash may have given it another one."""
    return os.path.basename(row["home_path"]) if row["home_path"] else bytes(row["name"])


def _file(path: bytes) -> File:
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        content = os.fsdecode(os.readlink(path))
    elif stat.S_ISREG(found.st_mode):
        with open(path, "rb") as file:
            content = hashlib.sha256(file.read()).hexdigest()
    else:
        content = ""
    return File(found.st_mode, found.st_mtime_ns, content)


def _folder_on_a_disk(parent: Path) -> Path:
    """Return a new folder below `parent`, or below /var/tmp if that is in memory.

    Desktops refuse to put what lies on a tmpfs into the trash.
    """
    if filesystem_at(os.fsencode(parent)).kind == "tmpfs":
        parent = Path("/var/tmp") / f"triaged-tests-{os.getuid()}" / parent.name
        parent.mkdir(parents=True, exist_ok=True)
    path = parent / "home"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path.resolve()
