"""`sfnlocal list`: what an app deploys, which of it runs on this machine, and why the rest not."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sfnlocal.cli.options import Commands, add_format, new_command, open_app
from sfnlocal.reports.wording import cut

if TYPE_CHECKING:
    from sfnlocal.cli.inventory import Entry, Listing

_IDS_CHARS = 80
_EXAMPLES = """\
  sfnlocal list                          # of ./cdk.out
  sfnlocal list --app template.yaml      # of one CloudFormation template
  sfnlocal list --format json | jq '.state_machines[] | select(.problem)'

exit code 1: a state machine's definition would be rejected, or a function does not run here
"""


def add_command(commands: Commands) -> None:
    parser = new_command(
        commands, "list", "list what an app has, and what of it runs here", _EXAMPLES
    )
    add_format(parser)
    parser.set_defaults(carry_out=carry_out)


def carry_out(arguments: argparse.Namespace) -> int:
    from sfnlocal.cli.inventory import list_app

    listing = list_app(open_app(arguments.app))
    if arguments.format == "json":
        print(json.dumps(dataclasses.asdict(listing), indent=2, ensure_ascii=False))
    else:
        print(render_listing(listing))
    problems = any(entry.problem for entry in (*listing.state_machines, *listing.functions))
    return 1 if problems else 0


def render_listing(listing: Listing) -> str:
    """As text, a section for each kind; sections without entries are left out."""
    sections = {
        "State machines": _rows(listing.state_machines),
        "Functions": _rows(listing.functions),
        "Queues": _rows(listing.queues),
        "Tables": _rows(listing.tables),
        "Other resources that are simulated": _kinds(listing.other),
        "Triggers": _rows(listing.triggers),
        "Not simulated": _reasons(listing.not_simulated),
        "Not resolved without AWS": [f"  {problem}" for problem in listing.unresolved],
    }
    shown = ["\n".join([title, *lines]) for title, lines in sections.items() if lines]
    return "\n\n".join(shown) or "The app has no resources."


def _kinds(entries: Iterable[Entry]) -> list[str]:
    """One line a type, with the first ids: an app has an alarm for nearly everything."""
    ids: dict[str, list[str]] = {}
    for entry in entries:
        ids.setdefault(entry.kind, []).append(entry.id)
    counts = {kind: f"{kind} ({len(found)})" for kind, found in ids.items()}
    width = max(map(len, counts.values()), default=0)
    return [
        f"  {counts[kind].ljust(width)}  {cut(', '.join(found), _IDS_CHARS)}"
        for kind, found in ids.items()
    ]


def _reasons(entries: Iterable[Entry]) -> list[str]:
    """One line a type and reason: an app has many roles and policies."""
    counts = Counter((entry.kind, entry.problem) for entry in entries)
    rows = [(f"{kind} ({count})", reason) for (kind, reason), count in counts.items()]
    width = max((len(counted) for counted, _ in rows), default=0)
    return [f"  {counted.ljust(width)}  {reason}" for counted, reason in rows]


def _rows(entries: list[Entry]) -> list[str]:
    cells = [(entry.id, entry.kind, entry.name, entry.details) for entry in entries]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for entry, row in zip(entries, cells, strict=True):
        shown = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        lines.append(f"  {'  '.join(shown)}".rstrip())
        if entry.problem:
            problem = f"does not run here: {entry.problem}"
            lines += [f"    {line}" for line in problem.splitlines()]
    return lines
