"""How a meme is drawn: somebody else's picture, made square and coarse, under loud words.

layout    impact (white letters with black edges, above and below), panel (black on white
          above), two panels one over the other
"""

import io

from PIL import Image, ImageDraw

from triaged.demo.canvas import BLACK, WHITE, Rng, between, chance, font, one

_ABOVE = (
    "WHEN IT IS MONDAY", "NOBODY:", "ME AT 3 AM", "ONE DOES NOT SIMPLY", "MUM SAID NO",
    "DAY 1 OF DIET", "THAT MOMENT WHEN", "EXPECTATION", "WAIT WHAT", "MY BOSS:", "TELL ME MORE",
)  # fmt: skip
_BELOW = (
    "STILL TIRED", "SEND COFFEE", "IT WORKS ON MY MACHINE", "EVERYTHING IS FINE",
    "I REGRET NOTHING", "NOT TODAY", "BUT WHY", "REALITY", "SAME ENERGY", "AGAIN", "FRIDAY PLEASE",
)  # fmt: skip


def meme(rng: Rng, long_side_px: int, pictures: tuple[Image.Image, Image.Image]) -> Image.Image:
    """Return a meme made of one or both `pictures`, worn by a few generations of JPEG."""
    layout = rng.random()
    if layout < 0.55:
        made = _impact(rng, _cut(rng, pictures[0], long_side_px, between(rng, 0.75, 1.0)))
    elif layout < 0.8:
        made = _panel(rng, _cut(rng, pictures[0], long_side_px, 0.72))
    else:
        halves = [_cut(rng, picture, long_side_px, 0.5) for picture in pictures]
        made = Image.new("RGB", (halves[0].width, 2 * halves[0].height))
        for number, half in enumerate(halves):
            made.paste(_impact(rng, half), (0, number * half.height))
    return _worn(rng, made, long_side_px)


def _cut(rng: Rng, picture: Image.Image, side_px: int, tall: float) -> Image.Image:
    """Return a part of the picture, `side_px` wide and `tall` times as high."""
    wide = min(picture.width, picture.height / tall) * between(rng, 0.7, 1.0)
    left = (picture.width - wide) * between(rng, 0.3, 0.7)
    top = (picture.height - wide * tall) * between(rng, 0.2, 0.6)
    box = (left, top, left + wide, top + wide * tall)
    return picture.resize((side_px, round(side_px * tall)), box=box)


def _impact(rng: Rng, picture: Image.Image) -> Image.Image:
    """Write white, black-edged capitals above, below or both."""
    draw = ImageDraw.Draw(picture)
    above, below = chance(rng, 0.85), chance(rng, 0.85)
    places = [(one(rng, _ABOVE), 0.03, "ma")] if above or not below else []
    places += [(one(rng, _BELOW), 0.97, "md")] if below else []
    for text, share, anchor in places:
        size_px = _fitting(draw, text, picture.width * 0.94, picture.height * 0.2)
        at = (picture.width / 2, picture.height * share)
        edge = max(1, size_px // 14)
        draw.text(
            at, text, WHITE, font(size_px), anchor=anchor, stroke_width=edge, stroke_fill=BLACK
        )
    return picture


def _panel(rng: Rng, picture: Image.Image) -> Image.Image:
    """Return the picture under a white panel with one or two lines of black type."""
    made = Image.new("RGB", (picture.width, round(picture.height / 0.72)), WHITE)
    made.paste(picture, (0, made.height - picture.height))
    draw = ImageDraw.Draw(made)
    for number, text in enumerate((one(rng, _ABOVE), one(rng, _BELOW))):
        size_px = _fitting(draw, text, made.width * 0.9, made.height * 0.09)
        draw.text(
            (made.width * 0.04, made.height * (0.04 + 0.12 * number)), text, BLACK, font(size_px)
        )
    return made


def _fitting(draw: ImageDraw.ImageDraw, text: str, wide: float, tall: float) -> int:
    """Return the largest letter height in pixels at which `text` fits."""
    return max(6, int(min(tall, 50 * wide / draw.textlength(text, font(50)))))


def _worn(rng: Rng, made: Image.Image, long_side_px: int) -> Image.Image:
    """Return the picture shrunk as messengers do, and coarsely compressed once before."""
    scale = between(rng, 0.45, 0.8) * long_side_px / max(made.size)
    small = made.resize((round(made.width * scale), round(made.height * scale)))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=int(rng.integers(18, 50)))
    return Image.open(buffer).convert("RGB")
