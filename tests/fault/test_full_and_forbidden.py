"""Disks that are full or may not be written, and more at once than anybody expected."""

import contextlib
import io
import shlex
from pathlib import Path

from generated import photo, receipt
from home import Home
from PIL import Image

_BURST = 3_000


def _fill_up(folder: Path) -> Path:
    """Write until there is no room left; return what takes it up."""
    filler = folder / "filler"
    for size in (65_536, 512, 1):
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
            while True:
                file.write(bytes(size))
    return filler


def test_a_full_disk_is_survived_and_made_up_for_once_there_is_room(
    home: Home, own_mounts: list[str]
) -> None:
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(4)})
    home.state.mkdir(parents=True)
    mount = f"mount -t tmpfs -o size=4m none {shlex.quote(str(home.state))}"
    start = [*own_mounts, "sh", "-c", f'{mount} && exec "$@"', "sh"]
    with home.daemon(wait=False, within=start) as daemon:
        inside = Path(f"/proc/{daemon.pid}/root{home.state}")
        daemon.wait_until("the state is there", lambda: (inside / "features.db").exists())
        home.within = daemon.command_inside()
        daemon.wait_until("all is read", lambda: home.ask("status")["waiting"] == 0)
        filler = _fill_up(inside)
        said = len(home.log())
        home.make_tree({f"Pictures/new-{n}.jpg": photo(20 + n) for n in range(3)})
        home.run("trash-put", "Pictures/0.jpg")
        daemon.wait_until("it has met the full disk", lambda: "full" in home.log()[said:])
        assert home.ask("status")["labels"]["delete"] == 0

        filler.unlink()
        daemon.wait_until("the deletion is learned", lambda: bool(home.ask("labels")))
        daemon.wait_until("all is read", lambda: home.ask("status")["waiting"] == 0)
        learned, status = home.ask("labels"), home.ask("status")

        assert daemon.stop() == 0
    assert [(row["path"], row["label"], row["source"]) for row in learned] == [
        (str(home.pictures / "0.jpg"), "delete", "trashed")
    ]
    assert status["photos"]["library"] == 6
    assert status["quarantined"] == []


def test_photos_that_may_not_be_written_are_scored_in_the_database_alone(
    home: Home, own_mounts: list[str]
) -> None:
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(3)})
    home.make_tree({f"Deleted/{n}.jpg": receipt(n) for n in range(5)})
    home.make_tree({f"Favourites/{n}.jpg": photo(30 + n) for n in range(5)})
    pictures = shlex.quote(str(home.pictures))
    mount = f"mount --bind {pictures} {pictures} && mount -o remount,ro,bind {pictures}"
    before = home.tree("Pictures")

    with home.daemon(within=[*own_mounts, "sh", "-c", f'{mount} && exec "$@"', "sh"]) as daemon:
        daemon.wait_until(
            "all have scores", lambda: len(home.ask_databases("SELECT * FROM scores")) == 3
        )
        daemon.wait_until("they are dealt with", lambda: len(_published(home)) == 3)
        home.make_tree({"Pictures/later.jpg": photo(9)})
        daemon.wait_until("a new one as well", lambda: len(_published(home)) == 4)
        daemon.wait_until_settled()

        assert daemon.stop() == 0
    assert set(_published(home)) == {"denied"}
    assert home.attribute("Pictures/0.jpg") is None
    assert "Traceback" not in home.log()
    after = home.tree("Pictures")
    assert {name: after[name] for name in before} == before


def _published(home: Home) -> list[str]:
    return [row["outcome"] for row in home.ask_databases("SELECT outcome FROM triaged.published")]


def test_a_review_folder_that_may_not_be_written_stops_nothing_else(
    home: Home, own_mounts: list[str]
) -> None:
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(3)})
    triage = home.path / "Triage"
    triage.mkdir()
    quoted = shlex.quote(str(triage))
    mount = f"mount --bind {quoted} {quoted} && mount -o remount,ro,bind {quoted}"

    with home.daemon(within=[*own_mounts, "sh", "-c", f'{mount} && exec "$@"', "sh"]) as daemon:
        home.run("trash-put", "Pictures/0.jpg")
        daemon.wait_until("the deletion is learned", lambda: bool(home.decisions()))
        daemon.wait_until_settled()
        warnings = home.ask("status")["warnings"]

        assert daemon.stop() == 0
    assert any("Triage" in warning for warning in warnings)
    assert home.decisions() == [("0.jpg", "delete", "trashed", 1.0)]


def test_thousands_of_files_at_once_lose_none_and_keep_none_waiting(home: Home) -> None:
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((64, 48)).save(buffer, "JPEG")
    home.make_tree({"Pictures/first.jpg": photo(1)})
    with home.daemon() as daemon:
        names = set()
        for number in range(_BURST):
            name = f"{number:04}.jpg"
            folder = home.pictures / f"import/{number // 100}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(buffer.getvalue() + name.encode())
            names.add(name)
        home.make_tree({"Favourites/now.jpg": photo(2)})
        took = daemon.wait_until("a new photo is seen", lambda: bool(home.present("Favourites")))
        daemon.wait_until(
            "every file is known", lambda: len(home.present("Pictures/import")) == _BURST
        )
        assert home.present("Pictures/import") == names
        assert daemon.stop() == 0

    assert took < 15
    assert home.acts("Pictures") == []
