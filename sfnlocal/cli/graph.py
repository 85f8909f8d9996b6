"""`sfnlocal graph`: a state machine's picture, as the source of a Mermaid flowchart."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sfnlocal.cli.definitions import compiled
from sfnlocal.cli.options import Commands, new_command, open_app
from sfnlocal.errors import DefinitionError, UnsupportedError

if TYPE_CHECKING:
    from sfnlocal.language.program import Program
    from sfnlocal.template import App

_EXAMPLES = """\
  sfnlocal graph Order > order.mmd
  (echo '```mermaid'; sfnlocal graph Order; echo '```') >> README.md   # GitHub draws it
  sfnlocal graph Order --app template.yaml
"""


def add_command(commands: Commands) -> None:
    parser = new_command(commands, "graph", "print a state machine's picture", _EXAMPLES)
    parser.add_argument(
        "state_machine",
        metavar="STATE_MACHINE",
        help="construct id, logical id, name or ARN; `sfnlocal list` shows them",
    )
    parser.add_argument(
        "--format", default="mermaid", metavar="FORMAT", help="mermaid (default, and the only one)"
    )
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    if arguments.format != "mermaid":
        raise UnsupportedError(
            f"the format {arguments.format!r} is not drawn",
            where="--format",
            hint="use mermaid; GitHub draws it, and the program mmdc makes SVG or PNG of it",
        )
    from sfnlocal.reports.graph import mermaid
    from sfnlocal.template import find_state_machine

    app = open_app(arguments.app)
    machine = find_state_machine(app, arguments.state_machine)
    compiled(machine)  # raises where its own definition is broken
    machines = _machines(app)
    name, program = machines[machine.arn]
    print(mermaid(program, name, machines))
    return 0


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
