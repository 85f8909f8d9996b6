"""Quiet hours by the recipient's clock, over its changes.

What a clock skips and what it shows twice: https://peps.python.org/pep-0495/
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.notification.logic.find_quiet_end import AHEAD_MIN, find_quiet_end

BERLIN = "Europe/Berlin"


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "start", "end", "now", "until"),
    [
        # Over midnight: before, within, at the ends.
        (BERLIN, "22:00", "07:00", "2026-06-01T19:59:59", None),
        (BERLIN, "22:00", "07:00", "2026-06-01T20:00:00", "2026-06-02T05:00:00"),
        (BERLIN, "22:00", "07:00", "2026-06-01T23:00:00", "2026-06-02T05:00:00"),
        (BERLIN, "22:00", "07:00", "2026-06-02T05:00:00", None),
        # Within a day.
        (BERLIN, "13:00", "15:00", "2026-06-01T11:30:00", "2026-06-01T13:00:00"),
        (BERLIN, "13:00", "15:00", "2026-06-01T13:00:00", None),
        # Elsewhere it is another day.
        ("Pacific/Auckland", "22:00", "07:00", "2026-06-01T11:00:00", "2026-06-01T19:00:00"),
        ("America/New_York", "22:00", "07:00", "2026-06-02T02:30:00", "2026-06-02T11:00:00"),
        ("Asia/Kathmandu", "21:00", "06:00", "2026-06-01T16:00:00", "2026-06-02T00:15:00"),
        # The clock jumps from 2 to 3 in the last night of March: the end is an hour nearer.
        (BERLIN, "22:00", "07:00", "2026-03-28T22:00:00", "2026-03-29T05:00:00"),
        # An end that it skips comes when it has jumped.
        (BERLIN, "22:00", "02:30", "2026-03-28T22:00:00", "2026-03-29T01:30:00"),
        # It shows 2 to 3 twice in the last night of October: the end is an hour further.
        (BERLIN, "22:00", "07:00", "2026-10-24T21:00:00", "2026-10-25T06:00:00"),
        # An end in that hour is the first, and for who asks after the first the second.
        (BERLIN, "22:00", "02:30", "2026-10-24T21:00:00", "2026-10-25T00:30:00"),
        (BERLIN, "22:00", "02:30", "2026-10-25T00:45:00", None),
        (BERLIN, "22:00", "02:30", "2026-10-25T01:10:00", "2026-10-25T01:30:00"),
        # A schedule has to lie ahead.
        (BERLIN, "22:00", "07:00", "2026-06-02T04:59:30", "2026-06-02T05:01:30"),
    ],
)
def test_when_it_is_quiet_the_end_is_told(
    zone: str, start: str, end: str, now: str, until: str | None
) -> None:
    assert find_quiet_end(zone, start, end, at(now)) == until


@given(
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo", "UTC"]),
    st.integers(0, 2 * 365 * 24 * 60 * 60),
    st.times(),
    st.times(),
)
def test_a_night_is_never_longer_than_a_day_and_over_at_its_end(
    zone: str, seconds: int, start: object, end: object
) -> None:
    now = at("2026-01-01T00:00:00") + timedelta(seconds=seconds)
    until = find_quiet_end(zone, str(start)[:5], str(end)[:5], now)
    if until is None:
        return
    ends = at(until)
    assert now + AHEAD_MIN - timedelta(seconds=1) <= ends <= now + timedelta(hours=26)
    local = ends.astimezone(ZoneInfo(zone))
    # At the end, or a little later where it was too near or was skipped.
    after = (local.hour * 60 + local.minute) - (int(str(end)[:2]) * 60 + int(str(end)[3:5]))
    assert 0 <= after % 1440 <= 62


def test_a_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        find_quiet_end("Europe/Atlantis", "22:00", "07:00", at("2026-06-01T20:00:00"))
