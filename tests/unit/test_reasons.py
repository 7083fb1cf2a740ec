import math

import pytest

from triaged.ml import measured
from triaged.ml.reasons import Measure, in_words, measures, percentile, summary_quantiles

QUANTILES = [float(n) for n in range(101)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(-1.0, 0.0), (50.0, 50.5 / 101), (200.0, 1.0), (0.5, 1 / 101)],
    ids=["below all", "in the middle", "above all", "between two"],
)
def test_a_value_has_a_place_among_the_library(value: float, expected: float) -> None:
    assert percentile(QUANTILES, value) == pytest.approx(expected)


def test_ties_count_half() -> None:
    assert percentile([1.0, 1.0, 1.0, 1.0], 1.0) == 0.5


def photo(**values: float) -> list[float]:
    """Return a measured part that is ordinary but for `values`."""
    return [values.get(name, 50.0) for name in measured.NAMES]


LIBRARY = dict.fromkeys(measured.NAMES, QUANTILES)
WORDS = {
    "soft": ({"sharpness": 2.0}, "softer than 98% of your photos"),
    "sharp": ({"sharpness": 99.0}, "sharper than 99% of your photos"),
    "dark": ({"brightness": 1.0}, "darker than 99% of your photos"),
    "bright": ({"brightness": 100.5}, "brighter than 99% of your photos"),
    "noisy": ({"noise": 99.0}, "noisier than 99% of your photos"),
    "burnt out": ({"highlights_clipped": 99.0}, "more burnt out than 99% of your photos"),
}


@pytest.mark.parametrize(("values", "words"), WORDS.values(), ids=WORDS.keys())
def test_what_is_out_of_the_ordinary_is_said_in_words(values: dict[str, float], words: str) -> None:
    [found] = measures(photo(**values), LIBRARY)

    assert found.words == words
    assert found.name in values


@pytest.mark.parametrize(
    "values",
    [{}, {"sharpness": 12.0}, {"noise": 1.0}, {"sharpness": math.nan}],
    ids=["ordinary", "not far enough out", "less noise is no reason", "not measured"],
)
def test_nothing_is_said_about_the_ordinary(values: dict[str, float]) -> None:
    assert measures(photo(**values), LIBRARY) == []


def test_a_measurement_the_library_does_not_know_is_left_out() -> None:
    assert measures(photo(sharpness=1.0), {}) == []


def test_the_strongest_measurement_comes_first() -> None:
    found = measures(photo(sharpness=4.0, brightness=1.0), LIBRARY)

    assert [measure.name for measure in found] == ["brightness", "sharpness"]


SOFT = [Measure("sharpness", "softer than 97% of your photos", 0.03)]
LINES = {
    "both": (14, 1, SOFT, "like 14 you deleted and 1 you kept; softer than 97% of your photos"),
    "deleted alone": (3, 0, [], "like 3 you deleted"),
    "kept alone": (0, 2, [], "like 2 you kept"),
    "a measurement alone": (0, 0, SOFT, "softer than 97% of your photos"),
    "nothing": (0, 0, [], "nothing speaks for either"),
}


@pytest.mark.parametrize(
    ("deleted", "kept", "notable", "expected"), LINES.values(), ids=LINES.keys()
)
def test_a_reason_is_one_line(
    deleted: int, kept: int, notable: list[Measure], expected: str
) -> None:
    assert in_words(deleted, kept, notable) == expected


@pytest.mark.parametrize(
    ("deleted", "score", "expected"),
    [
        (8, 0.09, "between what you deleted and what you kept"),
        (2, 0.91, "between what you deleted and what you kept"),
        (8, 0.91, "like 8 you deleted and 7 you kept"),
    ],
    ids=["unlikely against them", "likely against them", "with them"],
)
def test_neighbours_that_fell_the_other_way_are_no_reason(
    deleted: int, score: float, expected: str
) -> None:
    assert in_words(deleted, 7, [], score) == expected


def test_a_model_without_quantiles_still_has_reasons() -> None:
    assert summary_quantiles({}) == {}
    assert summary_quantiles({"quantiles": {"noise": [1.0]}}) == {"noise": [1.0]}
