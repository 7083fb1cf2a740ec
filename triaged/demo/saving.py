"""How a picture becomes a file as a camera would have written it: format, EXIF, rating, time.

field                 tag (Exif 2.32, JEITA CP-3451)
--------------------  --------------------------------------------------
camera                Make 0x010F, Model 0x0110
taken_at              DateTime 0x0132, DateTimeOriginal 0x9003, DateTimeDigitized 0x9004,
                      SubSecTimeOriginal 0x9291
orientation           Orientation 0x0112; the pixels are stored turned, so that they show upright
exposure_seconds ...  ExposureTime 0x829A, FNumber 0x829D, ISO 0x8827, bias 0x9204,
                      Flash 0x9209, FocalLength 0x920A
rating                not EXIF: an XMP packet with xmp:Rating
"""

import os
from datetime import datetime
from fractions import Fraction
from typing import Any

import pillow_heif
from PIL import Image, PngImagePlugin, TiffImagePlugin

pillow_heif.register_heif_opener()

_FORMATS = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".heic": "HEIF", ".heif": "HEIF",
    ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF",
}  # fmt: skip

# What must be done to upright pixels so that a viewer which obeys the tag shows them upright.
_STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="{rating}"/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def save(
    image: Image.Image,
    path: str | os.PathLike[str],
    *,
    taken_at: datetime | None,
    camera: str | None = None,
    exposure_seconds: float | None = None,
    aperture: float | None = None,
    iso: int | None = None,
    flash: bool | None = None,
    focal_mm: float | None = None,
    bias_ev: float | None = None,
    orientation: int = 1,
    rating: int | None = None,
    quality: int = 88,
) -> None:
    """Write `image`, shown upright, in the format of the path's suffix, with what is known of it.

    `camera` is "Make Model", `orientation` the EXIF tag 1..8, `rating` -1..5. The file's mtime
    becomes `taken_at` (local time if naive). Raises ValueError for a suffix that is not known.
    """
    suffix = os.path.splitext(os.fspath(path))[1].lower()
    if suffix not in _FORMATS:
        raise ValueError(f"cannot save {os.fspath(path)!r}: the suffix is none of {list(_FORMATS)}")
    exif = _exif(taken_at, camera, orientation)
    _add_exposure(exif, exposure_seconds, aperture, iso, flash, focal_mm, bias_ev)
    stored = image.transpose(_STORED[orientation]) if orientation != 1 else image
    kind = _FORMATS[suffix]
    rated = {} if rating is None else _with_rating(kind, rating, exif)
    stored.save(path, kind, **_options(kind, quality, exif), **rated)
    if taken_at is not None:
        os.utime(path, (taken_at.timestamp(), taken_at.timestamp()))


def _exif(taken_at: datetime | None, camera: str | None, orientation: int) -> Image.Exif:
    """Return a block with camera, orientation and time; empty when none of them is known."""
    exif = Image.Exif()
    if camera is not None:
        exif[0x010F], exif[0x0110] = camera.split(" ", 1) if " " in camera else (camera, camera)
    if orientation != 1 or camera is not None:
        exif[0x0112] = orientation
    if taken_at is not None:
        stamp = taken_at.strftime("%Y:%m:%d %H:%M:%S")
        exif[0x0132] = stamp
        ifd = exif.get_ifd(0x8769)
        ifd[0x9003] = ifd[0x9004] = stamp
        if taken_at.microsecond:
            ifd[0x9291] = f"{taken_at.microsecond // 1000:03d}"
    return exif


def _add_exposure(
    exif: Image.Exif,
    exposure_seconds: float | None,
    aperture: float | None,
    iso: int | None,
    flash: bool | None,
    focal_mm: float | None,
    bias_ev: float | None,
) -> None:
    """Add to `exif` what is known of the exposure."""
    known: dict[int, Any] = {
        0x829A: _ratio(exposure_seconds),
        0x829D: _ratio(aperture),
        0x8827: iso,
        0x9204: _ratio(bias_ev),
        0x9209: None if flash is None else (0x19 if flash else 0x10),
        0x920A: _ratio(focal_mm),
    }
    present = {tag: value for tag, value in known.items() if value is not None}
    if present:
        exif.get_ifd(0x8769).update(present)


def _ratio(number: float | None) -> TiffImagePlugin.IFDRational | None:
    if number is None:
        return None
    exact = Fraction(number).limit_denominator(10_000)
    return TiffImagePlugin.IFDRational(exact.numerator, exact.denominator)


def _options(kind: str, quality: int, exif: Image.Exif) -> dict[str, Any]:
    """Return what the encoder of this format is to be told."""
    # As bytes: pillow_heif forgets the orientation of an Exif object.
    options: dict[str, Any] = {"exif": exif.tobytes()} if len(exif) else {}
    match kind:
        case "PNG":
            return options | {"compress_level": 4}
        case "TIFF":
            return options  # not compressed: libtiff stumbles over the EXIF directory
        case "HEIF":
            # The encoder's default preset takes eight times as long for the same look.
            return options | {"quality": quality - 15, "enc_params": {"preset": "ultrafast"}}
        case "WEBP":
            return options | {"quality": quality, "method": 2}
        case "AVIF":
            return options | {"quality": quality - 15, "speed": 9}
        case _:
            return options | {"quality": quality}


def _with_rating(kind: str, rating: int, exif: Image.Exif) -> dict[str, Any]:
    """Return the option that embeds an XMP packet with `rating`; in TIFF it joins `exif`."""
    packet = _XMP.format(rating=rating)
    if kind == "TIFF":
        exif[700] = packet.encode()
        return {}
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("XML:com.adobe.xmp", packet)
        return {"pnginfo": chunks}
    return {"xmp": packet.encode()}
