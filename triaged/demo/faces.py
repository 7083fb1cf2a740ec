"""How a head is drawn, in units of itself: its half width is 1, the chin lies at y = 1.3.

face     an ellipsoid lit from one side, coloured by a ramp of skin tones
hair     short, long, bun, curly, cap or bald, with strands
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
    grid,
    jitter,
    mix,
    one,
    scaled,
    stamp,
    texture,
    tint,
)

CLOTHES: tuple[Colour, ...] = (
    (36, 44, 70),
    (150, 40, 44),
    (226, 224, 218),
    (40, 90, 86),
    (198, 150, 60),
    (30, 30, 34),
    (110, 130, 160),
    (190, 120, 130),
    (84, 104, 60),
)


_EYES: tuple[Colour, ...] = ((66, 44, 30), (50, 80, 110), (70, 90, 60), (40, 28, 22))


@dataclass(frozen=True, slots=True)
class Person:
    """One sitter: where the head is, how big (half width, px), and looks. `side` is the light's."""

    x: float
    y: float
    unit_px: float
    skin: tuple[Colour, ...]
    hair: Colour
    clothes: Colour
    style: str
    side: float

    def at(self, x: float, y: float) -> Point:
        """Return the picture's pixel for a point in units of the head."""
        return self.x + x * self.unit_px, self.y + y * self.unit_px

    def path(self, *points: Point) -> list[Point]:
        """Return pixels for points in units of the head."""
        return [self.at(*point) for point in points]


def hair_behind(rng: Rng, scene: Image.Image, who: Person) -> None:
    """Draw the hair that falls behind the neck, for long and curly heads."""
    if who.style == "curly":
        for _ in range(70):
            angle, far = between(rng, 2.6, 6.8), between(rng, 0.9, 1.45)
            centre = who.at(far * np.cos(angle), -0.25 + far * np.sin(angle))
            shade = scaled(who.hair, between(rng, 0.6, 1.3))
            stamp(scene, blob(rng, centre, who.unit_px * between(rng, 0.15, 0.3), 0.4), shade)
        return
    low = between(rng, 1.4, 2.6)
    outline = who.path(
        (-1.1, -0.5), (-0.8, -1.25), (0, -1.5), (0.8, -1.25), (1.1, -0.5),
        (1.28, 0.6), (1.2, low), (0.5, low + 0.1), (-0.5, low + 0.1), (-1.2, low), (-1.28, 0.6),
    )  # fmt: skip
    stamp(scene, smooth(outline), _strands(rng, who, 0.8))


def _strands(rng: Rng, who: Person, bright: float) -> Image.Image:
    """Return hair as paint: a field drawn out along the strands."""
    px = max(16, int(2.6 * who.unit_px))
    grey = texture(rng, (px, px), 0.9, (0.9, 9.0))
    dark, lit = scaled(who.hair, 0.4 * bright), mix(scaled(who.hair, bright), (255, 220, 180), 0.28)
    return tint(grey, dark, scaled(who.hair, bright), lit)


def face(rng: Rng, scene: Image.Image, who: Person) -> None:
    """Draw ears and the head itself, shaded as a solid lit from `who.side`."""
    for ear in (-1.0, 1.0):
        shade = mix(who.skin[0], who.skin[1], 0.7 + 0.2 * ear * who.side)
        stamp(scene, ellipse(who.at(ear, 0.12), (who.unit_px * 0.16, who.unit_px * 0.3)), shade)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    jaw = 1 - 0.24 * np.clip(np.sin(angle), 0, 1) ** 2
    height = np.where(np.sin(angle) > 0, 1.32, 1.25)
    outline = [
        who.at(float(np.cos(a) * j), float(np.sin(a) * h))
        for a, j, h in zip(angle, jaw, height, strict=True)
    ]
    size = (int(2 * who.unit_px) + 2, int(2.6 * who.unit_px) + 2)
    x, y = grid(size, 64)
    u, v = x / size[0] * 2 - 1, y / size[1] * 2 - 1
    solid = np.sqrt(np.clip(1.15 - u**2 - 0.8 * v**2, 0, 1))
    lit = 0.3 + 0.45 * solid + 0.24 * who.side * u - 0.1 * v
    lit -= 0.1 * np.exp(-((abs(u) - 0.4) ** 2 / 0.04 + (v + 0.08) ** 2 / 0.02))
    pores = texture(rng, size, 0.6)
    stamp(scene, outline, tint(Image.blend(field(lit, size), pores, 0.07), *who.skin))


def features(rng: Rng, scene: Image.Image, who: Person) -> None:
    """Draw brows, eyes, nose, mouth; on some glasses or a beard."""
    draw = ImageDraw.Draw(scene, "RGBA")
    if who.style in ("short", "bald", "cap") and chance(rng, 0.4):
        beard = who.path(
            (-0.82, 0.3), (-0.45, 0.62), (0.45, 0.62), (0.82, 0.3),
            (0.66, 1.0), (0, 1.34), (-0.66, 1.0),
        )  # fmt: skip
        draw.polygon(smooth(beard), fill=(*scaled(who.hair, 0.9), int(rng.integers(60, 220))))
    iris = one(rng, _EYES)
    for side in (-1.0, 1.0):
        _eye(draw, who, side, iris)
    _nose(draw, who)
    _mouth(draw, who, smile=between(rng, 0.0, 0.2))
    if chance(rng, 0.22):
        _glasses(draw, who)


def _nose(draw: ImageDraw.ImageDraw, who: Person) -> None:
    dark = mix(who.skin[0], who.skin[1], 0.25)
    away = -0.1 if who.side > 0 else 0.1  # the side that the light leaves dark
    bridge = who.path((away * 0.4, 0.0), (away * 2.4, 0.5), (0, 0.56))
    draw.polygon(bridge, fill=(*dark, 90))
    tip = (*who.at(-0.2, 0.38), *who.at(0.2, 0.6))
    draw.arc(tip, 20, 160, fill=dark, width=max(1, int(who.unit_px / 26)))


def _mouth(draw: ImageDraw.ImageDraw, who: Person, smile: float) -> None:
    """Draw the lips, with teeth where `smile` (0..0.2) is wide."""
    lips = who.path(
        (-0.38, 0.8), (0, 0.8 + smile * 0.5), (0.38, 0.8),
        (0.2, 0.9 + smile), (0, 0.95 + smile), (-0.2, 0.9 + smile),
    )  # fmt: skip
    draw.polygon(smooth(lips), fill=mix(who.skin[1], (176, 60, 66), 0.55))
    if smile > 0.1:
        teeth = who.path((-0.26, 0.83), (0.26, 0.83), (0.12, 0.86 + smile), (-0.12, 0.86 + smile))
        draw.polygon(teeth, fill=(236, 230, 222))


def _glasses(draw: ImageDraw.ImageDraw, who: Person) -> None:
    frame, width = (24, 22, 24), max(2, int(who.unit_px / 18))
    for side in (-0.42, 0.42):
        lens = ellipse(who.at(side, 0.02), (who.unit_px * 0.34, who.unit_px * 0.27))
        draw.line([*lens, lens[0]], fill=frame, width=width)
    draw.line(who.path((-0.1, 0.0), (0.1, 0.0)), fill=frame, width=width)


def _eye(draw: ImageDraw.ImageDraw, who: Person, side: float, colour: Colour) -> None:
    """Draw one eye with its brow; `side` is -1 or 1."""
    unit = who.unit_px
    white = ellipse(who.at(side * 0.42, 0.02), (unit * 0.21, unit * 0.095))
    draw.polygon(white, fill=(232, 226, 220))
    centre = who.at(side * 0.42 + 0.02, 0.01)
    draw.polygon(ellipse(centre, (unit * 0.092,) * 2, points=20), fill=colour)
    draw.polygon(ellipse(centre, (unit * 0.045,) * 2, points=16), fill=(12, 10, 10))
    spark = ellipse(
        (centre[0] + unit * 0.03, centre[1] - unit * 0.035), (unit * 0.022,) * 2, points=8
    )
    draw.polygon(spark, fill=(255, 255, 255))
    lash = max(1, int(unit / 22))
    lid = (*who.at(side * 0.42 - 0.23, -0.1), *who.at(side * 0.42 + 0.23, 0.16))
    draw.arc(lid, 195, 345, fill=scaled(who.skin[0], 0.6), width=lash)
    brow = who.path((side * 0.2, -0.22), (side * 0.45, -0.3), (side * 0.68, -0.2))
    draw.line(brow, fill=(*scaled(who.hair, 0.8), 220), width=max(2, int(unit / 12)), joint="curve")


def hair_in_front(rng: Rng, scene: Image.Image, who: Person) -> None:
    """Draw what hangs over the forehead, or a cap."""
    if who.style == "bald":
        return
    if who.style == "cap":
        cap = jitter(rng, one(rng, CLOTHES), 20)
        dome = who.path(
            (-1.06, -0.4), (-0.95, -1.05), (-0.4, -1.42), (0.4, -1.42), (0.95, -1.05), (1.06, -0.4)
        )
        stamp(scene, smooth(dome), tint(texture(rng, (99, 99), 0.8), scaled(cap, 0.6), cap))
        stamp(
            scene,
            smooth(
                who.path(
                    (-1.1, -0.5), (0, -0.62), (1.1, -0.5), (1.0, -0.32), (0, -0.4), (-1.0, -0.32)
                )
            ),
            scaled(cap, 0.55),
        )
        return
    part = between(rng, -0.5, 0.5)
    fringe = between(rng, -0.75, -0.5)
    low = 0.35 if who.style == "long" else -0.1
    outline = who.path(
        (-1.08, low), (-1.14, -0.5), (-0.85, -1.2), (-0.3, -1.5), (0.3, -1.5), (0.85, -1.2),
        (1.14, -0.5), (1.08, low), (0.92, -0.25), (0.7, fringe), (part, fringe - 0.3),
        (-0.7, fringe), (-0.92, -0.25),
    )  # fmt: skip
    stamp(scene, smooth(outline), _strands(rng, who, 1.0))
    if who.style == "bun":
        knot = blob(rng, who.at(between(rng, -0.2, 0.2), -1.6), who.unit_px * 0.42, 0.2)
        stamp(scene, knot, _strands(rng, who, 0.85))


def smooth(corners: list[Point]) -> list[Point]:
    """Return the closed outline with its corners cut twice (Chaikin, 1974)."""
    points = np.asarray(corners)
    for _ in range(2):
        after = np.roll(points, -1, axis=0)
        pairs = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1)
        points = pairs.reshape(-1, 2)
    return [(float(x), float(y)) for x, y in points]
