"""How alike two photos are: one kernel per block of features, scaled on the owner's library.

    step         what                                                    why
    -----------  ------------------------------------------------------  ------------------------
    standardise  z-score by the library's statistics, clipped at 3;      one wild value is no vote
                 the embedding stays as it is, unit L2 rows
    kernel       exp(-d^2 / median d^2), divided by (1 - mean)           blocks weigh alike
    centring     in feature space, on the anchors                        the bias costs nothing
    missing      a missing number is the column's mean; a missing block  says nothing either way
                 is the mean picture: its centred kernel row is zero

Anchors are the rows the kernel is expanded in: every labelled row, or landmarks among many. Taking
the mean picture for a missing block keeps the kernel positive semi-definite, because that is still
a point of the feature space. Rows are kept in half precision (5,000 of them take 30 MB) and the fit
sees just these rounded rows, so a stored model answers as the fitted one did.

Centring: Schoelkopf, Smola, Mueller 1998, "Nonlinear component analysis", appendix A.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

EMBEDDING = "embedding"

_CLIP = 3.0
_CHUNK_ROWS = 1024  # 40 MB at 5,000 numbers a row
_SMALL = 1e-12
_MEDIAN_ROWS = 1024  # half a million pairs settle a median


@dataclass(frozen=True, slots=True)
class Kernel:
    """One block's kernel, ready to compare new rows with the labelled ones.

    `mean` and `spread` are (D,) float64; `rows` (n, D) float16 standardised; `is_present` (n,)
    bool; `anchors` (m,) int64 into the rows; `width` is the median squared distance; `gain` is
    1 / (1 - mean kernel); `anchor_mean` (m,) float64 is the uncentred kernel's mean per anchor.
    """

    name: str
    mean: Tensor
    spread: Tensor
    rows: Tensor
    is_present: Tensor
    anchors: Tensor
    width: float
    gain: float
    anchor_mean: Tensor


def fit_kernel(name: str, x: Tensor, scale_rows: Tensor, anchors: Tensor) -> Kernel | None:
    """Return the kernel of a block `x (n, D)`, or None where it tells no two rows apart.

    `scale_rows (S, D)` give mean and deviation; NaN is missing in both.
    """
    mean, spread = _statistics(name, scale_rows)
    if name != EMBEDDING:
        # A column that no labelled row has must not move new rows away from all of them.
        spread = torch.where(torch.isfinite(x).any(0), spread, 0.0)
    rows = torch.empty(x.shape, dtype=torch.float16)  # (n, D)
    is_present = torch.empty(len(x), dtype=torch.bool)
    for at in chunks(len(x)):
        rows[at], is_present[at] = _standardise(name, mean, spread, x[at])
    known = anchors[is_present[anchors]]
    if len(known) < 2:
        return None
    width = _median_squared_distance(rows[known[_spaced(len(known), _MEDIAN_ROWS)]].double())
    if width < _SMALL:
        return None
    at_anchors = rows[anchors].double()
    here = is_present[anchors].double()  # (m,)
    raw = _squared_distances(at_anchors, at_anchors).div_(-width).exp_()  # (m, m)
    anchor_mean = raw @ here / here.sum()
    grand_mean = float(anchor_mean @ here / here.sum())
    if 1.0 - grand_mean < _SMALL:
        return None
    gain = 1.0 / (1.0 - grand_mean)
    return Kernel(name, mean, spread, rows, is_present, anchors, width, gain, anchor_mean)


def standardise(kernel: Kernel, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return new rows `(N, D)` as the kernel sees them, and which of them have the block at all.

    Raises ValueError where D is not the fitted one.
    """
    if x.ndim != 2 or x.shape[1] != kernel.rows.shape[1]:
        raise ValueError(
            f"block {kernel.name!r} has shape {tuple(x.shape)}, not (N, {kernel.rows.shape[1]})"
        )
    return _standardise(kernel.name, kernel.mean, kernel.spread, x)


def likeness(kernel: Kernel, z: Tensor, rows: Tensor) -> Tensor:
    """Return the plain kernel (N, n), 0..1, of standardised `z (N, D)` and labelled `rows`."""
    return _squared_distances(z, rows).div_(-kernel.width).exp_()


def centred(kernel: Kernel, rows: Tensor, columns: Tensor) -> Tensor:
    """Return the centred and scaled kernel of labelled `rows (r,)` with anchors `columns (q,)`.

    `rows` index the labelled rows, `columns` the anchors. The result is (r, q) float64.
    """
    at_anchors = kernel.rows[kernel.anchors].double()  # (m, D)
    here = kernel.is_present[kernel.anchors].double()  # (m,)
    grand_mean = 1.0 - 1.0 / kernel.gain
    matrix = torch.empty((len(rows), len(columns)), dtype=torch.float64)
    for at in chunks(len(rows)):
        part = likeness(kernel, kernel.rows[rows[at]].double(), at_anchors)  # (N, m)
        part.sub_((part @ here / here.sum())[:, None]).sub_(kernel.anchor_mean).add_(grand_mean)
        part.mul_(here * kernel.gain).mul_(kernel.is_present[rows[at]].double()[:, None])
        matrix[at] = part if len(columns) == len(here) else part[:, columns]
    return matrix


def expansion(kernel: Kernel, coefficients: Tensor) -> tuple[Tensor, float]:
    """Return weights (m,) and an offset for the plain kernel that equal `coefficients` centred.

    Centring is linear, so it folds into the weights once instead of into every new row.
    """
    here = kernel.is_present[kernel.anchors].double()  # (m,)
    own = coefficients * here
    weights = (own - here * own.sum() / here.sum()) * kernel.gain  # (m,)
    return weights, -float(weights @ kernel.anchor_mean)


def chunks(count: int) -> Iterator[slice]:
    """Yield slices that cover `count` rows, few enough at a time to stay small in memory."""
    for start in range(0, count, _CHUNK_ROWS):
        yield slice(start, min(start + _CHUNK_ROWS, count))


def _statistics(name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    if name == EMBEDDING:
        return torch.empty(0, dtype=torch.float64), torch.empty(0, dtype=torch.float64)
    x = torch.where(torch.isfinite(x), x, torch.nan).double()
    mean = x.nanmean(0).nan_to_num(0.0)  # (D,)
    spread = (x - mean).square().nanmean(0).nan_to_num(0.0).sqrt()
    return mean, torch.where(spread > _SMALL * (1.0 + mean.abs()), spread, 0.0)


def _standardise(name: str, mean: Tensor, spread: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.double()
    is_known = torch.isfinite(x)
    is_present = is_known.any(1)  # (N,)
    if name == EMBEDDING:
        z = torch.where(is_known, x, 0.0)
        return z / z.norm(dim=1, keepdim=True).clamp_min(_SMALL), is_present
    usable = is_known & (spread > 0)  # a constant column has no z-score: left out
    z = torch.where(usable, (x - mean) / spread, 0.0)
    return z.clamp(-_CLIP, _CLIP), is_present


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    distances = a @ b.T  # (N, n); in place, because this is where the memory goes
    distances.mul_(-2.0).add_(a.square().sum(1)[:, None]).add_(b.square().sum(1))
    return distances.clamp_min_(0.0)


def _median_squared_distance(z: Tensor) -> float:
    distances = _squared_distances(z, z)
    above = torch.triu_indices(len(z), len(z), offset=1)
    between = distances[above[0], above[1]]
    median = float(between.median())
    # Where more than half the pairs are the same (few folders, no camera), the mean is the scale.
    return median if median > _SMALL else float(between.mean())


def _spaced(count: int, limit: int) -> Tensor:
    return torch.arange(min(count, limit)) * count // min(count, limit)
