"""A small workflow, its proof, and what a test changes about it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import pytest

from sfnlocal.proof import Proof, Scenario
from sfnlocal.proof.results import Persistence, Plan, PlanResult, Site
from sfnlocal.proof.runner import Runner
from sfnlocal.template import load_app
from sfnlocal.template.yaml_templates import parse_yaml
from sfnlocal.testing import LocalApp
from sfnlocal.testing.proving import open_world

INPUT = {"id": "o-1", "card": "good"}
TEMPLATE: dict[str, Any] = parse_yaml(
    (Path(__file__).parent / "shop.yaml").read_text(), "shop.yaml"
)

Prove: TypeAlias = Callable[..., Runner]


def shop() -> dict[str, Any]:
    """The template, to be changed."""
    return copy.deepcopy(TEMPLATE)


def states(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"]["Shop"]["Properties"]["Definition"]["States"]
    return found


def again(app: LocalApp, letter: dict[str, Any]) -> None:
    app.start("Shop", letter["input"], "again")


def shop_proof(**changes: Any) -> Proof:
    given: dict[str, Any] = {
        "state_machine": "Shop",
        "scenarios": [Scenario(name="paid", input=INPUT, execution_name="o-1")],
        "dead_letters": "Letters",
        "replay": again,
        "outcomes": ("CardDeclined",),
        "letter_states": ("Letter",),
        "nets_within_hours": 0,
    }
    return Proof(**(given | changes))


@pytest.fixture
def prove(tmp_path: Path) -> Iterator[Prove]:
    """A runner of the proof, against the template as it is or as a test has changed it."""
    with ExitStack() as open_runners:

        def begin(
            template: dict[str, Any] | None = None,
            *,
            options: Mapping[str, Any] = MappingProxyType({}),
            **changes: Any,
        ) -> Runner:
            path = tmp_path / "template.json"
            path.write_text(json.dumps(template or shop()))
            runner = Runner(load_app(path), shop_proof(**changes), open_world, **options)
            return open_runners.enter_context(runner)

        yield begin


def plan(
    fault: str, persistence: Persistence = "once", *, site: str = "", scenario: str = "paid"
) -> Plan:
    """At the state Charge, or at a call of its handler."""
    where = Site("call", "Charge", site, 1) if site else Site("state", "Shop", "Charge", 1)
    return Plan(scenario, where, fault, persistence)


def broken(result: PlanResult) -> set[str]:
    """The invariants that spoke."""
    return {violation.invariant for violation in result.violations}
