"""The baseline that the preference model must beat: L2-regularised logistic regression.

Shapes: n photos, D features, z-scored on the labelled rows. Minimises

    sum_i c_i bce(x_i . w + b, y_i)  +  l2/2 |w|^2

by Newton's method (IRLS; Bishop, PRML, section 4.3.3), the bias free. Convex, so there is no seed
and no schedule. With more features than photos the weights lie in the span of the rows, w = x'a,
and the steps are taken in n numbers (Bishop, section 6.1): 1,280 features cost no more than 100.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

L2 = 1.0

_MAX_STEPS = 100
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Baseline:
    """Linear weights `(D,)` and a bias on features of this mean and spread, each (D,) float64."""

    mean: Tensor
    spread: Tensor
    weights: Tensor
    bias: float

    def logits(self, x: Tensor) -> Tensor:
        """Return the log odds (N,) float64 of delete for features `x (N, D)`; NaN is the mean."""
        return _standardise(x, self.mean, self.spread) @ self.weights + self.bias


def fit_baseline(x: Tensor, labels: Tensor, weights: Tensor, l2: float = L2) -> Baseline:
    """Return the fit of features `x (n, D)`, `labels (n,)` True = delete, `weights (n,)` above 0.

    Raises ValueError unless both labels occur: with one class there is no preference to learn.
    """
    if bool(labels.all()) or not bool(labels.any()):
        raise ValueError("a preference needs both keeps and deletes")
    x = x.double()
    mean = x.nanmean(0).nan_to_num(0.0)  # (D,)
    spread = (x - mean).square().nanmean(0).nan_to_num(0.0).sqrt()
    spread = torch.where(spread > 0, spread, 1.0)
    z = _standardise(x, mean, spread)
    basis = torch.linalg.qr(z.T).Q  # (D, r), the span of the rows
    solution = _newton(z @ basis, labels.double(), weights.double(), l2)
    return Baseline(mean, spread, basis @ solution[:-1], float(solution[-1]))


def _standardise(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    return ((x.double() - mean) / spread).nan_to_num(0.0)


def _newton(x: Tensor, y: Tensor, c: Tensor, l2: float) -> Tensor:
    x = torch.cat([x, torch.ones_like(y)[:, None]], 1)  # (n, r + 1)
    ridge = torch.full((x.shape[1],), l2, dtype=torch.float64)
    ridge[-1] = 1e-9  # the bias is free, but for what keeps the system regular
    w = torch.zeros_like(ridge)
    for _ in range(_MAX_STEPS):
        p = torch.sigmoid(x @ w)  # (n,)
        gradient = x.T @ (c * (p - y)) + ridge * w  # (r + 1,)
        hessian = (x.T * (c * p * (1 - p))) @ x + torch.diag(ridge)  # (r + 1, r + 1)
        step = _shortened(torch.linalg.solve(hessian, gradient), w, x, y, c, ridge)
        w = w - step
        if float(step.abs().max()) < _TOLERANCE:
            break
    return w


def _shortened(step: Tensor, w: Tensor, x: Tensor, y: Tensor, c: Tensor, ridge: Tensor) -> Tensor:
    """Return `step` halved until it lowers the loss: full steps overshoot on separable data."""

    def loss(at: Tensor) -> float:
        margin = x @ at
        return float((c * (softplus(margin) - y * margin)).sum() + (ridge * at * at).sum() / 2)

    before = loss(w)
    while loss(w - step) > before + _TOLERANCE and float(step.abs().max()) > _TOLERANCE:
        step = step / 2
    return step
