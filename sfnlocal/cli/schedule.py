"""`sfnlocal schedule`: when the schedules of an app, or one expression, are due."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sfnlocal.cli.options import (
    Commands,
    add_format,
    new_command,
    open_app,
    read_duration,
    read_time,
)
from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.cli.occurrences import Occurrence, Planned

_EXAMPLES = """\
  sfnlocal schedule                                  # the next week of ./cdk.out
  sfnlocal schedule --for 30d --from 2026-10-20      # over a change of the clocks
  sfnlocal schedule --for 12h --format json | jq '.[] | select(.schedule == "Daily")'
  sfnlocal schedule --expression 'cron(0 9 ? * MON-FRI *)' --zone Europe/Berlin --for 30d

Lists the schedules of EventBridge Scheduler and the rules on a schedule. A rate counts from --from,
as if the app were deployed then. Times are UTC, and local with the schedule's offset; `+15 min` is
a flexible time window, in which it is delivered at some moment.

exit code 2: AWS would refuse an expression
"""


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "schedule", "list when the schedules of an app are due", _EXAMPLES
    )
    parser.add_argument(
        "--for",
        dest="duration",
        default="7d",
        metavar="DURATION",
        help="how long: 30d, 12h, 90m (default: 7d)",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="ISO",
        help="when it begins (default: now)",
    )
    parser.add_argument(
        "--expression",
        metavar="EXPRESSION",
        help="a schedule expression to look at instead of the app: cron(...), rate(...), at(...)",
    )
    parser.add_argument(
        "--zone", metavar="ZONE", help="the time zone of --expression (default: UTC)"
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.cli.occurrences import occurrences, plans

    if arguments.zone is not None and arguments.expression is None:
        raise InputError(
            "it is the time zone of --expression",
            where="--zone",
            hint="the schedules of an app say theirs",
        )
    from_ms = _start_ms(arguments.start)
    until_ms = from_ms + read_duration(arguments.duration, "--for")
    if arguments.expression is None:
        planned = plans(open_app(arguments.app), from_ms, until_ms)
    else:
        planned = [_expression_plan(arguments, from_ms, until_ms)]
    found = occurrences(planned)
    if arguments.format == "json":
        print(json.dumps([dataclasses.asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        for line in render_occurrences(planned, found):
            print(line)
    return 0


def _expression_plan(arguments: argparse.Namespace, from_ms: int, until_ms: int) -> Planned:
    from sfnlocal.cli.occurrences import expression_plan

    try:
        return expression_plan(arguments.expression, arguments.zone or "UTC", from_ms, until_ms)
    except InputError as error:
        where = f"--expression {arguments.expression}"
        raise InputError(error.message, where=where, hint=error.hint) from None


def _start_ms(text: str | None) -> int:
    return int(time.time()) * 1000 if text is None else read_time(text, "--from")


def render_occurrences(planned: list[Planned], found: Iterator[Occurrence]) -> Iterator[str]:
    """As lines of text: one an occurrence, then what is disabled."""
    if not planned:
        yield "The app has no schedules: no AWS::Scheduler::Schedule, no rule on a schedule."
        return
    enabled = [plan for plan in planned if not plan.disabled]
    schedules = max((len(plan.schedule) for plan in enabled), default=0)
    zones = max((len(plan.zone) for plan in enabled), default=0)
    none = True
    for one in found:
        none = False
        window = f"  +{one.window_minutes} min" if one.window_minutes else ""
        target = f"  -> {one.target}" if one.target else ""
        yield (
            f"{one.utc}  {one.local}  {one.zone.ljust(zones)}  "
            f"{one.schedule.ljust(schedules)}{target}{window}"
        ).rstrip()
    if none:
        yield "Nothing is due in this time."
    for plan in planned:
        if plan.disabled:
            yield f"disabled: {plan.schedule}"
