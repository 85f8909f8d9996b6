"""`sfnlocal run`: one execution of a state machine, on this machine."""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.definitions import compiled, named_errors
from sfnlocal.cli.items import put_item, read_items
from sfnlocal.cli.options import (
    Commands,
    add_format,
    new_command,
    open_app,
    read_json_text,
    read_time,
)
from sfnlocal.errors import ApiError, InputError

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session
    from sfnlocal.interpreter import Execution
    from sfnlocal.proof.iam.gate import IamGate
    from sfnlocal.reports.quotas import QuotaUse
    from sfnlocal.template import App, StateMachine

_EXAMPLES = """\
  sfnlocal run Order --input order.json
  sfnlocal run Order --input '{"orderId": "o-1"}' --name o-1 --contents
  sfnlocal run Order --input - --format json < order.json | jq .output
  sfnlocal run Order --input order.json --items 'Stock={"sku": "mug", "onHand": 5}'
  sfnlocal run Hello --app template.yaml --history
  sfnlocal run Hello --format json --history | jq '{events}'   # as the AWS CLI prints it
  sfnlocal run Order --input order.json --svg run.svg   # a picture of what it did
  sfnlocal run Order --input order.json --start-at 2026-03-29T00:30:00Z --seed 7
  sfnlocal run Order --input order.json --real-time   # a Wait state waits
  sfnlocal run Order --input order.json --warn-at 80%   # what comes near an AWS quota
  sfnlocal run Order --input order.json --no-iam   # whatever its role may do
  sfnlocal run Order --mock-config MockConfigFile.json --test-case HappyPath

Virtual time (the default) jumps to whatever is due next: a Wait of 30 days costs nothing.
exit code 1: the execution failed, timed out, was aborted, or waits for an answer nobody gives
"""
_OBJECTS_PER_COLLECTION = 200_000
_WAITING_HINT = """\
hint: nothing here answers the task token. In a test an actor can (on_message, then
  send_task_success); or give the state TimeoutSeconds, and time runs on until then."""


def add_command(commands: Commands) -> None:
    parser = new_command(commands, "run", "run a state machine", _EXAMPLES)
    parser.add_argument(
        "state_machine",
        metavar="STATE_MACHINE",
        help="construct id, logical id, name or ARN, of a version or alias too; `sfnlocal list` "
        "shows them",
    )
    parser.add_argument(
        "--input",
        default="{}",
        metavar="FILE_OR_JSON",
        help="the execution's input: a file, JSON, or - for stdin (default: {})",
    )
    parser.add_argument(
        "--items",
        action="append",
        default=[],
        metavar="TABLE=FILE_OR_JSON",
        help="put items into a table first, one or a list of them; may be given again",
    )
    parser.add_argument("--name", help="the execution's name (default: one made from the seed)")
    time = parser.add_mutually_exclusive_group()
    time.add_argument("--real-time", action="store_true", help="let waits take their time")
    time.add_argument(
        "--start-at", metavar="ISO", help="when virtual time begins (default: 2026-01-01T00:00:00Z)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of names, tokens and jitter (default: 0)"
    )
    parser.add_argument(
        "--jsonata",
        choices=("jlens", "jsonata-python"),
        default="jlens",
        help="the JSONata engine (default: jlens)",
    )
    parser.add_argument(
        "--mock-config",
        metavar="FILE",
        help="a mock configuration of Step Functions Local, for --test-case",
    )
    parser.add_argument(
        "--test-case", metavar="NAME", help="answer Task states from this one of its test cases"
    )
    add_format(parser)
    parser.add_argument("--history", action="store_true", help="show the event history too")
    parser.add_argument(
        "--contents",
        action="store_true",
        help="show what queues, tables and buckets hold at the end",
    )
    parser.add_argument("--svg", metavar="FILE", help="draw what the execution did")
    parser.add_argument(
        "--no-iam", action="store_true", help="do not check the permissions of roles and services"
    )
    parser.add_argument(
        "--warn-at",
        type=_share,
        metavar="PERCENT",
        help="say what used this much of an AWS quota: payloads, variables, history events",
    )
    parser.set_defaults(carry_out=carry_out)


def _share(text: str) -> float:
    """`80%` or `80`."""
    try:
        percent = float(text.removesuffix("%"))
    except ValueError:
        percent = 0
    if not 0 < percent <= 100:
        raise argparse.ArgumentTypeError(f"not a percentage above 0 and up to 100: {text!r}")
    return percent / 100


def carry_out(arguments: argparse.Namespace) -> int:
    thresholds = gc.get_threshold()
    # Importing boto3 and moto makes a million objects that stay: looking through them again and
    # again takes as long as the run.
    gc.set_threshold(_OBJECTS_PER_COLLECTION, *thresholds[1:])
    # Nor are they looked through once more when the process ends: a third of its time.
    atexit.register(gc.freeze)
    try:
        return _carry_out(arguments)
    finally:
        gc.set_threshold(*thresholds)


def _carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.template.versions import find_startable

    app = open_app(arguments.app)
    machine = find_startable(app, arguments.state_machine)
    input_text = read_json_text(arguments.input, "--input")
    options: dict[str, Any] = {}
    if arguments.start_at is not None:
        options["start_ms"] = read_time(arguments.start_at)
    if arguments.test_case is not None and arguments.mock_config is None:
        raise InputError(
            "a test case of which file?", where="--test-case", hint="give --mock-config too"
        )
    if arguments.mock_config is not None:
        from sfnlocal.driver.mock_config import load_mock_config

        options["mock_config"] = load_mock_config(Path(arguments.mock_config))
    items = [item for text in arguments.items for item in read_items(text)]

    from sfnlocal.proof.iam.gate import session_gate
    from sfnlocal.server import StepFunctionsApi
    from sfnlocal.testing.local_app import LocalApp

    local_app = LocalApp(
        app,
        seed=arguments.seed,
        real_time=arguments.real_time,
        jsonata=arguments.jsonata,
        **options,
    )
    session = local_app.session
    with named_errors(machine):
        session.machine(machine)
    # Not the whole LocalApp, which loads moto: here nobody but handlers may call services.
    with session:
        StepFunctionsApi(session).install()
        gate = None if arguments.no_iam else session_gate(session)
        session.functions.check()
        for table, item in items:
            put_item(local_app, table, item)
        execution = _start(session, machine, input_text, arguments)
        _run(session, show_progress=sys.stderr.isatty(), real_time=arguments.real_time)
        report = _json_report if arguments.format == "json" else _text_report
        print(report(session, execution, arguments))
        if gate is not None and gate.refusals:
            _say_refusals(gate)
        if arguments.svg is not None:
            _draw(app, machine, execution, arguments.svg)
    return 0 if execution.status == "SUCCEEDED" else 1


def _say_refusals(gate: IamGate) -> None:
    from sfnlocal.proof.iam.text import render_refusals

    lines = render_refusals(gate.refusals, gate.home)
    print("\n".join(["not allowed", *(f"  {line}" for line in lines)]), file=sys.stderr)


def _start(
    session: Session, machine: StateMachine, input_text: str, arguments: argparse.Namespace
) -> Execution:
    try:
        return session.start_execution_text(
            machine, input_text, arguments.name, arguments.test_case
        )
    except ApiError as error:
        if error.aws_code != "InvalidName":
            raise
        hint = "1 to 80 characters: letters, digits, - and _, but no blanks, slashes or quotes"
        raise InputError(error.message, where="--name", hint=hint) from None


def _run(session: Session, *, show_progress: bool, real_time: bool) -> None:
    """Until nothing is due: the execution has ended, and so has what it set going."""
    if not show_progress:
        session.run_until_idle()
        return
    from sfnlocal.cli.progress import Progress

    progress = Progress(session, sys.stderr, keep_lines=real_time)
    progress.show()
    while session.turn():
        progress.show()
    progress.close()


def _text_report(session: Session, execution: Execution, arguments: argparse.Namespace) -> str:
    from sfnlocal.reports.text import render_execution
    from sfnlocal.reports.wording import wants_colour

    colour = wants_colour(sys.stdout)
    parts = [
        render_execution(shown, executions=session.executions, colour=colour)
        for shown in (execution, *_unrelated(session, execution))
    ]
    if any(other.status == "RUNNING" for other in session.executions.values()):
        parts.append(_WAITING_HINT)
    if arguments.history:
        from sfnlocal.reports.events import render_events

        parts.append(f"history\n{render_events(execution)}")
    if arguments.contents:
        from sfnlocal.reports.contents import contents, render_contents

        parts.append(f"contents\n{_indented(render_contents(contents(session)))}")
    if arguments.warn_at is not None:
        from sfnlocal.reports.quotas import render_quota_uses

        uses = _quota_uses(session, arguments.warn_at)
        parts.append(render_quota_uses(uses, arguments.warn_at))
    return "\n\n".join(parts)


def _quota_uses(session: Session, share_min: float) -> list[tuple[Execution, QuotaUse]]:
    from sfnlocal.reports.quotas import quota_uses

    return [
        (execution, use)
        for execution in session.executions.values()
        for use in quota_uses(execution, share_min)
    ]


def _unrelated(session: Session, execution: Execution) -> Iterator[Execution]:
    """The executions that were set going, but not by a state of one shown above them; of a Map
    Run's many children those that did not succeed."""
    from sfnlocal.reports.path import started_executions

    shown = {execution.arn, *started_executions(execution, session.executions)}
    for other in session.executions.values():
        uneventful = other.map_run_arn and other.status == "SUCCEEDED"
        if other.arn not in shown and not uneventful:
            shown |= {other.arn, *started_executions(other, session.executions)}
            yield other


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _draw(app: App, machine: StateMachine, execution: Execution, path: str) -> None:
    from sfnlocal.cli.graph import svg, write_text
    from sfnlocal.reports.data import execution_data
    from sfnlocal.reports.picture import trace_of

    trace = trace_of(execution_data(execution))
    write_text(path, svg(app, machine, compiled(machine), trace), "--svg")


def _json_report(session: Session, execution: Execution, arguments: argparse.Namespace) -> str:
    from sfnlocal.reports.data import execution_data, open_task_data
    from sfnlocal.reports.waiting import unanswered

    report = execution_data(execution, history=arguments.history)
    report["waiting"] = [
        open_task_data(task)
        for waiting in session.executions.values()
        for task in unanswered(waiting)
    ]
    report["executions"] = [
        execution_data(other, history=arguments.history)
        for other in session.executions.values()
        if other is not execution
    ]
    if arguments.contents:
        import dataclasses

        from sfnlocal.reports.contents import contents

        report["contents"] = dataclasses.asdict(contents(session))
    if arguments.warn_at is not None:
        from sfnlocal.reports.quotas import quota_use_data

        uses = _quota_uses(session, arguments.warn_at)
        report["quotas"] = [quota_use_data(execution, use) for execution, use in uses]
    return json.dumps(report, indent=2, ensure_ascii=False)
