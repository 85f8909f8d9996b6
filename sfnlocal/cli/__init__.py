"""The command `sfnlocal`: run, list and draw the state machines of a synthesized app.

Exit codes: 0 it went well, 1 the execution did not succeed (or `list` found what does not run),
2 wrong use, 130 interrupted. Commands import what they need when they run, so that those that
run nothing stay fast.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from sfnlocal.cli import (
    clock,
    cost,
    coverage,
    diff,
    graph,
    iam,
    listing,
    prove,
    replay,
    run,
    schedule,
    serve,
    test_state,
    timeline,
    validate,
)
from sfnlocal.errors import SfnLocalError

INTERRUPTED = 130
_BROKEN_PIPE = 141
_USAGE = 2

_EXAMPLES = """\
examples:
  python app.py                                     # write the app's templates to cdk.out
  sfnlocal list                                     # what is in them, and what runs here
  sfnlocal run Order --input order.json             # run a state machine in virtual time
  sfnlocal run Order --input '{"orderId": "o-1"}'   # the same with JSON
  sfnlocal test-state Order WhereItStands --variables '{"stored": {"status": "PAID"}}'   # one state
  sfnlocal timeline --for 7d                        # what a week's schedules set going
  sfnlocal schedule --for 30d                       # when the schedules are due
  sfnlocal graph Order --format svg > order.svg     # its picture
  sfnlocal validate cdk.out order.asl.json          # what AWS would say of the definitions
  sfnlocal iam --records iam.json                   # permissions missing, or too many
  sfnlocal diff aws.json local.json                 # where two histories part
  sfnlocal replay aws.json --state-machine Order    # run an execution of AWS again
  sfnlocal cost Order --input order.json            # what a run costs on AWS
  sfnlocal prove Order                              # every single fault, and what must hold

`sfnlocal COMMAND --help` says more about each command.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.carry_out is None:
        parser.print_help(sys.stderr)
        return _USAGE
    try:
        code: int = arguments.carry_out(arguments)
        sys.stdout.flush()
    except SfnLocalError as error:
        print(f"sfnlocal: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("sfnlocal: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Who reads has gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sfnlocal",
        description="Run AWS Step Functions state machines on this machine, from a synthesized "
        "CDK app or a CloudFormation template.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version)
    parser.set_defaults(carry_out=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for command in (
        run,
        test_state,
        timeline,
        schedule,
        listing,
        graph,
        iam,
        validate,
        diff,
        replay,
        prove,
        serve,
        coverage,
        cost,
        clock,
    ):
        command.add_command(commands)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"sfnlocal {version('sfnlocal')}")
        parser.exit()
