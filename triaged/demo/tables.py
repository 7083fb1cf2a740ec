"""What a meal or a paper lies on: wood, stone or cloth, seen from above."""

from PIL import Image, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Rng,
    between,
    chance,
    jitter,
    mix,
    one,
    scaled,
    texture,
    tint,
)

_WOODS: tuple[tuple[Colour, ...], ...] = (
    ((54, 32, 18), (112, 70, 40), (160, 108, 66)),
    ((112, 76, 44), (178, 130, 82), (214, 172, 122)),
    ((30, 20, 16), (66, 46, 36), (104, 76, 60)),
    ((140, 124, 108), (186, 172, 154), (218, 208, 194)),
)


_STONES: tuple[tuple[Colour, ...], ...] = (
    ((170, 168, 166), (222, 220, 218), (244, 243, 241)),
    ((34, 36, 40), (62, 64, 70), (104, 106, 112)),
    ((120, 116, 110), (158, 154, 146), (196, 192, 184)),
)


CLOTHS: tuple[Colour, ...] = (
    (224, 220, 210), (60, 84, 110), (150, 50, 46), (96, 120, 92), (210, 190, 150), (44, 44, 50),
)  # fmt: skip


def table(rng: Rng, size: tuple[int, int]) -> Image.Image:
    """Return a table top of wood, stone or cloth filling `size`."""
    kind = rng.random()
    if kind < 0.5:
        return _wood(rng, size)
    if kind < 0.75:
        shades = (jitter(rng, shade, 10) for shade in one(rng, _STONES))
        return tint(texture(rng, size, 1.4, (1.2, 1.2)), *shades)
    base = jitter(rng, one(rng, CLOTHS), 16)
    weave = Image.blend(
        texture(rng, size, 0.3), texture(rng, size, 1.7, (1.5, 1.5), is_relief=True), 0.5
    )
    cloth = tint(weave, scaled(base, 0.6), base, mix(base, (255, 255, 255), 0.3))
    if chance(rng, 0.4):
        draw = ImageDraw.Draw(cloth, "RGBA")
        step = max(8, int(size[0] * between(rng, 0.03, 0.08)))
        band = (*mix(base, one(rng, CLOTHS), 0.8), 90)
        for at in range(0, max(size), 2 * step):
            draw.rectangle((at, 0, at + step, size[1]), fill=band)
            draw.rectangle((0, at, size[0], at + step), fill=band)
    return cloth


def _wood(rng: Rng, size: tuple[int, int]) -> Image.Image:
    """Return planks: a field drawn out along the fibre, with seams."""
    shades = tuple(jitter(rng, shade, 10) for shade in one(rng, _WOODS))
    is_across = chance(rng, 0.5)
    shape = size if is_across else (size[1], size[0])
    planks = tint(texture(rng, shape, 1.1, (7.0, 0.9)), *shades)
    draw = ImageDraw.Draw(planks, "RGBA")
    step = shape[1] * between(rng, 0.09, 0.3)
    y = between(rng, 0, step)
    while y < shape[1]:
        draw.rectangle((0, y, shape[0], y + step), fill=(*shades[0], int(rng.integers(0, 70))))
        draw.line(
            (0, y, shape[0], y), fill=(*scaled(shades[0], 0.5), 230), width=max(1, shape[1] // 350)
        )
        y += step
    return planks if is_across else planks.transpose(Image.Transpose.ROTATE_90)
