import os
import subprocess
import sys
from pathlib import Path

import pytest

from triaged.fs.places import Places, make_private_dir

_SCRIPT = """
from triaged.fs.places import Places, find_places, screenshot_folders
print(repr((find_places(), screenshot_folders(find_places()))))
"""


def _places(home: Path, **env: str) -> tuple[Places, list[bytes]]:
    """Return the places of a process whose home is `home`, and its folders of screenshots."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        env={"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path), **env},
        check=True,
        capture_output=True,
        text=True,
    )
    found: tuple[Places, list[bytes]] = eval(done.stdout, {"Places": Places})  # noqa: S307
    return found


def test_a_bare_home_has_the_usual_places(tmp_path: Path) -> None:
    home = os.fsencode(tmp_path)

    places, screenshots = _places(tmp_path)

    assert places == Places(
        home=home,
        config_file=home + b"/.config/triaged/config.yaml",
        state_dir=home + b"/.local/state/triaged",
        cache_dir=home + b"/.cache/triaged",
        pictures_dir=home + b"/Pictures",
        home_trash=home + b"/.local/share/Trash",
        review_dir=home + b"/Triage",
    )
    assert screenshots == []


def test_the_xdg_variables_move_everything(tmp_path: Path) -> None:
    bases = {f"XDG_{name}_HOME": f"/x/{name}" for name in ("CONFIG", "STATE", "CACHE", "DATA")}

    places, _ = _places(tmp_path, **bases)

    assert places.config_file == b"/x/CONFIG/triaged/config.yaml"
    assert places.state_dir == b"/x/STATE/triaged"
    assert places.cache_dir == b"/x/CACHE/triaged"
    assert places.home_trash == b"/x/DATA/Trash"


def test_a_relative_base_directory_is_ignored(tmp_path: Path) -> None:
    places, _ = _places(tmp_path, XDG_DATA_HOME="data")

    assert places.home_trash == os.fsencode(tmp_path) + b"/.local/share/Trash"


@pytest.mark.parametrize(
    ("line", "pictures"),
    [
        ('XDG_PICTURES_DIR="$HOME/Bilder"', "{home}/Bilder"),
        ('XDG_PICTURES_DIR="/data/My \\"Pics\\""', '/data/My "Pics"'),
        ('XDG_PICTURES_DIR="$HOME/Fotos/"', "{home}/Fotos"),
        ('XDG_PICTURES_DIR="$HOME/"', "{home}/Pictures"),
        ('# XDG_PICTURES_DIR="$HOME/Bilder"', "{home}/Pictures"),
        ('XDG_MUSIC_DIR="$HOME/Musik"', "{home}/Pictures"),
    ],
    ids=["german", "quoted", "slash", "switched off", "comment", "other"],
)
def test_user_dirs_names_the_pictures(tmp_path: Path, line: str, pictures: str) -> None:
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/user-dirs.dirs").write_text(f"# written by xdg-user-dirs\n{line}\n")

    places, _ = _places(tmp_path)

    assert places.pictures_dir == os.fsencode(pictures.format(home=tmp_path))


def test_screenshot_folders_that_exist_are_found(tmp_path: Path) -> None:
    for folder in ("Pictures/Screenshots", "Screenshots", "Pictures/Holiday"):
        (tmp_path / folder).mkdir(parents=True)

    _, screenshots = _places(tmp_path)

    home = os.fsencode(tmp_path)
    assert screenshots == [home + b"/Pictures/Screenshots", home + b"/Screenshots"]


def test_a_private_folder_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "a/b"
    path.parent.mkdir()
    path.mkdir(mode=0o755)

    make_private_dir(os.fsencode(path))
    make_private_dir(os.fsencode(tmp_path / "new/deep"))

    assert os.stat(path).st_mode & 0o777 == 0o700
    assert os.stat(tmp_path / "new/deep").st_mode & 0o777 == 0o700
