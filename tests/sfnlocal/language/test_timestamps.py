"""RFC 3339 timestamps: https://datatracker.ietf.org/doc/html/rfc3339#section-5.6"""

from __future__ import annotations

import pytest

from sfnlocal.language.timestamps import is_timestamp, parse_timestamp

DAY_NS = 86_400 * 10**9


@pytest.mark.parametrize(("text", "nanoseconds"), [
    ("1970-01-01T00:00:00Z", 0),
    ("1970-01-02T00:00:00.5Z", DAY_NS + 500_000_000),
    ("1970-01-01T00:00:00.123456789Z", 123_456_789),
    ("1970-01-01T00:00:00.1234567891Z", 123_456_789),
    ("1970-01-02T01:00:00+01:00", DAY_NS),
    ("1970-01-01T23:30:00-00:30", DAY_NS),
    ("1969-12-31T23:59:59.25Z", -750_000_000),
])  # fmt: skip
def test_a_timestamp_is_nanoseconds_since_the_epoch(text: str, nanoseconds: int) -> None:
    assert parse_timestamp(text) == nanoseconds


@pytest.mark.parametrize("text", [
    "", "2012-10-09", "2012-10-09T19:00:55", "2012-10-09 19:00:55Z", "2012-10-09t19:00:55z",
    "2012-10-09T25:00:55Z", "2012-02-30T19:00:55Z", "2012-10-09T19:00Z", "2012-10-09T19:00:55+0100",
    "2012-10-09T19:00:55+24:00", "2012-10-09T19:00:55Z ", "٢٠١٢-10-09T19:00:55Z",
])  # fmt: skip
def test_what_is_no_timestamp(text: str) -> None:
    assert not is_timestamp(text)
