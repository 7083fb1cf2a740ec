"""What the resident process costs: memory, idle time, wake-ups, its first scan, and what it misses.

The real `triaged run` in a scratch home with a library of tiny JPEGs, all different. In order: the
first scan; some changes; an idle minute; new photos dropped in here and there while a burst of
others is written; a second start, when nothing is new and everything is compared. All of it is read
from outside: /proc, and the database, read-only.

The worker reads the library meanwhile, as it always does. `--hold-worker` stops it (SIGSTOP) as
soon as it shows up, so that only the resident process is at work: for libraries that would keep it
busy for hours. The idle minute begins when the worker has left or is held.
"""

import argparse
import contextlib
import io
import os
import re
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

HEAVY = ("torch", "torchvision", "onnxruntime", "PIL", "pillow_heif", "numpy", "yaml", "sqlite")
DROPPED = 50
BLINK_SECONDS = 0.2
CONFIG = """\
backbone: descriptor
xattrs: {xattrs}
roots:
  - path: {home}/Pictures
    role: library
review:
  folder: {home}/Triage
"""


def tiny_jpeg() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


class Library:
    """Folders in two levels, and files spread over them; every file has bytes of its own."""

    def __init__(self, top: Path, folders: int, files: int) -> None:
        self.top = top
        self.folders = [top / f"{n // 100:03d}" / f"{n:06d}" for n in range(folders)]
        self._picture = tiny_jpeg()
        self._written = 0
        for folder in self.folders:
            folder.mkdir(parents=True)
        long_ago = time.time() - 86_400  # a file that is still being written is looked at later
        for number in range(files):
            path = self.folders[number % folders] / f"IMG_{number:06d}.jpg"
            self.write(path)
            os.utime(path, (long_ago, long_ago))

    def write(self, path: Path) -> None:
        """Write one photo that is like no other."""
        self._written += 1
        path.write_bytes(self._picture + self._written.to_bytes(8, "big"))


class Resident:
    """The running daemon as /proc and its database show it."""

    def __init__(self, home: Path, xattrs: bool) -> None:
        self._home = home
        self._log = home / "daemon.log"
        config = home / "config.yaml"
        config.write_text(CONFIG.format(home=home, xattrs=str(xattrs).lower()))
        env = {**os.environ, "HOME": str(home)}
        for name, place in {
            "CONFIG": ".config", "DATA": ".local/share", "STATE": ".state", "CACHE": ".cache",
        }.items():  # fmt: skip
            env[f"XDG_{name}_HOME"] = str(home / place)
        command = (sys.executable, "-P", "-m", "triaged", "--config", str(config), "run")
        self.started_at = time.monotonic()
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(command, env=env, stderr=log, stdout=log)
        self._proc = Path(f"/proc/{self._process.pid}")

    def stop(self) -> None:
        """End the daemon, which ends its worker."""
        for child in self.worker():
            with contextlib.suppress(psutil.NoSuchProcess):
                child.resume()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def worker(self) -> list[psutil.Process]:
        """Return the worker, if there is one."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children()
        return []

    def log(self) -> str:
        """Return what it has said so far."""
        return self._log.read_text(errors="replace")

    def wait_until(self, what: str, is_so: Callable[[], bool], seconds: float) -> float:
        """Return how long it took until `is_so`. Ends the bench if it never is."""
        begin = time.monotonic()
        while not is_so():
            if self._process.poll() is not None or time.monotonic() - begin > seconds:
                raise SystemExit(f"gave up waiting until {what}; it said:\n{self.log()[-2000:]}")
            time.sleep(BLINK_SECONDS)
        return time.monotonic() - begin

    def count(self, prefix: str = "") -> int:
        """Return how many photos the database knows as present, with names that begin so."""
        begin, end = prefix.encode(), prefix.encode() + b"\xff"
        sql = "SELECT count(*) FROM photos WHERE is_present AND name >= ? AND name < ?"
        return int(self._ask(sql, begin, end) or 0)

    def scanned_at(self) -> float:
        """Return when (Unix time) the last full scan ended; 0 before the first."""
        sql = "SELECT min(coalesce(last_scan_at, 0)) FROM roots WHERE origin = 'config'"
        return float(self._ask(sql) or 0)

    def _ask(self, sql: str, *values: object) -> Any:
        path = self._home / ".state/triaged/triaged.db"
        with contextlib.suppress(sqlite3.OperationalError):  # not there yet, or being made
            db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
            with contextlib.closing(db):
                return db.execute(sql, values).fetchone()[0]
        return None

    def memory_mb(self) -> float:
        """Return its resident memory now."""
        found = re.search(r"VmRSS:\s+(\d+) kB", (self._proc / "status").read_text())
        return int(found[1]) / 1024 if found else float("nan")

    def peak_mb(self) -> float:
        """Return the most that its resident memory ever was."""
        found = re.search(r"VmHWM:\s+(\d+) kB", (self._proc / "status").read_text())
        return int(found[1]) / 1024 if found else float("nan")

    def loaded(self) -> list[str]:
        """Return which of the heavy libraries stand in its memory map."""
        maps = (self._proc / "maps").read_text()
        return [name for name in HEAVY if re.search(rf"/(lib)?{name}[\w.-]*[/.]", maps)]

    def processor_seconds(self) -> float:
        """Return utime + stime, of this process alone."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def wake_ups(self) -> int:
        """Return how often its threads went to sleep of their own will."""
        total = 0
        for task in (self._proc / "task").iterdir():
            found = re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text())
            total += int(found[1]) if found else 0
        return total


def bare_walk(top: Path) -> int:
    """Return how many files lie below `top`, by os.scandir and a stat of each."""
    files, pending = 0, [str(top)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
                else:
                    entry.stat(follow_symlinks=False)
                    files += 1
    return files


def hold(resident: Resident) -> None:
    """Stop the worker as soon as there is one; it goes on when the daemon ends it."""
    resident.wait_until("there is a worker", lambda: bool(resident.worker()), 600)
    for worker in resident.worker():
        worker.suspend()
    say("worker", "held by SIGSTOP")


def say(what: str, value: str, target: str = "") -> None:
    print(f"{what:46}{value:>22}  {target}", flush=True)


@contextlib.contextmanager
def running(home: Path, xattrs: bool) -> Iterator[Resident]:
    resident = Resident(home, xattrs)
    try:
        yield resident
    finally:
        resident.stop()


def first_scan(resident: Resident, files: int, walk_seconds: float) -> None:
    resident.wait_until("the first scan ended", lambda: resident.count() == files, 600)
    seconds = time.monotonic() - resident.started_at
    say("all files known, from the start of the process", f"{seconds:.1f} s")
    say("a bare walk with a stat of each file", f"{walk_seconds:.2f} s")
    say("RSS after the first scan", f"{resident.memory_mb():.1f} MB", "target: under 60 MB")
    say("  highest so far", f"{resident.peak_mb():.1f} MB")
    say("libraries in its memory map", ", ".join(resident.loaded()) or "none of the heavy")


def change(resident: Resident, library: Library, files: int) -> None:
    """Add, rename and delete some photos, and wait until the database knows."""
    for number, folder in enumerate(library.folders[:200]):
        library.write(folder / f"new_{number:04d}.jpg")
    for number, folder in enumerate(library.folders[-200:]):
        for photo in sorted(folder.glob("IMG_*.jpg"))[:1]:
            photo.rename(folder / f"renamed_{number:04d}.jpg")
    total = files + min(200, len(library.folders))

    def is_known() -> bool:
        return resident.count("new_") + files == total and resident.count("renamed_") > 0

    seconds = resident.wait_until("the changes were seen", is_known, 300)
    say("400 changes in 400 folders known after", f"{seconds:.1f} s")
    say("RSS after the changes", f"{resident.memory_mb():.1f} MB", "target: under 60 MB")


def idle(resident: Resident, seconds: float) -> None:
    before = resident.processor_seconds(), resident.wake_ups()
    time.sleep(seconds)  # the one thing that is measured here is a length of time
    used = resident.processor_seconds() - before[0]
    woken = resident.wake_ups() - before[1]
    say(f"share of a core over {seconds:.0f} idle seconds", f"{used / seconds:.3%}", "under 1 %")
    say("wake-ups a minute, all threads", f"{woken / seconds * 60:.1f}")
    say("RSS then", f"{resident.memory_mb():.1f} MB")


def burst(resident: Resident, library: Library, count: int) -> None:
    """Write `count` photos into new folders as fast as it goes, and drop others in between."""
    before = resident.processor_seconds()
    every, dropped = max(1, count // DROPPED), 0
    begin = time.monotonic()
    for number in range(count):
        folder = library.top / "import" / f"{number // 200:04d}"
        if number % 200 == 0:
            folder.mkdir(parents=True)
        library.write(folder / f"burst_{number:06d}.jpg")
        if number % every == 0 and dropped < DROPPED:
            place = library.folders[dropped * len(library.folders) // DROPPED]
            library.write(place / f"dropped_{dropped:03d}.jpg")
            dropped += 1
    say(f"a burst of {count:,} photos written in", f"{time.monotonic() - begin:.1f} s")
    ages: list[float] = []

    def all_seen() -> bool:
        seen = resident.count("dropped_")
        ages.extend([time.monotonic() - begin] * (seen - len(ages)))
        return seen == dropped

    resident.wait_until("the dropped photos were seen", all_seen, 600)
    middle, last = statistics.median(ages), ages[-1]
    say(
        f"new photos seen, of {dropped}",
        str(len(ages)),
        f"half after {middle:.0f} s, all {last:.0f} s",
    )
    resident.wait_until("the burst was seen", lambda: resident.count("burst_") == count, 600)
    say("the whole burst seen after", f"{time.monotonic() - begin:.1f} s")
    used = resident.processor_seconds() - before
    say("processor time of the resident process", f"{used:.1f} s")
    say("hints lost (queue overflows)", str(resident.log().count("hints were lost")))
    say("RSS after the burst", f"{resident.memory_mb():.1f} MB", "target: under 60 MB")
    say("  highest so far", f"{resident.peak_mb():.1f} MB")


def second_start(resident: Resident, library: Library) -> None:
    begin = time.time()
    resident.wait_until("the second scan ended", lambda: resident.scanned_at() > begin, 600)
    seconds = resident.scanned_at() - begin
    say("second start: all watched and compared after", f"{seconds:.1f} s")
    walk = time.perf_counter()
    bare_walk(library.top)
    walk = time.perf_counter() - walk
    say("  a bare walk now", f"{walk:.2f} s", f"ratio {seconds / walk:.0f}")
    say("  processor time until then", f"{resident.processor_seconds():.1f} s")
    say("  RSS then", f"{resident.memory_mb():.1f} MB", "target: under 60 MB")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folders", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--burst", type=int, default=20_000, help="photos; 0 for none")
    parser.add_argument("--idle-seconds", type=float, default=60.0)
    parser.add_argument("--hold-worker", action="store_true", help="stop the worker by SIGSTOP")
    parser.add_argument("--xattrs", action="store_true", help="let it write extended attributes")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # clean up then as well
    with tempfile.TemporaryDirectory(prefix="triaged-bench-") as name:
        home = Path(name)
        library = Library(home / "Pictures", options.folders, options.files)
        print(f"{options.folders:,} folders, {options.files:,} files")
        bare_walk(library.top)
        begin = time.perf_counter()
        bare_walk(library.top)
        walk_seconds = time.perf_counter() - begin
        with running(home, options.xattrs) as resident:
            if options.hold_worker:
                hold(resident)
            first_scan(resident, options.files, walk_seconds)
            change(resident, library, options.files)
            if not options.hold_worker:
                waited = resident.wait_until(
                    "the worker has left", lambda: not resident.worker(), 3_600
                )
                say("worker: read all and left, after another", f"{waited:.0f} s")
            idle(resident, options.idle_seconds)
            if options.burst:
                burst(resident, library, options.burst)
        with running(home, options.xattrs) as resident:
            second_start(resident, library)


if __name__ == "__main__":
    main()
