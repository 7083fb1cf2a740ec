"""The online record: scores given before the owner acted, against what the owner then did. Pure."""

import bisect
from collections.abc import Sequence


def auroc_of_pairs(deleted: Sequence[float], kept: Sequence[float]) -> float | None:
    """Return the share of (deleted, kept) pairs in which the deleted photo scored higher.

    Ties count half; None if either side is empty. This is the area under the ROC curve
    (Hanley, McNeil 1982).
    """
    if not deleted or not kept:
        return None
    ordered = sorted(kept)
    wins = sum(bisect.bisect_left(ordered, s) + bisect.bisect_right(ordered, s) for s in deleted)
    return wins / (2 * len(deleted) * len(kept))
