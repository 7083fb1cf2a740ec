"""Fitting: from standing decisions and the settled background to a preference model.

    weight of a decision     table weight * share of its act * fading with age
    weight of background     small; in sum what the keeps lack against the deletes, and at least a
                             fifth of the deletes: untouched is not kept

Photos of one act, of one minute or of one content never straddle a split of the leave-one-out
predictions: they share a group. Context is used only where both classes have it (`context.py`).
"""

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from triaged.core.decide import share
from triaged.core.schedule import can_fit
from triaged.ml import measured
from triaged.ml.context import informative_groups
from triaged.ml.metrics import auroc, average_precision
from triaged.ml.preference import Preference, fit
from triaged.ml.rows import Row, blocks_of, circumstances

_LEAST_BACKGROUND = 0.2  # of the weight of the deletes, however many keeps there are
BACKGROUND_WEIGHT = 0.25  # of one settled photo against one decision, before the cap
SAME_SCENE_SECONDS = 60.0
_DAY_SECONDS = 86_400.0
_LEAST_WEIGHT = 1e-3
_QUANTILES = 101


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model, and what stands beside it in the database."""

    preference: Preference
    deletes: int
    keeps: int
    background: int
    summary: dict[str, Any]


def background_size(deletes: int) -> int:
    """Return how many settled photos stand for the unlabelled library in a fit."""
    return min(1_000, max(60, 2 * deletes))


def fit_rows(
    decided: Sequence[Row],
    settled: Sequence[Row],
    roots: Sequence[bytes],
    now: float,
    half_life_days: float,
) -> Fitted | None:
    """Return the model of `decided` and `settled` rows, None if there is too little of a class.

    `decided` rows have `label`, `weight`, `size_of_act`, `gesture` and `at` besides.
    """
    deletes = sum(row["label"] == "delete" for row in decided)
    keeps = len(decided) - deletes
    if not can_fit(deletes, keeps + len(settled)):
        return None
    rows = [*decided, *settled]
    labels = np.array([row["label"] == "delete" for row in decided] + [False] * len(settled))
    groups = sorted(informative_groups(circumstances(rows, roots), labels))
    blocks = blocks_of(rows, roots, groups)
    weights = _weights(decided, len(settled), now, half_life_days)
    preference = fit(blocks, torch.from_numpy(labels), weights, _groups(rows), blocks)
    out_of_fold = preference.loo_logits[: len(decided)].numpy()
    known = labels[: len(decided)]
    summary = {
        "context": groups,
        "blocks": preference.block_weights,
        "quantiles": _quantiles(blocks["measured"]),
        "auroc": auroc(out_of_fold, known) if 0 < deletes < len(decided) else None,
        "average_precision": average_precision(out_of_fold, known) if keeps else None,
        "shots": [row["shot"] for row in decided],
    }
    return Fitted(preference, deletes, keeps, len(settled), summary)


def _weights(decided: Sequence[Row], background: int, now: float, half_life_days: float) -> Tensor:
    """Return the weights (n,) of decided rows, then of background rows, each in (0, 1]."""
    weights = [
        max(
            _LEAST_WEIGHT,
            row["weight"] * share(row["size_of_act"]) * _fading(row, now, half_life_days),
        )
        for row in decided
    ]
    of_deletes = sum(w for w, row in zip(weights, decided, strict=True) if row["label"] == "delete")
    of_keeps = sum(weights) - of_deletes
    total = max(_LEAST_BACKGROUND * of_deletes, of_deletes - of_keeps)
    each = min(BACKGROUND_WEIGHT, total / max(background, 1))
    return torch.tensor(weights + [max(_LEAST_WEIGHT, each)] * background, dtype=torch.float64)


def _fading(row: Row, now: float, half_life_days: float) -> float:
    """Return the part of its weight that a decision keeps with age; all if that is unknown."""
    if row["at"] is None:
        return 1.0
    age_days = max(0.0, (now - row["at"]) / _DAY_SECONDS)
    return float(0.5 ** (age_days / half_life_days))


def _groups(rows: Sequence[Row]) -> Tensor:
    """Return the split group (n,) of each row: one act, one scene, one content stay together."""
    parent = list(range(len(rows)))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first: dict[object, int] = {}
    for i, row in enumerate(rows):
        for key in (("act", row.get("gesture")), ("content", row["content_hash"])):
            if key[1] is not None:
                parent[find(i)] = find(first.setdefault(key, i))
    timed = sorted(
        (row["taken_at"], i) for i, row in enumerate(rows) if row["taken_at"] is not None
    )
    for (a, i), (b, j) in itertools.pairwise(timed):
        if b - a <= SAME_SCENE_SECONDS:
            parent[find(j)] = find(i)
    return torch.tensor([find(i) for i in range(len(rows))])


def _quantiles(values: Tensor) -> dict[str, list[float]]:
    """Return the percentiles of each measurement (N, M), by name, for saying it in words."""
    steps = torch.linspace(0, 1, _QUANTILES, dtype=torch.float32)
    table = torch.nanquantile(values, steps, dim=0).T  # (M, Q)
    return {
        name: [round(v, 5) for v in row.tolist()]
        for name, row in zip(measured.NAMES, table, strict=True)
        if not bool(row.isnan().any())
    }


def record(fitted: Fitted, backbone: str, version: str, changes: int) -> dict[str, Any]:
    """Return the database row of a model."""
    return {
        "backbone": backbone,
        "version": version,
        "deletes": fitted.deletes,
        "keeps": fitted.keeps,
        "background": fitted.background,
        "changes": changes,
        "summary": json.dumps(fitted.summary),
        "body": fitted.preference.to_bytes(),
    }
