"""Detail: how energy is spread over scales, tiles and directions; blur, noise, flatness, blocks.

    measurement            what it is
    ---------------------  -------------------------------------------------------------------
    PLANE_gradient         log2 rms gradient at the finest scale
    PLANE_gradient_ratio_K log2 of rms gradients, scale K over scale K+1 (nearly free of content)
    PLANE_laplace_ratio_K  the same of Laplacians: falls with defocus, rises with noise
    PLANE_sparsity_K       log2 of rms over mean Laplacian: few strong edges or much weak texture
    PLANE_across_K         log2 of horizontal over vertical gradient energy (camera shake, lines)
    PLANE_diagonal_K       the same between the diagonals, -1..1
    PLANE_tile_*           Laplacian energy over an 8 x 8 grid of tiles: spread, sharpest, centre;
                           `ratio_clean`: finest over third scale, less what noise gives each
    PLANE_reblur_*         how much a further blur takes away, 0 (blurred already) .. 1
    noise*                 deviation in the flattest tiles, 8-bit steps
    flatness*              share of pixels exactly equal to their neighbours
    blockiness             log2 of steps across the strongest 8-pixel grid over other steps

Planes are `picture` (longer side 320 px) and `crop` (the middle 512 px of the working picture).
Sources: Crete et al. 2007 (re-blur); Immerkaer 1996 (noise mask).
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = NDArray[np.float32]

PLANES = ("picture", "crop")
_SCALES = 5
_GRID = 8
_NOISE_TILE_PX = 16
_TINY = 1e-6
_QUIET = 0.5  # squared 8-bit steps, about what rounding alone makes
_REBLUR_RADIUS_PX = 4  # nine taps, as in the paper

_ENERGY_NAMES = (
    "gradient",
    *(f"gradient_ratio_{k}" for k in range(_SCALES - 1)),
    *(f"laplace_ratio_{k}" for k in range(_SCALES - 1)),
    *(f"sparsity_{k}" for k in range(_SCALES)),
    *(f"across_{k}" for k in range(_SCALES - 1)),
    *(f"diagonal_{k}" for k in range(2)),
)
_TILE_NAMES = (
    "tile_spread",
    "tile_top",
    "tile_low",
    "tile_ratio_top",
    "tile_ratio_middle",
    "tile_ratio_low",
    "tile_ratio_clean",
    "tile_centre",
    "tile_coherence",
)
_REBLUR_NAMES = ("reblur_across", "reblur_down")
_FLATNESS_NAMES = ("flatness", "flatness_across", "flatness_down", "flatness_tiles")
NAMES: tuple[str, ...] = (
    *(f"{p}_{n}" for p in PLANES for n in (*_ENERGY_NAMES, *_TILE_NAMES, *_REBLUR_NAMES)),
    "noise",
    "noise_grain",
    "noise_colour",
    *_FLATNESS_NAMES,
    "blockiness",
)


@dataclass(frozen=True, slots=True)
class _Scale:
    """Derivatives of one scale of a plane, each (h, w); sums of squares and products are shared."""

    across: Plane
    down: Plane
    laplace: Plane


def measure_plane(plane: Plane, name: str) -> dict[str, float]:
    """Return the `NAMES` that begin with `name` for a luma `plane` (H, W) of 0..255."""
    scales = [_derivatives(level) for level in _pyramid(plane)]
    found = _energies(scales) | _tiles(scales) | _reblur(plane)
    return {f"{name}_{key}": value for key, value in found.items()}


def _pyramid(plane: Plane) -> list[Plane]:
    levels = [plane]
    while len(levels) < _SCALES:
        levels.append(_halved(levels[-1]))
    return levels


def _halved(plane: Plane) -> Plane:
    rows, columns = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    pairs = plane[0:rows:2, :columns] + plane[1:rows:2, :columns]  # (h/2, w)
    return np.asarray((pairs[:, 0::2] + pairs[:, 1::2]) * np.float32(0.25))  # (h/2, w/2)


def _derivatives(plane: Plane) -> _Scale:
    middle = plane[1:-1, 1:-1]
    across = plane[1:-1, 2:] - middle  # (h-2, w-2)
    down = plane[2:, 1:-1] - middle
    laplace = across + down
    laplace += plane[1:-1, :-2]
    laplace += plane[:-2, 1:-1]
    laplace -= middle
    laplace -= middle
    return _Scale(across, down, laplace)


def _mean_square(values: Plane) -> float:
    flat = values.ravel()
    return float(np.dot(flat, flat)) / flat.size + _TINY


def _mean_product(a: Plane, b: Plane) -> float:
    return float(np.dot(a.ravel(), b.ravel())) / a.size


def _log2(value: float) -> float:
    return float(np.log2(max(value, _TINY)))


def _energies(scales: list[_Scale]) -> dict[str, float]:
    across = [_mean_square(s.across) for s in scales]
    down = [_mean_square(s.down) for s in scales]
    laplace = [_mean_square(s.laplace) for s in scales]
    gradient = [a + d for a, d in zip(across, down, strict=True)]
    found = {"gradient": _log2(gradient[0]) / 2}
    for k in range(_SCALES - 1):
        found[f"gradient_ratio_{k}"] = _log2(gradient[k] / gradient[k + 1]) / 2
        found[f"laplace_ratio_{k}"] = _log2(laplace[k] / laplace[k + 1]) / 2
        found[f"across_{k}"] = _log2(across[k] / down[k])
    for k, scale in enumerate(scales):
        mean = float(np.abs(scale.laplace).mean()) + _TINY
        found[f"sparsity_{k}"] = _log2(laplace[k] / mean**2) / 2
    for k in range(2):
        crossed = _mean_product(scales[k].across, scales[k].down)
        found[f"diagonal_{k}"] = 2 * crossed / gradient[k]
    return found


def _tile_sums(values: Plane, grid: int) -> NDArray[np.float32]:
    """Return the mean of each of `grid` x `grid` tiles of (H, W) values, the remainder left out."""
    high, wide = max(1, values.shape[0] // grid), max(1, values.shape[1] // grid)
    rows, columns = values.shape[0] // high, values.shape[1] // wide
    whole = values[: rows * high, : columns * wide].reshape(rows, high, columns * wide)
    sums = whole.sum(axis=1).reshape(rows, columns, wide).sum(axis=2)  # (rows, columns)
    return np.asarray(sums[:grid, :grid] / np.float32(high * wide))


def _tiles(scales: list[_Scale]) -> dict[str, float]:
    fine = _tile_sums(np.square(scales[0].laplace), _GRID) + _TINY  # (8, 8)
    coarse = _tile_sums(np.square(scales[2].laplace), _GRID) + _TINY
    logs = np.log2(fine) / 2
    low, middle, top = np.percentile(logs, (10, 50, 90))
    rows, columns = min(fine.shape[0], coarse.shape[0]), min(fine.shape[1], coarse.shape[1])
    ratios = np.log2(fine[:rows, :columns] / coarse[:rows, :columns]) / 2
    ratio_low, ratio_middle, ratio_top = np.percentile(ratios, (10, 50, 90))
    inner = slice(rows // 4, rows - rows // 4), slice(columns // 4, columns - columns // 4)
    return {
        "tile_spread": float(top - low),
        "tile_top": float(top - middle),
        "tile_low": float(low),
        "tile_ratio_top": float(ratio_top),
        "tile_ratio_middle": float(ratio_middle),
        "tile_ratio_low": float(ratio_low),
        "tile_ratio_clean": _clean(fine) - _clean(coarse),
        "tile_centre": float(logs[inner].mean() - logs.mean()),
        "tile_coherence": _coherence(scales[1]),
    }


def _clean(energies: NDArray[np.float32]) -> float:
    """Return log2 of the busiest tiles' rms above that of the flattest, which noise alone fills."""
    low, top = np.percentile(energies, (10, 90))
    return _log2(float(top - low) + _QUIET) / 2


def _coherence(scale: _Scale) -> float:
    """Return how far gradients agree on one direction within tiles, 0..1, weighted by strength."""
    xx = _tile_sums(np.square(scale.across), _GRID)
    yy = _tile_sums(np.square(scale.down), _GRID)
    xy = _tile_sums(scale.across * scale.down, _GRID)
    apart = np.sqrt(np.square(xx - yy) + 4 * np.square(xy))
    return float(apart.sum() / (float((xx + yy).sum()) + _TINY))


def _reblur(plane: Plane) -> dict[str, float]:
    return {"reblur_across": _reblur_loss(plane.T), "reblur_down": _reblur_loss(plane)}


def _reblur_loss(plane: Plane) -> float:
    """Return the share of variation between rows that a nine-row blur takes away (Crete)."""
    taps = 2 * _REBLUR_RADIUS_PX + 1
    if plane.shape[0] <= taps + 1:
        return float("nan")
    steps = np.abs(plane[1:] - plane[:-1])[_REBLUR_RADIUS_PX:-_REBLUR_RADIUS_PX]
    # A difference of box means is one difference, nine rows apart.
    blurred = np.abs(plane[taps:] - plane[:-taps]) * np.float32(1 / taps)  # (H - 9, W)
    lost = np.maximum(steps[: blurred.shape[0]] - blurred, 0)
    return float(lost.sum() / (float(steps.sum()) + _TINY))


def measure_noise(crop: Plane, red_green: Plane, yellow_blue: Plane) -> dict[str, float]:
    """Return noise of luma `crop` (H, W) and of two chroma planes, in steps of 0..255."""
    fine = _noise(crop)
    grain = _noise(_halved(crop))
    colour = (_noise(red_green) + _noise(yellow_blue)) / 2
    return {
        "noise": fine,
        "noise_grain": float(np.log2((grain + 0.1) / (fine + 0.1))),
        "noise_colour": colour,
    }


def _noise(plane: Plane) -> float:
    """Return the deviation of noise in the flattest tenth of tiles (Immerkaer's mask, eq. 4)."""
    if min(plane.shape) < 4:
        return float("nan")
    down = plane[:-2] - 2 * plane[1:-1] + plane[2:]
    mask = np.abs(down[:, :-2] - 2 * down[:, 1:-1] + down[:, 2:])
    tiles = _tile_sums(mask, max(1, min(plane.shape) // _NOISE_TILE_PX))
    return float(np.sqrt(np.pi / 2) / 6 * np.percentile(tiles, 10))


def measure_flatness(pixels: NDArray[np.uint8]) -> dict[str, float]:
    """Return the shares of `pixels` (H, W, 3) that equal their neighbours exactly, each 0..1.

    NaN where there is only one row or column.
    """
    if min(pixels.shape[:2]) < 2:
        return dict.fromkeys(_FLATNESS_NAMES, float("nan"))
    packed = pixels.astype(np.int32) @ np.array([1, 256, 65536], np.int32)  # (H, W)
    across = packed[:-1, 1:] == packed[:-1, :-1]
    down = packed[1:, :-1] == packed[:-1, :-1]
    flat = across & down
    tiles = _tile_sums(flat.astype(np.float32), 2 * _GRID)
    return {
        "flatness": float(flat.mean()),
        "flatness_across": float(across.mean()),
        "flatness_down": float(down.mean()),
        "flatness_tiles": float((tiles > 0.9).mean()),
    }


def measure_blockiness(crop: Plane) -> float:
    """Return log2 of steps over the strongest 8-pixel grid against all others; NaN when tiny.

    The phase is searched, because turning and cropping move the grid.
    """
    if min(crop.shape) < 32:
        return float("nan")
    return (_grid_strength(crop) + _grid_strength(crop.T)) / 2


def _grid_strength(plane: Plane) -> float:
    # A step that its two neighbours do not share: real edges are softer than block borders.
    steps = np.abs(plane[1:] - plane[:-1]).mean(axis=1)  # (H-1,)
    excess = steps[1:-1] - (steps[:-2] + steps[2:]) / 2
    usable = excess[: excess.size // 8 * 8].reshape(-1, 8).mean(axis=0)  # (8,)
    return float(np.log2((usable.max() + steps.mean() + 0.05) / (steps.mean() + 0.05)))
