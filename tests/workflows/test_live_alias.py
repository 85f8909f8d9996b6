"""The alias `live` as upgrades and heals speak of it: what they say where somebody has deleted it,
and the command that leads it back.

Sources: https://docs.aws.amazon.com/cli/latest/reference/lambda/update-alias.html
https://docs.aws.amazon.com/cli/latest/reference/stepfunctions/update-state-machine-alias.html
"""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from sfnlocal.testing import LocalApp
from tests.workflows.versions import (
    BUG,
    alias,
    configure,
    deploy,
    deploy_order,
    go_live,
    machine_alias,
    name_of,
    order_machine,
)

FUNCTION = "ReserveStock"


def delete_alias(app: LocalApp) -> None:
    app.client("lambda").delete_alias(FunctionName=name_of(app, FUNCTION), Name="live")


def rename_alias(app: LocalApp) -> None:
    delete_alias(app)
    client, name = app.client("lambda"), name_of(app, FUNCTION)
    for other in ("blue", "green"):
        client.create_alias(FunctionName=name, Name=other, FunctionVersion="1")


def delete_function(app: LocalApp) -> None:
    app.client("lambda").delete_function(FunctionName=name_of(app, FUNCTION))


def delete_machine_alias(app: LocalApp) -> None:
    app.client("stepfunctions").delete_state_machine_alias(
        stateMachineAliasArn=f"{order_machine(app)}:live"
    )


def delete_machine(app: LocalApp) -> None:
    delete_machine_alias(app)
    app.client("stepfunctions").delete_state_machine(stateMachineArn=order_machine(app))


THERE = "any more; there are ValidateOrder, ReserveStock, ReleaseStock, ChargePayment"


@pytest.mark.parametrize(
    ("machine", "target", "delete", "reason"),
    [
        ("Upgrade", FUNCTION, delete_alias, "has no alias live; it has none"),
        ("Upgrade", FUNCTION, rename_alias, "has no alias live; it has blue, green"),
        ("Upgrade", FUNCTION, delete_function, f"{THERE}, Order"),
        ("Upgrade", "Order", delete_machine_alias, "has no alias live; it has none"),
        ("Upgrade", "Order", delete_machine, f"{THERE}, Order"),
        ("Heal", FUNCTION, rename_alias, "has no alias live; it has blue, green"),
        ("Heal", FUNCTION, delete_function, THERE),
    ],
)
def test_what_is_gone_is_named_and_so_is_what_there_is(
    sfn: LocalApp, machine: str, target: str, delete: Any, reason: str
) -> None:
    delete(sfn)
    run = sfn.run(machine, {"target": target})
    assert run.output["outcome"] == "REFUSED"
    assert run.output["reason"].endswith(reason)
    assert sfn.messages("UpgradeDeadLetters") == []
    assert sfn.items("Leases") == []


# The way back


def undo(app: LocalApp, action: str) -> str:
    """The command that the audit has for the first of those actions."""
    entries = sorted(app.items("Audit"), key=lambda entry: str(entry["entry"]))
    found: str = next(one["undo"] for one in entries if one["action"] == action and "undo" in one)
    return found


def called(app: LocalApp, command: str) -> None:
    """As the AWS CLI does it."""
    program, service, operation, *rest = shlex.split(command)
    assert program == "aws"
    shape = app.client(service).meta.service_model.operation_model(
        "".join(part.capitalize() for part in operation.split("-"))
    )
    members = {name.lower(): name for name in shape.input_shape.members}
    params = {
        members[option.removeprefix("--").replace("-", "")]: (
            json.loads(value) if value[0] in "[{" else value
        )
        for option, value in zip(rest[::2], rest[1::2], strict=True)
    }
    getattr(app.client(service), operation.replace("-", "_"))(**params)


def test_an_upgrade_that_was_right_is_taken_back(sfn: LocalApp) -> None:
    configure(sfn, FUNCTION, LOOK="new")
    sfn.run("Upgrade", {"target": FUNCTION, "bakeSeconds": 180})
    assert alias(sfn, FUNCTION) == ("2", {})
    called(sfn, undo(sfn, "upgrade"))
    assert alias(sfn, FUNCTION) == ("1", {})


def test_an_upgrade_of_a_machine_is_taken_back(sfn: LocalApp) -> None:
    deploy_order(sfn, {"Type": "Succeed"})
    sfn.run("Upgrade", {"target": "Order", "bakeSeconds": 180})
    assert machine_alias(sfn) == {"2": 100}
    called(sfn, undo(sfn, "upgrade"))
    assert machine_alias(sfn) == {"1": 100}


def test_a_step_is_taken_back_to_the_shares_before_it(sfn: LocalApp) -> None:
    """The second entry: from ten percent to all."""
    deploy_order(sfn, {"Type": "Succeed"})
    sfn.run("Upgrade", {"target": "Order", "bakeSeconds": 180})
    entries = sorted(sfn.items("Audit"), key=lambda entry: str(entry["entry"]))
    undos = [one["undo"] for one in entries if one["action"] == "shift" and "undo" in one]
    called(sfn, undos[1])
    assert machine_alias(sfn) == {"1": 90, "2": 10}


def test_a_heal_that_was_wrong_is_taken_back_with_its_shares(sfn: LocalApp) -> None:
    deploy(sfn, FUNCTION, BUG)
    client, name = sfn.client("lambda"), name_of(sfn, FUNCTION)
    client.publish_version(FunctionName=name)
    weights = {"AdditionalVersionWeights": {"2": 0.5}}
    client.update_alias(FunctionName=name, Name="live", RoutingConfig=weights)
    assert sfn.run("Heal", {"target": FUNCTION}).output["outcome"] == "HEALED"
    assert alias(sfn, FUNCTION) == ("1", {})
    called(sfn, undo(sfn, "heal"))
    assert alias(sfn, FUNCTION) == ("1", {"2": 0.5})


def test_people_are_told_the_same_command(sfn: LocalApp) -> None:
    messages: list[str] = []
    sfn.session.aws.observe(
        lambda service, _operation, params, _response: (
            messages.append(params["Message"]) if service == "sns" else None
        )
    )
    deploy(sfn, FUNCTION, BUG)
    go_live(sfn, FUNCTION)
    sfn.run("Heal", {"target": FUNCTION})
    assert f"\nBack again: {undo(sfn, 'heal')}\n" in messages[0]
