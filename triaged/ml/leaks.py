"""Two tests for what gives a class away by its provenance and not by its content.

    test               asks                                     leaks when
    -----------------  ---------------------------------------  ------------------------------
    is_lopsided        does one class have it more often?       rates differ by more than 0.2,
                                                                or by 0.05 with p < 0.01
    is_too_good        does this number alone tell the classes  AUROC beyond 0.9 either way,
                       apart?                                   with p < 0.01

Sources: Fisher's exact test, two-sided, by summing the tables at most as likely as the one seen
(Fisher 1922); Mann, Whitney 1947 in its normal form with the correction for ties.
"""

import math

import numpy as np
from numpy.typing import NDArray

from triaged.ml.metrics import auroc

_FLAGRANT = 0.2
_NOTICEABLE = 0.05
_SIGNIFICANT = 0.01
_TOO_GOOD = 0.9
_ROUNDING = 1e-7


def is_lopsided(is_present: NDArray[np.bool_], labels: NDArray[np.bool_]) -> bool:
    """Return whether one class of `labels (n,)` has something clearly more often than the other."""
    deletes, keeps = int(labels.sum()), int((~labels).sum())
    among_deletes = int(is_present[labels].sum())
    among_keeps = int(is_present[~labels].sum())
    gap = abs(among_deletes / deletes - among_keeps / keeps)
    if gap > _FLAGRANT:
        return True
    if gap <= _NOTICEABLE:
        return False
    return fisher_exact(among_deletes, deletes, among_keeps, keeps) < _SIGNIFICANT


def is_too_good(values: NDArray[np.float32], labels: NDArray[np.bool_]) -> bool:
    """Return whether `values (n,)`, NaN where unknown, nearly split the classes on their own."""
    is_known = np.isfinite(values)
    values, labels = values[is_known], labels[is_known]
    if labels.all() or not labels.any() or (values == values[0]).all():
        return False
    area = auroc(values, labels)
    if max(area, 1.0 - area) < _TOO_GOOD:
        return False
    return mann_whitney(area, values, labels) < _SIGNIFICANT


def fisher_exact(hits: int, tries: int, other_hits: int, other_tries: int) -> float:
    """Return the two-sided p of `hits` of `tries` against `other_hits` of `other_tries`."""
    total, all_hits = tries + other_tries, hits + other_hits
    low, high = max(0, all_hits - other_tries), min(tries, all_hits)
    logs = [
        _log_choose(tries, k) + _log_choose(other_tries, all_hits - k) for k in range(low, high + 1)
    ]
    whole = _log_choose(total, all_hits)
    seen = logs[hits - low]
    return min(1.0, sum(math.exp(log - whole) for log in logs if log <= seen + _ROUNDING))


def mann_whitney(area: float, values: NDArray[np.float32], labels: NDArray[np.bool_]) -> float:
    """Return the two-sided p of an AUROC `area` of `values (n,)`, were the labels by chance."""
    n, deletes, keeps = len(labels), int(labels.sum()), int((~labels).sum())
    runs = np.unique(values, return_counts=True)[1].astype(np.float64)
    ties = float((runs**3 - runs).sum()) / (n * (n - 1))
    variance = (n + 1 - ties) / (12 * deletes * keeps)
    return math.erfc(abs(area - 0.5) / math.sqrt(2 * variance))


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
