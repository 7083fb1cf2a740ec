"""Small files for tests, drawn on the spot: bytes as a camera, a scanner or a phone leaves them."""

import os
import tempfile
from datetime import datetime
from functools import lru_cache

from PIL import Image

from triaged.demo.pictures import draw
from triaged.demo.saving import save

SIDE_PX = 640
TAKEN_AT = datetime(2022, 6, 18, 14, 30, 5, 250_000)
CAMERA = "Google Pixel 6"


def photo(seed: int = 0, kind: str = "landscape", suffix: str = ".jpg") -> bytes:
    """Return a good picture with camera and date; another seed, another picture."""
    return _file(kind, seed, suffix, CAMERA)


def heic(seed: int = 0) -> bytes:
    """Return a good picture as a phone of Apple's saves it."""
    return _file("portrait", seed, ".heic", CAMERA)


def png(seed: int = 0) -> bytes:
    """Return a good picture as PNG."""
    return _file("flower", seed, ".png", None)


def screenshot(seed: int = 0) -> bytes:
    """Return a phone's screenshot as PNG, without a camera."""
    return _file("screenshot", seed, ".png", None)


def receipt(seed: int = 0) -> bytes:
    """Return a photographed receipt as JPEG."""
    return _file("receipt", seed, ".jpg", CAMERA)


def blurred(seed: int = 0) -> bytes:
    """Return a blurred picture as JPEG."""
    return _file("blurred", seed, ".jpg", CAMERA)


def dark(seed: int = 0) -> bytes:
    """Return a badly underexposed picture as JPEG."""
    return _file("dark", seed, ".jpg", CAMERA)


def meme(seed: int = 0) -> bytes:
    """Return a meme as JPEG, without a camera."""
    return _file("meme", seed, ".jpg", None)


def encoded(image: Image.Image, suffix: str, camera: str | None = CAMERA) -> bytes:
    """Return `image` as the bytes of a file of that suffix, taken at `TAKEN_AT` if by a camera."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, f"picture{suffix}")
        save(image, path, taken_at=TAKEN_AT if camera else None, camera=camera)
        with open(path, "rb") as file:
            return file.read()


@lru_cache(maxsize=256)
def _file(kind: str, seed: int, suffix: str, camera: str | None) -> bytes:
    return encoded(draw(kind, seed, SIDE_PX), suffix, camera)
