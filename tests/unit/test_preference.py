"""The preference model against brute force: refits, autograd, and real round trips."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from triaged.ml.baseline import fit_baseline
from triaged.ml.grid import RIDGES, simplex, solve_grid, spread
from triaged.ml.kernels import centred, fit_kernel
from triaged.ml.preference import Preference, fit, leave_out_groups
from triaged.ml.ridge import by_size, solve_exact, solve_landmarks

NAN = math.nan
torch.set_num_threads(1)  # small matrices on a busy machine: threads only wait for each other


def taste(n: int, seed: int = 0, noise: float = 0.7) -> tuple[dict[str, Tensor], Tensor]:
    """Blocks of generated photos whose label hangs on three hidden numbers."""
    g = torch.Generator().manual_seed(seed)
    hidden = torch.randn(n, 12, generator=g)
    labels = hidden[:, :3].sum(1) + noise * torch.randn(n, generator=g) > 0
    maps = torch.Generator().manual_seed(99)  # the same camera for every seed
    seen = {
        "embedding": (12, 64, 0.3),
        "levels": (12, 40, 0.5),
        "measured": (12, 20, 1.0),
        "context": (12, 10, 3.0),
    }
    blocks = {
        name: hidden[:, :d] @ torch.randn(d, width, generator=maps)
        + spread_ * torch.randn(n, width, generator=g)
        for name, (d, width, spread_) in seen.items()
    }
    return blocks, labels


def area(logits: Tensor, labels: Tensor) -> float:
    wins = logits[labels][:, None] - logits[~labels][None, :]
    return float(((wins > 0) + 0.5 * (wins == 0)).double().mean())


def problem(n: int = 24) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(3)
    x = torch.randn(n, 6, generator=g, dtype=torch.float64)
    t = torch.where(x[:, 0] + 0.5 * torch.randn(n, generator=g) > 0, 1.0, -1.0).double()
    c = 0.05 + 0.95 * torch.rand(n, generator=g, dtype=torch.float64)
    return x, t, c


def rbf(a: Tensor, b: Tensor) -> Tensor:
    return torch.exp(-(torch.cdist(a, b) ** 2) / 12)


def matrix(kernel: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda rows, columns: kernel[rows][:, columns]


def refit(kernel: Tensor, t: Tensor, c: Tensor, ridge: float, rows: Tensor) -> Tensor:
    """Predictions for every row of `kernel (n, n)` by the bordered system of `rows` alone."""
    count = len(rows)
    system = torch.zeros(count + 1, count + 1, dtype=torch.float64)
    system[:count, :count] = kernel[rows][:, rows] + torch.diag(ridge / c[rows])
    system[:count, count] = system[count, :count] = 1.0
    right = torch.cat([t[rows], torch.zeros(1, dtype=torch.float64)])
    solution = torch.linalg.solve(system, right)
    return kernel[:, rows] @ solution[:count] + solution[count]


GROUPINGS = {
    "each row alone": list(range(24)),
    "pairs": [i // 2 for i in range(24)],
    "uneven": [0] * 7 + [1, 1, 2] + list(range(3, 17)),
}


@pytest.mark.parametrize("groups", GROUPINGS.values(), ids=GROUPINGS.keys())
@pytest.mark.parametrize("ridge", RIDGES)
def test_leaving_a_group_out_is_exactly_a_refit_without_it(groups: list[int], ridge: float) -> None:
    x, t, c = problem()
    kernel = rbf(x, x)
    loo = solve_exact(kernel, t, c, ridge, by_size(groups)).loo
    for group in set(groups):
        left = torch.tensor([i for i, g in enumerate(groups) if g == group])
        rest = torch.tensor([i for i, g in enumerate(groups) if g != group])
        expected = refit(kernel, t, c, ridge, rest)[left]
        torch.testing.assert_close(loo[left], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("groups", GROUPINGS.values(), ids=GROUPINGS.keys())
def test_landmarks_leave_a_group_out_exactly_too(groups: list[int]) -> None:
    x, t, c = problem()
    marks = torch.arange(0, 24, 3)
    wide, among = rbf(x, x[marks]), rbf(x[marks], x[marks])
    loo = solve_landmarks(wide, among, t, c, 0.3, by_size(groups)).loo
    low_rank = wide @ torch.linalg.solve(among, wide.T)  # the kernel that landmarks stand for
    for group in set(groups):
        left = torch.tensor([i for i, g in enumerate(groups) if g == group])
        rest = torch.tensor([i for i, g in enumerate(groups) if g != group])
        expected = refit(low_rank, t, c, 0.3, rest)[left]
        torch.testing.assert_close(loo[left], expected, rtol=1e-5, atol=1e-6)


def test_the_exact_solution_is_the_minimum_that_autograd_finds() -> None:
    x, t, c = problem()
    kernel = rbf(x, x)
    solution = solve_exact(kernel, t, c, 0.3, by_size(range(24)))
    alpha = solution.coefficients.clone().requires_grad_()
    bias = torch.tensor(solution.bias, dtype=torch.float64, requires_grad=True)
    loss = (c * (t - kernel @ alpha - bias) ** 2).sum() + 0.3 * alpha @ kernel @ alpha
    loss.backward()
    assert alpha.grad is not None
    assert bias.grad is not None
    assert float(alpha.grad.abs().max()) < 1e-9
    assert abs(float(bias.grad)) < 1e-9


def test_all_rows_as_landmarks_answer_like_the_exact_fit() -> None:
    x, t, c = problem()
    kernel = rbf(x, x)
    exact = solve_exact(kernel, t, c, 0.3, by_size(range(24)))
    wide = solve_landmarks(kernel, kernel, t, c, 0.3, by_size(range(24)))
    torch.testing.assert_close(wide.loo, exact.loo, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(
        kernel @ wide.coefficients + wide.bias,
        kernel @ exact.coefficients + exact.bias,
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_weight_of_a_half_counts_like_half_of_a_doubled_row() -> None:
    x, t, _ = problem()
    kernel = rbf(x, x)
    halves = torch.full_like(t, 0.5)
    once = solve_exact(kernel, t, torch.ones_like(t), 0.3, by_size(range(24)))
    both = torch.arange(48) % 24
    twice = solve_exact(
        kernel[both][:, both], t[both], halves[both], 0.3, by_size([i % 24 for i in range(48)])
    )
    assert twice.bias == pytest.approx(once.bias, abs=1e-9)
    torch.testing.assert_close(twice.loo[:24], once.loo, rtol=1e-8, atol=1e-8)


def test_the_grid_follows_the_block_that_predicts() -> None:
    x, t, c = problem()
    g = torch.Generator().manual_seed(1)
    noise = torch.randn(24, 6, generator=g, dtype=torch.float64)
    blocks = [matrix(rbf(noise, noise)), matrix(rbf(x, x))]
    mixture = solve_grid(blocks, torch.arange(24), t, c, list(range(24)), [0.0, 0.0])
    assert mixture.shares[1] > 0.7
    assert sum(mixture.shares) == pytest.approx(1.0)


@pytest.mark.parametrize(("blocks", "points"), [(1, 1), (2, 5), (3, 15), (4, 35)])
def test_the_simplex_shares_one_in_quarters(blocks: int, points: int) -> None:
    shares = simplex(blocks)
    assert len(set(shares)) == points
    assert all(sum(s) == 1 for s in shares)


def test_centring_leaves_no_mean_and_a_mean_variance_of_one() -> None:
    blocks, _ = taste(40)
    kernel = fit_kernel("levels", blocks["levels"], blocks["levels"], torch.arange(40))
    assert kernel is not None
    k = centred(kernel, torch.arange(40), torch.arange(40))
    assert float(k.sum(1).abs().max()) < 1e-9
    assert float(k.diagonal().mean()) == pytest.approx(1.0)


def test_it_ranks_photos_it_has_not_seen() -> None:
    blocks, labels = taste(300)
    model = fit({k: x[:80] for k, x in blocks.items()}, labels[:80], torch.ones(80))
    logits = model.logits({k: x[80:] for k, x in blocks.items()})
    assert area(logits, labels[80:]) > 0.85


def test_its_own_estimate_agrees_with_photos_it_has_not_seen() -> None:
    blocks, labels = taste(600)
    model = fit({k: x[:150] for k, x in blocks.items()}, labels[:150], torch.ones(150))
    unseen = area(model.logits({k: x[150:] for k, x in blocks.items()}), labels[150:])
    assert area(model.loo_logits, labels[:150]) == pytest.approx(unseen, abs=0.07)


def test_contributions_and_bias_sum_to_the_logit() -> None:
    blocks, labels = taste(60)
    model = fit(blocks, labels, torch.ones(60))
    parts = model.contributions(blocks)
    assert set(parts) == set(blocks)
    total = sum(parts.values()) + model.bias
    torch.testing.assert_close(total, model.logits(blocks), rtol=0, atol=1e-12)


def test_the_logits_of_labelled_rows_solve_the_weighted_problem() -> None:
    blocks, labels = taste(50)
    g = torch.Generator().manual_seed(5)
    c = 0.1 + 0.9 * torch.rand(50, generator=g)
    model = fit({"embedding": blocks["embedding"]}, labels, c)
    t = torch.where(labels, 1.0, -1.0).double()
    anchors = torch.arange(50)
    kernel = fit_kernel("embedding", blocks["embedding"], blocks["embedding"], anchors)
    assert kernel is not None
    whole = centred(kernel, anchors, anchors)
    mixture = solve_grid([matrix(whole)], anchors, t, c.double(), list(range(50)), [1.0])
    expected = whole @ mixture.coefficients[0] + mixture.bias
    # The rows are kept in half precision, the new rows are not: hence the tolerance.
    torch.testing.assert_close(model.logits(blocks), expected, rtol=0, atol=2e-3)


def test_a_missing_number_is_the_mean_of_its_column() -> None:
    blocks, labels = taste(60)
    model = fit(blocks, labels, torch.ones(60))
    mean = blocks["measured"].double().mean(0)
    holed, filled = blocks["measured"][:5].double(), blocks["measured"][:5].double()
    holed[:, 3], filled[:, 3] = NAN, mean[3]
    rest = {k: x[:5] for k, x in blocks.items() if k != "measured"}
    torch.testing.assert_close(
        model.logits({**rest, "measured": holed}), model.logits({**rest, "measured": filled})
    )


def test_a_missing_block_contributes_nothing_and_hurts_nobody_else() -> None:
    blocks, labels = taste(60)
    model = fit(blocks, labels, torch.ones(60))
    holed = {k: x.clone() for k, x in blocks.items()}
    holed["levels"][:5] = NAN
    parts = model.contributions(holed)
    assert parts["levels"][:5].tolist() == [0.0] * 5
    torch.testing.assert_close(model.logits(holed)[5:], model.logits(blocks)[5:])
    without = model.logits({k: x for k, x in blocks.items() if k != "levels"})
    torch.testing.assert_close(model.logits(holed)[:5], without[:5])


def test_labelled_rows_without_a_block_still_teach() -> None:
    blocks, labels = taste(300)
    train = {k: x[:100].clone() for k, x in blocks.items()}
    train["embedding"][:30] = NAN
    train["levels"][10:40] = NAN
    model = fit(train, labels[:100], torch.ones(100))
    assert bool(model.loo_logits.isfinite().all())
    logits = model.logits({k: x[100:] for k, x in blocks.items()})
    assert area(logits, labels[100:]) > 0.85


def test_a_column_no_labelled_row_has_changes_nothing() -> None:
    blocks, labels = taste(60)
    train = {"context": blocks["context"].clone(), "embedding": blocks["embedding"]}
    train["context"][:, :4] = NAN
    library = {"context": taste(100, seed=8)[0]["context"]}
    model = fit(train, labels, torch.ones(60), scale_rows=library)
    masked = model.logits(train)
    full = model.logits({**train, "context": blocks["context"]})
    torch.testing.assert_close(full, masked)


@pytest.mark.parametrize(
    "extra",
    [
        {"levels": torch.empty(60, 0)},
        {"levels": torch.full((60, 4), 3.0)},
        {"levels": torch.full((60, 4), NAN)},
        {"levels": torch.cat([torch.ones(1, 4), torch.full((59, 4), NAN)])},
    ],
    ids=["zero width", "constant", "all missing", "one row has it"],
)
def test_a_block_that_tells_nothing_apart_is_left_out(extra: dict[str, Tensor]) -> None:
    blocks, labels = taste(60)
    plain = {"embedding": blocks["embedding"]}
    alone, joined = (
        fit(plain, labels, torch.ones(60)),
        fit({**plain, **extra}, labels, torch.ones(60)),
    )
    assert set(joined.block_weights) == {"embedding"}
    torch.testing.assert_close(joined.logits({**plain, **extra}), alone.logits(plain))


def test_library_statistics_scale_the_blocks_when_there_are_enough() -> None:
    blocks, labels = taste(60)
    library = {"measured": blocks["measured"].repeat(2, 1) * 10}
    scaled = fit(blocks, labels, torch.ones(60), scale_rows=library)
    few = fit(blocks, labels, torch.ones(60), scale_rows={"measured": library["measured"][:20]})
    plain = fit(blocks, labels, torch.ones(60))
    torch.testing.assert_close(few.logits(blocks), plain.logits(blocks))
    assert not torch.allclose(scaled.logits(blocks), plain.logits(blocks))


def test_the_same_decisions_give_the_same_model() -> None:
    blocks, labels = taste(60)
    one, two = (fit(blocks, labels, torch.ones(60), torch.arange(60) // 2) for _ in range(2))
    assert torch.equal(one.logits(blocks), two.logits(blocks))
    assert torch.equal(one.loo_logits, two.loo_logits)


def test_a_doubtful_decision_counts_for_less() -> None:
    blocks, labels = taste(40, noise=0.1)
    wrong = labels.clone()
    wrong[:8] = ~wrong[:8]
    doubtful = torch.ones(40)
    doubtful[:8] = 0.02
    far = taste(300, seed=4)
    trusting = fit(blocks, wrong, torch.ones(40)).logits(far[0])
    doubting = fit(blocks, wrong, doubtful).logits(far[0])
    assert area(doubting, far[1]) > area(trusting, far[1]) + 0.02


def test_copies_in_one_group_do_not_flatter_the_estimate() -> None:
    blocks, _ = taste(40)
    g = torch.Generator().manual_seed(7)
    coin = torch.rand(20, generator=g) > 0.5
    copies = {k: x[:20].repeat_interleave(2, 0) for k, x in blocks.items()}
    labels = coin.repeat_interleave(2)
    leaky = fit(copies, labels, torch.ones(40))
    honest = fit(copies, labels, torch.ones(40), torch.arange(40) // 2)
    assert area(leaky.loo_logits, labels) > 0.9
    assert area(honest.loo_logits, labels) < 0.7


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ([0, 0, 1, 2, 3, 3, 4, 5], [2, 1, 1, 2, 1, 1]),
        ([0, 0, 0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1, 1, 1, 1]),
        ([7] * 8, [1] * 8),
    ],
    ids=["small groups stand", "most of a class falls apart", "one group of all falls apart"],
)
def test_a_group_that_holds_most_of_a_class_falls_into_single_rows(
    groups: list[int], expected: list[int]
) -> None:
    labels = torch.tensor([True] * 4 + [False] * 4)
    found = leave_out_groups(labels, torch.ones(8), torch.tensor(groups))
    sizes = {g: found.count(g) for g in dict.fromkeys(found)}
    assert list(sizes.values()) == expected


def test_landmarks_cost_little_accuracy() -> None:
    blocks, labels = taste(900)
    train, rest = {k: x[:300] for k, x in blocks.items()}, {k: x[300:] for k, x in blocks.items()}
    exact = fit(train, labels[:300], torch.ones(300))
    few = fit(train, labels[:300], torch.ones(300), exact_rows=100, landmarks=100)
    assert [len(kernel.anchors) for kernel in few.kernels] == [100] * 4
    assert area(few.logits(rest), labels[300:]) > area(exact.logits(rest), labels[300:]) - 0.01
    assert float(torch.corrcoef(torch.stack([few.loo_logits, exact.loo_logits]))[0, 1]) > 0.97


@pytest.mark.parametrize(
    ("deletes", "keeps", "limit", "expected"),
    [(50, 50, 20, 10), (4, 96, 20, 4), (96, 4, 20, 16), (3, 3, 20, 3)],
    ids=["balanced", "few deletes", "few keeps", "fewer than the limit"],
)
def test_landmarks_are_spread_over_both_classes(
    deletes: int, keeps: int, limit: int, expected: int
) -> None:
    labels = torch.tensor([True] * deletes + [False] * keeps)
    rows = spread(labels, limit)
    assert int(labels[rows].sum()) == expected
    assert len(set(rows.tolist())) == min(limit, deletes + keeps)


def test_a_photo_is_most_like_itself() -> None:
    blocks, labels = taste(60)
    model = fit(blocks, labels, torch.ones(60))
    indices, similarity = model.similar({k: x[10:13] for k, x in blocks.items()}, 5)
    assert indices[:, 0].tolist() == [10, 11, 12]
    assert similarity[:, 0].tolist() == pytest.approx([1.0] * 3, abs=1e-3)
    assert bool((similarity[:, 1:] < 0.95).all())
    assert bool((similarity[:, :-1] >= similarity[:, 1:]).all())
    assert bool((similarity >= 0).all())


def test_similarity_compares_only_what_both_have() -> None:
    blocks, labels = taste(60)
    model = fit(blocks, labels, torch.ones(60))
    holed = {k: x[10:11].clone() for k, x in blocks.items()}
    holed["embedding"][:] = NAN
    indices, similarity = model.similar(holed, 100)
    assert int(indices[0, 0]) == 10
    assert indices.shape == (1, 60)
    assert float(similarity[0, 0]) == pytest.approx(1.0, abs=1e-3)


def test_a_model_comes_back_from_its_bytes_unchanged() -> None:
    blocks, labels = taste(60)
    model = fit(blocks, labels, torch.ones(60), exact_rows=30, landmarks=30)
    back = Preference.from_bytes(model.to_bytes())
    assert torch.equal(back.logits(blocks), model.logits(blocks))
    assert torch.equal(back.probabilities(blocks), model.probabilities(blocks))
    assert torch.equal(back.loo_logits, model.loo_logits)
    assert torch.equal(back.similar(blocks, 3)[0], model.similar(blocks, 3)[0])
    assert back.block_weights == model.block_weights


def flipped(blob: bytes) -> bytes:
    middle = len(blob) // 2
    return blob[:middle] + bytes([blob[middle] ^ 1]) + blob[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda blob: b"",
        lambda blob: blob[:-1],
        lambda blob: blob[:30],
        flipped,
        lambda blob: blob.replace(b"triaged preference 1", b"triaged preference 0"),
        lambda blob: b"\x80\x04K\x01.",
    ],
    ids=["empty", "cut short", "only the head", "one bit", "another version", "a pickle"],
)
def test_a_damaged_model_is_refused(damage) -> None:  # type: ignore[no-untyped-def]
    blocks, labels = taste(30)
    blob = fit(blocks, labels, torch.ones(30)).to_bytes()
    with pytest.raises(ValueError, match="preference model"):
        Preference.from_bytes(damage(blob))


@pytest.mark.parametrize(
    ("labels", "weights", "match"),
    [
        ([True] * 6, [1.0] * 6, "both keeps and deletes"),
        ([False] * 6, [1.0] * 6, "both keeps and deletes"),
        ([True] * 3 + [False] * 3, [0.0] + [1.0] * 5, "weights"),
        ([True] * 3 + [False] * 3, [1.5] + [1.0] * 5, "weights"),
        ([True] * 3 + [False] * 3, [NAN] + [1.0] * 5, "weights"),
        ([True] * 3 + [False] * 4, [1.0] * 7, "same number of rows"),
    ],
    ids=["only deletes", "only keeps", "no weight", "too much weight", "NaN weight", "too long"],
)
def test_what_cannot_be_learned_from_is_refused(
    labels: list[bool], weights: list[float], match: str
) -> None:
    blocks = {"embedding": taste(6)[0]["embedding"]}
    with pytest.raises(ValueError, match=match):
        fit(blocks, torch.tensor(labels), torch.tensor(weights))


def test_photos_that_are_all_alike_teach_nothing() -> None:
    with pytest.raises(ValueError, match="tells the labelled photos apart"):
        fit({"embedding": torch.ones(6, 4)}, torch.tensor([True, False] * 3), torch.ones(6))


def test_an_unknown_block_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown blocks"):
        fit({"colour": torch.ones(4, 2)}, torch.tensor([True, False] * 2), torch.ones(4))


def test_a_block_of_another_width_is_refused() -> None:
    blocks, labels = taste(30)
    model = fit(blocks, labels, torch.ones(30))
    with pytest.raises(ValueError, match="levels"):
        model.logits({**blocks, "levels": blocks["levels"][:, :-1]})


def test_many_rows_are_scored_in_pieces_as_in_one() -> None:
    blocks, labels = taste(5000)
    model = fit({k: x[:40] for k, x in blocks.items()}, labels[:40], torch.ones(40))
    whole = model.logits(blocks)
    parts = [
        model.logits({k: x[i : i + 700] for k, x in blocks.items()}) for i in range(0, 5000, 700)
    ]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-9)


def test_the_baseline_is_the_minimum_that_autograd_finds() -> None:
    blocks, labels = taste(50)
    x, c = blocks["embedding"].double(), torch.linspace(0.1, 1, 50, dtype=torch.float64)
    model = fit_baseline(x, labels, c, l2=0.5)
    z = (x - model.mean) / model.spread
    w = model.weights.clone().requires_grad_()
    b = torch.tensor(model.bias, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        z @ w + b, labels.double(), weight=c, reduction="sum"
    )
    (loss + 0.25 * w @ w).backward()
    assert w.grad is not None
    assert b.grad is not None
    assert float(w.grad.abs().max()) < 1e-6
    assert abs(float(b.grad)) < 1e-6


def test_the_baseline_takes_more_features_than_photos() -> None:
    blocks, labels = taste(300)
    x = blocks["embedding"]
    model = fit_baseline(x[:30], labels[:30], torch.ones(30))
    assert area(model.logits(x[30:]), labels[30:]) > 0.75


def test_the_baseline_needs_both_labels() -> None:
    with pytest.raises(ValueError, match="both"):
        fit_baseline(torch.ones(4, 2), torch.ones(4, dtype=torch.bool), torch.ones(4))


def test_many_labels_are_screened_first_and_still_solved_on_every_row() -> None:
    blocks, labels = taste(2000)
    few = {"measured": blocks["measured"], "context": blocks["context"]}
    for count in (620, 1510):  # the best points averaged; one point
        model = fit({k: x[:count] for k, x in few.items()}, labels[:count], torch.ones(count))
        assert [len(kernel.anchors) for kernel in model.kernels] == [count] * 2
        assert model.block_weights["measured"] > 0.5
        unseen = model.logits({k: x[count:] for k, x in few.items()})
        assert area(unseen, labels[count:]) == pytest.approx(
            area(model.loo_logits, labels[:count]), abs=0.03
        )
