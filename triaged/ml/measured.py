"""The measured part: 144 named numbers that say how a picture was taken and made.

    from                                   measurements
    -------------------------------------  -----------------------------------------
    the file                               megapixels, aspect, bytes per pixel, JPEG quantiser
    the picture, longer side 160 px        tone, colour, layout (`tone.py`)
    the picture, longer side 320 px        detail over scales (`detail.py`)
    the middle 512 px                      detail, noise, flatness, blocks (`detail.py`)

`sharpness` is `crop_tile_ratio_clean` under the name by which it is shown.
NaN stands where a measurement has no meaning: block borders after shrinking, a quantiser outside
JPEG. Ratios between scales are preferred to energies, because they are nearly free of content.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triaged.ml import detail, tone
from triaged.ml.decode import Picture

VERSION = 1
"""Raised whenever a measurement changes its meaning: rows of two versions are never mixed."""

_PICTURE_PX, _TONE_PX, _CROP_PX = 320, 160, 512
_LEAST_PX = 48  # anything narrower is enlarged, so that every scale of the pyramid exists

_FILE_NAMES = ("megapixels", "aspect", "elongation", "bytes_per_pixel", "quantiser", "sharpness")
NAMES: tuple[str, ...] = (*_FILE_NAMES, *tone.NAMES, *detail.NAMES)


def measure(picture: Picture) -> NDArray[np.float32]:
    """Return the measurements of `picture`: (M,) float32 in the order of `NAMES`, some NaN."""
    values = _from_file(picture) | _from_small(picture.pixels) | _from_crop(picture)
    values["sharpness"] = values["crop_tile_ratio_clean"]
    return np.array([values[name] for name in NAMES], np.float32)


def _from_file(picture: Picture) -> dict[str, float]:
    facts = picture.facts
    pixel_count = facts.width * facts.height
    aspect = math.log2(facts.width / facts.height)
    return {
        "megapixels": math.log2(pixel_count / 1e6),
        "aspect": aspect,
        "elongation": abs(aspect),
        "bytes_per_pixel": math.log2(facts.size_bytes / pixel_count),
        "quantiser": math.log2(picture.quantiser) if picture.quantiser else math.nan,
    }


def _from_small(pixels: NDArray[np.uint8]) -> dict[str, float]:
    whole = _resized(Image.fromarray(pixels), _PICTURE_PX)
    small = _resized(whole, _TONE_PX)
    tiny = np.asarray(small)  # (h, w, 3)
    luma = np.asarray(small.convert("L"))
    plane = np.asarray(whole.convert("L"), np.float32)
    return {
        **tone.measure_tone(luma),
        **tone.measure_colour(tiny),
        **tone.measure_layout(luma.astype(np.float32), *tone.opponents(tiny)),
        **detail.measure_plane(plane, "picture"),
    }


def _from_crop(picture: Picture) -> dict[str, float]:
    pixels = _middle(picture.pixels)  # (<=512, <=512, 3)
    image = _enlarged(Image.fromarray(pixels))
    plane = np.asarray(image.convert("L"), np.float32)
    colour = np.asarray(image.reduce(2))
    return {
        **detail.measure_plane(plane, "crop"),
        **detail.measure_noise(plane, *tone.opponents(colour)),
        **detail.measure_flatness(pixels),
        "blockiness": detail.measure_blockiness(plane) if picture.shrink == 1 else math.nan,
    }


def _middle(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, left = (max(0, side - _CROP_PX) // 2 for side in pixels.shape[:2])
    return pixels[top : top + _CROP_PX, left : left + _CROP_PX]


def _resized(image: Image.Image, long_side_px: int) -> Image.Image:
    """Return `image` with its longer side at most `long_side_px`, both at least `_LEAST_PX`."""
    scale = min(1.0, long_side_px / max(image.size))
    width, height = (max(_LEAST_PX, round(side * scale)) for side in image.size)
    if (width, height) == image.size:
        return image
    return image.resize((width, height), Image.Resampling.HAMMING, reducing_gap=2.0)


def _enlarged(image: Image.Image) -> Image.Image:
    return _resized(image, max(image.size))
