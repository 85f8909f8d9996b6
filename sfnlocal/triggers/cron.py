"""The six fields of AWS's cron expressions, and the local times that they mean.

AWS takes more than its tables list, as the library that its syntax is from does: LW, L-3, 6L, names
in any case, and ranges that go over the end (FRI-MON).

Strategy: each field is parsed once, to the values that it has; what depends on the calendar (L, W,
#) is parsed to a function of (year, month). Times are then counted up, never searched minute by
minute. Time zones are not known here: see schedule_expressions.py.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
"""

from __future__ import annotations

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeAlias

from sfnlocal.errors import InputError

# The days of a month, in order.
Days: TypeAlias = Callable[[int, int], Sequence[int]]

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    first: int
    last: int
    names: Mapping[str, int] = field(default_factory=dict)


_MINUTES = _Field("minutes", 0, 59)
_HOURS = _Field("hours", 0, 23)
_DAY_OF_MONTH = _Field("day-of-month", 1, 31)
_MONTH = _Field("month", 1, 12, {name: i for i, name in enumerate(_MONTHS, 1)})
_DAY_OF_WEEK = _Field("day-of-week", 1, 7, {name: i for i, name in enumerate(_DAYS, 1)})
_YEAR = _Field("year", 1970, 2199)
_FIELDS = (_MINUTES, _HOURS, _DAY_OF_MONTH, _MONTH, _DAY_OF_WEEK, _YEAR)


@dataclass(frozen=True, slots=True)
class Cron:
    """A parsed expression. `days` are those of a month, whichever of the two fields says them."""

    minutes: Sequence[int]
    hours: Sequence[int]
    days: Days
    months: Sequence[int]
    years: Sequence[int]

    def times_from(self, start: datetime) -> Iterator[datetime]:
        """The local times, without a zone, from `start` on."""
        for year in self.years[bisect_left(self.years, start.year) :]:
            for month in self.months:
                if (year, month) >= (start.year, start.month):
                    for day in self.days(year, month):
                        yield from self._times_of_day(date(year, month, day), start)

    def _times_of_day(self, day: date, start: datetime) -> Iterator[datetime]:
        if day < start.date():
            return
        from_hour = start.hour if day == start.date() else 0
        for hour in self.hours:
            if hour >= from_hour:
                for minute in self.minutes:
                    time = datetime(day.year, day.month, day.day, hour, minute)  # noqa: DTZ001
                    if time >= start:
                        yield time


def parse_cron(text: str) -> Cron:
    """The fields between cron's parentheses. InputError says which field is wrong, and why."""
    texts = text.upper().split()
    if len(texts) != len(_FIELDS):
        names = ", ".join(one.name for one in _FIELDS)
        raise InputError(f"it has {len(texts)} fields, cron needs {len(_FIELDS)}: {names}")
    minutes, hours, day_of_month, month, day_of_week, year = texts
    if (day_of_month == "?") == (day_of_week == "?"):
        raise InputError("exactly one of day-of-month and day-of-week must be ?")
    return Cron(
        minutes=_values(_MINUTES, minutes),
        hours=_values(_HOURS, hours),
        days=_month_days(day_of_month) if day_of_week == "?" else _week_days(day_of_week),
        months=_values(_MONTH, month),
        years=_values(_YEAR, year),
    )


# Fields that are lists of values


def _values(of: _Field, text: str) -> tuple[int, ...]:
    """`*`, `1`, `1-5`, `MON,WED`, `0/15`, `*/15`, `10-50/20`: the values, in order."""
    return tuple(sorted({value for part in text.split(",") for value in _range(of, part)}))


def _range(of: _Field, part: str) -> Sequence[int]:
    base, slash, increment = part.partition("/")
    step = _increment(of, part, increment) if slash else 1
    if base == "*":
        return range(of.first, of.last + 1, step)
    low, dash, high = base.partition("-")
    first = _value(of, low, part)
    if not dash:
        return range(first, of.last + 1, step) if slash else (first,)
    last = _value(of, high, part)
    if last >= first:
        return range(first, last + 1, step)
    if of is _YEAR:
        raise InputError(f"the {of.name} field: {part!r} ends before it begins")
    # FRI-MON, 22-2: over the end and on from the beginning.
    size = of.last - of.first + 1
    return [(n - of.first) % size + of.first for n in range(first, last + size + 1, step)]


def _increment(of: _Field, part: str, text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= of.last:
        raise InputError(f"the {of.name} field: the increment of {part!r} is not in 1-{of.last}")
    return int(text)


def _value(of: _Field, text: str, part: str) -> int:
    value = of.names.get(text)
    if value is None and text.isdecimal():
        value = int(text)
    if value is None or not of.first <= value <= of.last:
        said = repr(text) if text == part else f"{text!r} of {part!r}"
        names = list(of.names)
        allowed = f"{of.first}-{of.last}" + (f" or {names[0]}-{names[-1]}" if names else "")
        raise InputError(f"the {of.name} field: {said} is not in {allowed}")
    return value


# Fields that are days of a calendar


def _month_days(text: str) -> Days:
    if text == "L":
        return lambda year, month: (_length(year, month),)
    if text == "LW":
        return lambda year, month: (_nearest_weekday(year, month, _length(year, month)),)
    if before := re.fullmatch(r"L-(\d+)", text):
        return _before_last(_value(_DAY_OF_MONTH, before[1], text))
    if nearest := re.fullmatch(r"(\d+)W", text):
        return _nearest_weekdays(_value(_DAY_OF_MONTH, nearest[1], text))
    if "W" in text or "L" in text:
        raise InputError(f"the day-of-month field: {text!r}: L and W stand in no list or range")
    days = _values(_DAY_OF_MONTH, text)
    return lambda year, month: [day for day in days if day <= _length(year, month)]


def _before_last(count: int) -> Days:
    def days(year: int, month: int) -> Sequence[int]:
        day = _length(year, month) - count
        return (day,) if day >= 1 else ()

    return days


def _nearest_weekdays(day: int) -> Days:
    def days(year: int, month: int) -> Sequence[int]:
        return (_nearest_weekday(year, month, day),) if day <= _length(year, month) else ()

    return days


def _nearest_weekday(year: int, month: int, day: int) -> int:
    """Monday to Friday, and of the same month."""
    weekday = _weekday(year, month, day)
    if weekday == _DAY_OF_WEEK.names["SAT"]:
        return day - 1 if day > 1 else day + 2
    if weekday == _DAY_OF_WEEK.names["SUN"]:
        return day + 1 if day < _length(year, month) else day - 2
    return day


def _week_days(text: str) -> Days:
    if text == "L":
        return _on(frozenset((_DAY_OF_WEEK.last,)))
    if last := re.fullmatch(r"(\w+)L", text):
        return _nth(_value(_DAY_OF_WEEK, last[1], text), -1)
    if "#" in text:
        weekday, _, number = text.partition("#")
        if not re.fullmatch("[1-5]", number):
            raise InputError(
                f"the day-of-week field: {text!r}: # is followed by 1-5, and stands alone"
            )
        return _nth(_value(_DAY_OF_WEEK, weekday, text), int(number) - 1)
    return _on(frozenset(_values(_DAY_OF_WEEK, text)))


def _on(weekdays: frozenset[int]) -> Days:
    def days(year: int, month: int) -> Sequence[int]:
        first = _weekday(year, month, 1)
        length = _length(year, month)
        return [day for day in range(1, length + 1) if (first + day - 2) % 7 + 1 in weekdays]

    return days


def _nth(weekday: int, index: int) -> Days:
    """The `index`th of the month's, from 0; -1 is the last one."""
    of_month = _on(frozenset((weekday,)))

    def days(year: int, month: int) -> Sequence[int]:
        found = of_month(year, month)
        return (found[index],) if index < len(found) else ()

    return days


def _length(year: int, month: int) -> int:
    return monthrange(year, month)[1]


def _weekday(year: int, month: int, day: int) -> int:
    """1 is Sunday, as in the expressions."""
    return date(year, month, day).isoweekday() % 7 + 1
