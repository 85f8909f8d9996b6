"""The agenda: what is due when, and what is let go of."""

from __future__ import annotations

from functools import partial

from sfnlocal.driver.agenda import Agenda


def test_entries_of_one_moment_keep_the_order_in_which_they_were_made() -> None:
    agenda = Agenda()
    done: list[str] = []
    for at_ms, name in ((5, "late"), (1, "first"), (1, "second")):
        agenda.add(at_ms, partial(done.append, name))
    while agenda.next_ms() is not None:
        agenda.pop()()
    assert done == ["first", "second", "late"]


def test_a_dead_entry_is_never_due() -> None:
    agenda = Agenda()
    agenda.add(1, lambda: None, lambda: False)
    agenda.add(2, lambda: None)
    assert agenda.next_ms() == 2


def test_dead_entries_that_are_not_due_for_long_are_let_go_of() -> None:
    agenda = Agenda()
    agenda.add(1, lambda: None, lambda: True)
    for _ in range(10_000):
        agenda.add(10**12, lambda: None, lambda: False)
    assert len(agenda) < 2_000
    assert agenda.next_ms() == 1


def test_the_agenda_holds_any_number_of_live_entries() -> None:
    agenda = Agenda()
    for at_ms in range(5_000):
        agenda.add(at_ms, lambda: None, lambda: True)
    assert len(agenda) == 5_000


def test_what_recurs_is_due_only_for_those_who_ask_for_it() -> None:
    agenda = Agenda()
    agenda.add(1, lambda: None, recurring=True)
    assert agenda.next_ms() is None
    assert agenda.next_ms(recurring=True) == 1


def test_what_recurs_has_its_place_among_the_rest() -> None:
    agenda = Agenda()
    done: list[str] = []
    for at_ms, name, recurring in (
        (1, "a", False),
        (1, "b", True),
        (1, "c", False),
        (0, "0", True),
    ):
        agenda.add(at_ms, partial(done.append, name), recurring=recurring)
    agenda.add(1, lambda: None, lambda: False, recurring=True)
    while agenda.next_ms(recurring=True) is not None:
        agenda.pop(recurring=True)()
    assert done == ["0", "a", "b", "c"]
    assert len(agenda) == 0
