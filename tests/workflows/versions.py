"""Functions in tests of upgrades and heals: what is deployed, what their aliases lead to, and calls
in the time that a bake takes."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from typing import Any

from sfnlocal.testing import LocalApp
from tests.workflows.shop import an_order, iso

BUG = "def handler(event, context):\n    return event['noSuchKey']\n"
# The version that is live is worn out; the same code works as the next one.
FLAKY = """
def handler(event, context):
    if context.function_version == "2":
        raise RuntimeError("worn out")
    return {"reservationId": event["orderId"]}
"""


def name_of(app: LocalApp, construct: str) -> str:
    [function] = [one for one in app.app.functions if f"/{construct}/" in one.resource.path + "/"]
    return function.name


def deploy(app: LocalApp, construct: str, source: str) -> None:
    """What a deployment does: the code changes, and nothing that is live."""
    client, name = app.client("lambda"), name_of(app, construct)
    handler = client.get_function_configuration(FunctionName=name)["Handler"]
    path = handler.rpartition(".")[0].replace(".", "/") + ".py"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(path, source)
    client.update_function_code(FunctionName=name, ZipFile=archive.getvalue())


def configure(app: LocalApp, construct: str, **variables: str) -> None:
    """A deployment that changes nothing but the environment."""
    client, name = app.client("lambda"), name_of(app, construct)
    found = client.get_function_configuration(FunctionName=name).get("Environment", {})
    variables = {**found.get("Variables", {}), **variables}
    client.update_function_configuration(FunctionName=name, Environment={"Variables": variables})


def go_live(app: LocalApp, construct: str) -> str:
    """What is latest goes live at once, by hand. The version."""
    client, name = app.client("lambda"), name_of(app, construct)
    version: str = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return version


def alias(app: LocalApp, construct: str) -> tuple[str, dict[str, float]]:
    """The version and the others' shares."""
    found = app.client("lambda").get_alias(FunctionName=name_of(app, construct), Name="live")
    weights = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return found["FunctionVersion"], weights


def validate(app: LocalApp, times: int = 1, **changes: Any) -> list[str]:
    """Calls ValidateOrder through its alias: the versions that ran."""
    order = an_order(shipAt=iso(app.now), **changes)
    event = {"executionArn": "arn", "order": order}
    client, name = app.client("lambda"), name_of(app, "ValidateOrder")
    return [
        client.invoke(FunctionName=f"{name}:live", Payload=json.dumps(event))["ExecutedVersion"]
        for _ in range(times)
    ]


def audited(app: LocalApp, target: str) -> Counter[tuple[str, str]]:
    """What was done to a target: how often each action is written before and after it."""
    return Counter(
        (one["action"], one["phase"]) for one in app.items("Audit") if one["target"] == target
    )


def machine_alias(app: LocalApp) -> dict[str, int]:
    """The weights of the order machine's versions, by number."""
    found = app.client("stepfunctions").describe_state_machine_alias(
        stateMachineAliasArn=f"{order_machine(app)}:live"
    )
    return {
        route["stateMachineVersionArn"].rpartition(":")[2]: route["weight"]
        for route in found["routingConfiguration"]
    }


def order_machine(app: LocalApp) -> str:
    return app.session.find("Order").arn


def deploy_order(app: LocalApp, only: dict[str, Any]) -> None:
    """Another definition of the order machine: one state."""
    definition = {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": only}}
    app.client("stepfunctions").update_state_machine(
        stateMachineArn=order_machine(app), definition=json.dumps(definition)
    )


def place_live(app: LocalApp, order: dict[str, Any]) -> None:
    """Starts an order through the alias."""
    app.client("stepfunctions").start_execution(
        stateMachineArn=f"{order_machine(app)}:live",
        name=order["orderId"],
        input=json.dumps(order),
    )
