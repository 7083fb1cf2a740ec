"""One act on more than 200 photos is held until its owner has said what it was."""

import io
from pathlib import Path

from home import Daemon, Home
from PIL import Image

_COUNT = 201


def _tiny_photos(count: int) -> list[bytes]:
    """Return small pictures with different bytes: what stands behind the end of a JPEG is kept."""
    buffer = io.BytesIO()
    Image.radial_gradient("L").resize((96, 64)).save(buffer, "JPEG")
    return [buffer.getvalue() + b"%d" % number for number in range(count)]


def _trash_all(home: Home, daemon: Daemon, folder: str) -> None:
    home.run("gio", "trash", *(str(path) for path in sorted((home.path / folder).iterdir())))
    daemon.wait_until("the act is held", lambda: len(_held(home)) == _COUNT)


def _held(home: Home) -> list[int]:
    return [act["photo"] for act in home.acts() if act["state"] == "held"]


def _put_back_all(home: Home, folder: str) -> None:
    """Take everything out of the trash, by the hand of a person in a hurry."""
    for path in (home.trash / "files").iterdir():
        path.rename(home.path / folder / path.name)
        (home.trash / "info" / f"{path.name}.trashinfo").unlink()


def test_a_cleared_out_folder_teaches_nothing_until_it_is_confirmed(home: Home) -> None:
    tree = {f"Pictures/{i:03}.jpg": data for i, data in enumerate(_tiny_photos(_COUNT))}
    home.make_tree(tree)
    with home.daemon() as daemon:
        _trash_all(home, daemon, "Pictures")
        assert "held" in home.ask("status")["warnings"][0]
        [act] = home.ask("confirm", "--reject")
        assert act["photos"] == _COUNT
        daemon.wait_until_settled()
        assert home.decisions() == []

        _put_back_all(home, "Pictures")
        daemon.wait_until("the way back is held", lambda: len(_held(home)) == _COUNT)
        home.ask("confirm", "--reject")
        assert {Path(name).suffix for name in home.present("Pictures")} == {".jpg"}

        _trash_all(home, daemon, "Pictures")
        [act] = home.ask("confirm")
        daemon.wait_until_settled()

    assert (act["kind"], act["photos"]) == ("trashed", _COUNT)
    assert {row[1:] for row in home.decisions()} == {("delete", "trashed", 1.0)}
    assert home.ask("status")["labels"]["delete"] == _COUNT
    assert home.ask("confirm") == []
