"""RFC 3339 timestamps, as Wait states and Choice rules read them.

Strict where AWS is: a capital T and Z, seconds present, a time that exists. Fractions of any
length are kept to the nanosecond.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FORM = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_timestamp(text: str) -> int:
    """Nanoseconds since the epoch. Raises ValueError where `text` is no timestamp."""
    found = _FORM.fullmatch(text)
    if found is None or not text.isascii():
        raise ValueError(f"not an RFC 3339 timestamp: {text!r}")
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    since = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - _EPOCH
    fraction, sign, hours, minutes = found.group(7, 8, 9, 10)
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            raise ValueError(f"not a time zone offset: {text!r}")
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        since += -offset if sign == "+" else offset
    seconds = since.days * 86_400 + since.seconds
    return seconds * 1_000_000_000 + int((fraction or "").ljust(9, "0"))


def is_timestamp(text: str) -> bool:
    try:
        parse_timestamp(text)
    except ValueError:
        return False
    return True
