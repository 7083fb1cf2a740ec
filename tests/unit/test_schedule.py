import pytest

from triaged.core.schedule import can_fit, seconds_until_fit


@pytest.mark.parametrize(
    ("new", "labels", "since", "expected"),
    [
        (0, 0, None, None),
        (0, 500, 10.0, None),
        (1, 1, None, 0.0),
        (3, 20, 10.0, 0.0),
        (2, 20, 10.0, 290.0),
        (2, 20, 300.0, 0.0),
        (2, 20, 9_999.0, 0.0),
        (4, 100, 10.0, 290.0),
        (5, 100, 10.0, 0.0),
    ],
    ids=[
        "nothing new, no model",
        "nothing new",
        "the first",
        "three",
        "fewer than three",
        "fewer, after five minutes",
        "fewer, long after",
        "fewer than a twentieth",
        "a twentieth",
    ],
)
def test_every_row_of_the_table(
    new: int, labels: int, since: float | None, expected: float | None
) -> None:
    assert seconds_until_fit(new, labels, since) == expected


@pytest.mark.parametrize(
    ("deletes", "keeps", "expected"),
    [(5, 5, True), (4, 100, False), (100, 4, False), (0, 0, False)],
    ids=["five of each", "few deletes", "few keeps", "nothing"],
)
def test_a_fit_takes_five_of_each(deletes: int, keeps: int, expected: bool) -> None:
    assert can_fit(deletes, keeps) is expected
