"""What a proof came to, as data: sites, plans, one result a plan, one result a proof.

Everything that shows a proof (text, JSON, HTML) reads these values and nothing else. Coverage, cost
and permissions of the same runs are added by who measures them, under their own names in `more`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from sfnlocal.errors import InputError
from sfnlocal.ports import Json

# Where a fault happens: a Task state's attempt, a service call of a handler or trigger.
SiteKind: TypeAlias = Literal["state", "call"]
# `until-last-retry`: every attempt but the last one that a Retrier allows.
Persistence: TypeAlias = Literal["once", "until-last-retry", "for-ever"]
Outcome: TypeAlias = Literal["proven", "violated"]

_SITE = re.compile(r"(state|call):(.+)/([^/#]+)#(\d+)")


@dataclass(frozen=True, slots=True)
class Site:
    """`owner` is the state machine (`state`) or who calls (`call`) by its short construct id,
    `name` the state, or the service and operation (`dynamodb.PutItem`); `ordinal` counts its
    visits, or the owner's calls of it, in the fault-free run from 1."""

    kind: SiteKind
    owner: str
    name: str
    ordinal: int = 1

    def __str__(self) -> str:
        return f"{self.kind}:{self.owner}/{self.name}#{self.ordinal}"


def read_site(text: str, where: str) -> Site:
    """As `str` writes it. InputError for anything else."""
    found = _SITE.fullmatch(text)
    if found is None:
        raise InputError(
            f"{text!r} is no site",
            where=where,
            hint="such as state:Order/ChargePayment#1 or call:ChargePayment/dynamodb.PutItem#1",
        )
    kind: SiteKind = "state" if found[1] == "state" else "call"
    return Site(kind, found[2], found[3], int(found[4]))


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault at one site of one scenario; with the seed it gives the same run again. `like` are
    errors that would take the same path, so that this plan stands for them too."""

    scenario: str
    site: Site
    fault: str
    persistence: Persistence
    like: tuple[str, ...] = ()

    def json(self) -> dict[str, Json]:
        """As `sfnlocal prove --plan` takes it."""
        return {
            "scenario": self.scenario,
            "site": str(self.site),
            "fault": self.fault,
            "persistence": self.persistence,
        }

    def __str__(self) -> str:
        return json.dumps(self.json())

    @property
    def test_id(self) -> str:
        return f"{self.scenario}-{self.site}-{self.fault}-{self.persistence}".replace(" ", "_")


@dataclass(frozen=True, slots=True)
class Violation:
    """`invariant` is its name, `message` says what is wrong, with the difference; `path` is the
    path of the executions, `command` runs it again."""

    invariant: str
    message: str
    path: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class PlanResult:
    """`status` is the subject's status under the fault, `replayed` what brought it back after it:
    `replay`, `redrive` or empty. `stacks` are where handlers hung; `visited` are the states that
    the subject had entered by then; `path` is told of a plan that was asked for by itself. A plan
    whose fault did not happen is a violation too: it proves nothing."""

    plan: Plan
    status: str
    error: str | None
    replayed: str
    violations: tuple[Violation, ...]
    executions: int
    virtual_ms: int
    wall_ms: float
    stacks: tuple[str, ...] = ()
    visited: tuple[str, ...] = ()
    path: str = ""

    @property
    def outcome(self) -> Outcome:
        return "violated" if self.violations else "proven"


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """The fault-free run: its sites, what it visited and what is wrong with it already."""

    name: str
    about: str
    status: str
    sites: tuple[Site, ...]
    visited: Mapping[str, tuple[str, ...]]
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class ProofResult:
    """Of one proof. `more` holds what others measured over the same runs: `coverage`, `iam`,
    `cost`."""

    proof: str
    state_machine: str
    seed: int
    scenarios: tuple[ScenarioResult, ...]
    results: tuple[PlanResult, ...]
    wall_ms: float
    more: Mapping[str, Json] = field(default_factory=dict)

    @property
    def proven(self) -> bool:
        return not self.violations

    @property
    def violations(self) -> tuple[Violation, ...]:
        found: Iterable[ScenarioResult | PlanResult] = (*self.scenarios, *self.results)
        return tuple(violation for one in found for violation in one.violations)

    @property
    def executions(self) -> int:
        return sum(result.executions for result in self.results)

    def json(self) -> dict[str, Json]:
        """All of it, as `--format json` prints it."""
        return {
            "proof": self.proof,
            "stateMachine": self.state_machine,
            "seed": self.seed,
            "proven": self.proven,
            "wallMs": round(self.wall_ms),
            "executions": self.executions,
            "scenarios": [
                {**asdict(one), "sites": [str(site) for site in one.sites]}
                for one in self.scenarios
            ],
            "results": [
                {
                    "plan": one.plan.json(),
                    "like": list(one.plan.like),
                    "outcome": one.outcome,
                    "status": one.status,
                    "error": one.error,
                    "replayed": one.replayed,
                    "executions": one.executions,
                    "virtualMs": one.virtual_ms,
                    "wallMs": round(one.wall_ms, 1),
                    "violations": [asdict(violation) for violation in one.violations],
                    "stacks": list(one.stacks),
                    "visited": list(one.visited),
                }
                for one in self.results
            ],
            "more": dict(self.more),
        }
