"""How a skyline is drawn: rows of towers in haze above a river or a park."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from triaged.demo.canvas import (
    Point,
    Rng,
    between,
    blob,
    chance,
    field,
    grid,
    jitter,
    mix,
    one,
    scaled,
    stamp,
    texture,
    tint,
)
from triaged.demo.facades import LAMP, WALLS, Hour, heavens


def skyline(rng: Rng, size: tuple[int, int], hour: Hour) -> Image.Image:
    """Return towers above a river or a park."""
    width, height = size
    scene = heavens(rng, size, hour)
    foot = round(height * between(rng, 0.62, 0.8))
    for row in range(3):
        x = -0.02 * width
        while x < width:
            wide = width * between(rng, 0.03, 0.1) * (0.7 + 0.25 * row)
            tall = height * between(rng, 0.1, 0.5) * (1.15 - 0.25 * row)
            _tower(rng, scene, (x, foot), (wide, tall), hour, haze=0.5 - 0.22 * row)
            x += wide * between(rng, 0.75, 1.5)
    if chance(rng, 0.65):
        _river(rng, scene, foot, hour)
    else:
        _park(rng, scene, foot, hour)
    return scene


def _tower(
    rng: Rng,
    scene: Image.Image,
    foot: Point,
    size_px: tuple[float, float],
    hour: Hour,
    haze: float,
) -> None:
    """Draw one tower with its lower left corner at `foot`."""
    wide, tall = max(6, int(size_px[0])), max(12, int(size_px[1]))
    wall = scaled(jitter(rng, one(rng, WALLS), 16), 0.25 + 0.65 * hour.sun)
    cell = int(rng.integers(5, 13))
    cells = rng.random((tall // cell + 1, wide // cell + 1))
    lit = np.where(
        cells < hour.lamps, 255, np.where(cells < 0.75, 40 + 60 * cells, 90 + 70 * cells)
    )
    panes = np.kron(lit, np.ones((cell, cell)))[:tall, :wide]
    rows, columns = np.arange(tall)[:, None] % cell, np.arange(wide)[None, :] % cell
    is_wall = (rows < cell * between(rng, 0.15, 0.5)) | (columns < cell * between(rng, 0.1, 0.4))
    grey = Image.fromarray(np.where(is_wall, 150, panes).astype(np.uint8))
    front = tint(
        grey, scaled(wall, 0.3), scaled(wall, 0.75), scaled(wall, 1.05), mix(wall, LAMP, 0.9)
    )
    x, _ = grid(front.size, 32)
    round_off = field(0.85 + 0.15 * np.cos(3.0 * x / wide - between(rng, 0, 2)), front.size)
    front = ImageChops.multiply(front, Image.merge("RGB", [round_off] * 3))
    front = Image.blend(front, Image.new("RGB", front.size, hour.sky[-1]), max(0.0, haze))
    left, top = int(foot[0]), int(foot[1] - tall)
    scene.paste(front, (left, top))
    if chance(rng, 0.25):
        mast = left + wide // 2
        ImageDraw.Draw(scene).line(
            (mast, top - tall * 0.2, mast, top), fill=scaled(wall, 0.5), width=2
        )


def _river(rng: Rng, scene: Image.Image, foot: int, hour: Hour) -> None:
    """Mirror the towers in the water below `foot`."""
    size = (scene.width, scene.height - foot)
    above = scene.crop((0, max(0, foot - size[1]), scene.width, foot)).resize(size)
    mirrored = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).filter(ImageFilter.BoxBlur((3, 12)))
    body = Image.blend(mirrored, Image.new("RGB", size, scaled((40, 60, 74), hour.sun)), 0.35)
    waves = texture(rng, size, 0.7, (6.0, 1.0), is_relief=True)
    scene.paste(ImageChops.overlay(body, Image.merge("RGB", [waves] * 3)), (0, foot))


def _park(rng: Rng, scene: Image.Image, foot: int, hour: Hour) -> None:
    """Plant a lawn and crowns of trees below `foot`."""
    size = (scene.width, scene.height - foot)
    green = scaled(jitter(rng, (86, 110, 54), 14), hour.sun)
    lawn = tint(texture(rng, size, 0.9, (2.0, 1.0)), scaled(green, 0.6), green, scaled(green, 1.25))
    scene.paste(lawn, (0, foot))
    for _ in range(90):
        centre = (between(rng, 0, size[0]), foot + size[1] * between(rng, -0.12, 0.25))
        crown = blob(rng, centre, size[0] * between(rng, 0.008, 0.028), 0.4)
        stamp(scene, crown, scaled(green, between(rng, 0.35, 0.95)))
