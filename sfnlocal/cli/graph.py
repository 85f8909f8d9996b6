"""`sfnlocal graph`: a state machine's picture, as SVG or as the source of a Mermaid flowchart."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sfnlocal.cli.definitions import compiled
from sfnlocal.cli.options import Commands, new_command, open_app, read_json_text
from sfnlocal.errors import DefinitionError, InputError, UnsupportedError

if TYPE_CHECKING:
    from sfnlocal.language.program import Program
    from sfnlocal.reports.picture import Trace
    from sfnlocal.template import App, StateMachine

_EXAMPLES = """\
  sfnlocal graph Order --format svg --output order.svg
  sfnlocal run Order --input order.json --format json > run.json
  sfnlocal graph Order --format svg --execution run.json > run.svg  # what that execution did
  (echo '```mermaid'; sfnlocal graph Order; echo '```') >> README.md  # GitHub draws it
  sfnlocal graph Order --app template.yaml --details
"""
_FORMATS = ("mermaid", "svg")


def add_command(commands: Commands) -> None:
    parser = new_command(commands, "graph", "draw a state machine", _EXAMPLES)
    parser.add_argument(
        "state_machine",
        metavar="STATE_MACHINE",
        help="construct id, logical id, name or ARN; `sfnlocal list` shows them",
    )
    parser.add_argument(
        "--format", default="mermaid", metavar="FORMAT", help="mermaid (default) or svg"
    )
    parser.add_argument("--output", metavar="FILE", help="write to a file instead of stdout")
    parser.add_argument(
        "--execution",
        metavar="FILE",
        help="svg: show what an execution did, from the output of `run --format json`",
    )
    parser.add_argument(
        "--details", action="store_true", help="mermaid: name every error that is retried or caught"
    )
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    _check(arguments)
    from sfnlocal.template.versions import find_startable

    app = open_app(arguments.app)
    machine = find_startable(app, arguments.state_machine)
    program = compiled(machine)
    if arguments.format == "svg":
        trace = _trace(machine, arguments.execution) if arguments.execution else None
        text = svg(app, machine, program, trace)
    else:
        from sfnlocal.reports.graph import mermaid

        machines = _machines(app)
        name = machines[machine.arn][0]
        text = mermaid(program, name, machines, details=arguments.details) + "\n"
    if arguments.output is None:
        print(text, end="")
    else:
        write_text(arguments.output, text, "--output")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    if arguments.format not in _FORMATS:
        raise UnsupportedError(
            f"the format {arguments.format!r} is not drawn",
            where="--format",
            hint="use svg or mermaid",
        )
    if arguments.execution is not None and arguments.format != "svg":
        raise InputError(
            "only an SVG shows an execution", where="--execution", hint="add --format svg"
        )


def svg(app: App, machine: StateMachine, program: Program, trace: Trace | None) -> str:
    """The picture of one of the app's state machines."""
    from sfnlocal.reports.picture import draw
    from sfnlocal.template import short_ids

    ids = short_ids(one.resource for one in app.state_machines)
    names = {one.arn: ids[one.resource.where] for one in app.state_machines}
    return draw(program, names[machine.arn], names, trace)


def write_text(path: str, text: str, option: str) -> None:
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", where=option) from None


def _trace(machine: StateMachine, path: str) -> Trace:
    """Of the first execution of this state machine in the file."""
    from sfnlocal.reports.picture import trace_of

    report = json.loads(read_json_text(path, "--execution"))
    executions = [report, *report.get("executions", ())] if isinstance(report, dict) else []
    for execution in executions:
        if execution.get("stateMachineArn") == machine.arn:
            return trace_of(execution, path)
    raise InputError(
        f"there is no execution of {machine.name} in it",
        where=path,
        hint="write one with: sfnlocal run STATE_MACHINE --format json > FILE",
    )


def _machines(app: App) -> dict[str, tuple[str, Program]]:
    """By ARN; without those that cannot be compiled, since they are not what is drawn."""
    from sfnlocal.template import short_ids

    ids = short_ids(machine.resource for machine in app.state_machines)
    machines = {}
    for machine in app.state_machines:
        try:
            machines[machine.arn] = ids[machine.resource.where], compiled(machine)
        except (DefinitionError, UnsupportedError):
            continue
    return machines
