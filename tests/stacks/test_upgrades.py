"""Who wins at the next deployment: the alias as it is then, since no template ever changes it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks.html
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfnlocal.template import App
from tests.stacks.conftest import Templates, read_templates
from tests.stacks.test_grants import grants
from workflows.upgrade_request import BAKE_SECONDS_MAX, BAKE_SECONDS_MIN, METRICS_DELAY_SECONDS

ROUTES = {
    "AWS::Lambda::Version",
    "AWS::Lambda::Alias",
    "AWS::StepFunctions::StateMachineVersion",
    "AWS::StepFunctions::StateMachineAlias",
}


def resources(templates: Templates, stack: str, types: set[str]) -> dict[str, Any]:
    found = templates[stack]["Resources"]
    return {name: one for name, one in found.items() if one["Type"] in types}


@pytest.fixture(scope="module")
def two_deployments(assembly: Path, changed_assembly: Path) -> tuple[Templates, Templates]:
    """The second changes what a function is configured with, and with it the function."""
    return read_templates(assembly), read_templates(changed_assembly)


def test_a_deployment_changes_what_is_latest_and_nothing_that_is_live(
    two_deployments: tuple[Templates, Templates],
) -> None:
    [before], [after] = [
        [{**resources(one, "orders-dev", {"AWS::Lambda::Function"})}] for one in two_deployments
    ]
    changed = [name for name in before if before[name] != after[name]]
    assert [name for name in changed if name.startswith("ChargePayment")]
    first, second = (resources(one, "orders-dev", ROUTES) for one in two_deployments)
    assert len(first) == 2 * 5
    assert first == second


def test_no_template_says_a_share(two_deployments: tuple[Templates, Templates]) -> None:
    aliases = resources(two_deployments[0], "orders-dev", {"AWS::Lambda::Alias"})
    assert len(aliases) == 4
    for alias in aliases.values():
        assert alias["Properties"].keys() == {"FunctionName", "FunctionVersion", "Name"}


def test_the_order_calls_its_functions_by_their_aliases_only(deployed: App) -> None:
    aliases = {one.arn for one in deployed.of_type("AWS::Lambda::Alias")}
    [order] = [one for one in deployed.state_machines if one.resource.path == "Orders/Order/Order"]
    called = [
        state["Arguments"]["FunctionName"]
        for state in order.definition["States"].values()
        if state.get("Resource") == "arn:aws:states:::lambda:invoke"
    ]
    assert len(called) == 5
    assert set(called) == aliases


ALIASED = {"ValidateOrder", "ReserveStock", "ReleaseStock", "ChargePayment"}
POWERFUL = {
    "lambda:PublishVersion",
    "lambda:UpdateAlias",
    "lambda:UpdateFunctionConfiguration",
    "states:PublishStateMachineVersion",
    "states:UpdateStateMachineAlias",
}


def test_who_may_move_traffic_may_move_that_of_the_targets_only(deployed: App) -> None:
    paths = {one.arn: one.path for one in deployed.resources if one.arn}
    functions = {f"Orders/{name}/Function/Resource" for name in ALIASED}
    may: dict[str, set[tuple[str, str]]] = {}
    for path, action, resource in grants(deployed):
        # Others (experiments) have aliases of their own.
        if action in POWERFUL and path.startswith("Upgrades/"):
            may.setdefault(path, set()).add((action, paths.get(resource, resource)))
    order = "Orders/Order/Order/Resource"
    assert {path: {action for action, _ in found} for path, found in may.items()} == {
        "Upgrades/Upgrade/Role/DefaultPolicy": POWERFUL - {"lambda:UpdateFunctionConfiguration"},
        "Upgrades/OrderHeal/Heal/Role/DefaultPolicy": {
            action for action in POWERFUL if action.startswith("lambda:")
        },
    }
    for found in may.values():
        assert {path.removesuffix("/Resource") for _, path in found} <= {
            path.removesuffix("/Resource") for path in functions | {order}
        }


def test_each_alias_rings_for_a_heal(deployed: App) -> None:
    [rule] = [
        one
        for one in deployed.of_type("AWS::Events::Rule")
        if one.path.endswith("OrderHeal/Alarms")
    ]
    heard = set(rule.properties["EventPattern"]["detail"]["alarmName"])
    ringing = {
        one.name
        for one in deployed.of_type("AWS::CloudWatch::Alarm")
        if one.path.removesuffix("/Resource").endswith("Faulty")
    }
    assert heard == ringing
    assert len(heard) == len(ALIASED)


def test_a_bake_is_longer_than_metrics_need() -> None:
    assert METRICS_DELAY_SECONDS < BAKE_SECONDS_MIN < BAKE_SECONDS_MAX
