"""How a town is drawn: a street seen along its axis, or a skyline, by day or by night."""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from triaged.demo.canvas import (
    Point,
    Rng,
    between,
    chance,
    frame,
    glow,
    jitter,
    one,
    scaled,
    shoot,
    stamp,
    texture,
    tint,
)
from triaged.demo.facades import HOURS, LAMP, Hour, facade, heavens, lay
from triaged.demo.skylines import skyline
from triaged.demo.traffic import traffic


def city(rng: Rng, long_side_px: int) -> Image.Image:
    """Return one picture of a street or a skyline."""
    hour = one(rng, HOURS)
    if chance(rng, 0.6):
        return shoot(rng, _street(rng, frame(rng, long_side_px, upright=0.5), hour), noise=2.6)
    return shoot(rng, skyline(rng, frame(rng, long_side_px, upright=0.15), hour), noise=2.6)


def _street(rng: Rng, size: tuple[int, int], hour: Hour) -> Image.Image:
    """Return a street seen along its axis."""
    width, height = size
    scene = heavens(rng, size, hour)
    vanish = (width * between(rng, 0.3, 0.7), height * between(rng, 0.52, 0.64))
    _road(rng, scene, vanish, hour)
    shady = one(rng, (-1, 1))
    for side in (-1, 1):
        _wall(rng, scene, vanish, side, hour, 0.62 if side == shady else 1.0)
    traffic(rng, scene, vanish, hour)
    if hour.lamps > 0.1:
        for far in (0.25, 0.4, 0.62, 0.9):
            for side in (-1, 1):
                foot = (vanish[0] + side * width * 0.36 * far, vanish[1] - height * 0.22 * far)
                glow(scene, foot, width * 0.02 * far, LAMP)
    return scene


def _road(rng: Rng, scene: Image.Image, vanish: Point, hour: Hour) -> None:
    """Draw carriageway, pavements and markings; wet on some."""
    width, height = scene.size
    top = int(vanish[1])
    size = (width, height - top)
    stone = scaled(jitter(rng, (120, 118, 116), 12), hour.sun)
    ground = texture(rng, size, 0.8, (1.6, 0.8), is_relief=True)
    scene.paste(tint(ground, scaled(stone, 0.6), stone, scaled(stone, 1.2)), (0, top))
    half = width * between(rng, 0.4, 0.7)
    road = [vanish, (vanish[0] + half, height), (vanish[0] - half, height)]
    tar = scaled(jitter(rng, (74, 74, 78), 10), hour.sun)
    asphalt = tint(texture(rng, size, 0.6, (1.4, 0.7)), scaled(tar, 0.6), tar, scaled(tar, 1.35))
    stamp(scene, road, asphalt)
    draw = ImageDraw.Draw(scene)
    for near in (0.04, 0.09, 0.17, 0.3, 0.5, 0.8):
        y, y2 = (vanish[1] + (height - vanish[1]) * n for n in (near, near * 1.35))
        thin = width * 0.009 * near
        mark = scaled((222, 218, 206), 0.3 + 0.7 * hour.sun)
        x = vanish[0]
        draw.polygon(
            [(x - thin, y), (x + thin, y), (x + thin * 1.4, y2), (x - thin * 1.4, y2)], mark
        )


def _wall(
    rng: Rng, scene: Image.Image, vanish: Point, side: int, hour: Hour, bright: float
) -> None:
    """Draw the row of houses on one side (-1 left, 1 right), far ones first."""
    width, height = scene.size
    edge = width * between(rng, 0.55, 0.8)
    depths = np.cumprod(rng.uniform(0.5, 0.72, 5))
    nears = [1.35, *depths.tolist()]
    for near, far in reversed(list(pairwise(nears))):
        tall = height * between(rng, 0.6, 1.15)
        foot = height * 0.34
        rows = int(rng.integers(4, 9))
        columns = max(2, round(rows * (near - far) * between(rng, 2.2, 3.4)))
        cell = int(np.clip(tall * near / rows, 10, 56))
        front = facade(rng, columns, rows, cell, hour)
        front = ImageChops.multiply(front, Image.new("RGB", front.size, scaled((255,) * 3, bright)))
        front = Image.blend(
            front, Image.new("RGB", front.size, hour.sky[-1]), 0.35 * (1 - far) ** 3
        )
        a, b = (far, near) if side > 0 else (near, far)
        xa, xb = (vanish[0] + side * edge * n for n in (a, b))
        corners = (
            (xa, vanish[1] - tall * a), (xb, vanish[1] - tall * b),
            (xb, vanish[1] + foot * b), (xa, vanish[1] + foot * a),
        )  # fmt: skip
        lay(scene, front, corners)
