import pytest

from triaged.agenda import Agenda, Due

FULL = 3_600.0


@pytest.fixture
def agenda() -> Agenda:
    """An agenda at time 0 whose first full look has been taken."""
    agenda = Agenda(settle_seconds=2.0, interval_seconds=FULL)
    assert agenda.take(0.0) == Due(None)
    return agenda


def test_the_first_thing_to_do_is_to_look_at_everything() -> None:
    assert Agenda(2.0, FULL).next_at() == 0.0


def test_a_folder_is_due_when_it_has_been_quiet(agenda: Agenda) -> None:
    agenda.hint({b"/p": 10.0})

    assert agenda.next_at() == 12.0
    assert agenda.take(11.9) is None
    assert agenda.take(12.0) == Due({b"/p"})
    assert agenda.take(13.0) is None


def test_a_noisy_folder_is_put_off_but_not_for_ever(agenda: Agenda) -> None:
    for at in range(10, 30):
        agenda.hint({b"/p": float(at)})

    assert agenda.next_at() == 10.0 + 5 * 2.0


def test_only_what_is_due_is_taken(agenda: Agenda) -> None:
    agenda.hint({b"/quiet": 10.0, b"/noisy": 14.0})

    assert agenda.take(12.0) == Due({b"/quiet"})
    assert agenda.take(16.0) == Due({b"/noisy"})


def test_another_look_is_asked_for_at_a_time_or_sooner(agenda: Agenda) -> None:
    agenda.look_again([b"/p"], 30.0)
    agenda.look_again([b"/p"], 40.0)
    assert agenda.next_at() == 30.0

    agenda.hint({b"/q": 5.0})
    agenda.look_again([b"/q"], 100.0)
    assert agenda.take(7.0) == Due({b"/q"})
    assert agenda.take(30.0) == Due({b"/p"})


def test_a_hint_after_a_look_waits_for_quiet_again(agenda: Agenda) -> None:
    agenda.hint({b"/p": 10.0})
    agenda.take(12.0)
    agenda.hint({b"/p": 20.0})

    assert agenda.next_at() == 22.0


def test_everything_is_looked_at_regularly_and_takes_the_hints_with_it(agenda: Agenda) -> None:
    agenda.hint({b"/p": FULL - 1})

    assert agenda.take(FULL) == Due(None)
    assert agenda.next_at() == 2 * FULL


def test_lost_hints_bring_the_full_look_forward(agenda: Agenda) -> None:
    agenda.look_everywhere(50.0)
    agenda.look_everywhere(70.0)

    assert agenda.next_at() == 50.0
    assert agenda.take(50.0) == Due(None)
    assert agenda.next_at() == 50.0 + FULL
