"""What lies on a plate: pasta, salad, pizza, soup, cake, breakfast, berries."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Point,
    Rng,
    between,
    blob,
    ellipse,
    field,
    grid,
    jitter,
    mix,
    one,
    scaled,
    shadow,
    stamp,
    texture,
    tint,
)


@dataclass(frozen=True, slots=True)
class Plate:
    """Where a dish stands: centre and half width in pixels, and its tilt (0..1)."""

    x: float
    y: float
    radius_px: float
    tilt: float

    def ring(self, share: float, lift: float = 0.0) -> list[Point]:
        """Return the ellipse at `share` of the radius, raised by `lift` radii."""
        centre = (self.x, self.y - lift * self.radius_px)
        return ellipse(centre, (self.radius_px * share, self.radius_px * share * self.tilt))

    def spot(self, rng: Rng, share: float) -> Point:
        """Return a random place within `share` of the radius."""
        far, angle = share * self.radius_px * rng.random() ** 0.5, between(rng, 0, 6.3)
        return self.x + far * np.cos(angle), self.y + far * self.tilt * np.sin(angle)


def _lump(rng: Rng, scene: Image.Image, spot: Point, radius_px: float, base: Colour) -> None:
    """Draw one rounded piece of food, lit from above, with its contact shadow."""
    outline = blob(rng, spot, radius_px, 0.3)
    dark = [(x + radius_px * 0.15, y + radius_px * 0.22) for x, y in outline]
    ImageDraw.Draw(scene, "RGBA").polygon(dark, fill=(20, 12, 6, 120))
    size = (max(6, int(radius_px * 2.4)),) * 2
    x, y = grid(size, 24)
    u, v = x / size[0] * 2 - 1, y / size[1] * 2 - 1
    lit = 0.62 - 0.3 * v - 0.12 * u - 0.25 * (u**2 + v**2)
    skin = Image.blend(field(lit, size), texture(rng, size, 0.9), 0.3)
    stamp(scene, outline, tint(skin, scaled(base, 0.3), base, mix(base, (255, 250, 235), 0.65)))


def _pasta(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    base = jitter(rng, (226, 182, 96), 12)
    draw = ImageDraw.Draw(scene)
    stamp(scene, blob(rng, (plate.x, plate.y), plate.radius_px * 0.6, 0.12), scaled(base, 0.5))
    width = max(2, int(plate.radius_px * 0.035))
    for share in np.linspace(0, 1, 80).tolist():
        turns = np.linspace(0, between(rng, 1.5, 5), 26) + between(rng, 0, 6.3)
        far = plate.radius_px * (0.6 - 0.35 * share) * (0.6 + 0.4 * rng.random())
        off = plate.spot(rng, 0.16)
        line = list(
            zip(
                (off[0] + far * np.cos(turns)).tolist(),
                (
                    off[1] - share * plate.radius_px * 0.1 + far * plate.tilt * np.sin(turns)
                ).tolist(),
                strict=True,
            )
        )
        shade = scaled(base, between(rng, 0.72, 1.15))
        draw.line(line, fill=scaled(shade, 0.55), width=width + 2)
        draw.line(line, fill=shade, width=width)
    sauce = jitter(rng, one(rng, ((170, 40, 22), (150, 60, 30), (70, 110, 40))), 12)
    for _ in range(40):
        _lump(rng, scene, plate.spot(rng, 0.36), plate.radius_px * between(rng, 0.03, 0.09), sauce)
    _herbs(rng, scene, plate, 0.5, 14)


def _salad(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    for share in np.linspace(0, 1, 110).tolist():
        green = jitter(
            rng, one(rng, ((70, 120, 40), (110, 160, 60), (46, 84, 34), (120, 50, 70))), 14
        )
        spot = plate.spot(rng, 0.74 - 0.4 * share)
        leaf = blob(rng, spot, plate.radius_px * between(rng, 0.07, 0.17), 0.7)
        stamp(scene, [(x + 3, y + 4) for x, y in leaf], scaled(green, 0.35))
        veins = texture(rng, (60, 60), 1.0, is_relief=True)
        stamp(scene, leaf, tint(veins, scaled(green, 0.6), green, mix(green, (230, 240, 170), 0.5)))
    for _ in range(int(rng.integers(5, 16))):
        piece = one(rng, ((206, 44, 34), (236, 226, 190), (230, 150, 50), (90, 50, 90)))
        _lump(rng, scene, plate.spot(rng, 0.55), plate.radius_px * between(rng, 0.06, 0.12), piece)


def _pizza(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    crust = jitter(rng, (206, 148, 82), 12)
    dough = texture(rng, (500, 500), 1.2)
    stamp(scene, plate.ring(0.93, 0.02), tint(dough, scaled(crust, 0.5), crust, scaled(crust, 1.2)))
    stamp(scene, plate.ring(0.82, 0.02), (164, 52, 26))
    cheese = tint(texture(rng, (500, 500), 1.5), (176, 66, 30), (240, 196, 104), (252, 230, 168))
    stamp(scene, plate.ring(0.79, 0.02), cheese)
    topping = one(rng, ((168, 40, 32), (60, 50, 46), (200, 60, 40), (236, 220, 190)))
    for _ in range(int(rng.integers(9, 20))):
        _lump(rng, scene, plate.spot(rng, 0.68), plate.radius_px * 0.1, jitter(rng, topping, 16))
    _herbs(rng, scene, plate, 0.7, 20)
    draw = ImageDraw.Draw(scene)
    for angle in (np.arange(4) * np.pi / 4 + between(rng, 0, 1)).tolist():
        dx, dy = (
            plate.radius_px * 0.9 * np.cos(angle),
            plate.radius_px * 0.9 * plate.tilt * np.sin(angle),
        )
        draw.line(
            (plate.x - dx, plate.y - dy, plate.x + dx, plate.y + dy), fill=(110, 60, 26), width=2
        )


def _soup(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    broth = jitter(
        rng, one(rng, ((206, 110, 30), (180, 140, 60), (150, 40, 30), (110, 130, 60))), 14
    )
    stamp(scene, plate.ring(0.86), (228, 224, 216))
    surface = texture(rng, (400, 400), 1.7)
    stamp(scene, plate.ring(0.8), tint(surface, scaled(broth, 0.75), broth, scaled(broth, 1.2)))
    swirl = np.linspace(0, 11, 90)
    far = plate.radius_px * 0.045 * swirl
    line = list(
        zip(
            (plate.x + far * np.cos(swirl)).tolist(),
            (plate.y + far * plate.tilt * np.sin(swirl)).tolist(),
            strict=True,
        )
    )
    ImageDraw.Draw(scene).line(
        line, fill=(244, 236, 214), width=max(2, int(plate.radius_px * 0.025))
    )
    for _ in range(int(rng.integers(3, 12))):
        _lump(
            rng,
            scene,
            plate.spot(rng, 0.6),
            plate.radius_px * 0.09,
            jitter(rng, (214, 160, 80), 30),
        )
    _herbs(rng, scene, plate, 0.6, 26)


def _cake(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    base = jitter(rng, one(rng, ((92, 52, 30), (226, 190, 130), (170, 60, 60))), 12)
    cream = jitter(rng, (246, 234, 214), 6)
    r = plate.radius_px
    tip, left, right = (
        (plate.x - r * 0.55, plate.y + r * 0.1),
        (plate.x + r * 0.4, plate.y - r * 0.4),
        (plate.x + r * 0.5, plate.y + r * 0.28),
    )
    tall = r * between(rng, 0.3, 0.45)
    shadow(scene, [tip, right, (right[0] + r * 0.15, right[1] + r * 0.1)], r * 0.06, 0.6)
    crumb = texture(rng, (300, 200), 0.7)
    for layer in range(4):
        low, high = tall * (layer / 4), tall * ((layer + 0.78) / 4)
        flank = [
            (tip[0], tip[1] - low),
            (right[0], right[1] - low),
            (right[0], right[1] - high),
            (tip[0], tip[1] - high),
        ]
        stamp(scene, [(x, y - tall * 0.06) for x, y in flank], scaled(cream, 0.85))
        stamp(scene, flank, tint(crumb, scaled(base, 0.5), base, scaled(base, 1.3)))
    top = [(x, y - tall) for x, y in (tip, right, left)]
    icing = tint(texture(rng, (300, 200), 1.6, is_relief=True), scaled(cream, 0.8), cream)
    stamp(scene, top, icing)
    for _ in range(6):
        spot = (
            plate.x + r * between(rng, 0.0, 0.35),
            plate.y - tall + r * between(rng, -0.22, 0.08),
        )
        _lump(rng, scene, spot, r * 0.1, jitter(rng, one(rng, ((176, 24, 40), (50, 50, 96))), 12))


def _breakfast(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    r = plate.radius_px
    for side in (-0.3, 0.22):
        spot = (plate.x + side * r, plate.y - 0.2 * r)
        stamp(scene, blob(rng, spot, r * 0.32, 0.35), (246, 242, 232))
        _lump(rng, scene, spot, r * 0.12, (244, 176, 40))
    for number in range(3):
        y = plate.y + r * (0.2 + 0.13 * number) * plate.tilt
        wave = [
            (plate.x - r * 0.5 + r * t, y + r * 0.03 * np.sin(14 * t + number))
            for t in np.linspace(0, 1, 20).tolist()
        ]
        ImageDraw.Draw(scene).line(wave, fill=(130, 46, 34), width=int(r * 0.09), joint="curve")
        ImageDraw.Draw(scene).line(wave, fill=(214, 150, 120), width=int(r * 0.03), joint="curve")
    for _ in range(7):
        spot = (plate.x + r * between(rng, 0.35, 0.6), plate.y + r * between(rng, 0.0, 0.3))
        _lump(rng, scene, spot, r * 0.09, jitter(rng, (190, 50, 36), 16))
    _herbs(rng, scene, plate, 0.5, 10)


def _berries(rng: Rng, scene: Image.Image, plate: Plate) -> None:
    stamp(scene, plate.ring(0.72), (240, 234, 224))
    for share in np.linspace(0, 1, 60).tolist():
        berry = one(rng, ((176, 20, 44), (44, 46, 92), (206, 60, 70), (90, 20, 60), (236, 170, 60)))
        size_px = plate.radius_px * between(rng, 0.08, 0.13)
        _lump(rng, scene, plate.spot(rng, 0.68 - 0.3 * share), size_px, jitter(rng, berry, 12))
    _herbs(rng, scene, plate, 0.4, 6)


def _herbs(rng: Rng, scene: Image.Image, plate: Plate, share: float, count: int) -> None:
    """Strew small leaves over the dish."""
    for _ in range(count):
        green = jitter(rng, (64, 120, 40), 18)
        size_px = plate.radius_px * between(rng, 0.015, 0.05)
        stamp(scene, blob(rng, plate.spot(rng, share), size_px, 0.8), green)


_Dish = Callable[[Rng, Image.Image, Plate], None]


DISHES: tuple[_Dish, ...] = (_pasta, _salad, _pizza, _soup, _cake, _breakfast, _berries)
