"""How a flower is drawn: one petal, turned round a centre, before leaves out of focus.

daisy      many narrow petals, a dark or yellow disc
rose       wide petals in shrinking whorls
blossom    five round petals, often a spray of several
tulip      a closed cup on a stem
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Point,
    Rng,
    between,
    blob,
    chance,
    ellipse,
    field,
    frame,
    grid,
    jitter,
    mix,
    one,
    scaled,
    shoot,
    soft,
    stamp,
    texture,
    tint,
)

_PETALS: tuple[Colour, ...] = (
    (246, 242, 236), (240, 190, 40), (206, 40, 56), (232, 130, 160), (150, 90, 190),
    (240, 130, 50), (110, 130, 214), (190, 30, 110),
)  # fmt: skip
_LEAVES: tuple[tuple[Colour, ...], ...] = (
    ((10, 26, 10), (48, 88, 32), (150, 180, 84)),
    ((20, 34, 22), (80, 110, 70), (190, 206, 150)),
    ((40, 36, 16), (120, 104, 52), (214, 196, 130)),
    ((14, 20, 26), (50, 66, 74), (130, 150, 150)),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a flower grows: whorls of `petals`, each `wide` for its length, around a disc."""

    petals: int
    whorls: int
    wide: float
    disc: float
    disc_shade: Colour


_KINDS: tuple[Kind, ...] = (
    Kind(18, 1, 0.2, 0.26, (214, 160, 30)),
    Kind(24, 2, 0.17, 0.34, (70, 44, 22)),
    Kind(7, 5, 0.8, 0.08, (120, 30, 40)),
    Kind(5, 1, 0.78, 0.13, (236, 206, 90)),
    Kind(6, 2, 0.42, 0.1, (230, 190, 60)),
)


def flower(rng: Rng, long_side_px: int) -> Image.Image:
    """Return one picture of flowers."""
    size = frame(rng, long_side_px, upright=0.45)
    scene = _leaves_behind(rng, size)
    kind, colour = one(rng, _KINDS), jitter(rng, one(rng, _PETALS), 16)
    count = one(rng, (1, 1, 2, 3, 5))
    radius_px = min(size) * between(rng, 0.28, 0.46) / count**0.5
    for number in range(count):
        x = size[0] * ((number + 0.5) / count + between(rng, -0.08, 0.08))
        centre = (x, size[1] * between(rng, 0.3, 0.6))
        _stem(rng, scene, centre, radius_px)
        _bloom(rng, scene, centre, radius_px * between(rng, 0.8, 1.1), kind, colour)
    return shoot(rng, scene, noise=2.4)


def _leaves_behind(rng: Rng, size: tuple[int, int]) -> Image.Image:
    """Return foliage out of focus, some of it with spots of other blossoms."""
    shades = tuple(jitter(rng, shade, 14) for shade in one(rng, _LEAVES))
    small = (size[0] // 4, size[1] // 4)
    scene = tint(texture(rng, small, 1.5, (0.8, 0.8)), *shades)
    draw = ImageDraw.Draw(scene, "RGBA")
    for _ in range(int(rng.integers(6, 30))):
        spot = (between(rng, 0, small[0]), between(rng, 0, small[1]))
        shade = mix(shades[0], shades[2], rng.random())
        leaf = ellipse(
            spot, (small[0] * 0.1, small[0] * between(rng, 0.01, 0.05)), between(rng, 0, 3)
        )
        draw.polygon(leaf, fill=(*shade, 150))
    if chance(rng, 0.4):
        spark = jitter(rng, one(rng, _PETALS), 20)
        for _ in range(int(rng.integers(4, 20))):
            spot = (between(rng, 0, small[0]), between(rng, 0, small[1]))
            draw.polygon(blob(rng, spot, small[0] * 0.03, 0.3), fill=(*spark, 170))
    scene = soft(scene, small[0] * between(rng, 0.01, 0.03))
    return scene.resize(size, Image.Resampling.BICUBIC)


def _stem(rng: Rng, scene: Image.Image, centre: Point, radius_px: float) -> None:
    """Draw the stem down to the lower edge, with a leaf or two."""
    green = jitter(rng, (70, 110, 44), 14)
    foot = (centre[0] + between(rng, -0.6, 0.6) * radius_px, scene.height + 9)
    draw = ImageDraw.Draw(scene)
    width = max(2, int(radius_px * 0.09))
    draw.line((*centre, *foot), fill=scaled(green, 0.6), width=width + 2)
    draw.line(
        (centre[0] - 2, centre[1], foot[0] - 2, foot[1]), fill=green, width=max(1, width // 2)
    )
    for side in (-1, 1):
        spot = (centre[0] + side * radius_px * 0.6, centre[1] + radius_px * between(rng, 1.0, 1.8))
        leaf = ellipse(spot, (radius_px * 0.62, radius_px * 0.2), -side * between(rng, 0.3, 0.9))
        veins = texture(rng, (200, 200), 1.0, (4.0, 0.7), is_relief=True)
        stamp(
            scene, leaf, tint(veins, scaled(green, 0.5), green, mix(green, (220, 240, 160), 0.35))
        )


def _petal(rng: Rng, length_px: int, wide: float, colour: Colour) -> Image.Image:
    """Return one petal as an RGBA sprite that points right, its root at the middle of the left."""
    size = (length_px, max(4, int(length_px * wide)))
    x, y = grid(size, 48)
    u, v = x / size[0], y / size[1] * 2 - 1
    lit = field(0.3 + 0.55 * u - 0.22 * v**2 - 0.12 * v, size)
    veins = texture(rng, size, 0.9, (6.0, 0.8))
    deep = scaled(mix(colour, (120, 20, 60), 0.25), 0.45)
    body = tint(Image.blend(lit, veins, 0.22), deep, colour, mix(colour, (255, 255, 255), 0.55))
    mask = Image.new("L", size, 0)
    t = np.linspace(0, 1, 40)
    half = np.sin(np.pi * t**1.5) ** 0.8 * size[1] / 2
    upper = list(zip((t * size[0]).tolist(), (size[1] / 2 - half).tolist(), strict=True))
    lower = list(zip((t * size[0]).tolist(), (size[1] / 2 + half).tolist(), strict=True))
    ImageDraw.Draw(mask).polygon(upper + lower[::-1], fill=255)
    body.putalpha(mask)
    return body


def _bloom(
    rng: Rng, scene: Image.Image, centre: Point, radius_px: float, kind: Kind, colour: Colour
) -> None:
    """Draw the flower head: whorls of petals from the outside in, then the disc."""
    for whorl in range(kind.whorls):
        length_px = max(8, int(radius_px * (1 - 0.72 * whorl / kind.whorls)))
        shade = scaled(colour, 1 - 0.1 * whorl)
        sprite = _petal(rng, length_px, kind.wide, shade)
        start = between(rng, 0, 360)
        for number in range(kind.petals):
            angle = start + 360 * number / kind.petals + rng.normal(0, 3)
            turned = sprite.rotate(angle, Image.Resampling.BILINEAR, expand=True)
            x = centre[0] + length_px / 2 * np.cos(np.radians(angle))
            y = centre[1] - length_px / 2 * np.sin(np.radians(angle))
            place = (int(x - turned.width / 2), int(y - turned.height / 2))
            dark = turned.getchannel("A").point([level // 3 for level in range(256)])
            scene.paste((12, 14, 8), (place[0] + 3, place[1] + 5), dark)
            scene.paste(turned, place, turned)
    _disc(rng, scene, centre, radius_px * kind.disc, kind.disc_shade)


def _disc(rng: Rng, scene: Image.Image, centre: Point, radius_px: float, shade: Colour) -> None:
    """Draw the disc as seeds in a spiral of golden angles (Vogel, Math. Biosci. 44, 1979)."""
    draw = ImageDraw.Draw(scene)
    draw.polygon(ellipse(centre, (radius_px, radius_px)), fill=scaled(shade, 0.5))
    for number in range(140):
        far, angle = radius_px * (number / 140) ** 0.5, number * 2.39996
        spot = (centre[0] + far * np.cos(angle), centre[1] + far * np.sin(angle))
        seed = (max(1.0, radius_px * 0.07),) * 2
        draw.polygon(ellipse(spot, seed, points=8), fill=scaled(shade, between(rng, 0.7, 1.4)))
