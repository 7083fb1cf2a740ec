"""What lies in a landscape's foreground: meadow, furrows or a road, sand, snow, water."""

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from triaged.demo.canvas import (
    Colour,
    Floats,
    Rng,
    below,
    between,
    chance,
    jitter,
    levels,
    mix,
    one,
    ridge,
    scaled,
    sky,
    texture,
    tint,
)
from triaged.demo.moods import Mood


def meadow(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Cover the foreground with grass: blades, and flowers on some."""
    _earth(rng, scene, horizon_px, mood.ground, roughness=0.8, stretch=2.0)
    draw = ImageDraw.Draw(scene)
    width, height = scene.size
    depth = (height - horizon_px) * rng.random(700) ** 0.6
    flower = one(rng, ((250, 246, 230), (230, 190, 40), (200, 50, 60), (150, 90, 180)))
    has_flowers = chance(rng, 0.4)
    for far in np.sort(depth).tolist():
        x, y = between(rng, 0, width), horizon_px + far
        length = 0.012 * height * (0.2 + 2.6 * far / (height - horizon_px))
        shade = mix(mood.ground[0], mood.leaves[2], rng.random())
        draw.line((x, y, x + rng.normal(0, length / 3), y - length), fill=shade, width=1)
        if has_flowers and chance(rng, 0.35):
            petal = mix(flower, mood.haze, 0.2)
            draw.ellipse((x - length / 8, y - length, x + length / 8, y - length * 0.8), petal)


def field_rows(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Cover the foreground with furrows or a road that run to a vanishing point."""
    _earth(rng, scene, horizon_px, mood.ground, roughness=1.0, stretch=2.5)
    width, height = scene.size
    draw = ImageDraw.Draw(scene, "RGBA")
    vanish = (width * between(rng, 0.2, 0.8), horizon_px)
    if chance(rng, 0.5):
        foot = width * between(rng, 0.2, 0.8)
        half = width * between(rng, 0.06, 0.16)
        road = mix(mood.ground[1], (140, 136, 130), 0.7)
        draw.polygon([vanish, (foot - half, height), (foot + half, height)], fill=(*road, 235))
        draw.line((*vanish, foot, height), fill=(*mood.cloud, 120), width=max(1, width // 300))
        return
    step = width * between(rng, 0.05, 0.12)
    for foot in np.arange(-1.5 * width, 2.5 * width, step).tolist():
        dark = (*scaled(mood.ground[0], 0.9), 130)
        draw.polygon([vanish, (foot, height), (foot + step * 0.4, height)], fill=dark)


def sand(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Cover the foreground with rippled sand; a strip of sea behind it on some."""
    if chance(rng, 0.6):
        shore_px = horizon_px + round((scene.height - horizon_px) * between(rng, 0.25, 0.5))
        water(rng, scene, horizon_px, mood)
        line = shore_px + scene.height * 0.012 * ridge(rng, scene.width, 1.9)
    else:
        line = horizon_px + scene.height * 0.02 * ridge(rng, scene.width, 2.0)
    shades = tuple(mix(shade, mood.haze, 0.35) for shade in mood.ground)
    if mood.sky[0][2] > 100:
        shades = tuple(mix(s, t, 0.7) for s, t in zip(shades, _SAND, strict=True))
    _earth(rng, scene, line, shades, roughness=1.2, stretch=3.0)


def snow(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Cover the foreground with drifts of snow."""
    line = horizon_px + scene.height * 0.015 * ridge(rng, scene.width, 2.0)
    _earth(rng, scene, line, mood.ground, roughness=1.9, stretch=1.6)


_SAND: tuple[Colour, ...] = ((140, 112, 78), (204, 178, 136), (240, 224, 190))


def _earth(
    rng: Rng,
    scene: Image.Image,
    line: Floats | int,
    shades: tuple[Colour, ...],
    roughness: float,
    stretch: float,
) -> None:
    """Fill the picture beneath `line` with textured ground, coarser towards the viewer."""
    width, height = scene.size
    heights = np.broadcast_to(np.asarray(line, dtype=np.float32), (width,))
    top = max(0, int(heights.min()))
    size = (width, max(4, height - top))
    fine = texture(rng, size, roughness, (stretch, 1.0), is_relief=True)
    broad = texture(rng, size, 1.9, (2.0 * stretch, 1.0))
    near = sky(size, (96, 96, 96), (138, 138, 138), (112, 112, 112)).getchannel(0)
    ground = ImageChops.add(Image.blend(fine, broad, 0.45), near, 1, -118)
    body = tint(ground, *(jitter(rng, shade, 8) for shade in shades))
    scene.paste(body, (0, top), below(heights - top, size))


def water(rng: Rng, scene: Image.Image, horizon_px: int, mood: Mood) -> None:
    """Fill the foreground with water that mirrors what stands above it."""
    width, height = scene.size
    size = (width, height - horizon_px)
    mirrored = scene.crop((0, max(0, horizon_px - size[1]), width, horizon_px))
    mirrored = mirrored.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((width // 4, size[1]))
    mirrored = mirrored.filter(ImageFilter.BoxBlur((5, 2))).resize(size)
    calm = between(rng, 0.45, 0.9)
    deep = mix(mood.sky[0], (16, 50, 66), 0.45)
    body = Image.blend(sky(size, mix(deep, mood.haze, 0.5), scaled(deep, 0.55)), mirrored, calm)
    near = texture(rng, size, 0.8, (6.0, 1.2), is_relief=True)
    far = texture(rng, size, 0.6, (5.0, 0.6), is_relief=True)
    ramp = sky(size, (255, 255, 255), (0, 0, 0)).getchannel(0)
    waves = Image.composite(far, near, ramp)
    strength = between(rng, 0.25, 0.75)
    waves = waves.point([round(128 + (level - 128) * strength) for level in range(256)])
    body = ImageChops.overlay(body, Image.merge("RGB", [waves] * 3))
    glints = levels(waves, 128 + 70 * strength, 128 + 115 * strength)
    body.paste(
        mirrored.point([min(255, round(v * 1.25 + 12)) for v in range(256)] * 3), mask=glints
    )
    scene.paste(body, (0, horizon_px))


GROUNDS = {
    "meadow": meadow,
    "field": field_rows,
    "sand": sand,
    "snow": snow,
    "water": water,
}
