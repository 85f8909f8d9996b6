"""Findings that somebody has accepted, each with a written reason, in a TOML file:

    [[accepted]]
    finding = "wider: Orders/CreateInvoice/Role: sqs:GetQueueUrl on *"
    reason = "CDK's grant for consumers has it"

`finding` is a finding's key; `*` stands for anything. One that matches nothing is a finding itself:
the file says no more than what is so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sfnlocal.errors import InputError
from sfnlocal.proof.iam.findings import Finding

_EXAMPLE = 'write [[accepted]], then finding = "unused: ..." and reason = "..."'


@dataclass(frozen=True, slots=True)
class Accepted:
    finding: str
    reason: str


def read_accepted(path: Path) -> list[Accepted]:
    """Raises InputError."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except ValueError as error:
        raise InputError(f"not TOML: {error}", where=str(path), hint=_EXAMPLE) from None
    read = []
    for number, entry in enumerate(data.get("accepted", [])):
        for name in ("finding", "reason"):
            if not str(entry.get(name, "")).strip():
                where = f"{path}: accepted[{number}]"
                raise InputError(f"{name} is missing", where=where, hint=_EXAMPLE)
        read.append(Accepted(entry["finding"], entry["reason"]))
    return read


def without_accepted(
    findings: Iterable[Finding], accepted: Iterable[Accepted]
) -> tuple[list[Finding], int]:
    """What is left, and how many were accepted."""
    listed, patterns = list(findings), list(accepted)
    left = [one for one in listed if not _is_accepted(one, patterns)]
    count = len(listed) - len(left)
    left += [
        Finding("accepted", "the file", entry.finding, hint="take it out")
        for entry in patterns
        if not any(fnmatchcase(one.key, entry.finding) for one in listed)
    ]
    return left, count


def _is_accepted(finding: Finding, accepted: Iterable[Accepted]) -> bool:
    return any(fnmatchcase(finding.key, one.finding) for one in accepted)
