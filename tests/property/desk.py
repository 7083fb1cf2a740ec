"""A desk with photos on it: real folders and a real trash, and what a person does with them."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

OLD_MTIME = 1_500_000_000
_COARSE_CLOCK = 5  # CLOCK_REALTIME_COARSE of linux/time.h, by which births are kept
LIBRARY = ("Pictures", "Pictures/trip", "Second")
ROOTS = {"Pictures": "library", "Second": "library", "Favourites": "keep", "Archive": "deleted"}
FOLDERS = (*LIBRARY, "Favourites", "Archive", "Elsewhere")


class Desk:
    """Everything a person can do to photos. Paths are relative to the home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.trash = home / ".local/share/Trash"
        self.touched: set[bytes] = set()
        self.away: dict[str, Path] = {}
        self._count = 0
        for folder in FOLDERS:
            (home / folder).mkdir(parents=True)
        for part in ("files", "info"):
            (self.trash / part).mkdir(parents=True)

    def files(self, *folders: str) -> list[Path]:
        """Return the photos in some folders, or in all of them but the trash."""
        found = [p for f in folders or FOLDERS for p in (self.home / f).glob("*") if p.is_file()]
        return sorted(p for p in found if p.suffix in (".jpg", ".png", ".cr2"))

    def notes(self) -> dict[str, Path]:
        """Return what has a note in the trash, by name, with the path that the note tells."""
        told = {}
        for note in sorted((self.trash / "info").glob("*.trashinfo")):
            line = note.read_text().splitlines()[1]
            told[note.stem] = Path(line.removeprefix("Path="))
        return told

    def create(self, path: Path, *, is_old: bool) -> None:
        """Save a new photo; an old one has the same time as every other old one."""
        self._write(path, self._fresh())
        if is_old:
            os.utime(path, (OLD_MTIME, OLD_MTIME))

    def edit(self, path: Path) -> None:
        """Save over a photo, in place."""
        self._tick()
        path.write_bytes(self._fresh())
        self._touch(path)

    def edit_atomically(self, path: Path) -> None:
        """Save beside a photo, then rename over it."""
        part = path.with_name("." + path.name + ".part")
        self._write(part, self._fresh())
        part.rename(path)
        self._touch(path)

    def edit_with_backup(self, path: Path) -> None:
        """Rename a photo to `x~`, then save a new one."""
        path.rename(path.with_name(path.name + "~"))
        self._write(path, self._fresh())

    def copy(self, src: Path, dst: Path, *, keeps_time: bool) -> None:
        """Copy a photo, with its times as `cp -p` or without."""
        self._tick()
        (shutil.copy2 if keeps_time else shutil.copyfile)(src, dst)
        self._touch(dst)

    def move(self, src: Path, dst: Path, *, is_across: bool) -> None:
        """Move or rename a photo; between two disks that is a copy and an unlink."""
        if is_across:
            self.copy(src, dst, keeps_time=True)
            src.unlink()
        else:
            src.rename(dst)
        self._touch(src, dst)

    def swap(self, one: Path, other: Path) -> None:
        """Let two photos change names."""
        between = one.with_name(".between")
        one.rename(between)
        other.rename(one)
        between.rename(other)
        self._touch(one, other)

    def link(self, src: Path, dst: Path) -> None:
        """Make a hard link."""
        os.link(src, dst)
        self._touch(dst)

    def unlink(self, path: Path) -> None:
        """Delete a photo for good."""
        path.unlink()
        self._touch(path)

    def put_in_trash(self, path: Path, *, is_across: bool = False) -> str:
        """Trash a photo or a folder: the note first, then the file; return its name there."""
        name, number = path.name, 1
        while (self.trash / "info" / f"{name}.trashinfo").exists():
            number += 1
            name = f"{path.stem}.{number}{path.suffix}"
        date = time.strftime("%Y-%m-%dT%H:%M:%S")
        note = f"[Trash Info]\nPath={quote(str(path))}\nDeletionDate={date}\n"
        (self.trash / "info" / f"{name}.trashinfo").write_text(note)
        self.move(path, self.trash / "files" / name, is_across=is_across)
        return name

    def restore(self, name: str, home: Path, *, is_across: bool = False) -> None:
        """Bring something back from the trash: the file first, then the note goes."""
        home.parent.mkdir(parents=True, exist_ok=True)
        self.move(self.trash / "files" / name, home, is_across=is_across)
        (self.trash / "info" / f"{name}.trashinfo").unlink()

    def empty_trash(self) -> None:
        """Delete for good what lies in the trash."""
        for part in ("files", "info"):
            for path in (self.trash / part).iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        self._touch(self.trash / "files/x", self.trash / "info/x")

    def unplug(self, root: str, stand_in: str) -> None:
        """Take a root away: nothing, an empty folder or another disk's folder stands there then."""
        self.away[root] = self.home / f".unplugged-{root}"
        (self.home / root).rename(self.away[root])
        if stand_in != "nothing":
            (self.home / root).mkdir()
        if stand_in == "another disk":
            self.create(self.home / root / "a.jpg", is_old=False)
        self._touch(self.home / root)

    def plug_in(self, root: str) -> None:
        """Bring a root back; what stood in its place goes."""
        shutil.rmtree(self.home / root, ignore_errors=True)
        self.away.pop(root).rename(self.home / root)
        self._touch(self.home / root)

    def _write(self, path: Path, data: bytes) -> None:
        self._tick()
        path.write_bytes(data)
        self._touch(path)

    def _fresh(self) -> bytes:
        """Return bytes that no photo had before, always as many."""
        self._count += 1
        return b"photo %08d" % self._count

    def _touch(self, *paths: Path) -> None:
        for path in paths:
            self.touched |= {os.fsencode(path), os.fsencode(path.parent)}

    def _tick(self) -> None:
        """Wait for the kernel's next tick: births within one tick cannot be told apart."""
        clock = _COARSE_CLOCK
        before = time.clock_gettime_ns(clock)
        deadline = time.monotonic() + 1
        while time.clock_gettime_ns(clock) == before and time.monotonic() < deadline:
            pass


@contextmanager
def living_in(home: Path) -> Iterator[None]:
    """Make `home` the home of this process."""
    wanted = {"HOME": str(home), "XDG_DATA_HOME": str(home / ".local/share")}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
