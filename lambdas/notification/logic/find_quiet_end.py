"""Whether it is quiet where the recipient lives, and when that ends: in wall-clock time there, over
changes of daylight saving time too.

An end that the clock skips comes when the clock has jumped over it; one that it shows twice is the
first, or the second for who asks after the first (PEP 495's `fold`).
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#one-time
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

# A schedule has to lie ahead when it is made, and is carried out within its minute.
AHEAD_MIN = timedelta(minutes=2)


def find_quiet_end(zone: str, start: str, end: str, now: datetime) -> str | None:
    """The end in UTC, to the second and without an offset; None when it is not quiet now."""
    local = now.astimezone(ZoneInfo(zone))
    wall, begins, ends = local.time(), time.fromisoformat(start), time.fromisoformat(end)
    over_midnight = begins > ends
    after_start, before_end = wall >= begins, wall < ends
    quiet = (after_start or before_end) if over_midnight else (after_start and before_end)
    if not quiet:
        return None
    day = local.date() if before_end else local.date() + timedelta(days=1)
    until = datetime.combine(day, ends, local.tzinfo).replace(fold=local.fold)
    moment = max(until.astimezone(UTC), now.astimezone(UTC) + AHEAD_MIN)
    return moment.replace(microsecond=0, tzinfo=None).isoformat()
