"""The grid of mixtures: how much each block counts and how strongly the fit is held back.

Each point of the grid (block shares on a simplex, times a ridge) is one solve, judged by its
leave-out predictions; the answer is the average of all solutions, weighted by softmax of

    judgement = -sum_i c_i log(1 + exp(-3 t_i loo_i)) + prior . shares

which is a pseudo-Bayesian model average (Geisser 1975; Yao et al. 2018, "Using stacking to average
Bayesian predictive distributions", section 2). Cubic in the rows, times 105 points for four blocks:
beyond `SCREEN_ROWS` the grid is judged on a balanced subset first, and only the best `SCREENED`
points are solved on everything.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from triaged.ml.ridge import Solution, by_size, solve_exact, solve_landmarks

RIDGES = (0.1, 0.3, 1.0)
SCREEN_ROWS = 600
SCREENED = 8

_STEPS = 4  # block shares are multiples of 1/4
_SHARPNESS = 3.0

Point = tuple[tuple[float, ...], float]  # the share of each block, and the ridge


@dataclass(frozen=True, slots=True)
class Mixture:
    """The averaged fit: `coefficients` (m,) per block, `loo (n,)`, and each block's mean share."""

    coefficients: list[Tensor]
    bias: float
    loo: Tensor
    shares: list[float]


def solve_grid(
    kernels: Sequence[Tensor],
    anchors: Tensor,
    t: Tensor,
    c: Tensor,
    groups: list[int],
    prior: Sequence[float],
) -> Mixture:
    """Return the average over the grid of the fits of `t (n,)` in -1, +1 with weights `c (n,)`.

    `kernels` are centred (n, m), one a block, `anchors (m,)` the rows that their columns are.
    """
    points = list(itertools.product(simplex(len(kernels)), RIDGES))
    if len(anchors) > SCREEN_ROWS:
        points = _screen(points, kernels, anchors, t, c, groups, prior)
    return _average(points, kernels, anchors, t, c, groups, prior)


def simplex(count: int) -> list[tuple[float, ...]]:
    """Return every way to share weight 1 among `count` blocks in quarters."""
    steps = itertools.product(range(_STEPS + 1), repeat=count)
    return [tuple(s / _STEPS for s in shares) for shares in steps if sum(shares) == _STEPS]


def spread(labels: Tensor, limit: int) -> Tensor:
    """Return up to `limit` rows in order, evenly spaced in each class, as balanced as can be."""
    deletes, keeps = labels.nonzero()[:, 0], (~labels).nonzero()[:, 0]
    delete_count = min(len(deletes), max(limit // 2, limit - len(keeps)))
    keep_count = min(len(keeps), limit - delete_count)
    picked = [
        own[torch.arange(count) * len(own) // max(count, 1)]
        for own, count in ((deletes, delete_count), (keeps, keep_count))
    ]
    return torch.cat(picked).sort().values


def _screen(
    points: list[Point],
    kernels: Sequence[Tensor],
    anchors: Tensor,
    t: Tensor,
    c: Tensor,
    groups: list[int],
    prior: Sequence[float],
) -> list[Point]:
    columns = spread(t[anchors] > 0, SCREEN_ROWS)
    rows = anchors[columns]
    subset = [kernel[rows][:, columns] for kernel in kernels]
    few = by_size([groups[row] for row in rows.tolist()])
    solved = _solutions(points, subset, torch.arange(len(rows)), t[rows], c[rows], few)
    judged = [_judge(s, t[rows], c[rows], prior, p) for p, s in zip(points, solved, strict=True)]
    best = torch.tensor(judged).argsort(descending=True, stable=True)[:SCREENED]
    return [points[i] for i in sorted(best.tolist())]


def _average(
    points: list[Point],
    kernels: Sequence[Tensor],
    anchors: Tensor,
    t: Tensor,
    c: Tensor,
    groups: list[int],
    prior: Sequence[float],
) -> Mixture:
    solved = list(_solutions(points, kernels, anchors, t, c, by_size(groups)))
    judged = [_judge(s, t, c, prior, p) for p, s in zip(points, solved, strict=True)]
    votes = torch.tensor(judged, dtype=torch.float64).softmax(0)  # (G,)
    shares = torch.tensor([p[0] for p in points], dtype=torch.float64)  # (G, K)
    coefficients = torch.stack([s.coefficients for s in solved])  # (G, m)
    return Mixture(
        coefficients=list((votes[:, None] * shares).T @ coefficients),
        bias=float(votes @ torch.tensor([s.bias for s in solved], dtype=torch.float64)),
        loo=votes @ torch.stack([s.loo for s in solved]),
        shares=(votes @ shares).tolist(),
    )


def _solutions(
    points: list[Point],
    kernels: Sequence[Tensor],
    anchors: Tensor,
    t: Tensor,
    c: Tensor,
    groups: list[Tensor],
) -> Iterable[Solution]:
    for shares, ridges in itertools.groupby(points, key=lambda point: point[0]):
        mix = torch.zeros_like(kernels[0])  # (n, m)
        for share, kernel in zip(shares, kernels, strict=True):
            mix.add_(kernel, alpha=share)
        for _, ridge in ridges:
            if len(anchors) == len(t):
                yield solve_exact(mix, t, c, ridge, groups)
            else:
                yield solve_landmarks(mix, mix[anchors], t, c, ridge, groups)


def _judge(solution: Solution, t: Tensor, c: Tensor, prior: Sequence[float], point: Point) -> float:
    loss = float((c * softplus(-_SHARPNESS * t * solution.loo)).sum())
    return -loss + sum(p * s for p, s in zip(prior, point[0], strict=True))
