from dataclasses import replace

import pytest

from triaged.core.review import Listable, choose

DAY = 86_400.0
NOW = 1_000 * DAY
GOOD = Listable(
    photo=1, shot=1, path=b"/p/x.jpg", score=0.9, taken_at=0.0, rating=None, size_bytes=10
)


def chosen(*photos: Listable, size: int = 10) -> list[int]:
    found = choose(photos, now=NOW, size=size, min_score=0.5, min_age_days=7.0)
    return [photo.photo for photo in found]


@pytest.mark.parametrize(
    ("change", "is_listed"),
    [
        ({}, True),
        ({"score": 0.5}, True),
        ({"score": 0.49}, False),
        ({"taken_at": NOW - 7 * DAY}, True),
        ({"taken_at": NOW - 6.9 * DAY}, False),
        ({"rating": 3}, True),
        ({"rating": 4}, False),
        ({"rating": 5}, False),
        ({"rating": -1}, True),
    ],
    ids=[
        "likely and old",
        "just likely enough",
        "not likely enough",
        "just old enough",
        "too young",
        "three stars",
        "four stars",
        "five stars",
        "rejected by its owner",
    ],
)
def test_what_is_listed(change: dict[str, float], is_listed: bool) -> None:
    assert chosen(replace(GOOD, **change)) == [1] * is_listed  # type: ignore[arg-type]


def test_most_likely_deletes_come_first_and_ties_go_by_photo() -> None:
    photos = [replace(GOOD, photo=n, score=s) for n, s in [(4, 0.7), (3, 0.9), (2, 0.7), (5, 0.8)]]

    assert chosen(*photos) == [3, 5, 2, 4]
    assert chosen(*reversed(photos)) == [3, 5, 2, 4]


def test_the_list_ends_at_its_size() -> None:
    assert chosen(*(replace(GOOD, photo=n) for n in range(5)), size=3) == [0, 1, 2]


def test_nothing_to_list_is_an_empty_list() -> None:
    assert chosen() == []
