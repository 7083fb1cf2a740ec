"""How a set of pictures is shown on one page: thumbnails in rows, a caption under each."""

import os
from collections.abc import Sequence

import pillow_heif
from PIL import Image, ImageDraw, ImageOps

from triaged.demo.canvas import font

pillow_heif.register_heif_opener()

_PAPER = (250, 250, 248)
_INK = (50, 50, 54)
_TILE = (206, 206, 204)
_GAP_PX = 14


def contact_sheet(
    paths: Sequence[str | os.PathLike[str]],
    out_png: str | os.PathLike[str],
    captions: Sequence[str],
    columns: int = 6,
    thumb_px: int = 220,
) -> None:
    """Write a PNG with a thumbnail of each path and its caption beneath, in the given order.

    A file that cannot be read becomes a grey tile. Raises ValueError unless there are as many
    captions as paths, and at least one.
    """
    if not paths or len(paths) != len(captions):
        raise ValueError(f"{len(paths)} pictures and {len(captions)} captions make no sheet")
    columns = min(columns, len(paths))
    text_px = max(10, thumb_px // 15)
    cell = (thumb_px + _GAP_PX, thumb_px + 2 * text_px + _GAP_PX)
    rows = -(-len(paths) // columns)
    page = Image.new("RGB", (columns * cell[0] + _GAP_PX, rows * cell[1] + _GAP_PX), _PAPER)
    draw = ImageDraw.Draw(page)
    for number, (path, caption) in enumerate(zip(paths, captions, strict=True)):
        left = _GAP_PX + number % columns * cell[0]
        top = _GAP_PX + number // columns * cell[1]
        thumb = _thumbnail(path, thumb_px)
        page.paste(thumb, (left + (thumb_px - thumb.width) // 2, top + thumb_px - thumb.height))
        line = _shortened(draw, caption, thumb_px, text_px)
        middle = (left + thumb_px / 2, top + thumb_px + text_px * 0.5)
        draw.text(middle, line, _INK, font(text_px), anchor="mt")
    page.save(out_png, "PNG")


def _thumbnail(path: str | os.PathLike[str], side_px: int) -> Image.Image:
    """Return the picture within `side_px` squared, or a grey tile if it cannot be read."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (side_px, side_px))
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return _grey_tile(side_px)
    return ImageOps.contain(upright, (side_px, side_px))


def _grey_tile(side_px: int) -> Image.Image:
    tile = Image.new("RGB", (side_px, side_px * 3 // 4), _TILE)
    draw = ImageDraw.Draw(tile)
    middle = (side_px / 2, side_px * 3 / 8)
    draw.text(middle, "unreadable", (120, 120, 118), font(max(10, side_px // 14)), anchor="mm")
    return tile


def _shortened(draw: ImageDraw.ImageDraw, text: str, wide_px: int, text_px: int) -> str:
    """Return `text` with its middle left out if it is wider than `wide_px`."""
    shown, kept = text, len(text)
    while kept > 4 and draw.textlength(shown, font(text_px)) > wide_px:
        kept -= 1
        shown = text[: kept - kept // 2] + "\u2026" + text[len(text) - kept // 2 :]
    return shown
