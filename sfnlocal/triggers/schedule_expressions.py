"""Schedule expressions: cron(fields), rate(value unit) and at(time), and when they are due.

cron and at are local times of their zone. EventBridge Scheduler leaves out what falls into the gap
when clocks go forward, and runs once what comes twice when they go back (here the first time); a
rate is time that passes, so that a day is 24 hours.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sfnlocal.errors import InputError
from sfnlocal.triggers.cron import Cron, parse_cron

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_MS = {"minute": 60_000, "hour": 3_600_000, "day": 86_400_000}
_RATE = re.compile(r"(\d+) +(minute|hour|day)(s?)")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_EXPRESSION = re.compile(r"(cron|rate|at)\((.*)\)")
_FORMS = "write cron(minutes hours day-of-month month day-of-week year), rate(value unit)"


class Schedule(ABC):
    """What a schedule expression means."""

    # Is it due once only?
    one_time = False
    # Does it count from when it is made?
    is_rate = False

    @abstractmethod
    def after(self, at_ms: int) -> Iterator[int]:
        """Its occurrences after `at_ms`, in order; perhaps without an end."""

    def next_after(self, at_ms: int) -> int | None:
        """The first occurrence after `at_ms`; None where there is none any more."""
        return next(self.after(at_ms), None)

    def occurrences(self, from_ms: int, until_ms: int) -> Iterator[int]:
        """From `from_ms` on and before `until_ms`."""
        return takewhile(lambda at_ms: at_ms < until_ms, self.after(from_ms - 1))

    def counted_from(self, start_ms: int) -> Schedule:
        """The schedule as one that begins at `start_ms`, from which a rate counts."""
        return self


@dataclass(frozen=True)
class CronSchedule(Schedule):
    cron: Cron
    zone: ZoneInfo

    def after(self, at_ms: int) -> Iterator[int]:
        now = (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(self.zone)
        for local in self.cron.times_from(now.replace(second=0, microsecond=0, tzinfo=None)):
            due_ms = _epoch_ms(local, self.zone)
            if due_ms is not None and due_ms > at_ms:
                yield due_ms


@dataclass(frozen=True)
class RateSchedule(Schedule):
    """Its first occurrence is at `start_ms`."""

    period_ms: int
    start_ms: int = 0
    is_rate = True

    def after(self, at_ms: int) -> Iterator[int]:
        periods = max(0, (at_ms - self.start_ms) // self.period_ms + 1)
        return count(self.start_ms + periods * self.period_ms, self.period_ms)

    def counted_from(self, start_ms: int) -> RateSchedule:
        return RateSchedule(self.period_ms, start_ms)


@dataclass(frozen=True)
class OneTimeSchedule(Schedule):
    """`due_ms` is None where the clocks of its zone leave the time out."""

    due_ms: int | None
    one_time = True

    def after(self, at_ms: int) -> Iterator[int]:
        if self.due_ms is not None and self.due_ms > at_ms:
            yield self.due_ms


def parse_schedule(expression: str, timezone: str = "UTC") -> Schedule:
    """A schedule of EventBridge Scheduler. InputError says what is wrong with it."""
    zone = time_zone(timezone)
    form = _EXPRESSION.fullmatch(expression)
    if form is None:
        raise InputError(
            "it is no schedule expression", hint=f"{_FORMS} or at(yyyy-mm-ddThh:mm:ss)"
        )
    kind, text = form[1], form[2]
    if kind == "cron":
        return CronSchedule(parse_cron(text), zone)
    if kind == "rate":
        return RateSchedule(_period_ms(text))
    return OneTimeSchedule(_epoch_ms(_local_time(text), zone))


def parse_rule_schedule(expression: str) -> Schedule:
    """A schedule of a rule: UTC, cron and rate only, and `1` has a unit without `s`.
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html"""
    if expression.startswith("at("):
        raise InputError("a rule has no at()", hint="use AWS::Scheduler::Schedule, or cron")
    schedule = parse_schedule(expression)
    rate = _RATE.fullmatch(expression[5:-1])
    if isinstance(schedule, RateSchedule) and rate and (int(rate[1]) == 1) == bool(rate[3]):
        unit = rate[2] if rate[3] else f"{rate[2]}s"
        raise InputError(f"{rate[0]!r} is not in the right number", hint=f"{rate[1]} {unit}")
    return schedule


def time_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InputError(
            f"{name!r} is no time zone that is known here",
            hint="take a name of the IANA database, such as Europe/Berlin; "
            "a system without that database needs: pip install tzdata",
        ) from None


def _period_ms(text: str) -> int:
    rate = _RATE.fullmatch(text)
    if rate is None or int(rate[1]) == 0:
        raise InputError(
            f"{text!r} is no rate", hint="write a positive number and minutes, hours or days"
        )
    return int(rate[1]) * _UNITS_MS[rate[2]]


def _local_time(text: str) -> datetime:
    try:
        if not _AT.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{text!r} is no time of the form yyyy-mm-ddThh:mm:ss",
            hint="leave out fractions and offset; the time zone is said apart",
        ) from None


def _epoch_ms(local: datetime, zone: ZoneInfo) -> int | None:
    """Of a time that comes twice, the first. None: the clocks leave it out."""
    moment = local.replace(tzinfo=zone)
    utc = moment.astimezone(UTC)
    if utc.astimezone(zone).replace(tzinfo=None) != local:
        return None
    return (utc - _EPOCH) // timedelta(milliseconds=1)
