"""When a fit is due. Pure: counts and seconds in, an answer out.

decisions since the last fit      due
--------------------------------  --------------------------------
none                              never
any, and no model yet             at once, if there is enough to fit
at least max(3, 5 % of labels)    at once
fewer                             after five minutes
"""

FIT_LABELS = 5  # of each label, below which there is nothing to fit
_FEW_LEAST = 3
_FEW_SHARE = 0.05
_FEW_SECONDS = 300.0


def can_fit(deletes: int, keeps: int) -> bool:
    """Return whether there are enough labels of each kind (background counts as kept) to fit."""
    return deletes >= FIT_LABELS and keeps >= FIT_LABELS


def seconds_until_fit(new: int, labels: int, seconds_since_fit: float | None) -> float | None:
    """Return how long until a fit is due, 0 for now, None for not at all.

    `new` decisions since the last fit, `labels` standing, `seconds_since_fit` None without a model.
    """
    if new == 0:
        return None
    if seconds_since_fit is None or new >= max(_FEW_LEAST, _FEW_SHARE * labels):
        return 0.0
    return max(0.0, _FEW_SECONDS - seconds_since_fit)
