"""What else lies in photo folders: odd names, pipes, links, locked folders, hostile pictures."""

import csv
import io
import os
import shutil
from pathlib import Path

import pytest
from generated import photo
from home import Home
from PIL import Image

_NASTY = Path(__file__).parents[3] / "shared/nasty"
_ODD_NAMES = {
    "a newline": b"two\nlines.jpg",
    "not UTF-8": b"caf\xe9 \xff.jpg",
    "255 bytes": b"n" * 251 + b".jpg",
    "spaces": b"  two  spaces .jpg",
    "a leading dash": b"-rf.jpg",
    "percent and quote": b"100%'\".jpg",
}


def test_photos_with_odd_names_are_read_scored_and_learned_from(home: Home) -> None:
    folder = os.fsencode(home.pictures)
    for number, name in enumerate(_ODD_NAMES.values()):
        home.make_tree({f"Pictures/{number}.jpg": photo(20 + number)})
        os.rename(os.path.join(folder, b"%d.jpg" % number), os.path.join(folder, name))
    odd = [os.fsdecode(name) for name in _ODD_NAMES.values()]
    with home.daemon() as daemon:
        assert home.present("Pictures") == set(odd)
        home.make_tree({f"Deleted/{n}.jpg": photo(n) for n in range(6)})
        daemon.wait_until_scored(*(f"Pictures/{name}" for name in odd))
        trashed = [name for name in odd if len(name) < 200]  # no room for `.trashinfo` otherwise
        home.run("gio", "trash", *(f"./Pictures/{name}" for name in trashed))
        wanted = {(name, "delete", "trashed", 1.0) for name in trashed}
        daemon.wait_until("they are learned", lambda: set(home.decisions("Pictures")) == wanted)

    assert home.ask("status")["quarantined"] == []
    for command in ("labels", "status", "score"):
        done = home.triaged(command, *(["Pictures"] if command == "score" else []))
        assert done.returncode == 0, done.stderr
    rows = list(csv.reader(home.triaged("labels", "--csv").stdout.splitlines(keepends=True)))
    assert len(rows) == 1 + 6 + 5


def test_pipes_links_and_loops_are_left_alone(home: Home) -> None:
    home.make_tree({"Pictures/real.jpg": photo(1), "Elsewhere/other.jpg": photo(2)})
    os.mkfifo(home.pictures / "pipe.jpg")
    (home.pictures / "loop").symlink_to(home.pictures)
    (home.pictures / "self.jpg").symlink_to("self.jpg")
    (home.pictures / "link.jpg").symlink_to(home.path / "Elsewhere/other.jpg")
    (home.pictures / "nowhere.jpg").symlink_to("/nonexistent")
    (home.pictures / "folder.jpg").mkdir()
    (home.pictures / "empty.jpg").touch()
    before = home.tree("Pictures")

    with home.daemon():
        assert home.present("Pictures") == {"real.jpg"}

    assert home.ask("status")["waiting"] == 0
    assert home.tree("Pictures") == before


def test_a_folder_that_cannot_be_read_for_a_while_loses_nothing(
    home: Home, no_privileges: list[str]
) -> None:
    home.make_tree({f"Pictures/locked/{n}.jpg": photo(n) for n in range(3)})
    home.make_tree({"Pictures/open/4.jpg": photo(4)})
    locked = home.pictures / "locked"
    with home.daemon(within=no_privileges):
        known = home.present("Pictures")

    locked.chmod(0o000)
    try:
        with home.daemon(within=no_privileges) as daemon:
            daemon.wait_until("it says so", lambda: "Permission denied" in home.log())
            daemon.wait_until_settled()
            assert home.present("Pictures") == known
    finally:
        locked.chmod(0o755)
    with home.daemon(within=no_privileges):
        assert home.present("Pictures") == known
    assert home.acts() == []


def test_a_photo_that_cannot_be_opened_is_set_aside_and_the_others_are_read(
    home: Home, no_privileges: list[str]
) -> None:
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(4)})
    (home.pictures / "2.jpg").chmod(0o000)

    with home.daemon(within=no_privileges):
        set_aside = home.ask("status")["quarantined"]

    assert [Path(row["path"]).name for row in set_aside] == ["2.jpg"]
    assert "ermission denied" in set_aside[0]["reason"]


def test_a_photo_that_outlasts_the_decoder_each_time_hurts_no_other(home: Home) -> None:
    home.configure(worker={"idle_seconds": 5, "file_seconds": 2})
    home.make_tree({"Pictures/endless.jpg": _endless()})
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(12)})

    with home.daemon() as daemon:
        daemon.wait_until("it was set aside", lambda: bool(home.ask("status")["quarantined"]))

    status = home.ask("status")
    assert [Path(row["path"]).name for row in status["quarantined"]] == ["endless.jpg"]
    assert "2 s" in status["quarantined"][0]["reason"]
    assert status["waiting"] == 0


def _endless() -> bytes:
    """Return a progressive JPEG whose last scan comes 8,000 times: a minute's work in 350 kB."""
    buffer = io.BytesIO()
    Image.new("L", (4000, 4000), 90).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    end = data.rindex(b"\xff\xd9")
    return data[:end] + 8_000 * data[data.rindex(b"\xff\xda") : end] + data[end:]


def test_every_hostile_picture_is_read_or_set_aside_with_a_reason_and_none_is_tried_for_ever(
    home: Home,
) -> None:
    count = _collect_nasty(home.pictures)
    with home.daemon(wait=False) as daemon:
        daemon.wait_until_settled(seconds=150)
        status, attempts = home.ask("status"), _attempts(home)

    assert len(home.present("Pictures")) >= count // 2
    assert status["waiting"] == 0
    assert all(row["reason"] for row in status["quarantined"])
    assert {row["photo"] for row in attempts} == {
        row["photo"] for row in attempts if row["quarantined_at"] is not None
    }
    assert max(row["attempts"] for row in attempts) <= 3

    with home.daemon():
        assert _attempts(home) == attempts


def _attempts(home: Home) -> list[dict[str, object]]:
    return home.ask_databases("SELECT * FROM attempts ORDER BY photo")


def _collect_nasty(folder: Path) -> int:
    """Fill a folder with hostile pictures, real ones if they are there; return how many."""
    if _NASTY.is_dir():
        with open(_NASTY / "MANIFEST.csv", newline="") as manifest:
            count = sum(1 for _ in csv.reader(manifest)) - 1
        shutil.copytree(_NASTY, folder, dirs_exist_ok=True)
        return count
    return _make_nasty(folder)


def _make_nasty(folder: Path) -> int:
    whole = photo(3)
    for number, length in enumerate((3, 20, 200, 2_000, len(whole) // 2, len(whole) - 2)):
        (folder / f"torn-{number}.jpg").write_bytes(whole[:length])
    for number in range(8):  # one byte in a few hundred is wrong
        hurt = bytearray(whole)
        hurt[600 + number :: 397 + number] = bytes(len(hurt[600 + number :: 397 + number]))
        (folder / f"hurt-{number}.jpg").write_bytes(hurt)
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        Image.new(mode, (70, 50)).save(folder / f"mode-{mode.replace(';', '')}.png")
    Image.new("CMYK", (70, 50)).save(folder / "cmyk.jpg")
    Image.new("RGB", (1, 1)).save(folder / "dot.gif")
    for name in ("text.heic", "text.avif", "text.webp", "text.tif"):
        (folder / name).write_bytes(b"this is no picture\n" * 50)
    return len(list(folder.iterdir()))


@pytest.mark.skipif(not _NASTY.is_dir(), reason="the generated twin has just been used above")
def test_every_generated_hostile_picture_is_read_or_set_aside(home: Home) -> None:
    count = _make_nasty(home.pictures)

    assert home.triaged("run", "--once").returncode == 0

    status = home.ask("status")
    assert len(home.present("Pictures")) == count
    assert status["waiting"] == 0
    assert all(row["reason"] for row in status["quarantined"])
    assert "bomb.png" in {Path(row["path"]).name for row in status["quarantined"]}
