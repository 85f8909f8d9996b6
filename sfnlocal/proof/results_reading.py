"""Reads what `sfnlocal prove --format json` has written, to make another report of it."""

from __future__ import annotations

import json
from typing import Any, cast

from sfnlocal.errors import InputError
from sfnlocal.proof.results import (
    Plan,
    PlanResult,
    ProofResult,
    ScenarioResult,
    Violation,
    read_site,
)


def read_results(text: str, where: str) -> list[ProofResult]:
    """Raises InputError where it is something else."""
    hint = "write it with: sfnlocal prove --format json > FILE"
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"not JSON: {error}", where=where, hint=hint) from None
    if not isinstance(data, list):
        raise InputError("a list of proofs is expected", where=where, hint=hint)
    try:
        return [_proof(one, where) for one in data]
    except (KeyError, TypeError, AttributeError) as error:
        told = f"{type(error).__name__}: {error}"
        raise InputError(f"these are no proofs: {told}", where=where, hint=hint) from None


def _proof(data: Any, where: str) -> ProofResult:
    return ProofResult(
        proof=data["proof"],
        state_machine=data["stateMachine"],
        seed=data["seed"],
        scenarios=tuple(_scenario(one, where) for one in data["scenarios"]),
        results=tuple(_result(one, where) for one in data["results"]),
        wall_ms=float(data["wallMs"]),
        more=data["more"],
    )


def _scenario(data: Any, where: str) -> ScenarioResult:
    return ScenarioResult(
        name=data["name"],
        about=data["about"],
        status=data["status"],
        sites=tuple(read_site(one, where) for one in data["sites"]),
        visited={name: tuple(states) for name, states in data["visited"].items()},
        violations=_violations(data["violations"]),
    )


def _result(data: Any, where: str) -> PlanResult:
    plan = data["plan"]
    return PlanResult(
        plan=Plan(
            plan["scenario"],
            read_site(plan["site"], where),
            plan["fault"],
            plan["persistence"],
            tuple(data["like"]),
        ),
        status=data["status"],
        error=data["error"],
        replayed=data["replayed"],
        violations=_violations(data["violations"]),
        executions=data["executions"],
        virtual_ms=data["virtualMs"],
        wall_ms=float(data["wallMs"]),
        stacks=tuple(data["stacks"]),
        visited=tuple(data["visited"]),
    )


def _violations(data: Any) -> tuple[Violation, ...]:
    return tuple(Violation(**cast(dict[str, str], one)) for one in data)
