"""What the conformance check keeps, and what it holds against it."""

from __future__ import annotations

from tools.conformance import PASSING, Result, compared, read, table, written

WAIT = Result("wait[1 2]", "execution", "base", "history", "")
MAP = Result("map", "execution", "map", "outcome", "events[3]: expected A, got B")
TAG = Result("tag", "api", "tags", "none", "refused")


def test_what_passes_is_written_by_id_and_read_again() -> None:
    text = written([WAIT, TAG, MAP])
    assert text == "outcome map\nhistory wait[1 2]\n"
    assert read(text) == {"map": "outcome", "wait[1 2]": "history"}


def test_a_case_that_passes_in_a_lower_grade_is_worse() -> None:
    worse, better = compared({"map": "history", "tag": "outcome"}, [MAP, TAG])
    assert worse == [
        "map: history before, outcome now: events[3]: expected A, got B",
        "tag: outcome before, none now: refused",
    ]
    assert better == []


def test_new_and_better_cases_are_no_regression() -> None:
    assert compared({"map": "none"}, [MAP, WAIT]) == ([], ["map", "wait[1 2]"])


def test_a_case_that_the_corpus_has_no_more_is_not_missed() -> None:
    assert compared({"gone": "history"}, [WAIT]) == ([], ["wait[1 2]"])


def test_the_table_counts_by_kind_by_area_and_in_all() -> None:
    rows = [line.split() for line in table([WAIT, MAP, TAG]).splitlines()]
    assert ["execution", "2", "2", "1"] in rows
    assert ["tags", "1", "0", "0"] in rows
    assert rows[-1] == ["all", "3", "2", "1"]


def test_the_kept_list_is_in_the_order_that_update_writes() -> None:
    kept = read(PASSING.read_text("utf-8"))
    assert set(kept.values()) <= {"outcome", "history"}
    assert list(kept) == sorted(kept)
