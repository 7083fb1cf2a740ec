"""Every figure against its definition, spelled out slowly."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triaged.ml.leaks import fisher_exact, mann_whitney
from triaged.ml.metrics import (
    auroc,
    auroc_estimate,
    average_precision,
    brier,
    expected_calibration_error,
    precision_at,
)

Rows = list[tuple[float, bool, float]]

ROWS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]),
        st.booleans(),
        st.sampled_from([0.5, 1, 2]),
    ),
    min_size=2,
    max_size=30,
).filter(lambda rows: len({y for _, y, _ in rows}) == 2)


def columns(rows: Rows) -> tuple[list[float], list[bool], list[float]]:
    s, y, w = zip(*rows, strict=True)
    return list(s), list(y), list(w)


@given(ROWS)
def test_auroc_is_the_share_of_pairs_in_right_order(rows: Rows) -> None:
    won = total = 0.0
    for (a, is_a, v), (b, is_b, w) in itertools.product(rows, rows):
        if is_a and not is_b:
            won += v * w * (1.0 if a > b else 0.5 if a == b else 0.0)
            total += v * w
    assert auroc(*columns(rows)) == pytest.approx(won / total)


@given(ROWS)
def test_average_precision_adds_precision_over_gains_in_recall(rows: Rows) -> None:
    deletes = sum(w for _, y, w in rows if y)
    expected = before = 0.0
    for border in sorted({s for s, _, _ in rows}, reverse=True):
        taken = [(y, w) for s, y, w in rows if s >= border]
        hits = sum(w for y, w in taken if y)
        expected += (hits - before) / deletes * hits / sum(w for _, w in taken)
        before = hits
    assert average_precision(*columns(rows)) == pytest.approx(expected)


@given(ROWS)
def test_brier_is_the_mean_squared_gap(rows: Rows) -> None:
    expected = sum(w * (s - y) ** 2 for s, y, w in rows) / sum(w for _, _, w in rows)
    assert brier(*columns(rows)) == pytest.approx(expected)


@given(ROWS, st.integers(1, 40))
def test_precision_at_k_is_the_mean_over_all_orders_of_ties(rows: Rows, k: int) -> None:
    s, y, _ = columns(rows)
    k_or_all = min(k, len(s))
    border = sorted(s, reverse=True)[k_or_all - 1]
    sure = sum(y[i] for i in range(len(s)) if s[i] > border)
    tied = [y[i] for i in range(len(s)) if s[i] == border]
    room = k_or_all - sum(v > border for v in s)
    expected = (sure + Fraction(room * sum(tied), len(tied))) / k_or_all
    assert precision_at(s, y, k) == pytest.approx(float(expected))


def test_calibration_error_is_the_mean_gap_over_equal_bins() -> None:
    rng = np.random.default_rng(0)
    p = rng.random(1000)
    y = rng.random(1000) < p**2
    order = np.argsort(p)
    gaps = [abs(p[b].mean() - y[b].mean()) for b in np.split(order, 10)]
    assert expected_calibration_error(p, y) == pytest.approx(np.mean(gaps))


@pytest.mark.parametrize(
    ("said", "expected"), [(0.3, 0.0), (0.5, 0.2), (0.9, 0.6)], ids=["true", "high", "absurd"]
)
def test_one_probability_for_all_is_off_by_its_distance_from_the_rate(
    said: float, expected: float
) -> None:
    labels = [True] * 3 + [False] * 7
    assert expected_calibration_error([said] * 10, labels) == pytest.approx(expected)


def test_weights_count_like_copies() -> None:
    s, y = [0.1, 0.4, 0.4, 0.8, 0.9], [False, True, False, False, True]
    copies = [0, 1, 1, 2, 2, 2, 3, 4, 4]
    weights = np.bincount(copies).astype(float)
    doubled = [s[i] for i in copies], [y[i] for i in copies]
    for figure in (auroc, average_precision, brier, expected_calibration_error):
        assert figure(s, y, weights) == pytest.approx(figure(*doubled))


def test_the_standard_error_of_auroc_is_the_spread_over_samples() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(120) < 40
    estimates = [auroc_estimate(rng.normal(y * 1.2), y) for _ in range(400)]
    spread = np.std([e.value for e in estimates])
    assert np.mean([e.standard_error for e in estimates]) == pytest.approx(spread, rel=0.1)
    truth = 0.5 * (1 + math.erf(1.2 / 2))
    covered = np.mean([e.low <= truth <= e.high for e in estimates])
    assert 0.92 <= covered <= 0.98


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["perfect", "perfectly wrong"])
def test_a_perfect_ranking_of_a_few_is_not_certain(sign: float) -> None:
    estimate = auroc_estimate([sign * s for s in (1, 2, 3, 4, 5, 6)], [False] * 3 + [True] * 3)
    assert estimate.value == (1.0 if sign > 0 else 0.0)
    assert estimate.high - estimate.low > 0.5


@pytest.mark.parametrize("labels", [[True, True], [False, False]], ids=["deletes", "keeps"])
def test_auroc_of_one_class_is_refused(labels: list[bool]) -> None:
    with pytest.raises(ValueError, match="both"):
        auroc([0.1, 0.2], labels)
    with pytest.raises(ValueError, match="both"):
        auroc_estimate([0.1, 0.2], labels)


@pytest.mark.parametrize(
    ("scores", "labels", "weights"),
    [
        ([], [], None),
        ([0.1], [True, False], None),
        ([0.1, math.nan], [True, False], None),
        ([0.1, 0.2], [True, False], [1.0, -1.0]),
        ([0.1, 0.2], [True, False], [0.0, 0.0]),
    ],
    ids=["empty", "lengths", "NaN", "negative weight", "no weight"],
)
def test_rows_that_make_no_sense_are_refused(
    scores: list[float], labels: list[bool], weights: list[float] | None
) -> None:
    with pytest.raises(ValueError, match="scores"):
        brier(scores, labels, weights)


def test_average_precision_without_a_delete_is_refused() -> None:
    with pytest.raises(ValueError, match="delete"):
        average_precision([0.1, 0.2], [False, False])


def test_precision_at_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        precision_at([0.1], [True], 0)


@pytest.mark.parametrize(
    ("hits", "tries", "other_hits", "other_tries"),
    [(5, 5, 0, 5), (4, 5, 0, 5), (3, 10, 7, 12), (0, 8, 0, 9), (1, 30, 9, 40), (6, 6, 3, 3)],
)
def test_fisher_counts_the_tables_at_most_as_likely(
    hits: int, tries: int, other_hits: int, other_tries: int
) -> None:
    total = hits + other_hits
    ways = {
        k: math.comb(tries, k) * math.comb(other_tries, total - k)
        for k in range(min(tries, total) + 1)
    }
    rare = sum(n for n in ways.values() if n <= ways[hits])
    expected = Fraction(rare, sum(ways.values()))
    assert fisher_exact(hits, tries, other_hits, other_tries) == pytest.approx(float(expected))


def test_mann_whitney_is_right_by_chance_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    y = np.arange(60) < 25
    values = rng.integers(0, 6, (2000, 60)).astype(np.float32)
    p = np.array([mann_whitney(auroc(v, y), v, y) for v in values])
    assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.015)
