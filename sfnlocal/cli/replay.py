"""`sfnlocal replay`: a history exported from AWS, run again here and held against it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfnlocal.cli.definitions import errors_at
from sfnlocal.cli.options import Commands, add_format, open_app
from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.driver.replay import Replay
    from sfnlocal.driver.replay_names import Names
    from sfnlocal.ports import Json

_EXAMPLES = """\
examples:
  aws stepfunctions get-execution-history --execution-arn ARN --include-execution-data > aws.json
  sfnlocal replay aws.json --app cdk.out --state-machine Order
  aws stepfunctions describe-state-machine-for-execution --execution-arn ARN > machine.json
  sfnlocal replay aws.json --definition machine.json
  sfnlocal replay page1.json page2.json --definition order.asl.json --format json
  sfnlocal replay aws.json --state-machine Order --same Orders-1X2Y=orders-dev-Orders

Tasks are not called: their answers, and when they came, are taken from the history, and so is what
the child executions of a distributed Map gave. All else has to come out the same. What differs
between the two runs of any workflow does not count; `sfnlocal diff --help` says what that is.
exit code 1: it does not; the first difference is shown
"""


def add_command(commands: Commands) -> None:
    parser = commands.add_parser(
        "replay",
        help="run an execution of AWS again from its history",
        description="Run an execution of AWS again from its history, and find where they part.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "history",
        nargs="+",
        metavar="HISTORY",
        help="a file with GetExecutionHistory's answer, or several with its pages; - for stdin",
    )
    parser.add_argument(
        "--definition",
        metavar="FILE",
        help="the definition, JSON or YAML, or what describe-state-machine answers",
    )
    parser.add_argument(
        "--app",
        metavar="PATH",
        help="a cloud assembly's folder or a template file, JSON or YAML (default: cdk.out)",
    )
    parser.add_argument(
        "--state-machine",
        metavar="NAME",
        help="of the app: construct id, logical id, name or ARN; `sfnlocal list` shows them",
    )
    parser.add_argument(
        "--execution-arn",
        metavar="ARN",
        help="the execution's own, where its name counts and is not in the history",
    )
    parser.add_argument(
        "--same",
        action="append",
        default=[],
        metavar="NAME=NAME",
        help="a name that differs, as the history and as the definition have it; may be repeated",
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.cli.diff import read_same
    from sfnlocal.driver.exported import read_history
    from sfnlocal.driver.replay import replay

    where, definition, state_machine_arn = _definition(arguments)
    events = read_history({name: _read(name) for name in arguments.history})
    names = _names(arguments, events, state_machine_arn)
    same = dict(read_same(text) for text in arguments.same)
    with errors_at(where):
        result = replay(events, definition, names=names, same=same)
    if arguments.format == "json":
        print(json.dumps(_report(result), indent=2, ensure_ascii=False))
    elif result.difference is None:
        print(f"the replay tells the same: {len(events)} events")
    else:
        print(render(result))
    return 0 if result.difference is None else 1


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=name) from None
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text: {error}", where=name) from None


def _definition(arguments: argparse.Namespace) -> tuple[str, Json, str]:
    """Where it is from, itself, and the ARN of its state machine where AWS named it."""
    if arguments.definition is not None:
        if arguments.app is not None or arguments.state_machine is not None:
            raise InputError("not together with --app or --state-machine", where="--definition")
        return arguments.definition, *_definition_in(arguments.definition)
    if arguments.state_machine is None:
        raise InputError(
            "which state machine ran is not known",
            hint="give --definition FILE, or --app PATH --state-machine NAME",
        )
    from sfnlocal.template.versions import find_startable

    machine = find_startable(open_app(arguments.app or "cdk.out"), arguments.state_machine)
    return machine.resource.where, machine.definition, ""


def _definition_in(file: str) -> tuple[Json, str]:
    from sfnlocal.template.yaml_templates import YAML_SUFFIXES, parse_yaml

    text = _read(file)
    if Path(file).suffix in YAML_SUFFIXES:
        return parse_yaml(text, file), ""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}:{error.colno}"
        raise InputError(f"not JSON: {error.msg}", where=where) from None
    if isinstance(document, dict) and "States" not in document and "definition" in document:
        return document["definition"], document.get("stateMachineArn", "")
    return document, ""


def _names(arguments: argparse.Namespace, events: Any, state_machine_arn: str) -> Names:
    from sfnlocal.driver.replay_names import names_in, names_told

    names = names_told(events, state_machine_arn)
    if arguments.execution_arn is None:
        return names
    try:
        return names_in(arguments.execution_arn)
    except ValueError:
        raise InputError(
            f"{arguments.execution_arn!r} is no execution's ARN", where="--execution-arn"
        ) from None


def _report(result: Replay) -> Json:
    found = result.difference
    if found is None:
        return {"events": len(result.recorded), "difference": None}
    difference = {
        "state": result.state,
        "path": found.path,
        "why": found.why,
        "recorded": found.left,
        "replayed": found.right,
    }
    return {"events": len(result.recorded), "difference": difference}


def render(result: Replay) -> str:
    """Where and what, then both events."""
    found = result.difference
    assert found is not None
    first = found.left or found.right
    assert first is not None
    where = f"event {first['id']}, {first['type']}" if found.left else "after the last event"
    of = f", state {result.state!r}" if result.state else ""
    path = f"{found.path}: " if found.path else ""
    lines = [f"{where}{of}", f"{path}{found.why}"]
    for side, event in (("recorded", found.left), ("replayed", found.right)):
        if event is None:
            lines += ["", f"{side}: no such event"]
            continue
        lines += ["", f"{side}: event {event['id']}, {event['type']}"]
        shown = json.dumps(event, indent=2, ensure_ascii=False)
        lines += [f"  {line}" for line in shown.splitlines()]
    return "\n".join(lines)
