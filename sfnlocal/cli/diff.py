"""`sfnlocal diff`: where two executions of one workflow part, as their histories tell it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.options import Commands, add_format, read_json_text
from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.history_diff import Difference, Event

_EXAMPLES = """\
examples:
  aws stepfunctions get-execution-history --execution-arn ARN > aws.json
  sfnlocal run Order --input order.json --format json --history > local.json
  sfnlocal diff aws.json local.json
  sfnlocal diff aws.json local.json --same Orders-1X2Y=orders-dev-Orders  # a table's two names

Times do not count, nor what a service adds to its answer. ARNs, UUIDs, queue URLs, accounts,
regions and task tokens may differ, if each has one counterpart throughout. Branches and
iterations are compared each with its own, in whatever order their events stand.
exit code 1: the histories differ
"""


def add_command(commands: Commands) -> None:
    parser = commands.add_parser(
        "diff",
        help="find the first difference between two histories",
        description="Find the first difference between two histories.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for name, which in (("first", "a"), ("second", "the other")):
        parser.add_argument(
            name,
            metavar="FILE",
            help=f"{which} history: of the AWS CLI, or of `sfnlocal run --format json --history`",
        )
    parser.add_argument(
        "--same",
        action="append",
        default=[],
        metavar="NAME=NAME",
        help="a name that differs, as the first and as the second have it; may be given again",
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.history_diff import first_difference

    first, second = _read_events(arguments.first), _read_events(arguments.second)
    same = dict(read_same(text) for text in arguments.same)
    difference = first_difference(first, second, same)
    if arguments.format == "json":
        found = None if difference is None else difference._asdict()
        print(json.dumps({"difference": found}, indent=2, ensure_ascii=False))
    elif difference is None:
        print(f"the histories tell the same: {len(first)} events")
    else:
        print(render_difference(difference, arguments.first, arguments.second))
    return 0 if difference is None else 1


def read_same(text: str) -> tuple[str, str]:
    """The value of --same."""
    first, equals, second = text.partition("=")
    if not first or not equals or not second:
        raise InputError(f"{text!r} is no pair of names", where="--same", hint="FIRST=SECOND")
    return first, second


def _read_events(path: str) -> list[Event]:
    """By their ids, since the AWS CLI can also give the last one first."""
    document = json.loads(read_json_text(path, "a history"))
    events: Any = document.get("events") if isinstance(document, dict) else document
    if not isinstance(events, list) or not all(map(_is_event, events)):
        raise InputError(
            "no history: it has no list of events",
            where=path,
            hint="write one with: sfnlocal run STATE_MACHINE --format json --history > FILE",
        )
    return sorted(events, key=lambda event: int(event["id"]))


def _is_event(event: object) -> bool:
    if not isinstance(event, dict):
        return False
    numbers = (event.get("id"), event.setdefault("previousEventId", 0))
    return all(isinstance(number, int) for number in numbers) and isinstance(event.get("type"), str)


def render_difference(difference: Difference, first: str, second: str) -> str:
    """What differs, then both events."""
    path = f"{difference.path}: " if difference.path else ""
    lines = [f"{path}{difference.why}"]
    for file, event in ((first, difference.left), (second, difference.right)):
        if event is None:
            lines += ["", f"{file}: ends before"]
            continue
        lines += ["", f"{file}: event {event['id']}, {event['type']}"]
        shown = json.dumps(event, indent=2, ensure_ascii=False)
        lines += [f"  {line}" for line in shown.splitlines()]
    return "\n".join(lines)
