"""How paper is drawn: a till receipt on a table, or a letter, form or note that fills the frame.

The print is set flat, then creased, lit and turned, so that its lines are sharp but never quite
straight, as a phone held over a table sees them.
"""

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from triaged.demo.canvas import (
    Colour,
    Rng,
    between,
    chance,
    field,
    font,
    frame,
    grid,
    jitter,
    mix,
    one,
    shadow,
    shoot,
    texture,
    tint,
)
from triaged.demo.tables import table

_GOODS = (
    "MILK 1L", "BREAD RYE", "APPLES KG", "COFFEE 500G", "BUTTER", "TOMATOES", "CHEESE", "PASTA",
    "OLIVE OIL", "WATER 6X", "CHOCOLATE", "YOGHURT", "BANANAS", "RICE 1KG", "SOAP", "ONIONS",
    "ORANGE JUICE", "EGGS 10", "DEPOSIT", "BAG", "BATTERIES AA", "SALT", "TEA", "NAPKINS",
)  # fmt: skip
_SHOPS = (
    "CORNER MARKET",
    "CITY DRUGSTORE",
    "HARDWARE & HOME",
    "BAKERY NORTH",
    "CAFE LINDE",
    "FUEL 24",
)
_WORDS = (
    "the", "of", "and", "to", "with", "period", "account", "please", "number", "date", "amount",
    "service", "meeting", "agreed", "contract", "notice", "within", "days", "received", "payment",
    "your", "our", "attached", "regarding", "invoice", "terms", "shall", "be", "until", "for",
)  # fmt: skip
_INK: Colour = (44, 44, 52)


def words(rng: Rng, count: int) -> str:
    """Return `count` plain words."""
    return " ".join(one(rng, _WORDS) for _ in range(count))


def receipt(rng: Rng, long_side_px: int) -> Image.Image:
    """Return a photographed till receipt."""
    size = frame(rng, long_side_px, upright=0.85)
    scene = table(rng, size)
    high = int(max(size) * between(rng, 0.7, 1.15))
    paper = _creased(rng, _till_roll(rng, int(high * between(rng, 0.3, 0.5)), high))
    _put(rng, scene, paper, turn=rng.normal(0, 9) + (0 if size[1] > size[0] else 90))
    return shoot(rng, scene, noise=3.0)


def document(rng: Rng, long_side_px: int) -> Image.Image:
    """Return a photographed letter, form or note."""
    size = frame(rng, long_side_px, upright=0.9)
    scene = table(rng, size)
    high = int(max(size) * between(rng, 0.92, 1.25))
    draw_page = one(rng, (_letter, _letter, _form, _note))
    paper = _creased(rng, draw_page(rng, int(high / 1.414), high))
    _put(rng, scene, paper, turn=rng.normal(0, 3) + (0 if size[1] > size[0] else 90))
    return shoot(rng, scene, noise=3.0)


def _till_roll(rng: Rng, width: int, height: int) -> Image.Image:
    """Return a printed till roll, flat."""
    paper = Image.new("RGB", (width, height), jitter(rng, (238, 236, 230), 5))
    draw = ImageDraw.Draw(paper)
    text_px = max(7, width // int(rng.integers(17, 23)))
    type_face, step, edge = font(text_px), int(text_px * 1.32), width // 14
    draw.text((width // 2, edge), one(rng, _SHOPS), _INK, font(int(text_px * 1.5)), anchor="mt")
    y = edge + step * 2
    for line in ("Main Street 12", "Tel 030 555 0199", f"No {rng.integers(10**6):06d}"):
        draw.text((width // 2, y), line, _INK, type_face, anchor="mt")
        y += step
    total = 0.0
    while y < height - 9 * step and total < 400:
        price = float(rng.integers(49, 2999)) / 100
        total += price
        y += step
        draw.text((edge, y), one(rng, _GOODS), _INK, type_face)
        draw.text((width - edge, y), f"{price:.2f}", _INK, type_face, anchor="ra")
    y += int(step * 1.5)
    draw.line((edge, y, width - edge, y), fill=_INK, width=2)
    draw.text((edge, y + step // 2), "TOTAL", _INK, font(int(text_px * 1.6)))
    right = (width - edge, y + step // 2)
    draw.text(right, f"{total:.2f}", _INK, font(int(text_px * 1.6)), anchor="ra")
    draw.text((edge, y + step * 3), f"VAT 19%  {total * 0.19:.2f}", _INK, type_face)
    _bars(rng, draw, (edge * 2, y + step * 5, width - edge * 2, y + step * 7))
    return paper


def _bars(rng: Rng, draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int]) -> None:
    """Draw a bar code into the box."""
    x = box[0]
    while x < box[2]:
        wide = int(rng.integers(1, 5))
        draw.rectangle((x, box[1], x + wide, box[3]), fill=_INK)
        x += wide + int(rng.integers(2, 6))


def _letter(rng: Rng, width: int, height: int) -> Image.Image:
    """Return a typed page: heading, address, paragraphs."""
    paper = Image.new("RGB", (width, height), jitter(rng, (242, 241, 238), 4))
    draw = ImageDraw.Draw(paper)
    edge, text_px = width // 9, max(7, width // int(rng.integers(38, 56)))
    step = int(text_px * 1.55)
    draw.text(
        (edge, edge), words(rng, 2).upper(), jitter(rng, (60, 80, 130), 40), font(text_px * 2)
    )
    y = edge + step * 4
    while y < height - edge:
        for _ in range(int(rng.integers(2, 8))):
            if y >= height - edge:
                break
            line = words(rng, 16)
            while draw.textlength(line, font(text_px)) > width - 2 * edge:
                line = line.rsplit(" ", 1)[0]
            draw.text((edge, y), line, _INK, font(text_px))
            y += step
        y += step
    return paper


def _form(rng: Rng, width: int, height: int) -> Image.Image:
    """Return a page of boxes and labels, some filled in by hand."""
    paper = Image.new("RGB", (width, height), jitter(rng, (244, 243, 238), 4))
    draw = ImageDraw.Draw(paper)
    edge, step = width // 12, height // 22
    shade = jitter(rng, (210, 218, 230), 12)
    draw.rectangle((edge, edge, width - edge, edge + step), fill=shade)
    draw.text((edge + 8, edge + step // 4), words(rng, 3).upper(), _INK, font(step // 2))
    for y in range(edge + 2 * step, height - edge - step, step):
        split = width * between(rng, 0.3, 0.6)
        draw.rectangle((edge, y, width - edge, y + step), outline=_INK)
        draw.line((split, y, split, y + step), fill=_INK)
        draw.text((edge + 6, y + 4), words(rng, 2), _INK, font(step // 3))
        if chance(rng, 0.6):
            _scrawl(rng, draw, (split + 10, y + step * 0.6), width - edge - split - 30, step * 0.25)
    return paper


def _note(rng: Rng, width: int, height: int) -> Image.Image:
    """Return a ruled or squared page of handwriting."""
    paper = Image.new("RGB", (width, height), jitter(rng, (244, 240, 226), 6))
    draw = ImageDraw.Draw(paper)
    step = height // int(rng.integers(16, 28))
    rule = mix((150, 180, 214), (244, 240, 226), 0.3)
    for y in range(step * 2, height, step):
        draw.line((0, y, width, y), fill=rule, width=2)
        if chance(rng, 0.85):
            long_px = width * between(rng, 0.3, 0.8)
            _scrawl(rng, draw, (width * 0.1, y - step * 0.25), long_px, step * 0.3)
    return paper


def _scrawl(
    rng: Rng, draw: ImageDraw.ImageDraw, start: tuple[float, float], long_px: float, tall_px: float
) -> None:
    """Write a line of loops that looks like handwriting from afar."""
    ink = one(rng, ((30, 50, 140), (30, 30, 36), (30, 50, 140)))
    x = 0.0
    while x < long_px:
        letters = np.linspace(0, between(rng, 2, 8), 40)
        tall = tall_px * (0.5 + 0.5 * np.abs(np.sin(letters * 1.7 + rng.random() * 6)))
        xs = start[0] + x + letters * tall_px * 0.7 + 0.3 * tall_px * np.cos(letters * 6.3)
        ys = start[1] - tall * np.sin(letters * 6.3)
        draw.line(list(zip(xs.tolist(), ys.tolist(), strict=True)), fill=ink, width=2)
        x += float(letters[-1]) * tall_px * 0.7 + tall_px * 1.2


def _creased(rng: Rng, paper: Image.Image) -> Image.Image:
    """Return the page with folds and uneven light."""
    size = paper.size
    x, y = grid(size, 96)
    angle = between(rng, 0, 6.3)
    lit = 0.9 + 0.12 * (np.cos(angle) * (x / size[0] - 0.5) + np.sin(angle) * (y / size[1] - 0.5))
    for _ in range(int(rng.integers(0, 4))):
        fold = size[1] * between(rng, 0.1, 0.9) + between(rng, -0.1, 0.1) * x
        lit = lit - 0.1 * np.exp(-(np.abs(y - fold) / size[1] * 26)) * np.sign(y - fold)
    crumple = texture(rng, size, 1.6, (2.0, 2.0), is_relief=True)
    shade = Image.blend(
        field(lit, size), crumple.point([min(255, v + 110) for v in range(256)]), 0.2
    )
    warm = one(rng, ((255, 250, 240), (255, 255, 255), (255, 238, 212), (236, 242, 255)))
    return ImageChops.multiply(paper, tint(shade, (0, 0, 0), warm))


def _put(rng: Rng, scene: Image.Image, paper: Image.Image, turn: float) -> None:
    """Lay the page on the scene, turned by `turn` degrees, with its shadow."""
    x0 = scene.width * between(rng, 0.46, 0.54)
    y0 = scene.height * between(rng, 0.47, 0.55)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    half = (paper.width / 2, paper.height / 2)
    corners = [
        (float(x0 + x * cos - y * sin), float(y0 + x * sin + y * cos))
        for x, y in ((-half[0], -half[1]), (half[0], -half[1]), half, (-half[0], half[1]))
    ]
    shadow(scene, [(x + 6, y + 9) for x, y in corners], max(4, scene.width * 0.008), 0.6)
    back = (cos, sin, half[0] - cos * x0 - sin * y0, -sin, cos, half[1] + sin * x0 - cos * y0)
    page = paper.transform(scene.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    mask = Image.new("L", scene.size, 0)
    ImageDraw.Draw(mask).polygon(corners, fill=255)
    scene.paste(page, (0, 0), mask)
