"""Which kinds of picture there are, and how one is drawn: the same kind and seed, the same pixels.

    kind                                   how
    -------------------------------------  ------------------------------------------
    landscape portrait city food flower    what people keep
    screenshot receipt document meme       what people take and forget
    blurred dark burnt                     one of the first five, spoilt

Every file of this folder draws from a seed alone; nothing is read, downloaded or copied.
"""

import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

from triaged.demo import defects
from triaged.demo.canvas import Rng, chance, one
from triaged.demo.cities import city
from triaged.demo.flowers import flower
from triaged.demo.landscapes import landscape
from triaged.demo.memes import meme
from triaged.demo.papers import document, receipt
from triaged.demo.people import portrait
from triaged.demo.plates import food
from triaged.demo.screens import screenshot

_Drawing = Callable[[Rng, int], Image.Image]

SCENES: dict[str, _Drawing] = {
    "landscape": landscape,
    "portrait": portrait,
    "city": city,
    "food": food,
    "flower": flower,
}


def _scene(rng: Rng, long_side_px: int) -> Image.Image:
    return SCENES[one(rng, tuple(SCENES))](rng, long_side_px)


def _screenshot(rng: Rng, long_side_px: int) -> Image.Image:
    shown = _scene(rng, max(64, long_side_px // 2)) if chance(rng, 0.2) else None
    return screenshot(rng, long_side_px, shown)


def _meme(rng: Rng, long_side_px: int) -> Image.Image:
    pictures = (_scene(rng, max(64, long_side_px // 2)), _scene(rng, max(64, long_side_px // 2)))
    return meme(rng, long_side_px, pictures)


_DRAWINGS: dict[str, _Drawing] = {
    **SCENES,
    "screenshot": _screenshot,
    "receipt": receipt,
    "document": document,
    "meme": _meme,
    "blurred": lambda rng, px: defects.blurred(rng, _scene(rng, px)),
    "dark": lambda rng, px: defects.dark(rng, _scene(rng, px)),
    "burnt": lambda rng, px: defects.burnt(rng, _scene(rng, px)),
}

KINDS: tuple[str, ...] = tuple(_DRAWINGS)


def draw(kind: str, seed: int, long_side_px: int = 1600) -> Image.Image:
    """Return an RGB picture of `kind`, one of `KINDS`; memes come out smaller than asked for.

    Raises ValueError for an unknown kind or a side below 64 px.
    """
    if kind not in _DRAWINGS:
        raise ValueError(f"no kind of picture is called {kind!r}; there are {', '.join(KINDS)}")
    if long_side_px < 64:
        raise ValueError(f"long_side_px is {long_side_px}, less than 64")
    return _DRAWINGS[kind](_rng(kind, seed), long_side_px)


def draw_series(
    kind: str, seed: int, count: int, long_side_px: int = 1600
) -> list[tuple[Image.Image, bool]]:
    """Return `count` frames of one scene seconds apart, each with whether it is a sharp one.

    `kind` is one of `SCENES`. Frames differ by small shifts; all but one or two are shaken.
    """
    rng = _rng(kind, seed)
    return defects.series(rng, SCENES[kind](rng, long_side_px), count)


def _rng(kind: str, seed: int) -> Rng:
    # The kind enters by checksum: hash() of a string differs from one process to the next.
    return np.random.default_rng((zlib.crc32(kind.encode()), seed))
