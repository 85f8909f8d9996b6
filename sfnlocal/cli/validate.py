"""`sfnlocal validate`: what CreateStateMachine would say of definitions, and where in the file."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sfnlocal.cli.options import Commands, add_format

if TYPE_CHECKING:
    from sfnlocal.cli.validation import Finding

_EXAMPLES = """\
examples:
  sfnlocal validate order.asl.json workflows/*.asl.yaml
  sfnlocal validate cdk.out template.yaml             # every state machine in them
  sfnlocal validate --type EXPRESS lookup.asl.json    # Express refuses jobs and callbacks
  sfnlocal validate order.asl.json --format json | jq '.findings[].message'

`${Name}`, which CloudFormation replaces, is held to stand for what belongs there.
exit code 1: CreateStateMachine would reject one of the definitions; warnings are no errors
"""


def add_command(commands: Commands) -> None:
    parser = commands.add_parser(
        "validate",
        help="check definitions, in files of their own and in templates",
        description="Check definitions, in files of their own and in templates.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="a definition or a template, JSON or YAML, or a cloud assembly's folder",
    )
    parser.add_argument(
        "--type",
        choices=("STANDARD", "EXPRESS"),
        default="STANDARD",
        help="of definitions in files of their own (default: STANDARD)",
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.cli.validation import validate

    definitions, findings = 0, []
    for file in arguments.files:
        validation = validate(Path(file), arguments.type)
        definitions += validation.definitions
        findings += sorted(validation.findings)
    if arguments.format == "json":
        report = {
            "definitions": definitions,
            "findings": [finding._asdict() for finding in findings],
        }
        print(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*map(render_finding, findings), render_summary(definitions, findings)]))
    return 1 if any(finding.severity == "ERROR" for finding in findings) else 0


def render_finding(finding: Finding) -> str:
    """One line, which starts as compilers start theirs."""
    place = ": ".join(part for part in (finding.machine, finding.pointer) if part)
    shown = f" ({place})" if place else ""
    hint = f"  hint: {finding.hint}" if finding.hint else ""
    return (
        f"{finding.file}:{finding.line}:{finding.column}: {finding.severity} {finding.code}: "
        f"{finding.message}{shown}{hint}"
    )


def render_summary(definitions: int, findings: Iterable[Finding]) -> str:
    counts = Counter(finding.severity for finding in findings)
    told = [
        f"{count} {severity.lower()}{'s' if count > 1 else ''}"
        for severity, count in sorted(counts.items())
    ]
    return f"{definitions} definition{'' if definitions == 1 else 's'}: " + (
        ", ".join(told) or "nothing to say"
    )
