"""The grid of mixtures: how much each block counts and how strongly the fit is held back.

Each point of the grid (block shares on a simplex, times a ridge) is one solve, judged by its
leave-out predictions; the answer is the average of all solutions, weighted by softmax of

    judgement = -sum_i c_i log(1 + exp(-3 t_i loo_i)) + prior . shares

which is a pseudo-Bayesian model average (Geisser 1975; Yao et al. 2018, "Using stacking to average
Bayesian predictive distributions", section 2). A solve is cubic in the rows, and four blocks make
105 points, so

    rows         the grid is judged on    solved on every row
    -----------  -----------------------  ------------------------------------------------
    up to 600    every row                every point
    up to 1,500  a balanced 600 of them   the eight best points, then judged and averaged
    more         a balanced 600 of them   one point: the average share and (geometric) ridge

The one point costs .001 AUROC on real photos; fewer rows would cost ten times as much.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from triaged.ml.ridge import Solution, by_size, solve_exact, solve_landmarks

RIDGES = (0.03, 0.17, 1.0)  # (.1, .3, 1) is as good on clean labels, worse on light weights
SCREEN_ROWS = 600
SCREENED = 8
AVERAGED_ROWS = 1500

_STEPS = 4  # block shares are multiples of 1/4
_SHARPNESS = 3.0

Point = tuple[tuple[float, ...], float]  # the share of each block, and the ridge
Block = Callable[[Tensor, Tensor], Tensor]  # rows, columns (among the anchors) -> centred kernel


@dataclass(frozen=True, slots=True)
class Mixture:
    """The averaged fit: `coefficients` (m,) per block, `loo (n,)`, and each block's mean share."""

    coefficients: list[Tensor]
    bias: float
    loo: Tensor
    shares: list[float]


def solve_grid(
    blocks: Sequence[Block],
    anchors: Tensor,
    t: Tensor,
    c: Tensor,
    groups: list[int],
    prior: Sequence[float],
) -> Mixture:
    """Return the average over the grid of the fits of `t (n,)` in -1, +1 with weights `c (n,)`.

    `anchors (m,)` are the rows that the solution is expanded in, all n or landmarks among them.
    """
    points = list(itertools.product(simplex(len(blocks)), RIDGES))
    rows, columns = torch.arange(len(t)), torch.arange(len(anchors))
    if len(anchors) > SCREEN_ROWS:
        few = spread(t[anchors] > 0, SCREEN_ROWS)
        some = anchors[few]
        numbers = by_size([groups[row] for row in some.tolist()])
        subset = [block(some, few) for block in blocks]
        solved = _solutions(points, subset, torch.arange(len(some)), t[some], c[some], numbers)
        points = _narrowed(points, _judge(points, solved, t[some], c[some], prior), len(anchors))
    if len(points) == 1:
        shares, ridge = points[0]
        mix = _mix(shares, (block(rows, columns) for block in blocks))
        solutions = list(_solutions([((1.0,), ridge)], [mix], anchors, t, c, by_size(groups)))
    else:
        matrices = [block(rows, columns) for block in blocks]
        solutions = list(_solutions(points, matrices, anchors, t, c, by_size(groups)))
    return _average(points, solutions, _judge(points, solutions, t, c, prior))


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


def _narrowed(points: list[Point], judged: Tensor, row_count: int) -> list[Point]:
    if row_count <= AVERAGED_ROWS:
        best = judged.argsort(descending=True, stable=True)[:SCREENED]
        return [points[i] for i in sorted(best.tolist())]
    votes = judged.softmax(0)  # (G,)
    shares = votes @ torch.tensor([p[0] for p in points], dtype=torch.float64)  # (K,)
    logs = votes @ torch.tensor([math.log(p[1]) for p in points], dtype=torch.float64)
    return [(tuple(shares.tolist()), math.exp(float(logs)))]


def _average(points: list[Point], solutions: list[Solution], judged: Tensor) -> Mixture:
    votes = judged.softmax(0)  # (G,)
    shares = torch.tensor([p[0] for p in points], dtype=torch.float64)  # (G, K)
    coefficients = torch.stack([s.coefficients for s in solutions])  # (G, m)
    return Mixture(
        coefficients=list((votes[:, None] * shares).T @ coefficients),
        bias=float(votes @ torch.tensor([s.bias for s in solutions], dtype=torch.float64)),
        loo=votes @ torch.stack([s.loo for s in solutions]),
        shares=(votes @ shares).tolist(),
    )


def _solutions(
    points: list[Point],
    matrices: Sequence[Tensor],
    anchors: Tensor,
    t: Tensor,
    c: Tensor,
    groups: list[Tensor],
) -> Iterable[Solution]:
    for shares, ridges in itertools.groupby(points, key=lambda point: point[0]):
        mix = _mix(shares, matrices)  # (n, m)
        for _, ridge in ridges:
            if len(anchors) == len(t):
                yield solve_exact(mix, t, c, ridge, groups)
            else:
                yield solve_landmarks(mix, mix[anchors], t, c, ridge, groups)


def _mix(shares: Sequence[float], matrices: Iterable[Tensor]) -> Tensor:
    """Return the weighted sum, holding one of the matrices at a time."""
    total = torch.zeros((), dtype=torch.float64)
    for share, matrix in zip(shares, matrices, strict=True):
        total = total.add_(matrix, alpha=share) if total.ndim else matrix * share
    return total


def _judge(
    points: list[Point],
    solutions: Iterable[Solution],
    t: Tensor,
    c: Tensor,
    prior: Sequence[float],
) -> Tensor:
    judged = [
        sum(p * s for p, s in zip(prior, shares, strict=True))
        - float((c * softplus(-_SHARPNESS * t * solution.loo)).sum())
        for (shares, _), solution in zip(points, solutions, strict=True)
    ]
    return torch.tensor(judged, dtype=torch.float64)
