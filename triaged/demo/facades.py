"""The light over a town, and house fronts drawn flat and then laid into perspective.

The perspective transform's eight coefficients follow from the four corners.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Point,
    Rng,
    between,
    chance,
    jitter,
    levels,
    light,
    mix,
    one,
    scaled,
    sky,
    texture,
    tint,
)


@dataclass(frozen=True, slots=True)
class Hour:
    """The light over a town; `lamps` is the share of windows that are lit."""

    sky: tuple[Colour, ...]
    sun: float
    lamps: float


HOURS: tuple[Hour, ...] = (
    Hour(((70, 124, 196), (150, 190, 226), (214, 226, 236)), 1.0, 0.02),
    Hour(((70, 124, 196), (150, 190, 226), (214, 226, 236)), 0.95, 0.02),
    Hour(((168, 174, 180), (206, 208, 210), (220, 220, 220)), 0.85, 0.06),
    Hour(((90, 110, 160), (226, 176, 140), (250, 206, 150)), 0.8, 0.12),
    Hour(((26, 34, 74), (80, 76, 124), (206, 130, 110)), 0.42, 0.4),
    Hour(((8, 10, 24), (18, 22, 46), (52, 44, 62)), 0.32, 0.5),
)


WALLS: tuple[Colour, ...] = (
    (196, 176, 148),
    (176, 92, 70),
    (214, 206, 192),
    (150, 152, 156),
    (222, 190, 128),
    (130, 104, 88),
    (170, 190, 196),
    (206, 150, 132),
)


LAMP: Colour = (255, 206, 126)


def heavens(rng: Rng, size: tuple[int, int], hour: Hour) -> Image.Image:
    """Return the sky of `hour`, with clouds on some."""
    scene = sky(size, *(jitter(rng, shade, 12) for shade in hour.sky))
    if chance(rng, 0.6):
        small = (size[0] // 4, size[1] // 4)
        clouds = levels(texture(rng, small, 1.7, (1.2, 0.5)), 120, 230)
        light(scene, clouds.resize(size), mix(hour.sky[-1], (255, 255, 255), 0.4 * hour.sun), 0.7)
    return scene


def facade(rng: Rng, columns: int, rows: int, cell_px: int, hour: Hour) -> Image.Image:
    """Return one house front of `columns` by `rows` windows above a ground floor."""
    wall = scaled(jitter(rng, one(rng, WALLS), 14), hour.sun)
    size = (columns * cell_px, rows * cell_px)
    plaster = texture(rng, size, 1.1, (1.0, 1.4))
    front = tint(plaster, scaled(wall, 0.72), wall, scaled(wall, 1.14))
    draw = ImageDraw.Draw(front)
    inset, tall = between(rng, 0.14, 0.3) * cell_px, between(rng, 0.55, 0.8) * cell_px
    has_band = chance(rng, 0.5)
    glass = mix(scaled(hour.sky[1], 0.45), (30, 34, 40), 0.5)
    for row in range(rows):
        y = row * cell_px
        if has_band:
            draw.line((0, y, size[0], y), fill=scaled(wall, 0.6), width=max(1, cell_px // 12))
        for column in range(columns):
            x = column * cell_px
            is_lit = chance(rng, hour.lamps)
            pane = jitter(rng, LAMP, 30) if is_lit else scaled(glass, between(rng, 0.6, 1.5))
            box = (x + inset, y + cell_px * 0.14, x + cell_px - inset, y + cell_px * 0.14 + tall)
            edge = mix(wall, (255, 255, 255), 0.35 * hour.sun)
            draw.rectangle(box, fill=pane, outline=edge, width=max(1, cell_px // 14))
            middle = x + cell_px / 2
            draw.line((middle, box[1], middle, box[3]), fill=edge, width=max(1, cell_px // 20))
            draw.line((box[0] - 2, box[3], box[2] + 2, box[3]), fill=scaled(wall, 0.5), width=2)
    _shops(rng, draw, size, cell_px, hour)
    return front


def _shops(
    rng: Rng, draw: ImageDraw.ImageDraw, size: tuple[int, int], cell_px: int, hour: Hour
) -> None:
    """Draw a ground floor of shop windows, awnings and doors."""
    width, height = size
    top = height - round(cell_px * 1.1)
    draw.rectangle((0, top, width, height), fill=scaled(jitter(rng, (90, 80, 74), 20), hour.sun))
    x = 0.1 * cell_px
    while x < width - cell_px:
        wide = cell_px * between(rng, 0.6, 1.7)
        is_lit = chance(rng, max(0.3, hour.lamps))
        pane = jitter(rng, LAMP, 30) if is_lit else (34, 38, 44)
        draw.rectangle((x, top + cell_px * 0.35, x + wide, height - cell_px * 0.05), fill=pane)
        if chance(rng, 0.5):
            awning = scaled(jitter(rng, (170, 60, 50), 70), hour.sun)
            draw.rectangle(
                (x - 3, top + cell_px * 0.15, x + wide + 3, top + cell_px * 0.42), awning
            )
        x += wide + cell_px * 0.25


def lay(scene: Image.Image, flat: Image.Image, corners: tuple[Point, Point, Point, Point]) -> None:
    """Lay `flat` into the quadrangle of top left, top right, bottom right, bottom left."""
    xs, ys = [c[0] for c in corners], [c[1] for c in corners]
    left, top = int(max(0, min(xs))), int(max(0, min(ys)))
    right, low = int(min(scene.width, max(xs))) + 1, int(min(scene.height, max(ys))) + 1
    if right - left < 2 or low - top < 2:
        return
    width, height = flat.size
    source = ((0, 0), (width, 0), (width, height), (0, height))
    rows, goal = [], []
    for (u, v), (x, y) in zip(source, corners, strict=True):
        x, y = x - left, y - top
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        goal += [u, v]
    numbers = np.linalg.solve(
        np.asarray(rows, dtype=np.float64), np.asarray(goal, dtype=np.float64)
    )
    size = (right - left, low - top)
    laid = flat.transform(
        size, Image.Transform.PERSPECTIVE, numbers.tolist(), Image.Resampling.BILINEAR
    )
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in corners], fill=255)
    scene.paste(laid, (left, top), mask)
