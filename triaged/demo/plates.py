"""How a meal is drawn: a table top, a plate, what lies on it, a glass or cutlery beside it."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Point,
    Rng,
    between,
    chance,
    ellipse,
    field,
    frame,
    grid,
    jitter,
    mix,
    one,
    scaled,
    shadow,
    shoot,
    stamp,
    texture,
    tint,
)
from triaged.demo.dishes import DISHES, Plate
from triaged.demo.tables import CLOTHS, table

_DRINKS: tuple[Colour, ...] = ((120, 20, 36), (214, 160, 60), (90, 54, 30), (206, 226, 232))


def food(rng: Rng, long_side_px: int) -> Image.Image:
    """Return one picture of a meal."""
    size = frame(rng, long_side_px, upright=0.4)
    scene = table(rng, size)
    tilt = between(rng, 0.6, 1.0)
    radius_px = min(size) * between(rng, 0.33, 0.5)
    x, y = size[0] * between(rng, 0.42, 0.58), size[1] * between(rng, 0.45, 0.6)
    _beside(rng, scene, Plate(x, y, radius_px, tilt))
    plate = Plate(x, y, radius_px, tilt)
    _china(rng, scene, plate)
    one(rng, DISHES)(rng, scene, plate)
    return shoot(rng, _lit(rng, scene, plate), noise=2.4)


def _china(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    """Draw the plate with its rim and the shadow beneath."""
    glaze = jitter(
        rng, one(rng, ((240, 238, 232), (236, 232, 220), (60, 66, 76), (190, 204, 206))), 8
    )
    low = [(x + plate.radius_px * 0.05, y + plate.radius_px * 0.09) for x, y in plate.ring(1.02)]
    shadow(scene, low, plate.radius_px * 0.09, 0.62)
    stamp(scene, plate.ring(1.0), scaled(glaze, 0.72))
    stamp(scene, plate.ring(0.99, 0.012), glaze)
    size = (int(plate.radius_px * 1.5), int(plate.radius_px * 1.5 * plate.tilt) + 2)
    x, y = grid(size, 48)
    well = field(0.62 + 0.3 * (x / size[0] + y / size[1]) / 2, size)
    stamp(scene, plate.ring(0.74, -0.01), tint(well, (0, 0, 0), glaze, (255, 255, 255)))
    draw = ImageDraw.Draw(scene)
    if chance(rng, 0.3):
        line = plate.ring(0.95, 0.012)
        draw.line(
            [*line, line[0]],
            fill=jitter(rng, (60, 80, 130), 50),
            width=max(2, int(plate.radius_px / 60)),
        )


def _lit(rng: Rng, scene: Image.Image, plate: Plate) -> Image.Image:
    """Return the scene under a window from one side, cool or warm."""
    x, y = grid(scene.size, 64)
    angle = between(rng, 0, 6.3)
    slope = (x - plate.x) * np.cos(angle) + (y - plate.y) * np.sin(angle)
    lit = field(0.93 + 0.3 * slope / max(scene.size), scene.size)
    warm = one(rng, ((255, 244, 226), (255, 255, 255), (255, 226, 184), (240, 246, 255)))
    return ImageChops.multiply(scene, tint(lit, (0, 0, 0), warm))


def _beside(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    """Lay a napkin and a knife, or stand a glass, beside the plate."""
    if chance(rng, 0.35):
        _napkin(rng, scene, plate)
    side = one(rng, (-1, 1))
    if chance(rng, 0.7):
        x = plate.x + side * plate.radius_px * between(rng, 1.12, 1.25)
        _knife(scene, (x, plate.y), plate.radius_px)
    if chance(rng, 0.5):
        x = plate.x - side * plate.radius_px * 1.15
        y = plate.y - plate.radius_px * 0.95 * plate.tilt
        _glass(rng, scene, Plate(x, y, plate.radius_px * 0.3, plate.tilt))


def _napkin(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    x, y, radius = plate.x - plate.radius_px * 1.3, plate.y, plate.radius_px
    corners = ((-0.5, -0.7), (0.5, -0.6), (0.45, 0.9), (-0.55, 0.8))
    cloth = [(x + radius * u, y + radius * v) for u, v in corners]
    shadow(scene, cloth, radius * 0.05, 0.4)
    base = jitter(rng, one(rng, CLOTHS), 20)
    folds = texture(rng, (300, 300), 1.7, is_relief=True)
    stamp(scene, cloth, tint(folds, scaled(base, 0.6), base, mix(base, (255, 255, 255), 0.3)))


def _knife(scene: Image.Image, centre: Point, radius_px: float) -> None:
    draw = ImageDraw.Draw(scene)
    x, y = centre
    left, right, top, low = x - 4, x + 8, y - radius_px * 0.6, y + radius_px * 0.7
    under = [(left, top), (right, top), (right, low), (left, low)]
    shadow(scene, under, radius_px * 0.03, 0.5)
    grip = (x - radius_px * 0.025, y - radius_px * 0.1, x + radius_px * 0.025, low)
    draw.rounded_rectangle(grip, radius_px * 0.02, (196, 198, 202))
    blade = ellipse((x, y - radius_px * 0.35), (radius_px * 0.075, radius_px * 0.26))
    draw.polygon(blade, fill=(222, 224, 228))


def _glass(rng: Rng, scene: Image.Image, rim: Plate) -> None:
    shadow(scene, rim.ring(1.1, -0.1), rim.radius_px * 0.2, 0.5)
    drink = jitter(rng, one(rng, _DRINKS), 14)
    stamp(scene, rim.ring(1.0), (224, 230, 232))
    stamp(scene, rim.ring(0.9), drink)
    stamp(scene, rim.ring(0.5, 0.2), mix(drink, (255, 255, 255), 0.18))
