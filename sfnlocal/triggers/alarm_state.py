"""Which state the data points of an alarm lead to.

Strategy: the evaluation range has more data points than are needed, so that older ones can stand
for missing ones. Only where all together are too few is TreatMissingData asked.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, TypeAlias

from sfnlocal.triggers.alarm_definitions import Treatment

State: TypeAlias = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]


class Point(NamedTuple):
    """`age` is 1 for the newest period."""

    age: int
    value: float


class Verdict(NamedTuple):
    """`state` None: the alarm stays as it is. `points` are those that were evaluated, the newest
    first, `filled` is how many were missing, and treated as TreatMissingData says."""

    state: State | None
    points: tuple[Point, ...]
    filled: int


def judge(
    values: Sequence[float | None],
    *,
    evaluation_periods: int,
    datapoints_to_alarm: int,
    treatment: Treatment,
    breaches: Callable[[float], bool],
) -> Verdict:
    """`values` are those of the evaluation range, the oldest first."""
    present = [
        Point(age, value) for age, value in enumerate(reversed(values), 1) if value is not None
    ]
    points = tuple(present[:evaluation_periods])
    breaching = [point for point in points if breaches(point.value)]
    filled = evaluation_periods - len(points)
    if len(breaching) >= datapoints_to_alarm:
        return Verdict("ALARM", points, filled)
    if filled == 0 or treatment == "notBreaching":
        return Verdict("OK", points, filled)
    if treatment == "breaching":
        alarm = len(breaching) + filled >= datapoints_to_alarm
        return Verdict("ALARM" if alarm else "OK", points, filled)
    if len(breaching) < len(points):
        return Verdict("OK", points, filled)
    if treatment == "ignore":
        return Verdict(None, points, filled)
    # What breaches, and has been followed by nothing for long enough, breaches still.
    if breaching and breaching[-1].age >= datapoints_to_alarm:
        return Verdict("ALARM", points, filled)
    return Verdict("INSUFFICIENT_DATA", points, filled)
