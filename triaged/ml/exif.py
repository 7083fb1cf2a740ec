"""What a picture file says of itself: size, capture time, camera, exposure, rating. Never raises.

    fact              read from
    ----------------  ----------------------------------------------------------------
    taken_at          DateTimeOriginal + SubSecTimeOriginal, else DateTimeDigitized
    camera            Make + Model, the make only once
    exposure_seconds  ExposureTime         aperture  FNumber       iso  ISOSpeedRatings
    focal_mm          FocalLength          bias_ev   ExposureBiasValue
    flash             Flash, bit 0 (fired)
    rating            xmp:Rating, else the Rating tag that Windows writes
    software          Software

DateTime is left alone: it says when the file was last written, not when the picture was taken.
Source: CIPA DC-008 (Exif 3.0), sections 4.6.4 and 4.6.6; XMP specification part 1, section 8.4.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image

_EXIF_IFD = 0x8769
_MAKE, _MODEL, _ORIENTATION, _SOFTWARE, _RATING = 0x010F, 0x0110, 0x0112, 0x0131, 0x4746
_EXPOSURE_TIME, _F_NUMBER, _ISO, _BIAS = 0x829A, 0x829D, 0x8827, 0x9204
_FLASH, _FOCAL_LENGTH = 0x9209, 0x920A
_ORIGINAL, _DIGITIZED, _SUBSEC_ORIGINAL, _SUBSEC_DIGITIZED = 0x9003, 0x9004, 0x9291, 0x9292

_MOST_TEXT = 100
_WALL_CLOCK = re.compile(r"\s*(\d{4})[:\-/.](\d\d?)[:\-/.](\d\d?)[ T](\d\d?):(\d\d?):(\d\d?)")
# Attribute or element; both prefixes have stood for the namespace http://ns.adobe.com/xap/1.0/.
_XMP_RATING = re.compile(rb"\b(?:xmp|xap):Rating(?:\s*=\s*[\"']|\s*>)\s*(-?\d)(?:\.0*)?\s*[\"'<]")
_XMP_KEYS = ("xmp", "XML:com.adobe.xmp")
_XMP_TIFF_TAG = 700


@dataclass(frozen=True, slots=True)
class Facts:
    """What the file says of itself. `None` is unknown; no field is ever NaN or infinite.

    `width` and `height` are pixels of the original, upright. `taken_at` is the camera's wall clock
    read as if it were UTC. `rating` is -1 (rejected) to 5.
    """

    width: int
    height: int
    format: str
    size_bytes: int
    frames: int
    taken_at: float | None = None
    camera: str | None = None
    exposure_seconds: float | None = None
    aperture: float | None = None
    iso: float | None = None
    focal_mm: float | None = None
    bias_ev: float | None = None
    flash: bool | None = None
    rating: int | None = None
    software: str | None = None


def read_tags(image: Image.Image) -> dict[int, Any]:
    """Return the main and the Exif directory as one mapping; empty where missing or broken."""
    tags: dict[int, Any] = {}
    # A damaged Exif block raises almost anything from inside Pillow; it costs the facts, no more.
    try:
        exif = image.getexif()
        tags.update(exif)
        tags.update(exif.get_ifd(_EXIF_IFD))
    except Exception:
        return tags
    return tags


def read_facts(
    image: Image.Image,
    tags: Mapping[int, Any],
    *,
    width: int,
    height: int,
    size_bytes: int,
    frames: int,
) -> Facts:
    """Return the facts of an opened `image` with these `tags`; `width`, `height` are upright."""
    return Facts(
        width=width,
        height=height,
        format="JPEG" if image.format == "MPO" else str(image.format),
        size_bytes=size_bytes,
        frames=frames,
        taken_at=_taken_at(tags),
        camera=_camera(tags),
        exposure_seconds=_positive(tags.get(_EXPOSURE_TIME)),
        aperture=_positive(tags.get(_F_NUMBER)),
        iso=_positive(tags.get(_ISO)),
        focal_mm=_positive(tags.get(_FOCAL_LENGTH)),
        bias_ev=_number(tags.get(_BIAS)),
        flash=_flash(tags.get(_FLASH)),
        rating=_rating(image, tags),
        software=_text(tags.get(_SOFTWARE)),
    )


def orientation(tags: Mapping[int, Any]) -> int:
    """Return the Exif orientation, 1 to 8; 1 (upright) for anything else the tag may hold."""
    value = _number(tags.get(_ORIENTATION))
    return int(value) if value in {1, 2, 3, 4, 5, 6, 7, 8} else 1


def _taken_at(tags: Mapping[int, Any]) -> float | None:
    for clock, subsec in ((_ORIGINAL, _SUBSEC_ORIGINAL), (_DIGITIZED, _SUBSEC_DIGITIZED)):
        at = _wall_clock(_text(tags.get(clock)))
        if at is not None:
            return at + _fraction(_text(tags.get(subsec)))
    return None


def _wall_clock(text: str | None) -> float | None:
    # Not strptime: it imports a module on first use, which a confined process may not.
    found = _WALL_CLOCK.match(text or "")
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:  # 0000:00:00 00:00:00 is what cameras without a clock write
        return None


def _fraction(text: str | None) -> float:
    digits = (text or "").strip()
    return float(f"0.{digits}") if digits.isascii() and digits.isdigit() else 0.0


def _camera(tags: Mapping[int, Any]) -> str | None:
    make, model = _text(tags.get(_MAKE)), _text(tags.get(_MODEL))
    if make and model and model.lower().startswith(make.lower()):
        return model
    return " ".join(part for part in (make, model) if part) or None


def _flash(value: object) -> bool | None:
    number = _number(value)
    return None if number is None else bool(int(number) & 1)


def _rating(image: Image.Image, tags: Mapping[int, Any]) -> int | None:
    packets = [image.info.get(key) for key in _XMP_KEYS] + [tags.get(_XMP_TIFF_TAG)]
    for packet in packets:
        raw = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
        found = _XMP_RATING.search(raw) if isinstance(raw, bytes) else None
        if found is not None:
            return _as_rating(float(found[1]))
    return _as_rating(_number(tags.get(_RATING)))


def _as_rating(value: float | None) -> int | None:
    return int(value) if value is not None and -1 <= value <= 5 else None


def _number(value: object) -> float | None:
    if isinstance(value, tuple | list) and value:
        value = value[0]
    try:
        number = float(value)  # type: ignore[arg-type]  # whatever the file holds
    except (TypeError, ValueError, ArithmeticError):  # a rational may be 0/0
        return None
    return number if math.isfinite(number) else None


def _positive(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return None
    printable = "".join(c if c.isprintable() else " " for c in value.split("\0")[0])
    return " ".join(printable.split())[:_MOST_TEXT] or None
