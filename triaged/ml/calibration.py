"""From a logit to the probability that the owner would delete the photo.

p = sigmoid(slope * logit + offset), fitted on out-of-fold logits with the decisions' weights, by
Newton's method on two numbers. Targets are (n1 + 1) / (n1 + 2) for deletes and 1 / (n0 + 2) for
keeps, n1 and n0 being the summed weights (Platt 1999, "Probabilistic outputs for support vector
machines", section 2.2; Lin, Lin, Weng 2007 for the numerics).

The slope has a normal prior of 3 +- 1.5. The least-squares classifier aims at -1 and +1, and 3 is
the steepness at which its grid is compared, so that is what a dozen labels get; a hundred labels
outweigh it. The slope never falls below 0.3: with labels that contradict each other the
probabilities draw together, but their order is never turned round.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

_SLOPE = 3.0
_SLOPE_SD = 1.5
_MIN_SLOPE = 0.3
_MAX_STEPS = 50
_SMALL = 1e-9


@dataclass(frozen=True, slots=True)
class Calibration:
    """How steep and where: probability = sigmoid(slope * logit + offset), slope > 0."""

    slope: float
    offset: float

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return probabilities (N,) strictly between 0 and 1, in the order of the logits."""
        p = torch.sigmoid(self.slope * logits.double() + self.offset)
        return p.clamp(_SMALL, 1.0 - _SMALL)


def calibrate(logits: Tensor, labels: Tensor, weights: Tensor) -> Calibration:
    """Return the scaling for out-of-fold `logits`, `labels` (True = delete), `weights`, all (n,).

    Raises ValueError unless both labels occur.
    """
    if bool(labels.all()) or not bool(labels.any()):
        raise ValueError("calibration needs both keeps and deletes")
    logits, weights = logits.double(), weights.double()
    targets = _smoothed(labels, weights)
    slope, offset = _newton(logits, targets, weights, is_slope_free=True)
    if slope < _MIN_SLOPE:
        slope, offset = _newton(logits, targets, weights, is_slope_free=False)
    return Calibration(slope, offset)


def _smoothed(labels: Tensor, weights: Tensor) -> Tensor:
    deletes = float(weights[labels].sum())
    keeps = float(weights[~labels].sum())
    high, low = (deletes + 1.0) / (deletes + 2.0), 1.0 / (keeps + 2.0)
    return torch.where(labels, high, low).double()


def _newton(f: Tensor, t: Tensor, c: Tensor, *, is_slope_free: bool) -> tuple[float, float]:
    """Return slope and offset by damped Newton steps; the loss is convex."""
    w = torch.tensor([_SLOPE if is_slope_free else _MIN_SLOPE, 0.0], dtype=torch.float64)
    z = torch.stack([f, torch.ones_like(f)], 1)  # (n, 2)
    prior = torch.tensor([1.0 / _SLOPE_SD**2, 1e-6], dtype=torch.float64)
    centre = torch.tensor([_SLOPE, 0.0], dtype=torch.float64)
    for _ in range(_MAX_STEPS):
        p = torch.sigmoid(z @ w)  # (n,)
        gradient = z.T @ (c * (p - t)) + prior * (w - centre)  # (2,)
        hessian = (z.T * (c * p * (1 - p))) @ z + torch.diag(prior)  # (2, 2)
        if not is_slope_free:
            step = torch.stack([torch.zeros_like(w[0]), gradient[1] / hessian[1, 1]])
        else:
            step = torch.linalg.solve(hessian, gradient)
        before = _loss(z, t, c, w, prior, centre)
        while float(step.abs().max()) > _SMALL and (
            _loss(z, t, c, w - step, prior, centre) > before + _SMALL
        ):
            step = step / 2
        w = w - step
        if float(step.abs().max()) < _SMALL:
            break
    return float(w[0]), float(w[1])


def _loss(z: Tensor, t: Tensor, c: Tensor, w: Tensor, prior: Tensor, centre: Tensor) -> float:
    margin = z @ w  # (n,)
    fit = c * (softplus(margin) - t * margin)
    return float(fit.sum() + 0.5 * (prior * (w - centre).square()).sum())
