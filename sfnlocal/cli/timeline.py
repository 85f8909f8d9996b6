"""`sfnlocal timeline`: what schedules, events and messages set going, in order."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.clock import asked
from sfnlocal.cli.items import put_item, read_items
from sfnlocal.cli.options import (
    Commands,
    add_format,
    new_command,
    open_app,
    read_duration,
    read_json_text,
    read_time,
)
from sfnlocal.errors import ApiError, InputError

if TYPE_CHECKING:
    from sfnlocal.testing.local_app import LocalApp

_EXAMPLES = """\
  sfnlocal timeline --for 7d                             # what a week sets going
  sfnlocal timeline --for 7d --from 2026-03-27           # the clocks change in it
  sfnlocal timeline --for 1h --message 'Jobs={"id": 7}'  # a message waits in a queue
  sfnlocal timeline --for 1h --event placed.json
  sfnlocal timeline --port 8083                          # of a running `sfnlocal serve`

An event is {"source": "shop", "detail-type": "OrderPlaced", "detail": {...}}; with "bus" it goes to
another bus than the default one.
exit code 1: something was not started, or an execution did not succeed
"""


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "timeline", "let time pass and show what was triggered, when and why", _EXAMPLES
    )
    parser.add_argument(
        "--for",
        dest="duration",
        default="1d",
        metavar="DURATION",
        help="how much time passes: 30d, 12h, 90m, 10s (default: 1d)",
    )
    parser.add_argument(
        "--from",
        dest="start",
        metavar="ISO",
        help="when it begins (default: 2026-01-01T00:00:00Z)",
    )
    parser.add_argument(
        "--items",
        action="append",
        default=[],
        metavar="TABLE=FILE_OR_JSON",
        help="put items into a table first; may be given again",
    )
    parser.add_argument(
        "--message",
        action="append",
        default=[],
        metavar="QUEUE=FILE_OR_JSON",
        help="send a message first; may be given again",
    )
    parser.add_argument(
        "--event",
        action="append",
        default=[],
        metavar="FILE_OR_JSON",
        help="put an event on a bus first; may be given again",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of windows and jitter (default: 0)"
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="show a running server's timeline instead"
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.triggers.timeline_text import render_timeline

    if arguments.port is not None:
        data, failed = asked(arguments.port, "/_sfnlocal/timeline")["timeline"], False
    else:
        data, failed = _run(arguments)
    if arguments.format == "json":
        print(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        print(render_timeline(data))
    return 1 if failed or any(one["error"] for one in data) else 0


def _run(arguments: argparse.Namespace) -> tuple[list[dict[str, str]], bool]:
    """The timeline, and whether an execution did not succeed."""
    from sfnlocal.testing.local_app import load
    from sfnlocal.triggers.timeline_text import timeline_data

    duration_ms = read_duration(arguments.duration, "--for")
    options: dict[str, Any] = {"seed": arguments.seed}
    if arguments.start is not None:
        options["start_ms"] = read_time(arguments.start, "--from")
    items = [item for text in arguments.items for item in read_items(text)]
    messages = [_message(text) for text in arguments.message]
    events = [_event(text) for text in arguments.event]
    with load(open_app(arguments.app), **options) as app:
        for table, item in items:
            put_item(app, table, item)
        for queue, body in messages:
            app.send(queue, body)
        for event in events:
            _put(app, event)
        app.advance(milliseconds=duration_ms)
        failed = any(run.status not in ("SUCCEEDED", "RUNNING") for run in app.executions())
        return timeline_data(app.triggered, app.app), failed


def _message(text: str) -> tuple[str, str]:
    queue, equals, given = text.partition("=")
    if not equals or not queue:
        raise InputError(
            f"{text!r} names no queue", where="--message", hint="""such as 'Jobs={"id": 7}'"""
        )
    return queue, read_json_text(given, "--message")


def _event(text: str) -> dict[str, Any]:
    event = json.loads(read_json_text(text, "--event"))
    if isinstance(event, dict) and {"source", "detail-type", "detail"} <= event.keys():
        return event
    raise InputError(
        "an event has source, detail-type and detail",
        where="--event",
        hint='such as {"source": "shop", "detail-type": "OrderPlaced", "detail": {"id": 7}}',
    )


def _put(app: LocalApp, event: dict[str, Any]) -> None:
    bus = event.get("bus", "default")
    try:
        app.put_event(event["source"], event["detail-type"], event["detail"], bus=bus)
    except ApiError as error:
        raise InputError(error.message, where="--event") from None
