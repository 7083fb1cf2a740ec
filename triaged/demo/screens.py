"""How a phone's screenshot is drawn: exactly flat areas, type, and nothing of a camera.

chat, rows (settings, mail), article, feed (with a picture in it), payment, map
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from triaged.demo.canvas import Colour, Rng, between, chance, font, jitter, mix, one
from triaged.demo.papers import words

_ASPECTS = (2340 / 1080, 2400 / 1080, 16 / 9, 2532 / 1170)
_ACCENTS: tuple[Colour, ...] = (
    (0, 122, 255), (37, 211, 102), (230, 60, 70), (98, 0, 238), (255, 140, 0), (0, 150, 136),
)  # fmt: skip
_NAMES = ("Anna", "Mum", "Work", "Jonas", "Team", "Landlord", "Sara", "Bank", "Parcel", "Clinic")


@dataclass(frozen=True, slots=True)
class Theme:
    """A screen's colours, and `unit`, the height of its small type in pixels."""

    back: Colour
    card: Colour
    ink: Colour
    pale: Colour
    accent: Colour
    unit: int


def screenshot(rng: Rng, long_side_px: int, picture: Image.Image | None = None) -> Image.Image:
    """Return one screen; `picture`, if given, is what a feed shows."""
    width = round(long_side_px / one(rng, _ASPECTS))
    unit, accent = max(6, width // 30), one(rng, _ACCENTS)
    if chance(rng, 0.35):
        theme = Theme((18, 18, 20), (36, 37, 40), (232, 232, 234), (140, 142, 148), accent, unit)
    else:
        theme = Theme((242, 242, 247), (255, 255, 255), (20, 20, 24), (138, 138, 144), accent, unit)
    screen = Image.new("RGB", (width, long_side_px), theme.back)
    draw = ImageDraw.Draw(screen)
    top = _status_bar(rng, draw, width, theme)
    if picture is not None:
        _feed(rng, screen, draw, top, theme, picture)
    else:
        one(rng, _LAYOUTS)(rng, screen, draw, top, theme)
    bar = width * 0.18
    line = (width / 2 - bar, long_side_px - unit * 0.7, width / 2 + bar, long_side_px - unit * 0.4)
    draw.rectangle(line, fill=theme.ink)
    return screen


def _status_bar(rng: Rng, draw: ImageDraw.ImageDraw, width: int, theme: Theme) -> int:
    """Draw clock, signal and battery; return the y where the app begins."""
    unit = theme.unit
    clock = f"{rng.integers(24):02d}:{rng.integers(60):02d}"
    draw.text((unit * 1.5, unit * 0.7), clock, theme.ink, font(unit))
    battery = (width - unit * 3.2, unit * 0.75, width - unit * 1.4, unit * 1.6)
    draw.rectangle(battery, outline=theme.ink)
    draw.rectangle(
        (*battery[:2], battery[0] + unit * between(rng, 0.4, 1.7), battery[3]), theme.ink
    )
    for bar in range(4):
        x = width - unit * (5.4 - bar * 0.45)
        draw.rectangle((x, unit * (1.5 - bar * 0.2), x + unit * 0.28, unit * 1.6), theme.ink)
    return int(unit * 2.6)


def _title(draw: ImageDraw.ImageDraw, width: int, top: int, text: str, theme: Theme) -> int:
    """Draw an app bar; return the y beneath it."""
    unit = theme.unit
    draw.rectangle((0, top, width, top + unit * 3), fill=theme.card)
    draw.text((unit, top + unit * 0.8), "<", theme.accent, font(int(unit * 1.5)))
    draw.text((unit * 3, top + unit * 0.9), text, theme.ink, font(int(unit * 1.35)))
    draw.line((0, top + unit * 3, width, top + unit * 3), fill=mix(theme.pale, theme.card, 0.6))
    return top + unit * 3


def _chat(rng: Rng, screen: Image.Image, draw: ImageDraw.ImageDraw, top: int, theme: Theme) -> None:
    """Draw bubbles from left and right."""
    unit, width = theme.unit, screen.width
    y = _title(draw, width, top, one(rng, _NAMES), theme) + unit
    while y < screen.height - unit * 7:
        lines = [words(rng, int(rng.integers(2, 5))) for _ in range(int(rng.integers(1, 5)))]
        wide = max(draw.textlength(line, font(unit)) for line in lines) + unit * 1.6
        high = len(lines) * unit * 1.4 + unit * 1.1
        is_mine = chance(rng, 0.5)
        left = width - wide - unit if is_mine else unit
        shade, ink = (theme.accent, (255, 255, 255)) if is_mine else (theme.card, theme.ink)
        draw.rounded_rectangle((left, y, left + wide, y + high), unit * 0.8, fill=shade)
        for number, line in enumerate(lines):
            place = (left + unit * 0.8, y + unit * 0.5 + number * unit * 1.4)
            draw.text(place, line, ink, font(unit))
        y += int(high + unit * between(rng, 0.4, 1.6))
    box = (unit, screen.height - unit * 4.5, width - unit * 4, screen.height - unit * 2)
    draw.rounded_rectangle(box, unit, fill=theme.card)
    centre = width - unit * 2.2
    draw.ellipse((centre - unit * 1.2, box[1], centre + unit * 1.2, box[3]), fill=theme.accent)


def _rows(rng: Rng, screen: Image.Image, draw: ImageDraw.ImageDraw, top: int, theme: Theme) -> None:
    """Draw a list: settings with switches, or messages with round heads."""
    unit, width = theme.unit, screen.width
    y = _title(draw, width, top, one(rng, ("Settings", "Inbox", "Orders", "Contacts")), theme)
    is_mail = chance(rng, 0.5)
    high = int(unit * (4.4 if is_mail else 3.4))
    for row in range((screen.height - y) // high):
        if not is_mail and chance(rng, 0.15):
            y += unit
        draw.rectangle((0, y, width, y + high - 1), fill=theme.card)
        dot = (unit, y + high * 0.25, unit + high * 0.5, y + high * 0.75)
        draw.ellipse(dot, fill=jitter(rng, one(rng, _ACCENTS), 30))
        left = unit * 2 + high * 0.5
        draw.text((left, y + high * 0.2), words(rng, 2).title(), theme.ink, font(int(unit * 1.1)))
        if is_mail:
            draw.text((left, y + high * 0.55), words(rng, 5), theme.pale, font(int(unit * 0.9)))
        elif chance(rng, 0.5):
            knob = (width - unit * 4, y + high * 0.3, width - unit, y + high * 0.7)
            shade = theme.accent if row % 3 else theme.pale
            draw.rounded_rectangle(knob, high * 0.2, fill=shade)
        draw.line((left, y + high - 1, width, y + high - 1), fill=mix(theme.pale, theme.card, 0.7))
        y += high


def _article(
    rng: Rng, screen: Image.Image, draw: ImageDraw.ImageDraw, top: int, theme: Theme
) -> None:
    """Draw a page of text with a headline."""
    unit, width = theme.unit, screen.width
    draw.rectangle((0, top, width, screen.height), fill=theme.card)
    box = (unit, top + unit * 0.3, width - unit, top + unit * 2.3)
    draw.rounded_rectangle(box, unit, fill=theme.back)
    draw.text(
        (unit * 2, top + unit * 0.8), f"{one(rng, _NAMES).lower()}.example", theme.pale, font(unit)
    )
    y = top + unit * 4
    for _ in range(2):
        draw.text((unit * 1.5, y), words(rng, 3).capitalize(), theme.ink, font(int(unit * 2)))
        y += int(unit * 2.6)
    if chance(rng, 0.4):
        high = int(width * between(rng, 0.3, 0.6))
        draw.rectangle((0, y, width, y + high), fill=jitter(rng, theme.accent, 60))
        y += high + unit
    while y < screen.height - unit * 2:
        if chance(rng, 0.14):
            y += unit
        draw.text((unit * 1.5, y), words(rng, int(rng.integers(6, 8))), theme.ink, font(unit))
        y += int(unit * 1.6)


def _payment(
    rng: Rng, screen: Image.Image, draw: ImageDraw.ImageDraw, top: int, theme: Theme
) -> None:
    """Draw a confirmation or a ticket: a mark, a sum, a block of code."""
    unit, width = theme.unit, screen.width
    middle, y = width / 2, top + unit * 6
    draw.ellipse((middle - unit * 3, y, middle + unit * 3, y + unit * 6), fill=theme.accent)
    tick = [
        (middle - unit * 1.3, y + unit * 3),
        (middle - unit * 0.3, y + unit * 4),
        (middle + unit * 1.5, y + unit * 1.9),
    ]
    draw.line(tick, fill=(255, 255, 255), width=max(2, unit // 2), joint="curve")
    total = f"{rng.integers(3, 900)}.{rng.integers(100):02d} EUR"
    draw.text((middle, y + unit * 9), total, theme.ink, font(int(unit * 2.6)), anchor="mm")
    draw.text((middle, y + unit * 12), words(rng, 4), theme.pale, font(unit), anchor="mm")
    cells = rng.random((25, 25)) < 0.5
    code = Image.fromarray(np.where(cells, 0, 255).astype(np.uint8))
    side = int(width * 0.5)
    enlarged = code.resize((side, side), Image.Resampling.NEAREST).convert("RGB")
    screen.paste(enlarged, (int(middle - side / 2), int(y + unit * 15)))
    low = screen.height - unit * 6
    draw.rounded_rectangle((unit, low, width - unit, low + unit * 3), unit, fill=theme.accent)
    draw.text(
        (middle, low + unit * 1.5), "Done", (255, 255, 255), font(int(unit * 1.2)), anchor="mm"
    )


def _map(rng: Rng, screen: Image.Image, draw: ImageDraw.ImageDraw, top: int, theme: Theme) -> None:
    """Draw a street map with a route across it."""
    unit, width, height = theme.unit, screen.width, screen.height
    is_dark = theme.back[0] < 128
    draw.rectangle((0, 0, width, height), fill=(38, 44, 56) if is_dark else (238, 236, 228))
    for shade in ((52, 76, 60), (34, 56, 84)) if is_dark else ((200, 228, 190), (170, 212, 236)):
        for _ in range(3):
            x, y = between(rng, -0.2, 1) * width, between(rng, 0, 1) * height
            draw.rectangle(
                (x, y, x + width * 0.3, y + height * between(rng, 0.05, 0.2)), fill=shade
            )
    road = (70, 76, 90) if is_dark else (255, 255, 255)
    for _ in range(26):
        x, y, turn = between(rng, 0, width), between(rng, 0, height), one(rng, (0.2, 1.77))
        dx, dy = height * np.cos(turn), height * np.sin(turn)
        draw.line((x - dx, y - dy, x + dx, y + dy), fill=road, width=int(rng.integers(2, unit)))
    path = np.cumsum(rng.normal(0, 0.12, (9, 2)), axis=0) * width + (width / 2, height / 2)
    draw.line(
        [(float(x), float(y)) for x, y in path],
        fill=theme.accent,
        width=unit // 2 + 2,
        joint="curve",
    )
    _status_bar(rng, draw, width, theme)
    draw.rounded_rectangle((unit, top, width - unit, top + unit * 3), unit, fill=theme.card)
    draw.text((unit * 2, top + unit), words(rng, 3), theme.pale, font(int(unit * 1.1)))
    draw.rounded_rectangle((0, height - unit * 8, width, height + unit), unit, fill=theme.card)
    draw.text(
        (unit * 2, height - unit * 7), f"{rng.integers(4, 80)} min", theme.accent, font(unit * 2)
    )


def _feed(
    rng: Rng,
    screen: Image.Image,
    draw: ImageDraw.ImageDraw,
    top: int,
    theme: Theme,
    picture: Image.Image,
) -> None:
    """Draw a post: who, the picture, buttons, remarks."""
    unit, width = theme.unit, screen.width
    y = _title(draw, width, top, one(rng, ("Photos", "Timeline", "Explore")), theme) + unit
    draw.ellipse((unit, y, unit * 3.4, y + unit * 2.4), fill=theme.accent)
    draw.text((unit * 4, y + unit * 0.7), one(rng, _NAMES), theme.ink, font(unit))
    y += unit * 3
    shown = picture.resize((width, round(width * picture.height / picture.width)))
    screen.paste(shown, (0, y))
    y += shown.height + unit
    for x in (1.0, 3.5, 6.0):
        box = (unit * x, y, unit * (x + 1.6), y + unit * 1.6)
        draw.ellipse(box, outline=theme.ink, width=max(1, unit // 6))
    y += unit * 3
    while y < screen.height - unit * 2:
        draw.text((unit, y), words(rng, int(rng.integers(3, 7))), theme.ink, font(unit))
        y += int(unit * 1.8)


_Layout = Callable[[Rng, Image.Image, ImageDraw.ImageDraw, int, Theme], None]
_LAYOUTS: tuple[_Layout, ...] = (_chat, _chat, _rows, _article, _payment, _map)
