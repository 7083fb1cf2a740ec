"""The first configuration: what is found on this machine."""

import os

from triaged.config import Config, ReviewConfig, RootConfig
from triaged.config_text import render
from triaged.core.types import Role
from triaged.errors import UserError
from triaged.fs.places import Places, screenshot_folders


def propose(places: Places) -> Config:
    """Return a configuration for the pictures folder, and for screenshots outside it.

    Raises UserError if there is neither.
    """
    folders = [places.pictures_dir] if os.path.isdir(places.pictures_dir) else []
    for folder in screenshot_folders(places):
        if not any(folder.startswith(top + b"/") for top in folders):
            folders.append(folder)
    if not folders:
        raise UserError(
            f"no folder of photos was found: {os.fsdecode(places.pictures_dir)} is not there;"
            " make it, or set XDG_PICTURES_DIR in ~/.config/user-dirs.dirs"
        )
    roots = tuple(RootConfig(folder, Role.LIBRARY) for folder in folders)
    return Config(roots=roots, review=ReviewConfig(folder=places.review_dir))


def write(config: Config, path: bytes) -> None:
    """Write `config` as commented YAML to `path`, whole or not at all."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    part = path + b".part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(render(config))
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
