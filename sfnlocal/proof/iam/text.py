"""Refusals and findings for people, and findings as data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from sfnlocal.ports import Json
from sfnlocal.proof.iam.findings import Finding
from sfnlocal.proof.iam.grants import missing_grant, shown_path
from sfnlocal.proof.iam.records import Refused
from sfnlocal.proof.iam.resource_names import Home

_TITLES = {
    "missing": "Missing",
    "not-evaluable": "Not evaluable here",
    "unused": "Unused",
    "wider": "Wider than needed",
    "accepted": "Accepted, but not found any more",
}


def render_refusals(refusals: Iterable[Refused], home: Home) -> list[str]:
    """Each once: what is missing, by construct paths, and the grant that would add it."""
    lines = []
    for one in dict.fromkeys(refusals):
        who = shown_path(one.principal, home) or one.principal
        target = shown_path(one.resource, home) or one.resource
        lines.append(f"{who} may not {one.action} on {target}")
        lines.append(f"  {one.message}")
        if one.denied_by:
            lines.append(f"  denied by: {one.denied_by}")
        elif one.unknown:
            keys = ", ".join(dict.fromkeys(key for _, key in one.unknown))
            lines.append(f"  known on AWS only: {keys}; give the value with --sfn-iam-key")
        else:
            grant = missing_grant(one.principal, one.action, one.resource, home)
            lines.append(f"  grant: {grant}")
    return lines


def render_findings(findings: Iterable[Finding], accepted: int = 0) -> str:
    """A section a kind, a block a role."""
    listed = list(findings)
    parts = []
    for kind, title in _TITLES.items():
        of_kind = [one for one in listed if one.kind == kind]
        if of_kind:
            parts.append("\n".join([f"{title} ({len(of_kind)})", *_blocks(of_kind)]))
    if not parts:
        parts.append("No finding: every permission is there, and none too many.")
    if accepted:
        parts.append(f"{accepted} accepted with a reason.")
    return "\n\n".join(parts)


def _blocks(findings: list[Finding]) -> Iterable[str]:
    for who in dict.fromkeys(one.who for one in findings):
        yield f"  {who}"
        for one in findings:
            if one.who == who:
                yield f"    {one.text}"
                if one.where:
                    yield f"      {one.where}"
                if one.hint:
                    yield f"      {one.hint}"


def findings_data(findings: Iterable[Finding], accepted: int) -> Json:
    return {
        "findings": [{**dataclasses.asdict(one), "key": one.key} for one in findings],
        "accepted": accepted,
    }
