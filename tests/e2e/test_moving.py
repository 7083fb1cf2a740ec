"""What a person does without the trash: moving, copying, filing, keeping RAW and JPEG together."""

import os
import shutil
import zlib
from pathlib import Path

from generated import TAKEN_AT, photo
from home import Daemon, Home

from triaged.demo.pictures import draw
from triaged.demo.saving import save


def _photo(path: str) -> bytes:
    return photo(zlib.crc32(path.encode()))


def _fill(home: Home, daemon: Daemon, *paths: str) -> None:
    home.make_tree({path: _photo(path) for path in paths})
    daemon.wait_until_settled()


def test_a_photo_moved_to_the_deleted_folder_teaches_delete(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/moved"
    _fill(home, daemon, f"{folder}/bad.jpg", f"{folder}/good.jpg")

    home.run("mv", f"{folder}/bad.jpg", "Deleted/")
    daemon.wait_until("the move is learned", lambda: bool(home.decisions(folder)))
    home.run("mv", "Deleted/bad.jpg", f"{folder}/")
    daemon.wait_until("the way back is learned", lambda: len(home.decisions(folder)) == 2)
    daemon.wait_until_settled()

    assert home.decisions(folder) == [
        ("bad.jpg", "delete", "discarded", 1.0),
        ("bad.jpg", "keep", "restored", 1.0),
    ]


def test_a_photo_moved_among_the_favourites_teaches_keep(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, "Pictures/favoured"
    _fill(home, daemon, f"{folder}/dear.jpg", f"{folder}/plain.jpg")

    home.run("mv", f"{folder}/dear.jpg", "Favourites/")
    daemon.wait_until("the move is learned", lambda: bool(home.decisions(folder)))
    daemon.wait_until_settled()

    assert home.decisions(folder) == [("dear.jpg", "keep", "chosen", 1.0)]


def test_renaming_and_reorganising_teach_nothing(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, "Pictures/sorting"
    _fill(home, daemon, f"{folder}/a.jpg", f"{folder}/b.jpg", f"{folder}/trip/c.jpg")
    photos = {row["id"] for row in home.photos(folder)}

    home.run("mv", f"{folder}/a.jpg", f"{folder}/z.jpg")
    home.run("mv", f"{folder}/b.jpg", f"{folder}/trip/")
    home.run("mv", f"{folder}/trip", f"{folder}/journey")
    daemon.wait_until(
        "every photo is known by its new name",
        lambda: home.present(folder) == {"z.jpg", "b.jpg", "c.jpg"},
    )
    daemon.wait_until_settled()

    assert home.decisions(folder) == []
    assert {row["id"] for row in home.photos(folder)} == photos


def test_trashing_one_of_two_identical_photos_teaches_nothing(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/twice"
    _fill(home, daemon, f"{folder}/one.jpg")
    home.run("cp", f"{folder}/one.jpg", f"{folder}/two.jpg")
    daemon.wait_until_settled()

    home.run("gio", "trash", f"{folder}/two.jpg")
    daemon.wait_until("the act is judged", lambda: bool(home.acts(folder)))
    daemon.wait_until_settled()

    assert home.decisions(folder) == []
    assert [act["reason"] for act in home.acts(folder)] == ["an identical copy stays"]


def test_a_photo_copied_and_trashed_in_one_go_teaches_nothing(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/saved"
    _fill(home, daemon, f"{folder}/one.jpg", f"{folder}/elsewhere/other.jpg")

    home.run("cp", f"{folder}/one.jpg", f"{folder}/elsewhere/two.jpg")
    home.run("gio", "trash", f"{folder}/one.jpg")
    daemon.wait_until("the act is judged", lambda: bool(home.acts(folder)))
    daemon.wait_until_settled()

    assert home.decisions(folder) == []


def test_trashing_one_of_two_hard_links_teaches_nothing(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, "Pictures/linked"
    _fill(home, daemon, f"{folder}/a.jpg")
    os.link(home.path / folder / "a.jpg", home.path / folder / "again.jpg")
    daemon.wait_until("it is known", lambda: "again.jpg" in home.present(folder))
    daemon.wait_until_settled()

    home.run("gio", "trash", f"{folder}/a.jpg")
    daemon.wait_until("the act is judged", lambda: bool(home.acts(folder)))
    daemon.wait_until_settled()

    assert home.decisions(folder) == []
    assert home.present(folder) == {"again.jpg"}


def test_trashing_only_the_raw_of_a_shot_teaches_nothing(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, "Pictures/raw"
    home.make_tree({f"{folder}/IMG_1.CR2": b"raw" * 999, f"{folder}/IMG_1.JPG": _photo(folder)})
    daemon.wait_until_settled()

    home.run("gio", "trash", f"{folder}/IMG_1.CR2")
    daemon.wait_until("the act is judged", lambda: bool(home.acts(folder)))
    daemon.wait_until_settled()
    assert home.decisions(folder) == []

    home.run("gio", "trash", f"{folder}/IMG_1.JPG")
    daemon.wait_until("the rest of the shot is judged", lambda: bool(home.decisions(folder)))
    assert home.decisions(folder) == [("IMG_1.JPG", "delete", "trashed", 1.0)]


def test_trashing_raw_and_jpeg_together_teaches_delete_once(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/both"
    home.make_tree({f"{folder}/IMG_2.CR2": b"war" * 999, f"{folder}/IMG_2.JPG": _photo(folder)})
    daemon.wait_until_settled()

    home.run("gio", "trash", f"{folder}/IMG_2.CR2", f"{folder}/IMG_2.JPG")
    daemon.wait_until("both are judged", lambda: len(home.acts(folder)) == 2)
    daemon.wait_until_settled()

    assert [label for _, label, _, _ in home.decisions(folder)] == ["delete"]


def test_photos_moved_out_or_removed_for_good_teach_nothing(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/leaving"
    _fill(home, daemon, f"{folder}/out.jpg", f"{folder}/gone.jpg", f"{folder}/stays.jpg")
    (home.path / "Elsewhere").mkdir()

    home.run("mv", f"{folder}/out.jpg", "Elsewhere/")
    home.run("rm", f"{folder}/gone.jpg")
    daemon.wait_until_gone(folder, {"out.jpg", "gone.jpg"})
    daemon.wait_until_settled()

    assert home.decisions(folder) == []


def test_a_photo_saved_again_by_an_editor_teaches_nothing(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/edited"
    _fill(home, daemon, f"{folder}/crop.jpg")
    before = home.photos(folder)[0]

    (home.path / folder / ".crop.tmp").write_bytes(_photo("after the edit"))
    os.replace(home.path / folder / ".crop.tmp", home.path / folder / "crop.jpg")
    daemon.wait_until(
        "the new bytes are read",
        lambda: home.photos(folder)[0]["content_hash"] not in (None, before["content_hash"]),
    )

    assert [row["id"] for row in home.photos(folder)] == [before["id"]]
    assert home.acts(folder) == []


def test_photos_with_four_or_five_stars_are_kept(shared_home: Home, daemon: Daemon) -> None:
    home, folder = shared_home, Path("Pictures/stars")
    made = {stars: home.path / f"{stars}.jpg" for stars in (3, 4, 5)}
    for stars, path in made.items():
        save(draw("food", stars, 640), path, taken_at=TAKEN_AT, rating=stars)
    (home.path / folder).mkdir()

    for path in made.values():
        shutil.move(path, home.path / folder)
    daemon.wait_until("the stars are learned", lambda: len(home.decisions(str(folder))) == 2)
    daemon.wait_until_settled()

    assert sorted(home.decisions(str(folder))) == [
        ("4.jpg", "keep", "rated", 1.0),
        ("5.jpg", "keep", "rated", 1.0),
    ]


def test_a_broken_photo_is_set_aside_with_its_reason_and_the_others_are_fine(
    shared_home: Home, daemon: Daemon
) -> None:
    home, folder = shared_home, "Pictures/broken"
    whole = _photo(folder)
    home.make_tree(
        {
            f"{folder}/torn.jpg": whole[: len(whole) // 3],
            f"{folder}/text.jpg": b"this is no picture",
            f"{folder}/whole.jpg": whole,
        }
    )
    daemon.wait_until_settled()

    set_aside = {Path(row["path"]).name: row["reason"] for row in home.ask("status")["quarantined"]}
    assert "text.jpg" in set_aside
    assert all(set_aside.values())
    assert "whole.jpg" not in set_aside
