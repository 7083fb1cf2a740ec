"""Tone, colour and layout: how light, how colourful, and where in the frame.

    measurement          what it is
    -------------------  ---------------------------------------------------------------------
    brightness           mean luma, 0..1
    contrast             standard deviation of luma, 0..1
    tone_P               luma below which P percent of pixels lie, 0..1
    tone_skew            where the mean lies between the 5th and 95th percentile, 0..1
    highlights_clipped   share of pixels with luma of at least 250 of 255
    shadows_clipped      share of pixels with luma of at most 5 of 255
    tone_entropy         entropy of the luma histogram, bits
    tone_peak            share of pixels in the most frequent 1/32 of the range
    colourfulness        Hasler and Suesstrunk's, 0 grey .. 1 garish (theirs over 109)
    saturation*          HSV saturation: mean, deviation, 90th percentile
    cast_*               mean of the opponent channels red-green and yellow-blue, -1..1
    hue_*                entropy of hue weighted by chroma, share of the leading hue
    grey, white, black   share of pixels with next to no chroma; of those, very light or very dark
    luma_RC, ...         3 x 3 means of luma, both opponents and log2 gradient, less their mean
    symmetry             correlation of the picture with its mirror image, -1..1
    middle_*             middle of the frame against its border

Source of colourfulness: Hasler and Suesstrunk 2003, equation for M.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.float32]

_PERCENTILES = (1, 5, 25, 50, 75, 95, 99)
_CELLS = tuple(f"{row}{column}" for row in range(3) for column in range(3))
_LAYOUTS = ("luma", "red_green", "yellow_blue", "gradient")
_TINY = 1e-6

NAMES: tuple[str, ...] = (
    "brightness",
    "contrast",
    *(f"tone_{p}" for p in _PERCENTILES),
    "tone_skew",
    "highlights_clipped",
    "shadows_clipped",
    "tone_entropy",
    "tone_peak",
    "colourfulness",
    "saturation",
    "saturation_spread",
    "saturation_top",
    "cast_red_green",
    "cast_yellow_blue",
    "cast_highlights_red_green",
    "cast_highlights_yellow_blue",
    "red_green_spread",
    "yellow_blue_spread",
    "hue_entropy",
    "hue_leading",
    "grey",
    "white",
    "black",
    *(f"{layout}_{cell}" for layout in _LAYOUTS for cell in _CELLS),
    "symmetry",
    "middle_luma",
    "middle_saturation",
)


def measure_tone(luma: NDArray[np.uint8]) -> dict[str, float]:
    """Return the tone measurements of `luma` (H, W)."""
    counts = np.bincount(luma.ravel(), minlength=256)  # (256,)
    shares = counts / luma.size
    cumulated = np.cumsum(shares)
    levels = np.arange(256) / 255
    mean = float(shares @ levels)
    tones = np.searchsorted(cumulated, np.array(_PERCENTILES) / 100 - 1e-9) / 255
    present = shares[shares > 0]
    return {
        "brightness": mean,
        "contrast": float(np.sqrt(shares @ np.square(levels - mean))),
        **{f"tone_{p}": float(t) for p, t in zip(_PERCENTILES, tones, strict=True)},
        "tone_skew": float((mean - tones[1]) / (tones[5] - tones[1] + 0.01)),
        "highlights_clipped": float(shares[250:].sum()),
        "shadows_clipped": float(shares[:6].sum()),
        "tone_entropy": float(-(present * np.log2(present)).sum()),
        "tone_peak": float(shares.reshape(32, 8).sum(axis=1).max()),
    }


def opponents(pixels: NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """Return red-green and yellow-blue, each (H, W) float32 in -255..255, of `pixels` (H, W, 3)."""
    red, green, blue = (pixels[:, :, k].astype(np.float32) for k in range(3))
    return red - green, (red + green) * np.float32(0.5) - blue


def measure_colour(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Return the colour measurements of `pixels` (H, W, 3)."""
    red_green, yellow_blue = (plane / np.float32(255) for plane in opponents(pixels))
    high = pixels.max(axis=2).astype(np.float32) / 255  # (H, W)
    chroma = high - pixels.min(axis=2).astype(np.float32) / 255
    saturation = chroma / np.maximum(high, np.float32(1 / 255))
    light = high >= np.percentile(high, 90)
    spread_rg, spread_yb = float(red_green.std()), float(yellow_blue.std())
    cast_rg, cast_yb = float(red_green.mean()), float(yellow_blue.mean())
    grey = chroma < 0.06
    return {
        "colourfulness": _colourfulness(spread_rg, spread_yb, cast_rg, cast_yb),
        "saturation": float(saturation.mean()),
        "saturation_spread": float(saturation.std()),
        "saturation_top": float(np.percentile(saturation, 90)),
        "cast_red_green": cast_rg,
        "cast_yellow_blue": cast_yb,
        "cast_highlights_red_green": float(red_green[light].mean()),
        "cast_highlights_yellow_blue": float(yellow_blue[light].mean()),
        "red_green_spread": spread_rg,
        "yellow_blue_spread": spread_yb,
        **_hues(red_green, yellow_blue, chroma),
        "grey": float(grey.mean()),
        "white": float((grey & (high > 0.9)).mean()),
        "black": float((high < 0.15).mean()),
        "middle_saturation": _middle(saturation),
    }


def _colourfulness(spread_rg: float, spread_yb: float, cast_rg: float, cast_yb: float) -> float:
    spread, cast = np.hypot(spread_rg, spread_yb), np.hypot(cast_rg, cast_yb)
    return float((spread + 0.3 * cast) * 255 / 109)


def _hues(red_green: Plane, yellow_blue: Plane, chroma: Plane) -> dict[str, float]:
    angle = np.arctan2(yellow_blue, red_green)  # (H, W)
    bins = ((angle + np.float32(np.pi)) * np.float32(16 / (2 * np.pi))).astype(np.int64) % 16
    weights = np.bincount(bins.ravel(), chroma.ravel(), minlength=16) + _TINY  # (16,)
    shares = weights / weights.sum()
    return {
        "hue_entropy": float(-(shares * np.log2(shares)).sum()),
        "hue_leading": float(shares.max()),
    }


def measure_layout(luma: Plane, red_green: Plane, yellow_blue: Plane) -> dict[str, float]:
    """Return where light, colour and texture lie, for three planes (H, W) of 0..255 and +-255."""
    gradient = np.abs(luma[:-1, 1:] - luma[:-1, :-1]) + np.abs(luma[1:, :-1] - luma[:-1, :-1])
    grids = {
        "luma": _grid(luma) / 255,
        "red_green": _grid(red_green) / 255,
        "yellow_blue": _grid(yellow_blue) / 255,
        "gradient": np.log2(_grid(gradient) + 0.1),
    }
    found = {}
    for layout, grid in grids.items():
        for cell, value in zip(_CELLS, (grid - grid.mean()).ravel(), strict=True):
            found[f"{layout}_{cell}"] = float(value)
    return found | {"symmetry": _symmetry(luma), "middle_luma": _middle(luma) / 255}


def _grid(plane: Plane) -> NDArray[np.float32]:
    """Return the means of 3 x 3 cells of a plane (H, W), H and W at least 3."""
    rows, columns = plane.shape[0] // 3, plane.shape[1] // 3
    whole = plane[: 3 * rows, : 3 * columns].reshape(3, rows, 3 * columns).sum(axis=1)
    sums = whole.reshape(3, 3, columns).sum(axis=2)  # (3, 3)
    return np.asarray(sums / np.float32(rows * columns))


def _symmetry(luma: Plane) -> float:
    centred = luma - luma.mean()
    energy = float(np.square(centred).sum())
    return float((centred * centred[:, ::-1]).sum() / energy) if energy > 1 else 1.0


def _middle(plane: Plane) -> float:
    grid = _grid(plane)
    return float(grid[1, 1] - grid.mean())
