"""What moves in a street: cars seen from behind, people on the pavements."""

import numpy as np
from PIL import Image, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Point,
    Rng,
    between,
    ellipse,
    jitter,
    mix,
    one,
    scaled,
    shadow,
    sky,
    stamp,
)
from triaged.demo.facades import Hour


def traffic(rng: Rng, scene: Image.Image, vanish: Point, hour: Hour) -> None:
    """Put cars on the road and people on the pavements, far ones first."""
    width, height = scene.size
    for near in np.sort(rng.uniform(0.08, 0.75, int(rng.integers(0, 6)))).tolist():
        side = one(rng, (-1, 1))
        foot = (vanish[0] + side * width * 0.26 * near, vanish[1] + height * 0.34 * near)
        _car(rng, scene, foot, width * 0.2 * near, hour)
    for near in np.sort(rng.uniform(0.1, 0.7, int(rng.integers(2, 12)))).tolist():
        side = one(rng, (-1, 1))
        x = vanish[0] + side * width * between(rng, 0.38, 0.52) * near
        _walker(rng, scene, (x, vanish[1] + height * 0.34 * near), height * 0.26 * near, hour)


def _car(rng: Rng, scene: Image.Image, foot: Point, wide: float, hour: Hour) -> None:
    """Draw a car from behind, standing on `foot`."""
    paint = scaled(jitter(rng, one(rng, _CARS), 20), 0.25 + 0.75 * hour.sun)
    x, y = foot
    half, tall = wide / 2, wide * 0.72
    shadow(scene, ellipse((x, y), (half * 1.15, wide * 0.09)), max(2, wide * 0.05), 0.7)
    flank = [(1.0, 0.1), (1.0, 0.5), (0.72, 1.0)]  # right side, from below
    right = [(x + half * u, y - tall * v) for u, v in flank]
    left = [(x - half * u, y - tall * v) for u, v in flank]
    body = right + left[::-1]
    shape = sky((64, 64), mix(paint, (255, 255, 255), 0.35), paint, scaled(paint, 0.5))
    stamp(scene, body, shape)
    draw = ImageDraw.Draw(scene)
    glass = mix(scaled(hour.sky[1], 0.5), (20, 24, 28), 0.5)
    corners = ((-0.78, 0.54), (-0.62, 0.92), (0.62, 0.92), (0.78, 0.54))
    pane = [(x + half * u, y - tall * v) for u, v in corners]
    draw.polygon(pane, fill=glass)
    for side in (-1, 1):
        wheel = x + side * half * 0.72
        draw.rectangle((wheel - half * 0.16, y - tall * 0.16, wheel + half * 0.16, y), (16, 16, 18))
        lamp = ellipse((x + side * half * 0.82, y - tall * 0.4), (half * 0.12, tall * 0.06))
        draw.polygon(lamp, fill=(236, 60, 44) if hour.lamps > 0.1 else (150, 30, 28))


_CARS: tuple[Colour, ...] = (
    (40, 42, 46),
    (196, 198, 202),
    (150, 30, 34),
    (40, 70, 120),
    (224, 222, 214),
)


def _walker(rng: Rng, scene: Image.Image, foot: Point, tall: float, hour: Hour) -> None:
    """Draw a person on the pavement, seen from afar."""
    draw = ImageDraw.Draw(scene)
    x, y = foot
    coat = scaled(jitter(rng, (90, 80, 90), 70), 0.2 + 0.8 * hour.sun)
    step = tall * between(rng, 0.04, 0.12)
    legs = scaled((44, 46, 58), hour.sun)
    for side in (-1, 1):
        draw.line(
            (x, y - tall * 0.48, x + side * step, y), fill=legs, width=max(1, int(tall * 0.08))
        )
    draw.polygon(ellipse((x, y - tall * 0.66), (tall * 0.12, tall * 0.22)), fill=coat)
    head = ellipse((x, y - tall * 0.93), (tall * 0.06, tall * 0.075), points=16)
    draw.polygon(head, fill=scaled((196, 150, 124), 0.2 + 0.8 * hour.sun))
