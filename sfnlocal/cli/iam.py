"""`sfnlocal iam`: the permissions of an app: missing, unused, wider than needed."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sfnlocal.cli.options import Commands, add_format, new_command, open_app
from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.ports import Json
    from sfnlocal.proof.iam.gate import IamGate

_EXAMPLES = """\
  pytest --sfn-iam-report iam.json                     # run the tests and note what they needed
  sfnlocal iam --records iam.json                      # what that says of each role
  sfnlocal iam --records iam.json --accept iam.toml    # but for these, which have a reason
  sfnlocal iam --records iam.json --format json | jq '.findings[] | select(.kind == "missing")'
  sfnlocal iam                                         # only what no run is needed for

Without --records it checks what AWS needs before anything runs: logs, traces, Distributed Map, the
rule of .sync tasks, and that each role trusts the service that it is for.

A file of accepted findings has, for each, the finding's `key` (`*` stands for anything):
  [[accepted]]
  finding = "wider: Orders/CreateInvoice/Role: sqs:GetQueueUrl on *"
  reason = "CDK's grant for consumers has it"

exit code 1: a permission is missing, unused, wider than needed, or not evaluable here
"""


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "iam", "show permissions that are missing or too many", _EXAMPLES
    )
    parser.add_argument(
        "--records",
        action="append",
        default=[],
        metavar="FILE",
        help="what runs needed, from pytest's --sfn-iam-report; may be given again",
    )
    parser.add_argument(
        "--accept", metavar="FILE", help="findings that are accepted, each with its reason (TOML)"
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.proof.iam.accepted import read_accepted, without_accepted
    from sfnlocal.proof.iam.findings import findings
    from sfnlocal.proof.iam.records import merged_data, records_data
    from sfnlocal.proof.iam.text import findings_data, render_findings

    accepted = read_accepted(Path(arguments.accept)) if arguments.accept else []
    records = [_read(Path(path)) for path in arguments.records]
    gate = _gate(arguments.app)
    gate.check_implied()
    data = merged_data([records_data(gate.records), *records])
    found = findings(data, gate.roles, gate.home)
    if not records:
        found = [one for one in found if one.kind in ("missing", "not-evaluable")]
    left, count = without_accepted(found, accepted)
    if arguments.format == "json":
        print(json.dumps(findings_data(left, count), indent=2, ensure_ascii=False))
    else:
        print(render_findings(left, count))
    return 1 if left else 0


def _gate(path: str) -> IamGate:
    """Of an app in which nothing runs."""
    from sfnlocal.proof.iam.gate import IamGate
    from sfnlocal.services.aws import Aws

    return IamGate(Aws(open_app(path), now_ms=0))


def _read(path: Path) -> Json:
    hint = "pytest --sfn-iam-report FILE writes it"
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=str(path), hint=hint) from None
    if not isinstance(data, dict) or not {"records", "refused", "not_evaluable"} <= data.keys():
        raise InputError("no records of permissions", where=str(path), hint=hint)
    return data
