"""Local patches of a picture: what its small neighbourhoods look like, as rows for a code book.

    kind      patch                                        sizes px     numbers
    --------  -------------------------------------------  -----------  -------------------------
    gradient  4 x 4 cells of 4 px, 8 directions a cell     128, 88,     128, root-SIFT
                                                           60, 40
    colour    3 x 3 cells of 4 px, mean and deviation of   128, 64, 32  54
              luma, red-green and yellow-blue a cell
    layout    all 6 x 6 cells of 4 px, 4 undirected lines  24           144, one row a picture
              a cell, against the cells around

Patches come with their place in the frame, x and y in -1..1, so that a code book knows sky from
floor. Pictures are squashed to squares: what fills the frame counts, not its shape. The layout
forgets which side of an edge is the lighter one: a dark shirt on a light wall is like its negative.
Sources: Lowe 2004 (the cells); Arandjelovic and Zisserman 2012 (root-SIFT); Dalal and Triggs 2005
(the layout).
"""

from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

Rows: TypeAlias = NDArray[np.float32]

CELL_PX = 4
GRADIENT_PX = (128, 88, 60, 40)
COLOUR_PX = (128, 64, 32)
LAYOUT_PX = 24

_DIRECTIONS = 8
# Gradient length, in 8-bit steps a patch, below which it fades out instead of being scaled up:
# otherwise the noise of a clear sky would look like a texture.
_FAINT, _FAINT_CELL = 60.0, 20.0
# Colour differences are smaller than differences of light, deviations smaller than means; brought
# to one size, the principal axes keep some of each.
_COLOUR_SCALE = np.array([1, 2, 2, 2, 4, 4], np.float32)


def gradient_patches(image: Image.Image) -> tuple[Rows, Rows]:
    """Return gradient rows (N, 128), each at most unit L2, and places (N, 2) of an RGB `image`."""
    grey = image.convert("L")
    rows, places = [], []
    for side in GRADIENT_PX:
        cells = _direction_cells(_squashed(grey, side))  # (c, c, 8)
        patches = _windows(cells, 4)  # (n, 128)
        rows.append(np.sqrt(patches / (patches.sum(axis=1, keepdims=True) + np.float32(_FAINT))))
        places.append(_places(cells.shape[0] - 3))
    return np.concatenate(rows), np.concatenate(places)


def colour_patches(image: Image.Image) -> tuple[Rows, Rows]:
    """Return colour rows (N, 54) of about -1..1, and places (N, 2) of an RGB `image`."""
    rows, places = [], []
    for side in COLOUR_PX:
        cells = _colour_cells(_squashed(image, side))  # (c, c, 6)
        rows.append(_windows(cells, 3))
        places.append(_places(cells.shape[0] - 2))
    return np.concatenate(rows), np.concatenate(places)


def direction_layout(image: Image.Image) -> Rows:
    """Return where in the frame lines of which direction run, (144,), of an RGB `image`."""
    cells = _direction_cells(_squashed(image.convert("L"), LAYOUT_PX))  # (6, 6, 8)
    lines = cells[:, :, : _DIRECTIONS // 2] + cells[:, :, _DIRECTIONS // 2 :]  # (6, 6, 4)
    around = np.pad(lines.sum(axis=2), 1, mode="edge")
    level = sliding_window_view(around, (3, 3)).mean(axis=(2, 3))[..., None]  # (6, 6, 1)
    return np.asarray(np.sqrt(lines / (level + np.float32(_FAINT_CELL)))).ravel()


def _squashed(image: Image.Image, side: int) -> NDArray[np.float32]:
    small = image.resize((side, side), Image.Resampling.HAMMING, reducing_gap=2.0)
    return np.asarray(small, np.float32)


def _windows(cells: Rows, side: int) -> Rows:
    """Return every `side` x `side` neighbourhood of cells (c, c, k) as a row of side * side * k."""
    views = sliding_window_view(cells, (side, side), axis=(0, 1))  # (n, n, k, side, side)
    return views.reshape(views.shape[0] * views.shape[1], -1)


def _places(count: int) -> Rows:
    line = np.linspace(-1, 1, count, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)


def _direction_cells(luma: NDArray[np.float32]) -> Rows:
    """Return gradient length by cell and direction, (c, c, 8), of luma (H, H) of 0..255."""
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, 1:-1] = luma[:, 2:] - luma[:, :-2]
    down[1:-1] = luma[2:] - luma[:-2]
    length = np.sqrt(across * across + down * down)
    turn = np.arctan2(down, across) * np.float32(_DIRECTIONS / (2 * np.pi)) + _DIRECTIONS
    lower = turn.astype(np.int32)
    share = turn - lower  # of the next direction
    count = luma.shape[0] // CELL_PX
    line = np.arange(luma.shape[0]) // CELL_PX
    base = (line[:, None] * count + line[None, :]) * _DIRECTIONS
    size = count * count * _DIRECTIONS
    sums = np.bincount((base + lower % _DIRECTIONS).ravel(), (length * (1 - share)).ravel(), size)
    sums += np.bincount((base + (lower + 1) % _DIRECTIONS).ravel(), (length * share).ravel(), size)
    return sums.astype(np.float32).reshape(count, count, _DIRECTIONS)


def _colour_cells(pixels: NDArray[np.float32]) -> Rows:
    """Return means and deviations of three opponent channels by cell, (c, c, 6), of (H, H, 3)."""
    red, green, blue = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    opponents = np.stack([(red + green + blue) / 3, red - green, (red + green) / 2 - blue])
    opponents /= np.float32(255)  # (3, H, H)
    mean = _cell_means(opponents)  # (3, c, c)
    spread = np.sqrt(np.maximum(_cell_means(np.square(opponents)) - np.square(mean), 0))
    return np.concatenate([mean, spread]).transpose(1, 2, 0) * _COLOUR_SCALE


def _cell_means(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    count = planes.shape[1] // CELL_PX
    rows = planes.reshape(len(planes), count, CELL_PX, -1).sum(axis=2)
    sums = rows.reshape(len(planes), count, count, CELL_PX).sum(axis=3)
    return np.asarray(sums / np.float32(CELL_PX * CELL_PX))
