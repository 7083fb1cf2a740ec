"""The pictures of the demo and the tests: drawn, saved, laid out as a library, shown on a sheet."""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import generated
import numpy as np
import pytest
from PIL import Image, ImageOps

from triaged.demo.library import Drawn, make_library
from triaged.demo.pictures import KINDS, SCENES, draw, draw_series
from triaged.demo.saving import save
from triaged.demo.sheet import contact_sheet

NOON = datetime(2022, 6, 18, 12, 30, 5, 250_000)
SUFFIXES = (".jpg", ".png", ".heic", ".webp", ".tif", ".avif")


def grey(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), dtype=np.float64)


def sharpness(image: Image.Image) -> float:
    """The variance of a Laplacian over half-sized grey, which sensor noise sways less."""
    g = np.asarray(image.convert("L").reduce(2), dtype=np.float64)
    return float(
        (4 * g[1:-1, 1:-1] - g[:-2, 1:-1] - g[2:, 1:-1] - g[1:-1, :-2] - g[1:-1, 2:]).var()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_pixels_and_another_does_not(kind: str) -> None:
    first, again, other = draw(kind, 3, 320), draw(kind, 3, 320), draw(kind, 4, 320)

    assert first.mode == "RGB"
    assert max(first.size) <= 320
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_every_kind_can_be_drawn_very_small(kind: str, seed: int) -> None:
    assert min(draw(kind, seed, 64).size) > 10


@pytest.mark.parametrize(
    ("kind", "side", "message"),
    [("sunset", 640, "no kind .* 'sunset'.*landscape"), ("city", 20, "long_side_px is 20")],
    ids=["unknown kind", "too small"],
)
def test_what_cannot_be_drawn_is_refused_with_its_reason(
    kind: str, side: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw(kind, 0, side)


def test_blurred_pictures_are_softer_than_every_good_scene() -> None:
    good = [sharpness(draw(kind, seed, 640)) for kind in SCENES for seed in range(2)]
    soft = [sharpness(draw("blurred", seed, 640)) for seed in range(7)]

    assert np.median(soft) < 0.3 * np.median(good)


def test_dark_pictures_are_darker_than_the_dusky_ones_that_people_keep() -> None:
    good = [grey(draw(kind, n, 160)).mean() for kind in ("city", "landscape") for n in range(15)]
    failures = [grey(draw("dark", seed, 160)).mean() for seed in range(15)]

    assert max(failures) < np.quantile(good, 0.1)
    assert min(good) < 60  # there is something to confuse them with


def test_burnt_pictures_have_lost_their_highlights() -> None:
    lost = [(grey(draw("burnt", seed, 320)) > 250).mean() for seed in range(8)]

    assert np.median(lost) > 0.15


def test_a_screenshot_has_exactly_flat_areas_and_a_phone_s_shape() -> None:
    screen = draw("screenshot", 1, 960)
    pixels = np.asarray(screen).astype(int)
    is_flat = (np.abs(np.diff(pixels, axis=1)).sum(axis=2) == 0).mean()

    assert screen.height / screen.width > 1.7
    assert is_flat > 0.6


def test_a_series_has_one_scene_and_one_or_two_sharpest_frames() -> None:
    frames = draw_series("city", 5, 5, 640)
    sharp = [sharpness(image) for image, is_sharp in frames if is_sharp]
    shaken = [sharpness(image) for image, is_sharp in frames if not is_sharp]
    small = [grey(image.resize((16, 16))) for image, _ in frames]

    assert len(frames) == 5
    assert len(sharp) in (1, 2)
    assert min(sharp) > max(shaken)
    assert all(np.corrcoef(small[0].ravel(), s.ravel())[0, 1] > 0.9 for s in small)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_saved_picture_tells_when_and_with_what_it_was_taken(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    save(
        draw("food", 1, 320),
        path,
        taken_at=NOON,
        camera="SONY ILCE-6400",
        exposure_seconds=1 / 250,
        aperture=5.6,
        iso=200,
        flash=True,
        focal_mm=35.0,
        bias_ev=-0.3,
        rating=4,
    )

    with Image.open(path) as image:
        exif = image.getexif()
        details = exif.get_ifd(0x8769)
        packet = image.info.get("xmp") or exif.get(700) or image.info.get("XML:com.adobe.xmp")
    text = packet.encode() if isinstance(packet, str) else bytes(packet)
    assert (exif[0x010F], exif[0x0110]) == ("SONY", "ILCE-6400")
    assert (details[0x9003], details[0x9291]) == ("2022:06:18 12:30:05", "250")
    assert float(details[0x829A]) == pytest.approx(1 / 250)
    assert float(details[0x9204]) == pytest.approx(-0.3)
    assert (details[0x8827], details[0x9209] & 1) == (200, 1)
    assert b'xmp:Rating="4"' in text
    assert path.stat().st_mtime == pytest.approx(NOON.timestamp(), abs=1e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_picture_saved_without_a_date_carries_none(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    save(draw("food", 1, 320), path, taken_at=None)

    with Image.open(path) as image:
        assert not image.getexif().get_ifd(0x8769)
        assert 0x0132 not in image.getexif()


@pytest.mark.parametrize("suffix", [".jpg", ".heic", ".tif", ".avif", ".webp", ".png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stored_turned_shows_upright(
    suffix: str, orientation: int, tmp_path: Path
) -> None:
    upright = _upright()
    path = tmp_path / f"a{suffix}"
    save(upright, path, taken_at=NOON, orientation=orientation)

    with Image.open(path) as image:
        shown = ImageOps.exif_transpose(image).convert("RGB")
    assert shown.size == upright.size
    assert np.abs(grey(shown) - grey(upright)).mean() < 8


@lru_cache(maxsize=1)
def _upright() -> Image.Image:
    return draw("landscape", 2, 160)


def test_a_suffix_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'.*a\.xyz'"):
        save(draw("food", 1, 64), tmp_path / "a.xyz", taken_at=None)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Drawn]]:
    folder = tmp_path_factory.mktemp("Pictures")
    return folder, make_library(folder, 90, 11, long_side_px=200, workers=1)


def test_a_library_has_as_many_files_as_asked_for(library: tuple[Path, list[Drawn]]) -> None:
    folder, drawn = library
    on_disk = {path for path in folder.rglob("*") if path.is_file()}

    assert len(drawn) == 90
    assert {d.path for d in drawn} == on_disk


def test_a_library_looks_like_a_phone_s(library: tuple[Path, list[Drawn]]) -> None:
    _, drawn = library
    shape = re.compile(
        r"IMG_\d{8}_\d{6}\.jpg|PXL_\d{8}_\d{9}\.jpg|IMG_\d{4}\.HEIC|DSC\d{5}\.JPG"
        r"|Screenshot_\d{8}-\d{6}\.png|IMG-\d{8}-WA\d{4}\.jpg"
    )

    assert [d.path.name for d in drawn if not shape.fullmatch(d.path.name)] == []
    assert {d.path.suffix for d in drawn} == {".jpg", ".JPG", ".png", ".HEIC"}
    for d in drawn:
        assert d.path.stat().st_mtime == pytest.approx(d.taken_at.timestamp(), abs=1e-3)
        assert datetime(2021, 1, 1) < d.taken_at < datetime(2025, 1, 1)


def test_folders_do_not_tell_what_the_owner_deletes(library: tuple[Path, list[Drawn]]) -> None:
    folder, drawn = library
    top = [d for d in drawn if d.path.parent == folder / "Camera"]

    assert len({d.is_unwanted for d in top}) == 2
    assert 0.25 < np.mean([d.is_unwanted for d in drawn]) < 0.6


def test_most_frames_of_a_series_are_unwanted_and_not_all(
    library: tuple[Path, list[Drawn]],
) -> None:
    _, drawn = library
    bursts = [d for d in drawn if sum(_is_close(d, other) for other in drawn) >= 3]

    assert len(bursts) >= 3
    assert 0.4 < np.mean([d.is_unwanted for d in bursts]) < 1.0


def _is_close(one: Drawn, other: Drawn) -> bool:
    seconds = abs((one.taken_at - other.taken_at).total_seconds())
    return one.kind == other.kind and seconds < 15


def test_the_same_seed_makes_the_same_library_however_many_draw_it(tmp_path: Path) -> None:
    alone = make_library(tmp_path / "a", 26, 4, long_side_px=96, workers=1)
    together = make_library(tmp_path / "b", 26, 4, long_side_px=96, workers=2)

    assert [d.path.relative_to(tmp_path / "a") for d in alone] == [
        d.path.relative_to(tmp_path / "b") for d in together
    ]
    for one, other in zip(alone, together, strict=True):
        assert one.is_unwanted == other.is_unwanted
        assert one.path.read_bytes() == other.path.read_bytes()


def test_a_sheet_shows_every_picture_and_a_grey_tile_for_a_broken_one(tmp_path: Path) -> None:
    good, turned, broken = tmp_path / "good.jpg", tmp_path / "turned.heic", tmp_path / "broken.jpg"
    save(Image.new("RGB", (400, 300), (200, 30, 30)), good, taken_at=None)
    save(Image.new("RGB", (300, 400), (30, 30, 200)), turned, taken_at=None, orientation=6)
    broken.write_bytes(good.read_bytes()[:300])
    paths = [good, turned, broken, tmp_path / "absent.png"]

    contact_sheet(paths, tmp_path / "out.png", ["x" * 80, "b", "c", "d"], columns=2, thumb_px=100)

    with Image.open(tmp_path / "out.png") as image:
        sheet = np.asarray(image.convert("RGB")).astype(int)
    reddish = (sheet[..., 0] - sheet[..., 2] > 100).sum()
    bluish = (sheet[..., 2] - sheet[..., 0] > 100).sum()
    tiles = (np.abs(sheet - (206, 206, 204)).sum(axis=2) < 3).sum()
    assert sheet.shape[1] < 260
    assert reddish == pytest.approx(100 * 75, rel=0.1)
    assert bluish == pytest.approx(75 * 100, rel=0.1)
    assert tiles > 2 * 100 * 75 * 0.8


@pytest.mark.parametrize("captions", [[], ["a", "b"]], ids=["too few", "too many"])
def test_a_sheet_wants_one_caption_a_picture(captions: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"1 pictures and {len(captions)} captions"):
        contact_sheet(["a.jpg"], tmp_path / "out.png", captions)


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (generated.photo, "JPEG"),
        (generated.receipt, "JPEG"),
        (generated.blurred, "JPEG"),
        (generated.dark, "JPEG"),
        (generated.meme, "JPEG"),
        (generated.screenshot, "PNG"),
        (generated.png, "PNG"),
        (generated.heic, "HEIF"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_generated_bytes_are_what_they_say(
    make: Callable[[int], bytes], kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(make(1))

    with Image.open(path) as image:
        assert image.format == kind
        assert max(image.size) <= generated.SIDE_PX
        image.load()
    assert make(1) == make(1) != make(2)
