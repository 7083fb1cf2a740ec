import pytest

from triaged.core.record import auroc_of_pairs


@pytest.mark.parametrize(
    ("deleted", "kept", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.1], [0.5], 0.5),
        ([0.9, 0.5], [0.5, 0.1], 0.875),
        ([], [0.5], None),
        ([0.5], [], None),
    ],
    ids=["right", "wrong", "a tie", "half", "half a tie", "no deletes", "no keeps"],
)
def test_the_record_is_the_share_of_pairs_in_the_right_order(
    deleted: list[float], kept: list[float], expected: float | None
) -> None:
    assert auroc_of_pairs(deleted, kept) == expected


def test_the_record_agrees_with_counting_the_pairs() -> None:
    deleted, kept = [n % 7 / 7 for n in range(40)], [n % 5 / 6 for n in range(30)]
    wins = sum((d > k) + (d == k) / 2 for d in deleted for k in kept)

    assert auroc_of_pairs(deleted, kept) == pytest.approx(wins / 1200)
