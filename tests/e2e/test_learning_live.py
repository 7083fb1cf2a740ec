"""What an owner gets from a running daemon: scores on photos, a list to look at, and nothing else.

The owner of these homes deletes receipts and screenshots, and leaves landscapes and faces alone.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from generated import TAKEN_AT, photo, receipt, screenshot
from home import Daemon, File, Home

from triaged.demo.pictures import draw
from triaged.demo.saving import save

_MIN_LABELS = 8
# Of a library this small every fifth settled photo is one its owner would delete as well: scores
# stay low, their order is what counts.
_CONFIG = {
    "learn": {"min_labels": _MIN_LABELS},
    "review": {"min_score": 0.1},
    "worker": {"idle_seconds": 1},
}
_SCORED_SECONDS = 15.0
_HEAVY = ("torch", "onnxruntime", "PIL", "numpy", "pillow_heif", "sqlite_utils.cli")


def _library(dislikes: int, likes: int) -> dict[str, bytes]:
    """Return a library of both kinds; the disliked ones have a number in their names."""
    tree = {f"Pictures/paper/receipt-{i}.jpg": receipt(i) for i in range(dislikes)}
    kinds = ("landscape", "portrait", "food", "city")
    return tree | {f"Pictures/trips/{i}.jpg": photo(i, kinds[i % 4]) for i in range(likes)}


def _delete(home: Home, daemon: Daemon, *paths: str) -> None:
    before = len(home.decisions())
    home.run("gio", "trash", *paths)
    wanted = before + len(paths)
    daemon.wait_until("the deletions are learned", lambda: len(home.decisions()) >= wanted)


@pytest.fixture(scope="module")
def before() -> dict[str, File]:
    """The library as its owner had left it, filled in by `learned`."""
    return {}


@pytest.fixture(scope="module")
def learned(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, File]
) -> Iterator[tuple[Home, Daemon]]:
    """A home whose owner has deleted enough, with the daemon still running."""
    home = Home(tmp_path_factory.mktemp("learned"), **_CONFIG)
    home.make_tree(_library(dislikes=_MIN_LABELS + 5, likes=16))
    starred = home.pictures / "paper/starred.jpg"
    save(draw("receipt", 77, 640), starred, taken_at=TAKEN_AT, rating=5)
    before |= home.tree("Pictures")
    with home.daemon() as daemon:
        _delete(home, daemon, *(f"Pictures/paper/receipt-{i}.jpg" for i in range(_MIN_LABELS)))
        daemon.wait_until("likely-delete is filled", lambda: bool(home.links()))
        daemon.wait_until_settled()
        yield home, daemon


def test_likely_delete_is_filled_once_enough_was_deleted_and_says_before_how_many_are_missing(
    home: Home,
) -> None:
    home.configure(**_CONFIG)
    home.make_tree(_library(dislikes=_MIN_LABELS + 4, likes=12))
    readme = home.path / "Triage/README.txt"
    with home.daemon() as daemon:
        _delete(home, daemon, *(f"Pictures/paper/receipt-{i}.jpg" for i in range(_MIN_LABELS - 1)))
        daemon.wait_until_scored("Pictures/trips/3.jpg")
        daemon.wait_until("one is missing", lambda: "1 more deleted" in readme.read_text())
        assert home.links() == {}

        _delete(home, daemon, f"Pictures/paper/receipt-{_MIN_LABELS - 1}.jpg")
        daemon.wait_until("likely-delete is filled", lambda: bool(home.links()))

    assert "more deleted photos" not in readme.read_text()
    first = next(iter(home.links().values()))
    assert os.path.basename(first).startswith("receipt-")


def test_the_list_is_sorted_by_name_and_its_links_are_absolute(
    learned: tuple[Home, Daemon],
) -> None:
    links = learned[0].links()

    parts = [re.fullmatch(r"(\d{4})_(\d\d)_(.+)", name) for name in links]
    assert all(parts)
    assert [int(part[1]) for part in parts if part] == list(range(1, len(links) + 1))
    percents = [int(part[2]) for part in parts if part]
    assert percents == sorted(percents, reverse=True)
    for part, target in zip(parts, links.values(), strict=True):
        assert part is not None
        assert part[3] == os.path.basename(target)
        assert os.path.isabs(target)
        assert os.path.isfile(target)


def test_the_list_holds_what_the_owner_would_delete_and_no_photo_with_stars(
    learned: tuple[Home, Daemon],
) -> None:
    home, _ = learned
    listed = [os.path.basename(target) for target in home.links().values()]

    assert {name for name in listed[:3] if name.startswith("receipt-")} == set(listed[:3])
    assert "starred.jpg" not in listed
    assert ("starred.jpg", "keep", "rated", 1.0) in home.decisions()


def test_a_photo_copied_into_the_library_has_its_score_in_time_from_a_cold_worker(
    learned: tuple[Home, Daemon],
) -> None:
    home, daemon = learned
    home.make_tree({"Downloads/new.jpg": photo(901), "Downloads/slip.jpg": receipt(901)})
    daemon.wait_until("the worker has left", lambda: _workers(daemon) == [])

    home.run("cp", "Downloads/new.jpg", "Downloads/slip.jpg", "Pictures/")
    took = daemon.wait_until_scored("Pictures/new.jpg", "Pictures/slip.jpg", seconds=60)

    assert took < _SCORED_SECONDS
    for path in ("Pictures/new.jpg", "Pictures/slip.jpg"):
        assert 0 <= float(home.attribute(path) or -1) <= 1
    home.run("rm", "Pictures/new.jpg", "Pictures/slip.jpg")


def test_nothing_in_the_library_has_changed_but_its_attributes(
    learned: tuple[Home, Daemon], before: dict[str, File]
) -> None:
    home, daemon = learned
    stay = {path: file for path, file in before.items() if not _was_deleted(path)}
    daemon.wait_until_scored(*(f"Pictures/{p}" for p in stay if p.endswith(".jpg")))

    after = home.tree("Pictures")

    folders = {"paper", "trips"}
    assert set(after) - {"new.jpg", "slip.jpg", "trips/another.jpg"} == set(stay)
    assert {p: after[p] for p in set(stay) - folders} == {p: stay[p] for p in set(stay) - folders}
    assert {p: after[p].mode for p in folders} == {p: stay[p].mode for p in folders}


def _was_deleted(path: str) -> bool:
    return path in {f"paper/receipt-{i}.jpg" for i in range(_MIN_LABELS)}


def test_a_deleted_photo_leaves_the_list_and_comes_back_with_a_restore(
    learned: tuple[Home, Daemon],
) -> None:
    home, daemon = learned
    path = next(iter(home.links().values()))

    home.run("trash-put", path)
    daemon.wait_until("its link has gone", lambda: path not in home.links().values())
    home.run("trash-restore", path, given="0\n")
    daemon.wait_until(
        "it is kept now", lambda: (Path(path).name, "keep", "restored", 1.0) in home.decisions()
    )
    daemon.wait_until_settled()

    assert path not in home.links().values()


def test_a_link_put_in_the_trash_does_nothing_to_its_photo_and_comes_back(
    learned: tuple[Home, Daemon],
) -> None:
    home, daemon = learned
    name, target = list(home.links().items())[-1]
    acts = len(home.acts())

    home.run("gio", "trash", str(home.likely_delete / name))
    home.make_tree({"Pictures/trips/another.jpg": photo(902)})
    daemon.wait_until_scored("Pictures/trips/another.jpg")
    daemon.wait_until("it is listed again", lambda: target in home.links().values())
    daemon.wait_until_settled()

    assert os.path.isfile(target)
    assert len(home.acts()) == acts
    home.run("rm", "Pictures/trips/another.jpg")


def test_a_photo_kept_by_word_leaves_the_list(learned: tuple[Home, Daemon]) -> None:
    home, daemon = learned
    path = list(home.links().values())[-1]

    home.ask("label", path, "keep")
    daemon.wait_until("its link has gone", lambda: path not in home.links().values(), seconds=10)
    home.ask("label", path, "clear")

    assert path not in {row["path"] for row in home.ask("labels")}


def test_the_resident_process_has_nothing_heavy_in_it(learned: tuple[Home, Daemon]) -> None:
    _, daemon = learned

    mapped = Path(f"/proc/{daemon.pid}/maps").read_text()

    assert [name for name in _HEAVY if f"/{name}/" in mapped or f"/{name}." in mapped] == []
    assert psutil.Process(daemon.pid).memory_info().rss < 60e6


def test_existing_trash_and_deleted_pictures_teach_on_the_first_day(home: Home) -> None:
    home.make_tree({f"Pictures/{i}.jpg": photo(i) for i in range(4)})
    home.make_tree({f"Deleted/old/{i}.png": screenshot(i) for i in range(3)})
    home.make_tree({"Favourites/dear.jpg": photo(40), "Downloads/foreign.jpg": photo(41)})
    home.run("gio", "trash", "Pictures/0.jpg", "Pictures/1.jpg", "Downloads/foreign.jpg")

    with home.daemon() as daemon:
        daemon.wait_until_settled()

    assert sorted(home.decisions()) == [
        ("0.jpg", "delete", "found", 1.0),
        ("0.png", "delete", "found", 1.0),
        ("1.jpg", "delete", "found", 1.0),
        ("1.png", "delete", "found", 1.0),
        ("2.png", "delete", "found", 1.0),
        ("dear.jpg", "keep", "found", 1.0),
    ]
    times = {row["name"]: row["at"] for row in home.decision_rows()}
    assert times[b"0.jpg"] is not None
    assert times[b"0.png"] is None


def test_an_old_trash_that_is_emptied_keeps_its_lessons(home: Home) -> None:
    home.make_tree({f"Pictures/{i}.jpg": photo(i) for i in range(3)})
    home.run("gio", "trash", "Pictures/0.jpg", "Pictures/1.jpg")
    with home.daemon():
        learned = home.decisions()
    home.run("trash-empty", "--trash-dir", str(home.trash), given="y\n")

    with home.daemon() as daemon:
        daemon.wait_until_gone(".local/share/Trash/files", {"0.jpg", "1.jpg"})
        daemon.wait_until_settled()

    assert home.decisions() == learned
    assert len(learned) == 2


def _workers(daemon: Daemon) -> list[psutil.Process]:
    return psutil.Process(daemon.pid).children()
