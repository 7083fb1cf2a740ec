"""Where things are kept: the program's own files, the owner's pictures, the trash of the home.

    what      where                                     holds
    --------  ----------------------------------------  ---------------------------------------
    config    $XDG_CONFIG_HOME/triaged/config.yaml      what the owner wants
    state     $XDG_STATE_HOME/triaged                   the databases
    cache     $XDG_CACHE_HOME/triaged                   weights of backbones
    pictures  XDG_PICTURES_DIR of user-dirs.dirs        the library to begin with
    trash     $XDG_DATA_HOME/Trash                      where the owner's deletions end up
    review    ~/Triage                                  the views

XDG Base Directory Specification 0.8; user-dirs.dirs as xdg-user-dirs writes it. All are looked
up when asked for, never when imported, so that a scratch home works.
"""

import os
import re
from dataclasses import dataclass

from platformdirs import PlatformDirs

_USER_DIR = re.compile(rb'^\s*XDG_PICTURES_DIR="(.*)"\s*$', re.MULTILINE)
_SCREENSHOT_FOLDERS = (
    "Screenshots",
    "Screenshot",
    "screenshots",
    "Bildschirmfotos",
    "Captures d’écran",  # noqa: RUF001 (the apostrophe is in the name)
    "Capturas de pantalla",
    "Capturas de tela",
    "Schermafdrukken",
    "Schermate",
)
"""The names that GNOME, KDE and phones give the folder, in a few languages."""


@dataclass(frozen=True, slots=True)
class Places:
    """Absolute paths; none of them need exist."""

    home: bytes
    config_file: bytes
    state_dir: bytes
    cache_dir: bytes
    pictures_dir: bytes
    home_trash: bytes
    review_dir: bytes


def find_places() -> Places:
    """Return the places of the user whose `HOME` and `XDG_*` variables are set now."""
    home = os.fsencode(os.path.expanduser("~"))
    dirs = PlatformDirs("triaged", appauthor=False)
    return Places(
        home=home,
        config_file=os.path.join(os.fsencode(dirs.user_config_dir), b"config.yaml"),
        state_dir=os.fsencode(dirs.user_state_dir),
        cache_dir=os.fsencode(dirs.user_cache_dir),
        pictures_dir=_pictures_dir(home),
        home_trash=os.path.join(_base(b"XDG_DATA_HOME", home, b".local/share"), b"Trash"),
        review_dir=os.path.join(home, b"Triage"),
    )


def screenshot_folders(places: Places) -> list[bytes]:
    """Return the folders of screenshots that exist, in the pictures and in the home."""
    names = [os.fsencode(name) for name in _SCREENSHOT_FOLDERS]
    folders = [
        os.path.join(top, name) for top in (places.pictures_dir, places.home) for name in names
    ]
    return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder)]


def make_private_dir(path: bytes) -> None:
    """Make the folder `path`, and what is missing above it, for the owner alone (mode 0700).

    A folder that is there already is closed to others as well.
    """
    os.makedirs(path, mode=0o700, exist_ok=True)
    os.chmod(path, 0o700)


def _base(variable: bytes, home: bytes, default: bytes) -> bytes:
    """Return a base directory; the specification says to ignore one that is not absolute."""
    value = os.environb.get(variable, b"")
    return value if value.startswith(b"/") else os.path.join(home, default)


def _pictures_dir(home: bytes) -> bytes:
    """Return the owner's pictures folder: user-dirs.dirs, then the environment, then ~/Pictures."""
    config = _base(b"XDG_CONFIG_HOME", home, b".config")
    try:
        with open(os.path.join(config, b"user-dirs.dirs"), "rb") as lines:
            found = _USER_DIR.findall(lines.read())
    except OSError:
        found = []
    value = found[-1] if found else os.environb.get(b"XDG_PICTURES_DIR", b"")
    value = re.sub(rb"\\(.)", rb"\1", value)
    if value == b"$HOME" or value.startswith(b"$HOME/"):
        value = home + value[len(b"$HOME") :]
    value = value.rstrip(b"/")
    if value.startswith(b"/") and value != home.rstrip(b"/"):
        return value
    return os.path.join(home, b"Pictures")
