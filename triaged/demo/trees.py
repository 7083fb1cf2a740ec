"""How trees are drawn: broad crowns of leaf clumps, or conifers in tiers of boughs."""

import numpy as np
from PIL import Image, ImageDraw

from triaged.demo.canvas import Colour, Rng, between, blob, chance, ellipse, mix, scaled, shadow
from triaged.demo.moods import Mood


def trees(
    rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood, *, has_near_ones: bool
) -> None:
    """Plant a far wood along the horizon, a few near trees, or both."""
    width, height = scene.size
    is_conifer = chance(rng, 0.5)
    if chance(rng, 0.6):
        start, end = sorted(rng.uniform(-0.2, 1.2, 2))
        for x in rng.uniform(start * width, end * width, int(60 * (end - start))).tolist():
            tall = height * between(rng, 0.02, 0.06)
            foot = horizon_px + height * between(rng, 0.0, 0.012)
            _tree(rng, scene, (x, foot), tall, mood, is_conifer, haze=0.3)
    count = int(rng.integers(0, 4)) if has_near_ones else 0
    for far in sorted(between(rng, 0.1, 0.8) for _ in range(count)):
        foot = horizon_px + (height - horizon_px) * far
        tall = height * (0.12 + 0.5 * far) * between(rng, 0.7, 1.2)
        x = between(rng, 0, width)
        shadow(scene, ellipse((x, foot), (tall * 0.24, tall * 0.03)), tall * 0.03, 0.5)
        _tree(rng, scene, (x, foot), tall, mood, is_conifer, haze=0.0)


def _tree(
    rng: Rng,
    scene: Image.Image,
    foot: tuple[float, float],
    tall_px: float,
    mood: Mood,
    is_conifer: bool,
    haze: float,
) -> None:
    """Draw one tree that stands at `foot`."""
    draw = ImageDraw.Draw(scene)
    x, y = foot
    shades = [mix(shade, mood.haze, haze) for shade in mood.leaves]
    trunk = mix(scaled(mood.ground[0], 0.7), mood.haze, haze)
    draw.rectangle((x - tall_px * 0.02, y - tall_px * 0.5, x + tall_px * 0.02, y), trunk)
    if is_conifer:
        _boughs(rng, draw, foot, tall_px, shades)
        return
    clumps = max(8, min(90, int(tall_px / 3)))
    for share in np.linspace(0, 1, clumps).tolist():
        angle, far = between(rng, 0, 6.3), rng.random() ** 0.5
        cx = x + tall_px * 0.3 * far * np.cos(angle)
        cy = y - tall_px * (0.66 - 0.06 * share) + tall_px * 0.28 * far * np.sin(angle)
        lit = 0.7 * share + 0.25 * (y - tall_px * 0.5 - cy) / tall_px + rng.normal(0, 0.12)
        shade = mix(shades[0], shades[2], min(1.0, max(0.0, lit)))
        draw.polygon(blob(rng, (cx, cy), tall_px * between(rng, 0.03, 0.09), 0.5), fill=shade)


def _boughs(
    rng: Rng,
    draw: ImageDraw.ImageDraw,
    foot: tuple[float, float],
    tall_px: float,
    shades: list[Colour],
) -> None:
    """Draw the layered branches of a conifer, darker on the right."""
    x, y = foot
    tiers = max(4, min(16, int(tall_px / 12)))
    for tier in range(tiers, 0, -1):
        half = tall_px * 0.2 * tier / tiers * between(rng, 0.8, 1.15)
        top = y - tall_px + tall_px * 0.85 * (tier - 1) / tiers
        low = top + tall_px * 1.5 / tiers
        shade = mix(shades[0], shades[1], rng.random())
        draw.polygon([(x, top), (x - half, low), (x + half, low)], fill=shade)
        draw.polygon([(x, top), (x + half * 0.2, low), (x + half, low)], fill=shades[0])
