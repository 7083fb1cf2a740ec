"""How a portrait is drawn: a background out of focus, then one to three people before it.

The background is soft and the person sharp, so that "soft" alone does not mean "blurred".
"""

from PIL import Image, ImageDraw

from triaged.demo.canvas import (
    Colour,
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
    sky,
    soft,
    stamp,
    texture,
    tint,
)
from triaged.demo.faces import CLOTHES, Person, face, features, hair_behind, hair_in_front, smooth

_SKINS: tuple[tuple[Colour, ...], ...] = (
    ((120, 66, 48), (218, 162, 132), (250, 216, 192)),
    ((110, 60, 42), (206, 146, 112), (242, 200, 168)),
    ((84, 46, 30), (170, 112, 78), (222, 170, 130)),
    ((54, 30, 22), (120, 76, 52), (178, 126, 94)),
    ((34, 20, 16), (82, 52, 38), (138, 96, 72)),
)


_HAIRS: tuple[Colour, ...] = (
    (30, 22, 18),
    (62, 40, 26),
    (110, 72, 40),
    (178, 136, 78),
    (130, 56, 28),
    (150, 146, 142),
)


_BACKGROUNDS: tuple[tuple[Colour, ...], ...] = (
    ((20, 44, 18), (78, 122, 52), (206, 220, 140)),
    ((40, 24, 14), (134, 92, 56), (244, 206, 150)),
    ((10, 12, 24), (44, 44, 70), (220, 160, 90)),
    ((70, 110, 150), (150, 184, 210), (232, 238, 240)),
    ((60, 62, 66), (128, 130, 134), (176, 178, 182)),
    ((90, 40, 20), (190, 120, 50), (250, 210, 130)),
    ((150, 150, 146), (204, 202, 196), (240, 238, 234)),
)


_STYLES = ("short", "short", "long", "long", "bun", "curly", "cap", "bald")


def portrait(rng: Rng, long_side_px: int) -> Image.Image:
    """Return a picture of one to three people against an unsharp background."""
    size = frame(rng, long_side_px, upright=0.65)
    scene = _background(rng, size)
    count = one(rng, (1, 1, 1, 2, 3)) if size[0] > size[1] else one(rng, (1, 1, 1, 2))
    unit_px = min(size[0] * between(rng, 0.55, 0.9) / (2.4 * count), size[1] * 0.2)
    unit_px *= between(rng, 0.6, 1.0)
    side = one(rng, (-1.0, 1.0)) * between(rng, 0.2, 0.9)
    middle = size[0] * between(rng, 0.42, 0.58)
    for number in range(count):
        x = middle + (number - (count - 1) / 2) * unit_px * between(rng, 2.4, 2.9)
        y = size[1] * between(rng, 0.36, 0.46)
        _sit(rng, scene, _someone(rng, x, y, unit_px * between(rng, 0.88, 1.05), side))
    return shoot(rng, scene, noise=2.6)


def _someone(rng: Rng, x: float, y: float, unit_px: float, side: float) -> Person:
    skin = tuple(jitter(rng, tone, 6) for tone in one(rng, _SKINS))
    hair = jitter(rng, one(rng, _HAIRS), 8)
    clothes = jitter(rng, one(rng, CLOTHES), 20)
    return Person(x, y, unit_px, skin, hair, clothes, one(rng, _STYLES), side)


def _background(rng: Rng, size: tuple[int, int]) -> Image.Image:
    """Return blurred foliage, rooms or lights; some with discs of bokeh."""
    shades = tuple(jitter(rng, shade, 16) for shade in one(rng, _BACKGROUNDS))
    small = (max(8, size[0] // 4), max(8, size[1] // 4))
    scene = tint(texture(rng, small, 1.7, (0.7, 0.7)), *shades)
    if chance(rng, 0.4):
        lit = sky(small, shades[2], shades[1], shades[0])
        scene = Image.blend(scene, lit, between(rng, 0.3, 0.8))
    draw = ImageDraw.Draw(scene, "RGBA")
    for _ in range(int(rng.integers(0, 5))):
        left, wide = between(rng, -0.2, 1) * small[0], between(rng, 0.03, 0.25) * small[0]
        post = (left, between(rng, -0.5, 0.4) * small[1], left + wide, small[1])
        draw.rectangle(post, (*mix(shades[0], shades[1], rng.random()), 150))
    scene = soft(scene, small[0] * between(rng, 0.012, 0.035))
    if chance(rng, 0.55):
        _bokeh(rng, scene, shades[2])
    return soft(scene, 1.2).resize(size, Image.Resampling.BICUBIC)


def _bokeh(rng: Rng, scene: Image.Image, bright: Colour) -> None:
    """Draw lights out of focus: pale discs with a brighter rim."""
    draw = ImageDraw.Draw(scene, "RGBA")
    radius_px = scene.width * between(rng, 0.015, 0.05)
    for _ in range(int(rng.integers(8, 50))):
        centre = (between(rng, 0, scene.width), between(rng, 0, scene.height * 0.8))
        disc = ellipse(centre, (radius_px * between(rng, 0.6, 1.2),) * 2, points=24)
        shade = mix(jitter(rng, bright, 40), (255, 255, 255), 0.2)
        draw.polygon(disc, fill=(*shade, int(rng.integers(25, 110))), outline=(*shade, 120))


def _sit(rng: Rng, scene: Image.Image, who: Person) -> None:
    """Draw one person, back to front."""
    if who.style in ("long", "curly"):
        hair_behind(rng, scene, who)
    _torso(rng, scene, who)
    face(rng, scene, who)
    features(rng, scene, who)
    hair_in_front(rng, scene, who)


def _torso(rng: Rng, scene: Image.Image, who: Person) -> None:
    """Draw neck, shoulders and clothes down to the lower edge."""
    foot = (scene.height - who.y) / who.unit_px + 1.5  # beyond the edge: outlines are rounded
    wide = between(rng, 2.0, 2.5)
    outline = who.path(
        (-0.5, 1.5), (-1.3, 1.85), (-wide, 2.3), (-wide * 1.12, 3.2), (-wide * 1.18, foot),
        (wide * 1.18, foot), (wide * 1.12, 3.2), (wide, 2.3), (1.3, 1.85), (0.5, 1.5),
    )  # fmt: skip
    shadow(scene, [(x + who.unit_px * 0.1, y + 4) for x, y in outline], who.unit_px * 0.15, 0.35)
    size = (max(16, int(2.4 * wide * who.unit_px)), max(16, int((foot - 1.5) * who.unit_px)))
    stamp(scene, smooth(outline), _cloth(rng, size, who))
    neck = who.path(
        (-0.5, 0.6), (-0.52, 1.5), (-0.7, 1.72), (0, 2.1), (0.7, 1.72), (0.52, 1.5), (0.5, 0.6)
    )
    stamp(scene, neck, mix(who.skin[0], who.skin[1], 0.6))
    chin = who.path((-0.5, 1.0), (0.5, 1.0), (0.45, 1.5), (-0.45, 1.5))
    stamp(scene, chin, mix(who.skin[0], who.skin[1], 0.35))


def _cloth(rng: Rng, size: tuple[int, int], who: Person) -> Image.Image:
    """Return clothes as paint: folds, weave, on some stripes, darker away from the light."""
    folds = texture(rng, size, 1.6, (1.2, 2.4), is_relief=True)
    weave = texture(rng, size, 0.3, (1.0, 1.0))
    x, _ = grid(size)
    lit = field(0.5 + 0.25 * who.side * (x / size[0] - 0.5) * 2, size)
    grey = Image.blend(Image.blend(folds, weave, 0.25), lit, 0.55)
    cloth = tint(
        grey, scaled(who.clothes, 0.25), who.clothes, mix(who.clothes, (255, 255, 255), 0.4)
    )
    if chance(rng, 0.3):
        draw = ImageDraw.Draw(cloth, "RGBA")
        step = max(3, int(who.unit_px * between(rng, 0.12, 0.4)))
        stripe = (*mix(jitter(rng, who.clothes, 60), (255, 255, 255), 0.5), 120)
        for y in range(0, size[1], step * 2):
            draw.rectangle((0, y, size[0], y + step), stripe)
    return cloth
