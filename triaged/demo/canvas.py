"""What every drawing shares: paper, noise, light and lens.

    textures   random fields of amplitude 1 / frequency ** roughness, cut from cached periodic tiles
    colours    a texture becomes a picture through a ramp of shades, dark to light
    light      slow fields are computed on a small grid and enlarged
    lens       softening, vignette, sensor noise

Natural scenes measure at a roughness of about 1 (Field, J. Opt. Soc. Am. A 4, 1987).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

T = TypeVar("T")
Colour = tuple[int, int, int]
Point = tuple[float, float]
Rng = np.random.Generator
Floats = NDArray[np.floating[Any]]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

_TILE_PX = 1024
_TILES = 2  # different tiles per roughness; more variety costs start-up time
_BILINEAR = Image.Resampling.BILINEAR
_BICUBIC = Image.Resampling.BICUBIC
_ASPECTS = (4 / 3, 4 / 3, 3 / 2, 16 / 9)  # phones mostly, cameras, wide phones


def frame(rng: Rng, long_side_px: int, upright: float = 0.3) -> tuple[int, int]:
    """Return a photo's (width, height); `upright` is the probability of portrait orientation."""
    aspect = _ASPECTS[int(rng.integers(len(_ASPECTS)))]
    short_px = round(long_side_px / aspect)
    return (short_px, long_side_px) if rng.random() < upright else (long_side_px, short_px)


def between(rng: Rng, low: float, high: float) -> float:
    """Return a uniform number in low..high."""
    return float(rng.uniform(low, high))


def chance(rng: Rng, probability: float) -> bool:
    """Return True with `probability`."""
    return bool(rng.random() < probability)


def one(rng: Rng, choices: Sequence[T]) -> T:
    """Return one of `choices`, each equally likely."""
    return choices[int(rng.integers(len(choices)))]


def jitter(rng: Rng, colour: Colour, amount: float = 12.0) -> Colour:
    """Return `colour` moved at random by about `amount` levels: half in common, half by channel."""
    common, red, green, blue = rng.normal(0, amount / 2, 4).tolist()
    return _colour(colour[0] + common + red, colour[1] + common + green, colour[2] + common + blue)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour that lies `share` (0..1) of the way from `first` to `second`."""
    return _colour(*(a + (b - a) * share for a, b in zip(first, second, strict=True)))


def scaled(colour: Colour, factor: float) -> Colour:
    """Return `colour` made darker (`factor` < 1) or lighter."""
    return _colour(colour[0] * factor, colour[1] * factor, colour[2] * factor)


def _colour(red: float, green: float, blue: float) -> Colour:
    return (
        min(255, max(0, round(red))),
        min(255, max(0, round(green))),
        min(255, max(0, round(blue))),
    )


@lru_cache(maxsize=64)
def _tile(roughness: float, number: int, is_relief: bool) -> NDArray[np.uint8]:
    """Return a periodic (1024, 1024) field, mean 128, deviation 45; a relief is it, lit."""
    rng = np.random.default_rng((number, round(roughness * 100)))
    freq = np.hypot(np.fft.fftfreq(_TILE_PX)[:, None], np.fft.rfftfreq(_TILE_PX)[None, :])
    freq = np.maximum(freq, 3 / _TILE_PX).astype(np.float32)
    phase = 2 * np.pi * rng.random(freq.shape, dtype=np.float32)
    spectrum = np.exp(np.complex64(1j) * phase) / freq ** np.float32(roughness)
    spectrum[0, 0] = 0
    ground = np.fft.irfft2(spectrum, s=(_TILE_PX, _TILE_PX))
    if is_relief:
        ground = np.roll(ground, 1, axis=1) - ground + 0.5 * (np.roll(ground, 1, axis=0) - ground)
    tile: NDArray[np.uint8] = np.clip(128 + 45 * ground / ground.std(), 0, 255).astype(np.uint8)
    return tile


def texture(
    rng: Rng,
    size: tuple[int, int],
    roughness: float = 1.2,
    zoom: Point = (1.0, 1.0),
    *,
    is_relief: bool = False,
) -> Image.Image:
    """Return a grey ("L") random field of `size`, enlarged by `zoom` (x, y) from the tile.

    Roughness 0 is white noise, 1 natural detail, 2 clouds; a relief is that ground under low sun.
    """
    tile = _tile(roughness, int(rng.integers(_TILES)), is_relief)
    left, top = rng.integers(0, _TILE_PX, 2)
    width, height = (max(2, round(px / z)) for px, z in zip(size, zoom, strict=True))
    rows = np.take(tile, (top + np.arange(height)) % _TILE_PX, axis=0)
    cut = np.take(rows, (left + np.arange(width)) % _TILE_PX, axis=1)  # (height, width)
    image = Image.fromarray(np.ascontiguousarray(cut))
    return image if image.size == size else image.resize(size, _BILINEAR)


def tint(grey: Image.Image, *shades: Colour) -> Image.Image:
    """Return the grey image coloured by a ramp through `shades`, darkest first."""
    at = np.linspace(0, 255, len(shades))
    ramp = np.stack([np.interp(np.arange(256), at, [s[c] for s in shades]) for c in range(3)], 1)
    # A palette is the quickest of the ways tried from one channel to three: see Image.point.
    coloured = grey.copy()
    coloured.putpalette(np.rint(ramp).astype(np.uint8).tobytes())
    return coloured.convert("RGB")


def levels(grey: Image.Image, low: float, high: float) -> Image.Image:
    """Return the grey image with levels low..high stretched to 0..255 and the rest clipped."""
    ramp = np.clip((np.arange(256) - low) / max(high - low, 1e-6), 0, 1) * 255
    return grey.point(np.rint(ramp).astype(int).tolist())


def sky(size: tuple[int, int], *shades: Colour) -> Image.Image:
    """Return a vertical gradient through `shades`, top first."""
    column = np.linspace(0, 255, size[1]).astype(np.uint8)[:, None]  # (height, 1)
    return tint(Image.fromarray(column), *shades).resize(size, Image.Resampling.NEAREST)


def grid(size: tuple[int, int], small_px: int = 128) -> tuple[Floats, Floats]:
    """Return x, y in pixels of `size` over a small grid `(h, w)`, for fields worth enlarging."""
    shrink = max(1.0, max(size) / small_px)
    width, height = (max(2, round(px / shrink)) for px in size)
    x = np.linspace(0, size[0], width, dtype=np.float32)[None, :]
    y = np.linspace(0, size[1], height, dtype=np.float32)[:, None]
    return np.broadcast_to(x, (height, width)), np.broadcast_to(y, (height, width))


def field(values: Floats, size: tuple[int, int]) -> Image.Image:
    """Return a small field `(h, w)` of 0..1 as a grey image enlarged to `size`."""
    small = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    return small.resize(size, _BILINEAR)


def glow(
    image: Image.Image, centre: Point, radius_px: float, colour: Colour, amount: float = 0.75
) -> None:
    """Blend a halo over `image`: `amount` at `centre`, half of it at `radius_px`, none at ten."""
    reach = 10 * radius_px
    left, top = (max(0, int(c - reach)) for c in centre)
    right, low = min(image.width, int(centre[0] + reach)), min(image.height, int(centre[1] + reach))
    if right - left < 2 or low - top < 2:
        return
    size = (right - left, low - top)
    x, y = grid(size)
    distance = np.hypot(x + left - centre[0], y + top - centre[1]) / radius_px
    fade = 1 / (1 + distance**1.8) - 1 / (1 + 10**1.8)
    image.paste(colour, (left, top, right, low), field(amount * fade, size))


def light(image: Image.Image, mask: Image.Image, colour: Colour, amount: float = 1.0) -> None:
    """Blend `colour` over `image` where the grey `mask` is bright."""
    ramp = [round(level * amount) for level in range(256)]
    image.paste(colour, (0, 0), mask.point(ramp))


def soft(image: Image.Image, radius_px: float) -> Image.Image:
    """Return the image blurred by about `radius_px`, computed small where the blur is wide."""
    shrink = max(1, int(radius_px / 2))
    if shrink == 1:
        return image.filter(ImageFilter.GaussianBlur(radius_px))
    small = image.reduce(shrink).filter(ImageFilter.GaussianBlur(radius_px / shrink))
    return small.resize(image.size, _BICUBIC)


def shadow(image: Image.Image, shape: Sequence[Point], radius_px: float, depth: float) -> None:
    """Darken `image` inside the polygon `shape` with a soft edge; `depth` 0..1."""
    shrink, edge = max(1, int(radius_px / 2)), 3 * radius_px
    left, top = (int(min(p[axis] for p in shape) - edge) for axis in (0, 1))
    right, low = (int(max(p[axis] for p in shape) + edge) + 1 for axis in (0, 1))
    mask = Image.new("L", ((right - left) // shrink + 1, (low - top) // shrink + 1), 0)
    spots = [((x - left) / shrink, (y - top) / shrink) for x, y in shape]
    ImageDraw.Draw(mask).polygon(spots, fill=round(255 * depth))
    mask = mask.filter(ImageFilter.GaussianBlur(radius_px / shrink))
    size = (right - left, low - top)
    image.paste(BLACK, (left, top, right, low), mask.resize(size, _BILINEAR))


def ellipse(centre: Point, radii: Point, turn: float = 0.0, points: int = 48) -> list[Point]:
    """Return the outline of an ellipse, `turn` radians clockwise on the screen."""
    t = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
    return list(
        zip(
            (centre[0] + x * np.cos(turn) - y * np.sin(turn)).tolist(),
            (centre[1] + x * np.sin(turn) + y * np.cos(turn)).tolist(),
            strict=True,
        )
    )


def blob(rng: Rng, centre: Point, radius_px: float, bumps: float = 0.15) -> list[Point]:
    """Return an irregular round outline; `bumps` is the relative size of its irregularity."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.ones_like(t)
    for wave in range(2, 6):
        radius += bumps / wave * rng.normal() * np.cos(wave * t + rng.uniform(0, 6.3))
    x = centre[0] + radius_px * radius * np.cos(t)
    y = centre[1] + radius_px * radius * np.sin(t)
    return list(zip(x.tolist(), y.tolist(), strict=True))


def stamp(image: Image.Image, shape: Sequence[Point], paint: Image.Image | Colour) -> None:
    """Fill the polygon `shape` with a colour, or with `paint` laid over its bounding box.

    `paint` may be smaller or larger than the box: it is cut or enlarged to fit.
    """
    xs, ys = [p[0] for p in shape], [p[1] for p in shape]
    left, top = int(min(xs)), int(min(ys))
    size = (max(1, int(max(xs)) - left + 1), max(1, int(max(ys)) - top + 1))
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in shape], fill=255)
    if isinstance(paint, Image.Image) and paint.size != size:
        paint = paint.resize(size, _BILINEAR)
    if isinstance(paint, Image.Image):
        image.paste(paint, (left, top), mask)
    else:
        image.paste(paint, (left, top, left + size[0], top + size[1]), mask)


def ridge(rng: Rng, width: int, roughness: float) -> Floats:
    """Return a skyline `(width,)` of mean 0 and deviation 1; roughness 1 jagged, 2 rolling."""
    freq = np.arange(1, width // 2 + 1, dtype=np.float64)
    spectrum = np.zeros(width + 1, dtype=np.complex128)
    # Twice the width, so that the ends of the visible half need not meet.
    spectrum[1 : len(freq) + 1] = np.exp(1j * rng.uniform(0, 6.3, len(freq))) / freq**roughness
    line = np.fft.irfft(spectrum, n=2 * width)[:width]
    heights: Floats = ((line - line.mean()) / max(line.std(), 1e-9)).astype(np.float32)
    return heights


def below(line: Floats, size: tuple[int, int]) -> Image.Image:
    """Return a grey mask of `size`, 255 beneath the line of heights `(width,)` in pixels."""
    mask = Image.new("L", size, 0)
    outline = [(float(x), float(y)) for x, y in enumerate(line.tolist())]
    outline += [(size[0], size[1]), (0, size[1])]
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    return mask


@lru_cache(maxsize=1)
def _noise() -> Image.Image:
    """Return an RGB tile of Gaussian noise, mean 128, deviation 32, partly shared by channels."""
    rng = np.random.default_rng(7)
    common = rng.standard_normal((_TILE_PX, _TILE_PX, 1), dtype=np.float32)
    each = rng.standard_normal((_TILE_PX, _TILE_PX, 3), dtype=np.float32)
    return Image.fromarray(np.clip(128 + 28 * common + 16 * each, 0, 255).astype(np.uint8))


def grain(rng: Rng, image: Image.Image, deviation: float, coarse: int = 1) -> Image.Image:
    """Return the image with sensor noise of `deviation` levels, in clots of `coarse` pixels."""
    gain = deviation / 32
    tile = _noise().point([round(128 + (level - 128) * gain) for level in range(256)] * 3)
    width, height = -(-image.width // coarse), -(-image.height // coarse)
    noise = Image.new("RGB", (width, height))
    left, top = rng.integers(-_TILE_PX, 0, 2).tolist()
    for x in range(left, width, _TILE_PX):
        for y in range(top, height, _TILE_PX):
            noise.paste(tile, (x, y))
    if coarse > 1:
        noise = noise.resize(image.size, _BILINEAR)
    return ImageChops.add(image, noise, 1, -128)


def shoot(rng: Rng, scene: Image.Image, noise: float = 2.5) -> Image.Image:
    """Return the scene as a small camera renders it: slight vignette, lens softness, noise."""
    x, y = grid(scene.size, 48)
    away = np.hypot(x / scene.width - 0.5, y / scene.height - 0.5)
    falloff = field(1 - between(rng, 0.1, 0.5) * away**2, scene.size)
    shaded = ImageChops.multiply(scene, Image.merge("RGB", [falloff] * 3))
    lens = ImageFilter.Kernel((3, 3), [1, 3, 1, 3, 12, 3, 1, 3, 1])
    return grain(rng, shaded.filter(lens), noise * between(rng, 0.7, 1.4))


@lru_cache(maxsize=64)
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the typeface that Pillow carries, so that every machine draws the same letters."""
    return ImageFont.load_default(max(6, size_px))
