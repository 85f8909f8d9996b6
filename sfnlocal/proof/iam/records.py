"""Decisions, as reports want them: each kind of request once, with the statements that decided.

Resources that come and go (an object, an execution, a log stream) are one: `bucket/*`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sfnlocal.arns import parse_arn
from sfnlocal.ports import Caller, Json
from sfnlocal.proof.iam.access import Access
from sfnlocal.proof.iam.decision import Decision
from sfnlocal.proof.iam.matching import arn_matches
from sfnlocal.proof.iam.policies import Principal
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.roles import Role

_FOUND_MAX = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """One for each caller, compared as an object. `source_arn` is what works under the role. With a
    `problem` nothing can be said of it; `refused` where its role does not trust it."""

    caller: Caller
    principal: Principal
    source_arn: str
    role: Role | None = None
    problem: str = ""
    refused: Refused | None = None

    @property
    def name(self) -> str:
        """The role's ARN, or the service."""
        return self.principal.arn or self.principal.service


@dataclass(frozen=True, slots=True)
class Refused:
    """`principal` is a role's ARN or a service, `unknown` what could not be evaluated and would
    have mattered: a statement and a condition key."""

    principal: str
    source_arn: str
    action: str
    resource: str
    message: str
    denied_by: str = ""
    unknown: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, identity: Identity, access: Access, decision: Decision, message: str) -> Refused:
        return cls(
            identity.name,
            identity.source_arn,
            access.action,
            access.resource,
            message,
            decision.denied_by.where if decision.denied_by else "",
            tuple((statement.where, key) for statement, key in decision.unknown),
        )


@dataclass(slots=True)
class Record:
    """One kind of request: the statements that allowed it, and how often it was made."""

    principal: str
    action: str
    resource: str
    allowed: bool
    by: tuple[str, ...]
    derived: bool = False
    count: int = 0


@dataclass(slots=True)
class Records:
    home: Home
    refused: list[Refused] = field(default_factory=list)
    problems: dict[str, None] = field(default_factory=dict)
    _records: dict[tuple[str, str, str, bool], Record] = field(default_factory=dict)
    # The last decision on what was asked for, and its record.
    _found: dict[tuple[Identity, str, str], tuple[Decision, Record]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def not_evaluable(self, problem: str) -> None:
        self.problems[problem] = None

    def add_refused(self, refused: Refused) -> None:
        self.refused.append(refused)

    def add(self, identity: Identity, access: Access, decision: Decision) -> None:
        asked = identity, access.action, access.resource
        found = self._found.get(asked)
        if found is None or found[0] is not decision:
            if len(self._found) > _FOUND_MAX:
                self._found.clear()
            found = self._found[asked] = decision, self._record(identity, access, decision)
        found[1].count += 1

    def _record(self, identity: Identity, access: Access, decision: Decision) -> Record:
        resource = general(access.resource, self.home)
        if resource.endswith("/*"):
            resource = _granted(access.resource, decision) or resource
        key = identity.name, access.action, resource, decision.allowed
        by = tuple(statement.where for statement in decision.by)
        record = self._records.get(key)
        if record is None:
            record = Record(*key, by, access.derived)
            self._records[key] = record
        record.by = tuple(dict.fromkeys((*record.by, *by)))
        return record


def _granted(arn: str, decision: Decision) -> str:
    """What of it was granted: a folder of a bucket, say."""
    patterns = (pattern for statement in decision.by for pattern in statement.resources)
    kept = (one for one in patterns if ":s3:::" in one and arn_matches(one, arn))
    return next((one for one in kept if "/" in one and "${" not in one), "")


def general(arn: str, home: Home) -> str:
    """The resource of the template, or what it is one of."""
    if arn == "*" or home.resource(arn) is not None:
        return arn
    try:
        parsed = parse_arn(arn)
    except ValueError:
        return arn
    first, separator, rest = parsed.resource.partition("/" if parsed.service == "s3" else ":")
    if parsed.service == "s3" and separator:
        return str(parsed._replace(resource=f"{first}/*"))
    if parsed.service == "states" and first in ("execution", "express", "mapRun"):
        return str(parsed._replace(resource=f"{first}:{rest.partition(':')[0]}:*"))
    if ":log-stream:" in arn:
        return f"{arn.partition(':log-stream:')[0]}:log-stream:*"
    return arn


def records_data(records: Records) -> Json:
    """For `sfnlocal iam --records`."""
    return {
        "records": [
            {
                "principal": one.principal,
                "action": one.action,
                "resource": one.resource,
                "allowed": one.allowed,
                "by": list(one.by),
                "derived": one.derived,
                "count": one.count,
            }
            for one in records
        ],
        "refused": [
            {
                "principal": one.principal,
                "source": one.source_arn,
                "action": one.action,
                "resource": general(one.resource, records.home),
                "message": one.message,
                "denied_by": one.denied_by,
                "unknown": [list(pair) for pair in one.unknown],
            }
            for one in dict.fromkeys(records.refused)
        ],
        "not_evaluable": list(records.problems),
    }


def merged_data(all_data: Iterable[Json]) -> Json:
    """Of several runs."""
    records: dict[tuple[str, ...], dict[str, Json]] = {}
    refused: dict[str, Json] = {}
    problems: dict[str, None] = {}
    for data in all_data:
        for one in data["records"]:
            key = one["principal"], one["action"], one["resource"], str(one["allowed"])
            kept = records.setdefault(key, {**one, "by": [], "count": 0})
            kept["count"] += one["count"]
            kept["by"] = list(dict.fromkeys((*kept["by"], *one["by"])))
        for one in data["refused"]:
            refused.setdefault(f"{one['principal']} {one['action']} {one['resource']}", one)
        problems |= dict.fromkeys(data["not_evaluable"])
    return {
        "records": [records[key] for key in sorted(records)],
        "refused": [refused[key] for key in sorted(refused)],
        "not_evaluable": sorted(problems),
    }
