import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from own_mounts import in_own_mounts

from triaged.fs.watch import Hints, Watcher

pytestmark = pytest.mark.filterwarnings("ignore:Callback with id")  # pytest undoes watch.py's own

_DEADLINE_S = 20.0
_COOKIES = b".cookies"


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    with Watcher(overflow_settle_s=0.05) as made:
        yield made


@pytest.fixture
def root(tmp_path: Path) -> bytes:
    """Return a folder with an album of one photo, and a folder for cookies."""
    path = os.fsencode(tmp_path / "root")
    os.makedirs(os.path.join(path, b"album"))
    os.mkdir(os.path.join(path, _COOKIES))
    _write(os.path.join(path, b"album/a.jpg"))
    return path


def _write(path: bytes) -> None:
    with open(path, "wb") as file:
        file.write(b"x")


def _wait_for(watcher: Watcher, is_enough: Callable[[Hints], bool]) -> Hints:
    """Return all hints until there are enough of them."""
    folders: dict[bytes, float] = {}
    overflowed = False
    give_up_at = time.monotonic() + _DEADLINE_S
    while time.monotonic() < give_up_at:
        watcher.wait(1.0)
        hints = watcher.take_hints()
        folders.update(hints.folders)
        overflowed |= hints.overflowed
        if is_enough(Hints(folders, overflowed)):
            return Hints(folders, overflowed)
    raise AssertionError(f"not enough after {_DEADLINE_S} s: {sorted(folders)}")


def _hinted(watcher: Watcher, root: bytes, jar: bytes = _COOKIES) -> set[bytes]:
    """Return the folders hinted at, relative to `root`, up to a cookie left in its `jar` now."""
    cookies = os.path.join(root, jar)
    # a link is one event, a file would be two: made and closed
    os.symlink(b"cookie", os.path.join(cookies, b"%d" % time.monotonic_ns()))
    folders = _wait_for(watcher, lambda hints: cookies in hints.folders).folders
    return {os.path.relpath(folder, root) for folder in folders} - {jar}


def _make(root: bytes) -> None:
    _write(root + b"/album/b.jpg")


def _make_not_utf8(root: bytes) -> None:
    _write(root + b"/album/\xff\xfe.jpg")


def _overwrite(root: bytes) -> None:
    with open(root + b"/album/a.jpg", "r+b") as file:
        file.write(b"y")


def _delete(root: bytes) -> None:
    os.unlink(root + b"/album/a.jpg")


def _move_within(root: bytes) -> None:
    os.rename(root + b"/album/a.jpg", root + b"/a.jpg")


def _move_out(root: bytes) -> None:
    os.rename(root + b"/album/a.jpg", root + b".out.jpg")


def _move_in(root: bytes) -> None:
    _write(root + b".in.jpg")
    os.rename(root + b".in.jpg", root + b"/album/b.jpg")


def _trash_folder(root: bytes) -> None:
    os.rename(root + b"/album", root + b".trash")


def _restore_folder(root: bytes) -> None:
    os.makedirs(root + b".trash/deep")
    _write(root + b".trash/deep/b.jpg")
    os.rename(root + b".trash", root + b"/back")


def _rename_folder(root: bytes) -> None:
    os.rename(root + b"/album", root + b"/renamed")


def _make_folders_at_once(root: bytes) -> None:
    os.makedirs(root + b"/new/deep/deeper")
    _write(root + b"/new/deep/deeper/b.jpg")


@pytest.mark.parametrize(
    ("act", "folders"),
    [
        (_make, {b"album"}),
        (_make_not_utf8, {b"album"}),
        (_overwrite, {b"album"}),
        (_delete, {b"album"}),
        (_move_within, {b"album", b"."}),
        (_move_out, {b"album"}),
        (_move_in, {b"album"}),
        (_trash_folder, {b"album", b"."}),
        (_restore_folder, {b".", b"back", b"back/deep"}),
        (_rename_folder, {b".", b"album", b"renamed"}),
        (_make_folders_at_once, {b".", b"new", b"new/deep", b"new/deep/deeper"}),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_every_change_hints_at_its_folders(
    watcher: Watcher, root: bytes, act: Callable[[bytes], None], folders: set[bytes]
) -> None:
    watcher.add(root)

    act(root)

    assert _hinted(watcher, root) == folders


def _read(root: bytes) -> None:
    with open(root + b"/album/a.jpg", "rb") as file:
        file.read()
    os.listdir(root + b"/album")


def _touch(root: bytes) -> None:
    os.utime(root + b"/album/a.jpg")


def _note(root: bytes) -> None:
    os.setxattr(root + b"/album/a.jpg", "user.triaged.score", b"0.9000")


@pytest.mark.parametrize("act", [_read, _touch, _note], ids=["read", "touch", "note"])
def test_looking_and_noting_hint_at_nothing(
    watcher: Watcher, root: bytes, act: Callable[[bytes], None]
) -> None:
    watcher.add(root)

    act(root)

    assert _hinted(watcher, root) == set()


def test_folders_made_while_others_are_made_are_watched_as_well(
    watcher: Watcher, root: bytes
) -> None:
    watcher.add(root)
    for n in range(200):
        os.makedirs(root + b"/%d/deep" % n)
        _write(root + b"/%d/deep/a.jpg" % n)
    _hinted(watcher, root)

    for n in range(200):
        _write(root + b"/%d/deep/b.jpg" % n)

    assert _hinted(watcher, root) == {b"%d/deep" % n for n in range(200)}
    assert watcher.watch_count() == 3 + 400


def test_hints_carry_the_time_of_the_last(watcher: Watcher, root: bytes) -> None:
    watcher.add(root)
    before = time.monotonic()
    _make(root)

    hints = _wait_for(watcher, lambda hints: bool(hints.folders))

    assert before <= hints.folders[root + b"/album"] <= time.monotonic()
    assert not hints.overflowed


def test_a_root_that_is_a_link_is_watched_where_it_points(
    watcher: Watcher, root: bytes, tmp_path: Path
) -> None:
    os.symlink(root, tmp_path / "link")
    watcher.add(os.fsencode(tmp_path / "link"))

    _make(root)

    assert _hinted(watcher, root) == {b"album"}


def test_a_folder_may_be_watched_without_what_is_below(watcher: Watcher, root: bytes) -> None:
    watcher.add(root, recursive=False)
    assert watcher.watch_count() == 1
    _make(root)
    _write(root + b"/c.jpg")

    hints = _wait_for(watcher, lambda hints: bool(hints.folders))

    assert set(hints.folders) == {root}


def test_a_root_taken_off_is_silent_and_the_other_is_not(
    watcher: Watcher, root: bytes, tmp_path: Path
) -> None:
    other = os.fsencode(tmp_path / "other")
    os.mkdir(other)
    watcher.add(root)
    watcher.add(other)
    watcher.remove(other)
    watcher.remove(b"/never/added")

    _write(other + b"/a.jpg")
    _make(root)

    assert _hinted(watcher, root) == {b"album"}


def test_adding_a_sound_root_again_changes_nothing(watcher: Watcher, root: bytes) -> None:
    watcher.add(root)
    count = watcher.watch_count()
    _make(root)
    watcher.add(root)

    assert watcher.watch_count() == count == 3
    assert _hinted(watcher, root) == {b"album"}


def _removed(root: bytes) -> None:
    subprocess.run(["rm", "-r", root], check=True)


def _moved_away(root: bytes) -> None:
    os.rename(root, root + b".old")


@pytest.mark.parametrize("change", [_removed, _moved_away])
def test_a_root_made_anew_is_watched_once_it_is_added_again(
    watcher: Watcher, root: bytes, change: Callable[[bytes], None]
) -> None:
    watcher.add(root)
    change(root)
    watcher.add(root)
    assert "No such file" in (watcher.trouble or "")

    os.makedirs(root + b"/new jar")  # the old one may still be hinted at
    watcher.add(root)
    assert watcher.trouble is None
    _hinted(watcher, root, jar=b"new jar")
    os.mkdir(root + b"/album")
    _make(root)

    assert _hinted(watcher, root, jar=b"new jar") == {b".", b"album"}


_REMOUNT = """
import os, subprocess, sys
from triaged.fs.watch import Watcher
top = sys.argv[1].encode()
def mount():
    subprocess.run(["mount", "-t", "tmpfs", "drive", top], check=True)
mount()
with Watcher() as watcher:
    watcher.add(top)
    subprocess.run(["umount", top], check=True)
    mount()
    print(watcher.watch_count())
    watcher.add(top)
    print(watcher.watch_count(), watcher.trouble)
    open(top + b"/a.jpg", "w").close()
    watcher.wait(10)
    print(sorted(watcher.take_hints().folders) == [top])
"""


def test_a_drive_plugged_in_again_is_watched_once_it_is_added_again(tmp_path: Path) -> None:
    assert in_own_mounts(_REMOUNT, tmp_path) == ["0", "1 None", "True"]


_NO_INOTIFY = """
import os, sys
from triaged.fs.watch import Watcher
root = os.fsencode(sys.argv[1])
def limit(what, number):
    with open(f"/proc/sys/user/max_inotify_{what}", "w") as file:
        file.write(str(number))
limit("instances", 0)
with Watcher() as watcher:
    watcher.add(root)
    print(watcher.trouble, watcher.watch_count(), watcher.wait(0.0), watcher.take_hints().folders)
    limit("instances", 10)
    watcher.add(root)
    print(watcher.trouble, watcher.watch_count())
"""


def test_without_inotify_the_watcher_says_so_and_mends_when_it_can(
    root: bytes, tmp_path: Path
) -> None:
    without, again = in_own_mounts(_NO_INOTIFY, tmp_path / "root")

    assert (
        without
        == f"cannot watch {str(tmp_path / 'root')!r}: inotify instance limit reached "
        + ("0 set() {}")
    )
    assert again == "None 3"


_FEW_WATCHES = """
import os, sys
from triaged.fs.watch import Watcher
with open("/proc/sys/user/max_inotify_watches", "w") as file:
    file.write("2")
with Watcher() as watcher:
    watcher.add(os.fsencode(sys.argv[1]))
    print(watcher.trouble, watcher.watch_count())
    watcher.add(os.fsencode(sys.argv[2]))
    print(watcher.trouble)
"""


def test_folders_beyond_the_kernels_limit_show_in_the_count(root: bytes, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()

    short, none = in_own_mounts(_FEW_WATCHES, tmp_path / "root", tmp_path / "other")

    assert short == "None 2"
    assert none.endswith("inotify watch limit reached")


def _overflow(root: bytes) -> None:
    """Make more happen in `root` than the 16,384 events that the kernel's queue holds."""
    burst = subprocess.Popen([sys.executable, "-c", _BURST, os.fsdecode(root)])
    # PyDLL keeps the interpreter's lock, so that no thread reads events until the burst is over
    assert ctypes.PyDLL(None).waitpid(burst.pid, None, 0) == burst.pid


_BURST = """
import os, sys
os.chdir(sys.argv[1])
for n in range(7_000):  # three events each
    os.close(os.open(f"f{n}", os.O_CREAT | os.O_WRONLY))
    os.unlink(f"f{n}")
"""


def test_an_overflow_asks_for_a_full_scan_once_and_watching_goes_on(
    watcher: Watcher, root: bytes
) -> None:
    watcher.add(root)

    _overflow(root)

    assert _wait_for(watcher, lambda hints: hints.overflowed).overflowed
    _hinted(watcher, root)
    _make(root)
    assert _hinted(watcher, root) == {b"album"}
    assert not watcher.take_hints().overflowed


_MANY_WATCHES = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[2])
from test_watch import Watcher, _hinted, _overflow, _wait_for
root = os.fsencode(sys.argv[1])
subprocess.run(["mount", "-t", "tmpfs", "memory", root], check=True)  # quick to make and to drop
os.mkdir(root + b"/.cookies")
for n in range(17_000):
    os.mkdir(root + b"/%d" % n)
with Watcher(overflow_settle_s=0.05) as watcher:
    watcher.add(root)
    _overflow(root)
    _wait_for(watcher, lambda hints: hints.overflowed)
    print(_hinted(watcher, root))
    watcher.wait(1.5)  # mending takes 0.7 s, and would overflow again
    print(watcher.wait(0.0), watcher.take_hints(), watcher.watch_count())
"""


def test_an_overflow_of_many_watches_does_not_overflow_for_ever(tmp_path: Path) -> None:
    hinted, after = in_own_mounts(_MANY_WATCHES, tmp_path, Path(__file__).parent)

    assert hinted == "set()"
    assert after == "set() Hints(folders={}, overflowed=False) 17002"


def test_a_wait_ends_when_an_overflow_is_due(watcher: Watcher) -> None:
    watcher.note_overflow()
    watcher.wait(_DEADLINE_S)
    started = time.monotonic()

    watcher.wait(_DEADLINE_S)

    assert time.monotonic() - started < _DEADLINE_S / 2
    assert watcher.take_hints().overflowed


def test_a_wait_ends_when_its_time_is_up(watcher: Watcher) -> None:
    assert watcher.wait(0.01) == set()
    assert watcher.take_hints() == Hints()


def test_a_wait_ends_at_once_when_woken_before(watcher: Watcher) -> None:
    watcher.wake()
    watcher.wake()
    started = time.monotonic()

    assert watcher.wait(_DEADLINE_S) == set()
    assert time.monotonic() - started < _DEADLINE_S / 2
    assert watcher.wait(0.01) == set()


def test_a_signal_handler_may_wake_a_wait(watcher: Watcher) -> None:
    before = signal.signal(signal.SIGALRM, lambda *_: watcher.wake())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        started = time.monotonic()
        watcher.wait(_DEADLINE_S)
        assert time.monotonic() - started < _DEADLINE_S / 2
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_wait_ends_when_a_worker_speaks_or_dies(watcher: Watcher) -> None:
    worker_end, our_end = os.pipe()
    silent_end, other_end = os.pipe()
    try:
        os.write(our_end, b".")
        assert watcher.wait(_DEADLINE_S, [worker_end, silent_end]) == {worker_end}
        os.read(worker_end, 1)
        assert watcher.wait(0.01, [worker_end, silent_end]) == set()
        os.close(our_end)
        assert watcher.wait(_DEADLINE_S, [worker_end, silent_end]) == {worker_end}
    finally:
        for fd in (worker_end, silent_end, other_end):
            os.close(fd)


def test_closing_ends_everything_and_may_be_done_twice(root: bytes) -> None:
    before = set(os.listdir("/proc/self/fd"))
    watcher = Watcher()
    watcher.add(root)
    watcher.close()
    watcher.close()
    watcher.wake()

    assert watcher.watch_count() == 0
    assert set(os.listdir("/proc/self/fd")) == before
