"""The preference model: which photos this owner would delete, learned from their decisions.

A least-squares kernel classifier (targets -1 keep, +1 delete) on a weighted sum of one kernel per
block. No seed, no schedule: every mixture of a small grid is solved, judged by its exact
leave-one-group-out predictions, and the solutions are averaged by that judgement.

    grid       block weights in steps of 1/4 that sum to 1, times ridge .03, .17, 1
    judgement  -sum_i c_i log(1 + exp(-3 t_i loo_i)) + prior . block weights
    average    softmax of the judgement; a mixture of solutions is one expansion per block

    block      what                              prior
    ---------  --------------------------------  -----
    embedding  the backbone's last layer         +1
    levels     its stages' means and deviations  -2
    measured   sharpness, exposure, colour ...   -2
    context    camera, time, folder, name        -6

The priors are log odds: a block has to earn its place. Context pays most, because it says where a
photo lies and not what it shows. At -6 circumstances that are pure chance cost .005 AUROC at 5 + 5
labels and .001 at 20 + 20 (at -2: .017 and .002); telling ones still bring .002 at 20 + 20.

Decisions weigh c_i in 0..1 and enter as a ridge per row (see ridge.py). Groups (one act, one
series) never straddle a split, unless one holds most of its class: leaving that out would leave
nothing to learn from, so its rows are left out one by one.

Source: Suykens, Vandewalle 1999, "Least squares support vector machine classifiers".
"""

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from triaged.ml.calibration import Calibration, calibrate
from triaged.ml.grid import solve_grid, spread
from triaged.ml.kernels import (
    Kernel,
    centred,
    chunks,
    expansion,
    fit_kernel,
    likeness,
    standardise,
)

PRIOR = {"embedding": 1.0, "levels": -2.0, "measured": -2.0, "context": -6.0}
EXACT_ROWS = 4000  # 130 MB a matrix, of which three
LANDMARKS = 2000  # as many as fit: a half of the rows cost .006 to .016 AUROC on real photos

_FORMAT = b"triaged preference 1\n"
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Preference:
    """A fitted model. `labels (n,)` bool and `loo_logits (n,)` follow the rows it was fitted on.

    `loo_logits` are out-of-fold. `block_weights` are the grid's average, summing to 1, to be shown.
    `kernels` hold the labelled rows; `weights` and `offsets` expand the logit, one (m,) per kernel.
    """

    kernels: tuple[Kernel, ...]
    weights: tuple[Tensor, ...]
    offsets: tuple[float, ...]
    bias: float
    block_weights: dict[str, float]
    labels: Tensor
    loo_logits: Tensor
    calibration: Calibration

    def logits(self, blocks: Mapping[str, Tensor]) -> Tensor:
        """Return (N,) float64, above 0 = more like the deletes. A block not given says nothing.

        Raises ValueError where a block has another width than the fitted one.
        """
        total = torch.full((_row_count(blocks),), self.bias, dtype=torch.float64)
        for part in self.contributions(blocks).values():
            total += part
        return total

    def probabilities(self, blocks: Mapping[str, Tensor]) -> Tensor:
        """Return the calibrated probability (N,) float64 that the owner would delete each row."""
        return self.calibration.probabilities(self.logits(blocks))

    def loo_probabilities(self) -> Tensor:
        """Return (n,) float64: what each labelled row would have got, had it not been seen."""
        return self.calibration.probabilities(self.loo_logits)

    def contributions(self, blocks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each block's part (N,) of the logit; with `bias` they sum to it. Missing is 0."""
        count = _row_count(blocks)
        parts = {}
        for kernel, weights, offset in zip(self.kernels, self.weights, self.offsets, strict=True):
            part = torch.zeros(count, dtype=torch.float64)
            if kernel.name in blocks:
                anchors = kernel.rows[kernel.anchors].double()  # (m, D)
                for at in chunks(count):
                    z, is_present = standardise(kernel, blocks[kernel.name][at])
                    values = likeness(kernel, z, anchors) @ weights + offset
                    part[at] = torch.where(is_present, values, 0.0)
            parts[kernel.name] = part
        return parts

    def similar(self, blocks: Mapping[str, Tensor], k: int) -> tuple[Tensor, Tensor]:
        """Return the k most similar labelled rows: indices (N, k) int64, similarity (N, k) 0..1.

        Nearest first; 1 is the same picture. Blocks missing on either side are not compared.
        """
        count, n = _row_count(blocks), len(self.labels)
        k = min(k, n)
        indices = torch.empty((count, k), dtype=torch.int64)
        values = torch.empty((count, k), dtype=torch.float64)
        for at in chunks(count):
            part = self._likeness({name: x[at] for name, x in blocks.items()}, n)
            values[at], indices[at] = part.topk(k, dim=1)
        return indices, values

    def _likeness(self, blocks: Mapping[str, Tensor], n: int) -> Tensor:
        total = torch.zeros((_row_count(blocks), n), dtype=torch.float64)
        compared = torch.zeros_like(total)
        for kernel in self.kernels:
            if kernel.name in blocks:
                z, is_present = standardise(kernel, blocks[kernel.name])
                both = is_present[:, None] & kernel.is_present  # (N, n)
                share = self.block_weights[kernel.name] * both
                for at in chunks(n):
                    alike = likeness(kernel, z, kernel.rows[at].double())
                    total[:, at] += share[:, at] * alike
                compared += share
        return torch.where(compared > 0, total / compared, 0.0).clamp(0.0, 1.0)

    def to_bytes(self) -> bytes:
        """Return the model as bytes, with a checksum; `from_bytes` reads them."""
        out = io.BytesIO()
        torch.save(asdict(self), out)
        payload = out.getvalue()
        return _FORMAT + hashlib.sha256(payload).digest() + payload

    @staticmethod
    def from_bytes(blob: bytes) -> "Preference":
        """Return the model that `to_bytes` wrote. Raises ValueError if it is damaged or alien."""
        if not blob.startswith(_FORMAT):
            raise ValueError("not a preference model of this version")
        digest, payload = blob[len(_FORMAT) :][:_DIGEST_BYTES], blob[len(_FORMAT) + _DIGEST_BYTES :]
        if hashlib.sha256(payload).digest() != digest:
            raise ValueError("the preference model is damaged")
        try:
            return _from_fields(torch.load(io.BytesIO(payload), weights_only=True))
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
            raise ValueError(f"the preference model cannot be read: {error}") from error


def fit(
    blocks: Mapping[str, Tensor],
    labels: Tensor,
    weights: Tensor,
    groups: Tensor | None = None,
    scale_rows: Mapping[str, Tensor] | None = None,
    *,
    exact_rows: int = EXACT_ROWS,
    landmarks: int = LANDMARKS,
) -> Preference:
    """Return the model for `blocks` of (n, D_k), `labels (n,)` True = delete, `weights (n,)` 0..1.

    `groups (n,)` int64: rows that are left out together. `scale_rows` are (S, D_k) photos of the
    library for the statistics; a block with fewer of them than labels uses the labelled rows.
    Blocks of zero width, and those in which all rows are alike, are left out. Beyond `exact_rows`
    rows the kernel is expanded in `landmarks` of them. Raises ValueError unless both labels occur,
    the weights are in (0, 1], and some block tells rows apart.
    """
    labels, c = labels.bool(), weights.double()
    _check(blocks, labels, c)
    anchors = spread(labels, len(labels) if len(labels) <= exact_rows else landmarks)
    kernels = _fit_kernels(blocks, scale_rows or {}, anchors)
    if not kernels:
        raise ValueError("no block tells the labelled photos apart")
    mixture = solve_grid(
        [partial(centred, kernel) for kernel in kernels],
        anchors,
        torch.where(labels, 1.0, -1.0).double(),
        c,
        leave_out_groups(labels, c, groups),
        [PRIOR[kernel.name] for kernel in kernels],
    )
    expanded = [expansion(k, a) for k, a in zip(kernels, mixture.coefficients, strict=True)]
    return Preference(
        kernels=tuple(kernels),
        weights=tuple(weights for weights, _ in expanded),
        offsets=tuple(offset for _, offset in expanded),
        bias=mixture.bias,
        block_weights={k.name: s for k, s in zip(kernels, mixture.shares, strict=True)},
        labels=labels,
        loo_logits=mixture.loo,
        calibration=calibrate(mixture.loo, labels, c),
    )


def leave_out_groups(labels: Tensor, weights: Tensor, groups: Tensor | None) -> list[int]:
    """Return the group of each row; one with most of a class's weight falls into single rows."""
    if groups is None:
        return list(range(len(labels)))
    _, group = torch.unique(groups, return_inverse=True)  # (n,)
    is_split = torch.zeros(int(group.max()) + 1, dtype=torch.bool)
    for of_class in (labels, ~labels):
        held = torch.zeros(len(is_split), dtype=torch.float64)
        held.index_add_(0, group[of_class], weights[of_class].double())
        is_split |= held > held.sum() / 2
    alone = torch.arange(len(labels)) + len(is_split)
    return torch.where(is_split[group], alone, group).tolist()


def _fit_kernels(
    blocks: Mapping[str, Tensor], scale_rows: Mapping[str, Tensor], anchors: Tensor
) -> list[Kernel]:
    kernels = []
    for name in sorted(blocks, key=list(PRIOR).index):
        x = blocks[name]
        scale = scale_rows.get(name, x)
        if x.shape[1]:
            kernel = fit_kernel(name, x, scale if len(scale) >= len(x) else x, anchors)
            kernels += [kernel] if kernel is not None else []
    return kernels


def _check(blocks: Mapping[str, Tensor], labels: Tensor, weights: Tensor) -> None:
    if bool(labels.all()) or not bool(labels.any()):
        raise ValueError("a preference needs both keeps and deletes")
    if not bool(((weights > 0) & (weights <= 1)).all()):
        raise ValueError("weights must lie in (0, 1]")
    unknown = sorted(set(blocks) - set(PRIOR))
    if unknown:
        raise ValueError(f"unknown blocks {unknown}; there are {sorted(PRIOR)}")
    if _row_count(blocks) != len(labels) or len(weights) != len(labels):
        raise ValueError("blocks, labels and weights must have the same number of rows")


def _row_count(blocks: Mapping[str, Tensor]) -> int:
    counts = {len(x) for x in blocks.values()}
    if len(counts) != 1:
        raise ValueError(f"blocks must have the same number of rows, not {sorted(counts)}")
    return counts.pop()


def _from_fields(fields: dict[str, Any]) -> Preference:
    fields["kernels"] = tuple(Kernel(**kernel) for kernel in fields["kernels"])
    fields["calibration"] = Calibration(**fields["calibration"])
    return Preference(**fields)
