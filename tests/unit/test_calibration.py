"""Probabilities: against autograd, against truth, and with hardly any data."""

import pytest
import torch
from torch import Tensor

from triaged.ml.calibration import calibrate
from triaged.ml.metrics import expected_calibration_error

ONE = torch.ones


def sample(n: int, slope: float, offset: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, generator=g, dtype=torch.float64)
    labels = torch.rand(n, generator=g) < torch.sigmoid(slope * logits + offset)
    return logits, labels


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 0.0), (4.0, -1.0), (2.0, 1.5)])
def test_it_finds_the_slope_and_offset_that_made_the_labels(slope: float, offset: float) -> None:
    logits, labels = sample(20_000, slope, offset)
    found = calibrate(logits, labels, ONE(20_000))
    assert found.slope == pytest.approx(slope, rel=0.06)
    assert found.offset == pytest.approx(offset, abs=0.1)
    assert expected_calibration_error(found.probabilities(logits), labels) < 0.015


def test_the_answer_is_the_minimum_that_autograd_finds() -> None:
    logits, labels = sample(60, 2.0, 0.5)
    c = torch.linspace(0.1, 1.0, 60, dtype=torch.float64)
    found = calibrate(logits, labels, c)
    w = torch.tensor([found.slope, found.offset], dtype=torch.float64, requires_grad=True)
    deletes, keeps = c[labels].sum(), c[~labels].sum()
    targets = torch.where(labels, (deletes + 1) / (deletes + 2), 1 / (keeps + 2))
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        w[0] * logits + w[1], targets, weight=c, reduction="sum"
    )
    (loss + ((w[0] - 3.0) / 1.5) ** 2 / 2).backward()
    assert w.grad is not None
    assert float(w.grad.abs().max()) < 1e-4


@pytest.mark.parametrize(
    "logits",
    [
        [1.0, 2.0, 3.0, 4.0, 5.0, -1.0, -2.0, -3.0, -4.0, -5.0],
        [-1.0, -2.0, -3.0, -4.0, -5.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        [0.0] * 10,
        [1e6] * 5 + [-1e6] * 5,
        [-1e6] * 5 + [1e6] * 5,
        [0.2, -0.1, 0.3, 0.1, -0.2, 0.1, -0.3, 0.2, -0.1, -0.2],
    ],
    ids=["perfect", "upside down", "all the same", "far apart", "far and wrong", "vague"],
)
def test_five_of_each_never_turn_the_order_round(logits: list[float]) -> None:
    labels = torch.tensor([True] * 5 + [False] * 5)
    found = calibrate(torch.tensor(logits), labels, ONE(10))
    p = found.probabilities(torch.tensor([-100.0, -1.0, -0.5, 0.0, 0.5, 1.0, 100.0]))
    assert found.slope >= 0.3
    assert bool((p.diff() >= 0).all())
    assert bool((p[1:-1].diff() > 0).all()) or abs(found.offset) > 20
    assert bool(((p > 0) & (p < 1)).all())


def test_five_of_each_perfectly_told_apart_are_not_certain() -> None:
    logits = torch.tensor([0.5] * 5 + [-0.5] * 5)
    found = calibrate(logits, torch.tensor([True] * 5 + [False] * 5), ONE(10))
    assert 0.7 < float(found.probabilities(logits)[0]) < 0.95


def test_useless_logits_give_the_weighted_rate() -> None:
    g = torch.Generator().manual_seed(0)
    logits = 0.1 * torch.randn(4000, generator=g)
    labels = torch.arange(4000) % 4 == 0
    weights = torch.where(labels, 1.0, 0.5)
    found = calibrate(logits, labels, weights)
    assert float(found.probabilities(logits).mean()) == pytest.approx(1000 / 2500, abs=0.01)


@pytest.mark.parametrize("is_delete", [True, False], ids=["only deletes", "only keeps"])
def test_one_class_cannot_be_calibrated(is_delete: bool) -> None:
    with pytest.raises(ValueError, match="both"):
        calibrate(torch.zeros(4), torch.full((4,), is_delete), ONE(4))
