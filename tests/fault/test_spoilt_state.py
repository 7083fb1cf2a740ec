"""The rebuildable database spoilt or gone: what was learned stands, the rest is made again."""

import time

import pytest
from generated import photo, receipt
from home import Home


@pytest.fixture
def learned(home: Home) -> Home:
    """A home whose owner has deleted photos for good; nobody can look at them again."""
    home.make_tree({f"Deleted/{n}.jpg": receipt(n) for n in range(5)})
    home.make_tree({f"Pictures/{n}.jpg": photo(n) for n in range(8)})
    home.make_tree({"Pictures/bad.jpg": receipt(9)})
    with home.daemon() as daemon:
        home.run("gio", "trash", "Pictures/bad.jpg")
        daemon.wait_until_scored("Pictures/0.jpg")
        daemon.wait_until("it is learned", lambda: len(home.decisions()) == 6)
        daemon.wait_until_settled()
    home.run("trash-empty", "--trash-dir", str(home.trash), given="y\n")
    home.run("rm", "-r", "Deleted")
    return home


def _scored(home: Home) -> int:
    return len(home.ask_databases("SELECT * FROM scores"))


def test_without_the_features_database_scores_come_back_from_the_lessons_kept(
    learned: Home,
) -> None:
    decisions = learned.decisions()
    (learned.state / "features.db").unlink()

    with learned.daemon() as daemon:
        daemon.wait_until("all have scores again", lambda: _scored(learned) == 8)

    assert learned.decisions() == decisions
    assert learned.ask("status")["model"]["deletes"] == 6


def test_a_spoilt_features_database_is_made_anew(learned: Home) -> None:
    decisions = learned.decisions()
    (learned.state / "features.db").write_bytes(b"not a database" * 4_000)

    with learned.daemon() as daemon:
        daemon.wait_until("all have scores again", lambda: _scored(learned) == 8)

    assert learned.decisions() == decisions


def test_a_file_that_is_still_being_written_is_read_when_it_is_whole(home: Home) -> None:
    whole = photo(5)
    path = home.pictures / "download.jpg"
    with home.daemon() as daemon:
        with open(path, "wb", buffering=0) as file:
            for part in range(0, len(whole), len(whole) // 8):
                file.write(whole[part : part + len(whole) // 8])
                until = time.monotonic() + 0.25
                daemon.wait_until("the next part", lambda at=until: time.monotonic() > at)
        daemon.wait_until("it is known", lambda: bool(home.present("Pictures")))
        daemon.wait_until_settled()

    assert "could not be read" not in home.log().replace(" 0 could not be read", "")
    assert home.ask("status")["quarantined"] == []


def test_a_photo_set_aside_is_read_again_once_it_has_changed(home: Home) -> None:
    whole = photo(6)
    home.make_tree({"Pictures/half.jpg": b"\xff\xd8 half a download"})
    with home.daemon() as daemon:
        assert len(home.ask("status")["quarantined"]) == 1

        (home.pictures / "half.jpg").write_bytes(whole)
        daemon.wait_until("it is fine now", lambda: home.ask("status")["quarantined"] == [])
        daemon.wait_until_settled()

    assert home.ask("status")["waiting"] == 0
    [row] = home.photos("Pictures")
    assert row["content_hash"] is not None
