"""How the bytes of a picture file become the working picture: small, upright, sRGB, 8 bit.

    what the file has         what becomes of it
    ------------------------  -----------------------------------------------------------------
    more pixels than allowed  refused from its header, before anything is unpacked
    a large JPEG              unpacked at 1/2, 1/4 or 1/8 (DCT scaling), then shrunk
    several frames            the first
    16 or 32 bits, floats     scaled to 8 bits
    transparency              laid over white
    palette, CMYK, Lab        RGB
    an ICC profile            converted to sRGB, unless it is sRGB or not understood
    an Exif orientation       turned upright
    damage, truncation        `Undecodable`, with the reason

Runs in confined processes: every module that decoding needs is imported here, at the top, and
decoders are told not to start threads.
"""

import hashlib
import io
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from triaged.ml.exif import Facts, orientation, read_facts, read_tags

__all__ = ["LONG_SIDE_PX", "MAX_PIXELS", "Facts", "Picture", "Undecodable", "decode"]

LONG_SIDE_PX = 768
"""Longer side of the working picture; smaller originals stay as they are. 768 lets DCT scaling
unpack the usual 12, 16, 24 and 48 megapixels at 1/4 to 1/8, and holds a 512 px crop."""

MAX_PIXELS = 178_956_970
"""Twice Pillow's own warning limit, which is where Pillow itself refuses."""

_PLUGINS = (
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
    GifImagePlugin,
    TiffImagePlugin,
    BmpImagePlugin,
    AvifImagePlugin,
)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF")
_READABLE = "JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF"

pillow_heif.register_heif_opener()
pillow_heif.options.DECODE_THREADS = 1
AvifImagePlugin.DEFAULT_MAX_THREADS = 1
Image.MAX_IMAGE_PIXELS = None  # `decode` has its own limit, and no warning stage

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED_SIDEWAYS = frozenset({5, 6, 7, 8})


class Undecodable(Exception):  # noqa: N818  # the word of the glossary, read as a sentence
    """Not a picture that can be shown; `str()` is the reason, one line, for the owner."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture.

    `pixels` is (H, W, 3) uint8 sRGB, upright, longer side at most `LONG_SIDE_PX`. `shrink` is how
    many pixels of the original's side became one (1.0: untouched). `quantiser` is the mean step of
    a JPEG's luma quantisation table, None for other formats.
    """

    pixels: NDArray[np.uint8]
    facts: Facts
    shrink: float = 1.0
    quantiser: float | None = None


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Return the working picture of the file with these bytes.

    Raises `Undecodable`, and nothing else, when they are not a whole picture in a known format, or
    it has more than `max_pixels` pixels.
    """
    if not data:
        raise Undecodable("the file is empty")
    # Pillow's plugins raise whatever a damaged file trips over (struct.error, KeyError,
    # MemoryError, SyntaxError, ...): this is the boundary where one photo's trouble becomes data.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _decode(data, max_pixels)
    except Undecodable:
        raise
    except UnidentifiedImageError:
        raise Undecodable(f"not a whole {_READABLE} file") from None
    except MemoryError:
        raise Undecodable("too large for the memory allowed, or damaged") from None
    except Exception as error:
        raise Undecodable(f"damaged: {_one_line(error)}") from error


def _decode(data: bytes, max_pixels: int) -> Picture:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        width, height = image.size
        if width < 1 or height < 1:
            raise Undecodable(f"no pixels: its header says {width} x {height}")
        if width * height > max_pixels:
            raise Undecodable(_too_many(width, height, max_pixels))
        image.draft(None, _fitted(width, height))
        # A TIFF closes its directories with its pixels; a PNG may bring its Exif after them.
        tags = read_tags(image) if image.format == "TIFF" else {}
        image.load()
        tags = tags or read_tags(image)
        turn = orientation(tags)
        rgb = _to_srgb(_shrunk(_plain(image), _fitted(width, height)), image.info)
        if turn in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[turn])
        pixels = np.asarray(rgb)  # (H, W, 3)
        if turn in _TURNED_SIDEWAYS:
            width, height = height, width
        quantiser = _quantiser(image)
        facts = read_facts(
            image,
            tags,
            width=width,
            height=height,
            size_bytes=len(data),
            frames=_frame_count(image),
        )
    shrink = max(width, height) / max(pixels.shape[:2])
    return Picture(pixels=pixels, facts=facts, shrink=shrink, quantiser=quantiser)


def _too_many(width: int, height: int, max_pixels: int) -> str:
    millions = width * height / 1e6
    return f"{width} x {height} is {millions:,.0f} million pixels; the limit is {max_pixels:,}"


def _one_line(error: Exception) -> str:
    return " ".join(f"{error}".split())[:200] or type(error).__name__


def _fitted(width: int, height: int) -> tuple[int, int]:
    """Return the working size of a picture: longer side `LONG_SIDE_PX`, never enlarged."""
    scale = min(1.0, LONG_SIDE_PX / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    # Hamming: as fast as bilinear, less blur; the gap lets a cheap integer reduction go first.
    return image.resize(size, Image.Resampling.HAMMING, reducing_gap=2.0)


def _plain(image: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be shrunk: L, RGB, RGBA, CMYK or LAB."""
    if image.mode == "F" or image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode in {"RGBA", "LA", "La", "PA", "RGBa"} or "transparency" in image.info:
        # Premultiplied modes convert only to their own straight form.
        straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)
        return image.convert(straight).convert("RGBA")
    if image.mode in {"L", "RGB", "CMYK", "LAB"}:
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey picture of 16 or 32 bits or floats as L, by the range that its values use."""
    values = np.nan_to_num(np.asarray(image).astype(np.float32), posinf=0.0, neginf=0.0)  # (H, W)
    low, high = min(0.0, float(values.min())), float(values.max())
    if image.mode == "F":
        full = 1.0 if high <= 1.0 else 255.0 if high <= 255.0 else high
    elif image.format == "TIFF":  # 12 bits in 16 are common there: round up to whole bits
        full = float(2 ** max(8, math.ceil(math.log2(max(high, 1.0) + 1.0))) - 1)
    else:
        full = max(high, 65535.0)
    scaled = (values - low) * (255.0 / (full - low))
    return Image.fromarray(np.clip(scaled + 0.5, 0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image, info: Mapping[Any, Any]) -> Image.Image:
    """Return a plain picture over white as RGB, through its ICC profile where usable."""
    if image.mode == "RGBA":
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        image = white
    profile = info.get("icc_profile")
    if image.mode == "LAB":
        profile = None
    elif image.mode == "L" or not isinstance(profile, bytes) or _names_srgb(profile):
        return image.convert("RGB")
    transform = _transform(_Profile(profile), image.mode)
    if transform is None:
        return image.convert("RGB")
    return ImageCms.applyTransform(image, transform) or image.convert("RGB")


def _names_srgb(profile: bytes) -> bool:
    return b"sRGB" in profile or "sRGB".encode("utf-16-be") in profile


class _Profile:
    """An ICC profile as a cache key: compared by digest, so that the cache stays cheap to ask."""

    __slots__ = ("data", "digest")

    def __init__(self, data: bytes | None) -> None:
        self.data = data
        self.digest = hashlib.blake2b(data or b"", digest_size=16).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Profile) and other.digest == self.digest


@lru_cache(maxsize=8)
def _transform(profile: _Profile, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from `profile` (None: Lab) to sRGB, or None when it does not fit `mode`."""
    try:
        source = (
            ImageCms.createProfile("LAB")
            if profile.data is None
            else ImageCms.ImageCmsProfile(io.BytesIO(profile.data))
        )
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _frame_count(image: Image.Image) -> int:
    # The further frames of an MPO are depth and gain maps and previews: one picture to its owner.
    if image.format == "MPO":
        return 1
    # Counting walks through the file, and a later frame may be damaged where the first is not.
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:
        return 1


def _quantiser(image: Image.Image) -> float | None:
    tables = getattr(image, "quantization", None)
    if not tables:
        return None
    return float(np.mean(next(iter(tables.values()))))
