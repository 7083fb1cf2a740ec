"""How good a ranking or a probability is. Scores are higher for likelier deletes; True = deleted.

    figure                      what it answers                                 best
    --------------------------  ----------------------------------------------  ----
    auroc                       does a random delete rank above a random keep?   1
    average_precision           how pure is the list, over all its lengths?      1
    precision_at                how pure are its first k?                        1
    brier                       how far are the probabilities off, squared?      0
    expected_calibration_error  of photos said to be 30 %, are 30 % deleted?     0

Sources: Hanley, McNeil 1982 (AUROC as the Mann-Whitney statistic); DeLong et al. 1988 (its standard
error); Brier 1950; Naeini, Cooper, Hauskrecht 2015 (calibration error), with bins of equal mass as
in Nguyen, O'Connor 2015; Manning, Raghavan, Schuetze 2008, section 8.4 (precisions).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]

_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its standard error and 95 % interval."""

    value: float
    standard_error: float
    low: float
    high: float


def auroc(scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the share of (delete, keep) pairs in right order, ties half, pairs by weight product.

    Raises ValueError unless both labels occur.
    """
    s, y, w = _checked(scores, labels, weights)
    _need_both(y)
    below, same = _weight_below(s, s[~y], w[~y])
    wins = w[y] * (below[y] + same[y] / 2)
    return float(wins.sum() / (w[y].sum() * w[~y].sum()))


def auroc_estimate(scores: ArrayLike, labels: ArrayLike) -> Estimate:
    """Return the AUROC with DeLong's standard error; the interval is on the logit scale, in 0..1.

    Where the ranking is perfect (or perfectly wrong) DeLong's error is 0 and says nothing: there
    the interval's open end is the exact one-sided bound 0.025 ** (1 / min(deletes, keeps)), as if
    only that many pairs were independent. Raises ValueError unless both labels occur.
    """
    s, y, w = _checked(scores, labels, None)
    value = auroc(s, y)
    deletes, keeps = int(y.sum()), int((~y).sum())
    if value in (0.0, 1.0):
        bound = 0.025 ** (1.0 / min(deletes, keeps))
        return Estimate(value, 0.0, *((bound, 1.0) if value else (0.0, 1.0 - bound)))
    error = _delong_error(s, y, w)
    middle = np.log(value / (1.0 - value))
    reach = _NORMAL_95 * error / (value * (1.0 - value))
    low, high = 1.0 / (1.0 + np.exp(-(middle - reach))), 1.0 / (1.0 + np.exp(-(middle + reach)))
    return Estimate(value, error, float(low), float(high))


def average_precision(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> float:
    """Return the sum of precision times gain in recall down the list; equal scores are one step.

    Raises ValueError unless a delete occurs.
    """
    s, y, w = _checked(scores, labels, weights)
    if not y.any():
        raise ValueError("average precision needs at least one delete")
    order = np.argsort(-s, kind="stable")
    is_last = np.append(np.diff(s[order]) != 0, True)  # the end of each run of equal scores
    hits = np.cumsum((w * y)[order])[is_last]
    seen = np.cumsum(w[order])[is_last]
    return float((np.diff(hits, prepend=0.0) * hits / seen).sum() / hits[-1])


def precision_at(scores: ArrayLike, labels: ArrayLike, k: int) -> float:
    """Return the share of deletes among the k highest scores, at most all of them.

    Of the photos that tie at the border, each counts for the share of them that fits in. Raises
    ValueError for k below 1 or no scores.
    """
    s, y, _ = _checked(scores, labels, None)
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    k = min(k, len(s))
    border = np.sort(s)[-k]
    above, tied = s > border, s == border
    room = k - int(above.sum())
    return float((y[above].sum() + room * y[tied].mean()) / k)


def brier(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Return the mean squared distance of the probabilities from what happened (0 or 1)."""
    p, y, w = _checked(probabilities, labels, weights)
    return float((w * (p - y) ** 2).sum() / w.sum())


def expected_calibration_error(
    probabilities: ArrayLike,
    labels: ArrayLike,
    weights: ArrayLike | None = None,
    bins: int = 10,
) -> float:
    """Return the mean gap between probability said and share deleted, over bins of equal mass.

    Photos sorted by probability are cut where the summed weight passes a bin's border; equal
    probabilities stay together.
    """
    p, y, w = _checked(probabilities, labels, weights)
    _, which = np.unique(p, return_inverse=True)
    mass = np.bincount(which, w)
    middle = (np.cumsum(mass) - mass / 2) / mass.sum()  # place of each value in 0..1
    at = np.minimum((middle * bins).astype(np.int64), bins - 1)[which]
    said, happened = np.bincount(at, w * p), np.bincount(at, w * y)
    return float(np.abs(said - happened).sum() / w.sum())


def _delong_error(s: _Floats, y: _Bools, w: _Floats) -> float:
    below, same = _weight_below(s, s[~y], w[~y])
    under, level = _weight_below(s, s[y], w[y])
    keeps, deletes = w[~y].sum(), w[y].sum()
    of_deletes = (below[y] + same[y] / 2) / keeps
    of_keeps = 1.0 - (under[~y] + level[~y] / 2) / deletes
    variance = sum(part.var(ddof=1) / len(part) for part in (of_deletes, of_keeps) if len(part) > 1)
    return float(np.sqrt(variance))


def _weight_below(s: _Floats, others: _Floats, w: _Floats) -> tuple[_Floats, _Floats]:
    """Return for each score the weight of `others` below it, and of those equal to it."""
    order = np.argsort(others, kind="stable")
    total = np.append(0.0, np.cumsum(w[order]))
    left = total[np.searchsorted(others[order], s, side="left")]
    right = total[np.searchsorted(others[order], s, side="right")]
    return left, right - left


def _checked(
    scores: ArrayLike, labels: ArrayLike, weights: ArrayLike | None
) -> tuple[_Floats, _Bools, _Floats]:
    s = np.asarray(scores, np.float64)
    y = np.asarray(labels, np.bool_)
    w = np.ones_like(s) if weights is None else np.asarray(weights, np.float64)
    if s.ndim != 1 or s.shape != y.shape or s.shape != w.shape or not len(s):
        raise ValueError("scores, labels and weights must be as long as each other, and not empty")
    if not np.isfinite(s).all() or (w < 0).any() or not w.sum() > 0:
        raise ValueError("scores must be finite, weights at least 0 and not all 0")
    return s, y, w


def _need_both(y: _Bools) -> None:
    if y.all() or not y.any():
        raise ValueError("AUROC needs both keeps and deletes")
