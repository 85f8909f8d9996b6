"""`sfnlocal coverage`: merges what test runs have covered, and shows it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from sfnlocal.cli.options import Commands
from sfnlocal.errors import InputError

if TYPE_CHECKING:
    from sfnlocal.proof.coverage import Coverage

_EXAMPLES = """\
examples:
  pytest --sfn-cov-report json:unit.json tests/unit
  sfnlocal coverage unit.json integration.json                  # both together
  sfnlocal coverage unit.json --missing                         # all that is missing
  sfnlocal coverage unit.json --format html > coverage.html     # pictures, coloured
  sfnlocal coverage unit.json integration.json --fail-under 90
  sfnlocal prove Order --format json > proof.json; sfnlocal coverage proof.json   # of a proof

exit code 1: less than --fail-under is covered
"""


def add_command(commands: Commands) -> None:
    parser = commands.add_parser(
        "coverage",
        help="merge and show what test runs have covered",
        description="Merge and show what test runs have covered: states, edges, Choice rules, "
        "Retriers, Catchers and failures inside Map and Parallel states.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="what `pytest --sfn-cov-report json:FILE` or `sfnlocal prove --format json` wrote",
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "html"),
        default="text",
        help="of the report (default: text)",
    )
    parser.add_argument("--missing", action="store_true", help="name all that is missing")
    parser.add_argument(
        "--fail-under", type=float, metavar="PERCENT", help="exit code 1 where less is covered"
    )
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.proof.coverage import Coverage
    from sfnlocal.proof.coverage_page import coverage_page
    from sfnlocal.proof.coverage_text import render_coverage

    coverage = Coverage()
    for path in arguments.files:
        coverage.merge(_read(path))
    if arguments.format == "json":
        print(json.dumps(coverage.json(), indent=2, ensure_ascii=False))
    elif arguments.format == "html":
        print(coverage_page(coverage), end="")
    else:
        print(render_coverage(coverage, all_missing=arguments.missing))
    required = arguments.fail_under
    return 1 if required is not None and coverage.summary.percent < required else 0


def _read(path: str) -> Coverage:
    """A list is one of proofs."""
    from sfnlocal.proof.coverage import Coverage

    try:
        data = json.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=path) from None
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=path) from None
    if not isinstance(data, list):
        return Coverage.from_json(data, where=path)
    coverage = Coverage()
    for proof in data:
        measured = proof.get("more", {}) if isinstance(proof, dict) else {}
        coverage.merge(Coverage.from_json(measured.get("coverage"), where=path))
    return coverage
