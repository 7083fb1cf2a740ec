import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from triaged.demo.pictures import draw
from triaged.ml.decode import Facts, Picture, decode
from triaged.ml.measured import NAMES, measure

FACTS = Facts(640, 480, "JPEG", 100_000, 1)
SHOWN = (
    "sharpness",
    "brightness",
    "contrast",
    "noise",
    "saturation",
    "highlights_clipped",
    "shadows_clipped",
    "flatness",
    "colourfulness",
)


def values(image: Image.Image, facts: Facts = FACTS) -> dict[str, float]:
    picture = Picture(pixels=np.asarray(image.convert("RGB")), facts=facts)
    return dict(zip(NAMES, map(float, measure(picture)), strict=True))


def scene(seed: int = 1, long_side_px: int = 640) -> Image.Image:
    return draw("flower", seed, long_side_px)


def noisy(image: Image.Image, deviation: float) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    grain = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return Image.fromarray(np.clip(pixels + grain, 0, 255).astype(np.uint8))


def shaken(image: Image.Image, px: int) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    return Image.fromarray(np.mean([np.roll(pixels, k, 1) for k in range(px)], 0).astype(np.uint8))


def test_names_are_unique_and_those_that_are_shown_are_there() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert set(SHOWN) <= set(NAMES)


def test_the_same_picture_measures_the_same() -> None:
    first = measure(Picture(pixels=np.asarray(scene()), facts=FACTS))
    again = measure(Picture(pixels=np.asarray(scene()), facts=FACTS))

    assert first.shape == (len(NAMES),)
    assert first.dtype == np.float32
    assert np.array_equal(first, again, equal_nan=True)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("sharpness", lambda image: image.filter(ImageFilter.GaussianBlur(1))),
        ("sharpness", lambda image: shaken(image, 6)),
        ("crop_laplace_ratio_0", lambda image: image.filter(ImageFilter.GaussianBlur(1))),
        ("brightness", lambda image: image.point(lambda v: v * 0.6)),
        ("contrast", lambda image: image.point(lambda v: 100 + v * 0.3)),
        ("saturation", lambda image: Image.blend(image, image.convert("L").convert("RGB"), 0.6)),
        ("colourfulness", lambda image: Image.blend(image, image.convert("L").convert("RGB"), 0.6)),
        ("hue_entropy", lambda image: Image.blend(image, Image.new("RGB", image.size, "red"), 0.9)),
        ("crop_reblur_across", lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("seed", range(3))
def test_a_change_for_the_worse_lowers_its_measurement(
    name: str, change: object, seed: int
) -> None:
    before = scene(seed)

    assert values(change(before))[name] < values(before)[name]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("noise", lambda image: noisy(image, 8)),
        ("noise_colour", lambda image: noisy(image, 8)),
        ("highlights_clipped", lambda image: image.point(lambda v: min(255, v * 3))),
        ("shadows_clipped", lambda image: image.point(lambda v: max(0, v - 120))),
        ("flatness", lambda image: image.quantize(4).convert("RGB")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("seed", range(3))
def test_a_defect_raises_its_measurement(name: str, change: object, seed: int) -> None:
    before = scene(seed)

    assert values(change(before))[name] > values(before)[name]  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_not_taken_for_sharpness(seed: int) -> None:
    soft = scene(seed).filter(ImageFilter.GaussianBlur(2))

    assert values(noisy(soft, 5))["sharpness"] < values(scene(seed))["sharpness"] - 0.3


@pytest.mark.parametrize("deviation", [2.0, 5.0, 10.0])
def test_noise_is_given_in_steps_of_8_bits(deviation: float) -> None:
    grey = np.full((480, 640, 1), 128.0) + np.zeros(3)
    grain = np.random.default_rng(3).normal(0, deviation, (480, 640, 1))
    image = Image.fromarray(np.clip(grey + grain, 0, 255).astype(np.uint8))

    assert values(image)["noise"] == pytest.approx(deviation, rel=0.15)


def test_camera_shake_shows_in_the_direction_of_the_shake() -> None:
    image = noisy(scene(), 3)
    sideways, upright = (
        shaken(image, 8),
        shaken(image.rotate(90, expand=True), 8).rotate(-90, expand=True),
    )

    assert values(sideways)["crop_across_0"] < values(image)["crop_across_0"] - 1
    assert values(upright)["crop_across_0"] > values(sideways)["crop_across_0"] + 2


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((0, 0, 0), {"brightness": 0, "shadows_clipped": 1, "highlights_clipped": 0, "black": 1}),
        ((255, 255, 255), {"brightness": 1, "highlights_clipped": 1, "white": 1, "saturation": 0}),
        ((255, 0, 0), {"saturation": 1, "cast_red_green": 1, "hue_leading": 1, "grey": 0}),
        ((128, 128, 128), {"tone_50": 128 / 255, "grey": 1, "colourfulness": 0, "tone_peak": 1}),
    ],
    ids=["black", "white", "red", "grey"],
)
def test_an_even_picture_measures_what_it_is(
    colour: tuple[int, int, int], expected: dict[str, float]
) -> None:
    found = values(Image.new("RGB", (400, 300), colour))

    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-3)
    assert found["flatness"] == 1
    assert found["noise"] == 0
    assert found["contrast"] == pytest.approx(0, abs=1e-6)


def test_layout_says_where_light_and_colour_lie() -> None:
    image = Image.new("RGB", (300, 300), (40, 40, 40))
    image.paste((240, 240, 240), (0, 0, 100, 100))
    image.paste((200, 0, 0), (200, 200, 300, 300))
    found = values(image)

    assert max((f"luma_{r}{c}" for r in range(3) for c in range(3)), key=found.get) == "luma_00"
    assert max((f"red_green_{r}{c}" for r in range(3) for c in range(3)), key=found.get) == (
        "red_green_22"
    )


@pytest.mark.parametrize(
    "size",
    [
        (1, 1),
        (2, 1),
        (1, 768),
        (768, 1),
        (3, 3),
        (7, 9),
        (31, 768),
        (49, 47),
        (768, 768),
        (768, 14),
    ],
    ids=lambda size: f"{size[0]}x{size[1]}",
)
@pytest.mark.parametrize("kind", ["even", "noise"])
def test_no_size_is_too_odd_to_be_measured(size: tuple[int, int], kind: str) -> None:
    pixels = np.full((size[1], size[0], 3), 90, np.uint8)
    if kind == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    picture = Picture(pixels=pixels, facts=Facts(*size, "PNG", 100, 1))
    with np.errstate(all="raise"):
        found = measure(picture)

    missing = {name for name, value in zip(NAMES, found, strict=True) if np.isnan(value)}
    assert missing <= {"quantiser", "blockiness"} or min(size) == 1
    assert all(name.startswith(("quantiser", "blockiness", "flatness")) for name in missing)
    assert not np.isinf(found).any()


def test_the_size_of_a_picture_hardly_matters_beyond_the_working_picture() -> None:
    def decoded(scale: float) -> dict[str, float]:
        full = scene(2, 2400)
        file = io.BytesIO()
        size = (int(full.width * scale), int(full.height * scale))
        full.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=92)
        return dict(zip(NAMES, measure(decode(file.getvalue())), strict=True))

    large, medium = decoded(1.0), decoded(0.5)

    for name in ("brightness", "contrast", "saturation", "colourfulness", "tone_entropy"):
        assert large[name] == pytest.approx(medium[name], rel=0.05), name
    assert abs(large["sharpness"] - medium["sharpness"]) < 0.3


def test_blockiness_rises_as_jpeg_quality_falls_and_is_unknown_after_shrinking() -> None:
    def blockiness(quality: int, long_side_px: int = 640) -> float:
        file = io.BytesIO()
        noisy(scene(1, long_side_px), 4).save(file, "JPEG", quality=quality)
        return float(measure(decode(file.getvalue()))[NAMES.index("blockiness")])

    assert blockiness(12) > blockiness(50) > blockiness(95)
    assert np.isnan(blockiness(12, 1600))


def test_what_the_file_says_is_measured_in_octaves() -> None:
    found = values(scene(), Facts(2000, 1000, "JPEG", 500_000, 1))

    assert found["megapixels"] == 1
    assert found["aspect"] == found["elongation"] == 1
    assert found["bytes_per_pixel"] == -2
    assert np.isnan(found["quantiser"])
