"""The cost guard may change what it watches and nothing else; budgets are checked at synth."""

from __future__ import annotations

import pytest

from sfnlocal.template import App
from stacks.cost_guard_stack import read_budgets
from tests.stacks.test_grants import grants

SWITCHES = {
    "lambda:GetEventSourceMapping": "event-source-mapping:",
    "lambda:UpdateEventSourceMapping": "event-source-mapping:",
    "lambda:GetFunctionConcurrency": "function:",
    "lambda:PutFunctionConcurrency": "function:",
    "lambda:DeleteFunctionConcurrency": "function:",
    "scheduler:GetSchedule": "schedule/",
    "scheduler:UpdateSchedule": "schedule/",
    "events:DescribeRule": "rule/",
    "events:EnableRule": "rule/",
    "events:DisableRule": "rule/",
    "iam:PassRole": "role/",
}
# As many as the targets have of each.
COUNTS = {"event-source-mapping:": 4, "function:": 4, "schedule/": 1, "rule/": 1, "role/": 1}


def test_the_guard_may_change_what_it_watches_and_nothing_else(deployed: App) -> None:
    allowed: dict[str, list[str]] = {}
    for path, action, resource in grants(deployed):
        if path.startswith("CostGuard/CostGuard/Role/") and action in SWITCHES:
            allowed.setdefault(action, []).append(resource)
    assert allowed.keys() == SWITCHES.keys()
    for action, resources in allowed.items():
        kind = SWITCHES[action]
        assert len(set(resources)) == COUNTS[kind], action
        assert all(f":{kind}" in one and "*" not in one for one in resources), action


def test_the_loop_is_stopped_by_what_is_tried_and_not_by_lambda(deployed: App) -> None:
    [loop] = [one for one in deployed.functions if one.handler == "lambdas.sandbox.loop.handler"]
    assert loop.resource.properties["RecursiveLoop"] == "Allow"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"Basket": {"starts": 1}}, "there is no target Basket; there are Loop, Normalize"),
        ({"Loop": {"euros": 1}}, "costBudgets.Loop: there is no euros; there are starts, transi"),
    ],
)
def test_a_budget_of_nothing_is_refused(given: dict[str, dict[str, int]], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_budgets(given, ["Loop", "Normalize"])


def test_a_budget_may_be_partial() -> None:
    given = {"Loop": {"starts": 5}}
    assert read_budgets(given, ["Loop", "Normalize"]) == given
