"""How a landscape is drawn, back to front: sky, sun, clouds, ridges in haze, a ground, trees."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from triaged.demo.canvas import (
    Floats,
    Rng,
    below,
    between,
    chance,
    ellipse,
    frame,
    glow,
    jitter,
    levels,
    mix,
    one,
    ridge,
    scaled,
    shoot,
    sky,
    texture,
    tint,
)
from triaged.demo.grounds import GROUNDS
from triaged.demo.moods import MOODS, Mood
from triaged.demo.trees import trees


def landscape(rng: Rng, long_side_px: int) -> Image.Image:
    """Return one landscape of a random mood."""
    size = frame(rng, long_side_px, upright=0.25)
    mood = MOODS[one(rng, tuple(MOODS))]
    horizon_px = round(size[1] * between(rng, 0.42, 0.68))
    ground = one(rng, mood.grounds)
    scene = _heavens(rng, size, horizon_px, mood)
    hills = int(rng.integers(0 if ground in ("water", "sand") else 1, 5))
    for depth in range(hills):
        _hill(rng, scene, horizon_px, mood, nearness=(depth + 1) / (hills + 1))
    GROUNDS[ground](rng, scene, horizon_px, mood)
    trees(rng, scene, horizon_px, mood, has_near_ones=ground != "water")
    return shoot(rng, scene, noise=2.2)


def _heavens(rng: Rng, size: tuple[int, int], horizon_px: int, mood: Mood) -> Image.Image:
    """Return the sky over the whole picture, its clouds and its sun."""
    shades = tuple(jitter(rng, shade, 14) for shade in mood.sky)
    scene = Image.new("RGB", size, shades[-1])
    scene.paste(sky((size[0], horizon_px), *shades), (0, 0))
    if chance(rng, mood.sun_is_in_frame):
        _sun(rng, scene, horizon_px, mood)
    if chance(rng, 0.75):
        _clouds(rng, scene, horizon_px, mood)
    return scene


def _sun(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Draw the sun or moon with its halo, somewhere above the horizon."""
    width = scene.width
    centre = (width * between(rng, 0.15, 0.85), horizon_px * between(rng, 0.35, 0.95))
    radius_px = width * between(rng, 0.012, 0.035)
    glow(scene, centre, radius_px * 5, mood.sun)
    disc = ellipse(centre, (radius_px, radius_px))
    ImageDraw.Draw(scene).polygon(disc, fill=mix(mood.sun, (255, 255, 255), 0.6))


def _clouds(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Lay clouds over the sky, flatter towards the horizon, with shaded undersides."""
    size = (scene.width, horizon_px)
    small = (size[0] // 2, size[1] // 2)
    zoom = between(rng, 0.5, 1.4)
    cover = between(rng, 95, 175)
    drop = max(1, small[1] // 24)
    tall = (small[0], small[1] + drop)
    both = texture(rng, tall, one(rng, (1.5, 1.9)), (zoom * between(rng, 1.0, 2.6), zoom))
    puff = both.crop((0, drop, *tall))
    mask = levels(puff, cover, cover + between(rng, 45, 110))
    under = both.crop((0, 0, *small))
    body = tint(
        ImageChops.subtract(puff, under, 1, 150),
        scaled(mood.cloud, 0.72),
        mood.cloud,
        mix(mood.cloud, (255, 255, 255), 0.5),
    )
    scene.paste(body.resize(size), (0, 0), mask.resize(size))


def _hill(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood, nearness: float) -> None:
    """Draw one ridge; `nearness` 0..1 lowers it and takes away the haze."""
    width, height = scene.size
    is_mountain = nearness < 0.55 and chance(rng, 0.6)
    rise = height * (0.13 if is_mountain else 0.05) * between(rng, 0.6, 1.5)
    crest = horizon_px - rise * (1.3 - nearness) * 1.4
    line = crest - rise * 0.5 * ridge(rng, width, 1.25 if is_mountain else 1.9)
    line = np.clip(line, height * 0.06, horizon_px + height * 0.05)
    top = int(line.min())
    size = (width, max(4, min(height, horizon_px + round(height * 0.12)) - top))
    body = _slope(rng, size, mood, is_mountain, line - top)
    haze = jitter(rng, mood.haze, 8)
    body = Image.blend(body, Image.new("RGB", size, haze), 0.82 * (1 - nearness) ** 1.2)
    scene.paste(body, (0, top), below(line - top, size))


def _slope(
    rng: Rng, size: tuple[int, int], mood: Mood, is_mountain: bool, line: Floats
) -> Image.Image:
    """Return the surface of a ridge: lit rock, with snow up high on some, or wooded hills."""
    if not is_mountain:
        woods = texture(rng, size, 0.8, (1.0, 0.8), is_relief=chance(rng, 0.5))
        return tint(woods, *(jitter(rng, c, 8) for c in mood.leaves))
    relief = texture(rng, size, 1.5, (1.3, 1.6), is_relief=True)
    rock = mix(mood.ground[1], (110, 106, 108), 0.6)
    body = tint(relief, scaled(rock, 0.35), rock, mix(rock, mood.sun, 0.45))
    if chance(rng, 0.55):
        snow = tint(relief, mix(mood.haze, (120, 140, 180), 0.4), mood.cloud, mood.sun)
        reach = between(rng, 0.2, 0.7) * size[1]
        edge = Image.fromarray(
            np.clip(255 - 255 * np.arange(size[1]) / reach, 0, 255).astype(np.uint8)[:, None]
        )
        patch = texture(rng, size, 1.0, (1.0, 1.6), is_relief=True)
        height = edge.resize(size, Image.Resampling.NEAREST)
        body.paste(snow, (0, 0), levels(ImageChops.add(height, patch, 2), 105, 140))
    return body
