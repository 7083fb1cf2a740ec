import dataclasses
import io
import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from triaged.ml.decode import LONG_SIDE_PX, Facts, Picture, Undecodable, decode

NASTY = Path("/work/shared/nasty")
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 170, 30), (30, 30, 200), (240, 240, 240)


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """Red and green above blue and white."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def written(image: Image.Image, format_name: str = "JPEG", **options: object) -> bytes:
    file = io.BytesIO()
    if format_name == "JPEG":
        options = {"quality": 95, "subsampling": 0} | options
    image.save(file, format_name, **options)
    return file.getvalue()


def corners(picture: Picture) -> np.ndarray:
    """The colours in the middle of the four quarters, (4, 3), row by row."""
    high, wide = picture.pixels.shape[:2]
    rows, columns = (high // 4, high * 3 // 4), (wide // 4, wide * 3 // 4)
    return np.array([picture.pixels[y, x] for y in rows for x in columns], int)


def outcome(data: bytes, max_pixels: int = 10**8) -> Picture | str:
    """The picture, checked, or the reason why there is none."""
    try:
        picture = decode(data, max_pixels=max_pixels)
    except Undecodable as error:
        return str(error)
    assert picture.pixels.ndim == 3
    assert picture.pixels.size > 0
    json.dumps(dataclasses.asdict(picture.facts), allow_nan=False)
    return picture


def png(width: int, height: int) -> bytes:
    """A PNG whose header says so, with no pixels in it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("format_name", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("MPO", {"save_all": True, "append_images": [Image.new("RGB", (64, 48))], "quality": 95}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("BMP", {}),
        ("AVIF", {"quality": 95}),
        ("HEIF", {"quality": 95}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain",
)
def test_every_format_gives_the_same_picture(format_name: str, options: dict[str, object]) -> None:
    picture = decode(written(quarters(), format_name, **options))

    assert picture.pixels.shape == (48, 64, 3)
    assert picture.pixels.dtype == np.uint8
    assert np.abs(corners(picture) - [RED, GREEN, BLUE, WHITE]).max() < 16
    assert picture.facts.format == {"MPO": "JPEG"}.get(format_name, format_name)
    assert (picture.facts.width, picture.facts.height, picture.facts.frames) == (64, 48, 1)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("size", [(64, 48), (2400, 1800)], ids=["small", "draft"])
def test_a_picture_is_turned_upright_by_its_exif_orientation(
    turn: int, size: tuple[int, int]
) -> None:
    # What a camera held that way would have stored: the inverse of the turn that shows it right.
    stored = {
        1: quarters(*size),
        2: quarters(*size).transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: quarters(*size).transpose(Image.Transpose.ROTATE_180),
        4: quarters(*size).transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: quarters(*size).transpose(Image.Transpose.TRANSPOSE),
        6: quarters(*size).transpose(Image.Transpose.ROTATE_90),
        7: quarters(*size).transpose(Image.Transpose.TRANSVERSE),
        8: quarters(*size).transpose(Image.Transpose.ROTATE_270),
    }[turn]
    exif = Image.Exif()
    exif[0x0112] = turn

    picture = decode(written(stored, exif=exif))

    assert np.abs(corners(picture) - [RED, GREEN, BLUE, WHITE]).max() < 16
    assert (picture.facts.width, picture.facts.height) == size
    assert picture.pixels.shape[1] > picture.pixels.shape[0]


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((4000, 3000), (576, 768)),
        ((3000, 4000), (768, 576)),
        ((769, 10), (10, 768)),
        ((768, 768), (768, 768)),
        ((100, 40), (40, 100)),
        ((9000, 3), (1, 768)),
        ((1, 1), (1, 1)),
    ],
    ids=lambda value: "x".join(map(str, value)),
)
@pytest.mark.parametrize("format_name", ["JPEG", "PNG"])
def test_the_working_picture_is_bounded_and_never_enlarged(
    size: tuple[int, int], shape: tuple[int, int], format_name: str
) -> None:
    picture = decode(written(Image.new("RGB", size, BLUE), format_name))

    assert picture.pixels.shape == (*shape, 3)
    assert picture.shrink == pytest.approx(max(size) / max(shape))
    assert (picture.facts.width, picture.facts.height) == size
    assert max(shape) <= LONG_SIDE_PX


def test_pixels_are_limited_by_the_header_before_anything_is_unpacked() -> None:
    with pytest.raises(Undecodable, match=r"40000 x 40000 is 1,600 million pixels"):
        decode(png(40_000, 40_000))


def test_the_pixel_limit_is_exact() -> None:
    data = written(quarters(64, 48), "PNG")

    assert decode(data, max_pixels=64 * 48).facts.width == 64
    with pytest.raises(Undecodable, match="the limit is 3,071"):
        decode(data, max_pixels=64 * 48 - 1)


@pytest.mark.parametrize(
    "format_name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF"]
)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused_with_its_reason(format_name: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    data = written(Image.fromarray(noise), format_name)

    with pytest.raises(Undecodable) as refusal:
        decode(data[: int(len(data) * share)])

    assert str(refusal.value).startswith(("damaged: ", "not a whole "))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"\0" * 4096, "not a whole JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a whole JPEG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a whole JPEG"),
        (b"\xff\xd8\xff", "."),
    ],
    ids=["empty", "zeros", "svg", "postscript", "three bytes of a jpeg"],
)
def test_what_is_no_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Undecodable, match=reason):
        decode(data)


@pytest.mark.parametrize(
    "format_name", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "HEIF", "AVIF"]
)
def test_random_damage_gives_a_picture_or_a_reason(format_name: str) -> None:
    rng = np.random.default_rng(1)
    whole = np.frombuffer(written(quarters(), format_name), np.uint8)
    outcomes = []
    for _ in range(60):
        data = whole.copy()
        data[rng.integers(0, len(data), 8)] = rng.integers(0, 256, 8)
        outcomes.append(outcome(data.tobytes(), max_pixels=1_000_000))

    assert all(outcomes)


@pytest.mark.parametrize(
    ("image", "colour"),
    [
        (Image.new("L", (8, 8), 90), (90, 90, 90)),
        (Image.new("1", (8, 8), 1), (255, 255, 255)),
        (Image.new("P", (8, 8), 0), (0, 0, 0)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("RGBA", (8, 8), (255, 0, 0, 128)), (255, 127, 127)),
        (Image.new("LA", (8, 8), (0, 64)), (191, 191, 191)),
        (Image.fromarray(np.full((8, 8), 40_000, np.uint16)), (156, 156, 156)),
    ],
    ids=["grey", "bits", "palette", "transparent", "half", "grey and alpha", "16 bits"],
)
def test_every_mode_becomes_rgb_over_white(
    image: Image.Image, colour: tuple[int, int, int]
) -> None:
    pixels = decode(written(image, "PNG")).pixels

    assert np.abs(pixels.astype(int) - colour).max() <= 1


def test_a_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])

    assert decode(written(image, "PNG", transparency=1)).pixels.min() == 255


def test_the_colour_under_transparency_does_not_bleed_when_shrunk() -> None:
    image = Image.new("RGBA", (1600, 1600), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 801, 1600))

    pixels = decode(written(image, "PNG")).pixels.astype(int)

    assert np.abs(pixels[:, :, 0] - pixels[:, :, 1]).max() <= 2


def test_twelve_bits_in_a_16_bit_tiff_are_not_shown_as_black() -> None:
    values = np.linspace(0, 4095, 64 * 64).reshape(64, 64).astype(np.uint16)

    pixels = decode(written(Image.fromarray(values), "TIFF")).pixels

    assert pixels.min() == 0
    assert pixels.max() == 255


@pytest.mark.parametrize("high", [1.0, 255.0, 9000.0])
def test_floats_are_scaled_to_their_range_and_nan_is_black(high: float) -> None:
    values = np.linspace(0, high, 64 * 64, dtype=np.float32).reshape(64, 64)
    values[0, 5] = np.nan

    pixels = decode(written(Image.fromarray(values), "TIFF")).pixels

    assert (pixels.min(), pixels.max(), pixels[0, 5, 0]) == (0, 255, 0)


def test_cmyk_becomes_rgb() -> None:
    picture = decode(written(quarters().convert("CMYK"), "JPEG"))

    assert np.abs(corners(picture) - [RED, GREEN, BLUE, WHITE]).max() < 16


def test_lab_becomes_rgb() -> None:
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    way = ImageCms.buildTransform(srgb, lab, "RGB", "LAB")
    image = ImageCms.applyTransform(quarters(), way)

    assert np.abs(corners(decode(written(image, "TIFF"))) - [RED, GREEN, BLUE, WHITE]).max() < 16


def swapped_profile() -> bytes:
    """An RGB profile whose red primary is sRGB's green, and the other way round."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", data, 128)[0]
    for at in range(132, 132 + 12 * count, 12):
        name = bytes(data[at : at + 4])
        data[at : at + 4] = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}.get(name, name)
    return bytes(data).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_an_icc_profile_is_followed(format_name: str) -> None:
    red = Image.new("RGB", (64, 64), (255, 0, 0))
    options = {"lossless": True} if format_name == "WEBP" else {}

    pixels = decode(written(red, format_name, icc_profile=swapped_profile(), **options)).pixels

    assert np.abs(pixels.mean(axis=(0, 1)) - (0, 255, 0)).max() < 12


@pytest.mark.parametrize(
    "profile", [b"", b"not a profile", b"\0" * 200], ids=["empty", "text", "nul"]
)
def test_a_broken_icc_profile_costs_nothing(profile: bytes) -> None:
    picture = decode(written(quarters(), "JPEG", icc_profile=profile))

    assert np.abs(corners(picture) - [RED, GREEN, BLUE, WHITE]).max() < 16


@pytest.mark.parametrize("format_name", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_of_an_animation_the_first_frame_counts(format_name: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in (RED, GREEN, BLUE)]

    picture = decode(written(frames[0], format_name, save_all=True, append_images=frames[1:]))

    assert picture.facts.frames == 3
    assert np.abs(picture.pixels.mean(axis=(0, 1)) - RED).max() < 12


def exif_of_a_camera() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "Canon EOS 80D"
    exif[0x0131] = "darktable 4.8\0rest"
    details = exif.get_ifd(0x8769)
    details[0x9003], details[0x9291] = "2021:07:14 18:32:05", "25"
    details[0x829A], details[0x829D], details[0x8827] = 0.004, 2.8, 400
    details[0x920A], details[0x9204], details[0x9209] = 50.0, -0.5, 0x19
    return exif


@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "TIFF"])
def test_the_camera_says_when_and_how_it_took_the_picture(format_name: str) -> None:
    facts = decode(written(quarters(), format_name, exif=exif_of_a_camera().tobytes())).facts

    assert facts.taken_at == 1626287525.25
    assert facts.camera == "Canon EOS 80D"
    assert facts.software == "darktable 4.8"
    assert facts.exposure_seconds == pytest.approx(0.004)
    assert (facts.aperture, facts.iso, facts.focal_mm) == (pytest.approx(2.8), 400, 50)
    assert facts.bias_ev == pytest.approx(-0.5)
    assert facts.flash is True


@pytest.mark.parametrize(
    ("tag", "value", "field", "expected"),
    [
        (0x9003, "0000:00:00 00:00:00", "taken_at", None),
        (0x9003, "2021:02:30 10:00:00", "taken_at", None),
        (0x9003, "2021-07-14T18:32:05", "taken_at", 1626287525.0),
        (0x9003, "    :  :     :  :  ", "taken_at", None),
        (0x9003, "yesterday", "taken_at", None),
        (0x9004, "2021:07:14 18:32:05", "taken_at", 1626287525.0),
        (0x829A, 0.0, "exposure_seconds", None),
        (0x8827, (400, 0), "iso", 400.0),
        (0x9209, 0, "flash", False),
    ],
)
def test_odd_exif_values_are_read_as_far_as_they_make_sense(
    tag: int, value: object, field: str, expected: object
) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[tag] = value

    assert getattr(decode(written(quarters(), exif=exif)).facts, field) == expected


def test_the_time_a_file_was_written_is_not_when_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2021:07:14 18:32:05"

    assert decode(written(quarters(), exif=exif)).facts.taken_at is None


@pytest.mark.parametrize("cut", range(6, 240, 9))
def test_a_damaged_exif_block_costs_facts_and_never_the_picture(cut: int) -> None:
    block = bytearray(exif_of_a_camera().tobytes())
    block[cut : cut + 4] = b"\xff\xff\xff\xff"

    picture = decode(written(quarters(), exif=bytes(block)))

    assert np.abs(np.sort(corners(picture), axis=None).sum() - 1505) < 200
    json.dumps(dataclasses.asdict(picture.facts), allow_nan=False)


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"{}</rdf:RDF></x:xmpmeta>'
)


@pytest.mark.parametrize(
    ("body", "rating"),
    [
        (' xmp:Rating="4"/>', 4),
        (" xmp:Rating='-1'/>", -1),
        ("><xmp:Rating>5</xmp:Rating></rdf:Description>", 5),
        (' xmp:Rating="3.0"/>', 3),
        (' xmp:Rating="17"/>', None),
        (' xmp:Label="4"/>', None),
        (' MicrosoftPhoto:Rating="5"/>', None),
    ],
)
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_a_rating_in_the_file_is_found(body: str, rating: int | None, format_name: str) -> None:
    packet = XMP.format(body)
    options: dict[str, object] = {"xmp": packet.encode()}
    if format_name == "PNG":
        options = {"pnginfo": PngImagePlugin.PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", packet)  # type: ignore[attr-defined]

    assert decode(written(quarters(), format_name, **options)).facts.rating == rating


def test_the_rating_that_windows_writes_is_found() -> None:
    exif = Image.Exif()
    exif[0x4746] = 3

    assert decode(written(quarters(), exif=exif)).facts.rating == 3


def test_a_file_that_says_nothing_has_no_facts_but_its_size() -> None:
    data = written(quarters(), "PNG")

    assert decode(data).facts == Facts(64, 48, "PNG", len(data), 1)


def test_a_jpegs_quantiser_falls_with_its_quality() -> None:
    fine, coarse = (decode(written(quarters(), quality=q)).quantiser for q in (95, 40))

    assert fine is not None
    assert coarse is not None
    assert fine < coarse
    assert decode(written(quarters(), "PNG")).quantiser is None


def test_a_warning_about_odd_metadata_is_no_fault_of_the_picture() -> None:
    block = exif_of_a_camera().tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        facts = decode(written(quarters(), exif=block[: len(block) // 2])).facts

    assert facts.width == 64


@pytest.mark.skipif(not NASTY.is_dir(), reason="the collection of odd files is not here")
def test_every_nasty_file_gives_a_picture_or_a_reason() -> None:
    outcomes = {path.name: outcome(path.read_bytes()) for path in sorted(NASTY.iterdir())}
    shown = {name for name, value in outcomes.items() if isinstance(value, Picture)}
    refused = outcomes.keys() - shown

    assert all(outcomes.values())
    assert len(shown) > 70
    assert not [name for name in shown if name.startswith(("bomb", "corrupt", "MANIFEST"))]
    assert not [name for name in refused if name.startswith(("alpha", "16bit", "1bit", "cmyk"))]
