import pytest

from triaged.core.guards import is_emptied, is_too_large


@pytest.mark.parametrize(
    ("size_of_act", "photos_in_root", "expected"),
    [
        (200, 0, False),
        (201, 0, True),
        (201, 4_000, True),
        (201, 4_020, False),
        (1_000, 20_000, False),
        (1_001, 20_000, True),
    ],
    ids=[
        "two hundred",
        "more than two hundred",
        "more than a twentieth of some",
        "a twentieth of more",
        "a twentieth of many",
        "more than a twentieth of many",
    ],
)
def test_a_very_large_act_waits_for_the_owners_word(
    size_of_act: int, photos_in_root: int, expected: bool
) -> None:
    assert is_too_large(size_of_act, photos_in_root) is expected


@pytest.mark.parametrize(
    ("known", "seen", "moved_away", "expected"),
    [
        (10, 0, 0, True),
        (10, 0, 9, True),
        (10, 0, 10, False),
        (10, 1, 0, False),
        (0, 0, 0, False),
    ],
    ids=[
        "all gone without a trace",
        "one gone without a trace",
        "all seen elsewhere",
        "one still there",
        "always empty",
    ],
)
def test_a_root_that_shows_nothing_was_emptied_unless_all_is_accounted_for(
    known: int, seen: int, moved_away: int, expected: bool
) -> None:
    assert is_emptied(known, seen, moved_away) is expected
