"""When schedule expressions are due: cases from AWS's documentation, and against a plain search
minute by minute over the days on which the clocks change."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.errors import InputError
from sfnlocal.triggers.schedule_expressions import parse_rule_schedule, parse_schedule

DATA = Path(__file__).parent / "data"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def cases(name: str) -> list[Any]:
    groups = json.loads((DATA / name).read_text())
    return [
        pytest.param({**group, **case}, id=f"{case['expression']} {case.get('zone', 'UTC')}")
        for group in groups
        for case in group["cases"]
    ]


def epoch_ms(moment: str | datetime) -> int:
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return (at - EPOCH) // timedelta(milliseconds=1)


def iso(at_ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("case", cases("schedule_expressions.json"))
def test_a_schedule_is_due_when_aws_says(case: dict[str, Any]) -> None:
    schedule = parse_schedule(case["expression"], case["zone"])
    expected, after_ms = case["expected"], epoch_ms(case["after"])
    never = case.get("then_never", False)
    found = [iso(at_ms) for at_ms in islice(schedule.after(after_ms), len(expected) + never)]
    assert found == expected


@pytest.mark.parametrize("case", cases("schedule_expressions_refused.json"))
def test_what_aws_refuses_is_refused_with_the_reason(case: dict[str, Any]) -> None:
    expression, zone = case["expression"], case.get("zone", "UTC")
    with pytest.raises(InputError) as refused:
        parse_rule_schedule(expression) if case.get("rule") else parse_schedule(expression, zone)
    assert case["says"] in refused.value.message


@pytest.mark.parametrize("expression", ["rate(1 hour)", "rate(5 hours)", "cron(0 10 * * ? *)"])
def test_a_rule_takes_a_rate_in_the_right_number_and_cron_in_utc(expression: str) -> None:
    begin_ms = epoch_ms("2026-10-20T10:20:00Z")
    due = parse_rule_schedule(expression).after(begin_ms)
    assert list(islice(due, 3)) == list(islice(parse_schedule(expression).after(begin_ms), 3))


def test_a_refused_rate_of_a_rule_comes_with_the_right_one() -> None:
    with pytest.raises(InputError) as refused:
        parse_rule_schedule("rate(1 hours)")
    assert refused.value.hint == "1 hour"


def test_occurrences_begin_with_the_first_moment_and_end_before_the_last() -> None:
    schedule = parse_schedule("cron(0 * * * ? *)")
    first, last = epoch_ms("2026-10-20T10:00:00Z"), epoch_ms("2026-10-20T12:00:00Z")
    assert [iso(at_ms) for at_ms in schedule.occurrences(first, last)] == [
        "2026-10-20T10:00:00Z",
        "2026-10-20T11:00:00Z",
    ]


def test_a_rate_counts_from_its_start_and_is_not_due_before() -> None:
    start_ms = epoch_ms("2026-10-20T10:20:00Z")
    schedule = parse_schedule("rate(1 hour)").counted_from(start_ms)
    assert schedule.next_after(0) == start_ms
    assert schedule.next_after(start_ms) == start_ms + 3_600_000


# Every day here has a change of the clocks, or none.
DAYS = ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"]
ZONES = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]


@st.composite
def fields(draw: st.DrawFn) -> tuple[set[int], set[int], set[int] | None, set[int] | None]:
    """Minutes, hours, and days of the month or of the week."""
    minutes = draw(st.sets(st.integers(0, 59), min_size=1, max_size=3))
    hours = draw(st.sets(st.integers(0, 4), min_size=1, max_size=4))
    if draw(st.booleans()):
        return minutes, hours, draw(st.sets(st.integers(1, 31), min_size=5)), None
    return minutes, hours, None, draw(st.sets(st.integers(1, 7), min_size=2))


@settings(max_examples=60, deadline=None)
@given(fields=fields(), day=st.sampled_from(DAYS), zone=st.sampled_from(ZONES))
def test_cron_is_due_in_just_the_minutes_that_its_fields_have(
    fields: tuple[set[int], set[int], set[int] | None, set[int] | None], day: str, zone: str
) -> None:
    minutes, hours, month_days, week_days = fields
    texts = ["?" if one is None else ",".join(map(str, sorted(one))) for one in fields]
    schedule = parse_schedule(f"cron({texts[0]} {texts[1]} {texts[2]} * {texts[3]} *)", zone)
    first = datetime.fromisoformat(f"{day}T00:00:00+00:00") - timedelta(days=1)
    expected = []
    for minute in range(3 * 24 * 60):
        moment = first + timedelta(minutes=minute)
        local = moment.astimezone(ZoneInfo(zone))
        due_on = (
            local.day in month_days
            if month_days is not None
            else local.isoweekday() % 7 + 1 in (week_days or ())
        )
        # `fold` is 1 when the time has come before.
        if due_on and local.hour in hours and local.minute in minutes and not local.fold:
            expected.append(epoch_ms(moment))
    until_ms = epoch_ms(first + timedelta(days=3))
    assert list(schedule.occurrences(epoch_ms(first), until_ms)) == expected
