"""Upgrades: every single fault on the way to the alias and back from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sfnlocal.proof import Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.live import (
    alias_is_gone,
    both,
    ends_in_a_letter,
    function_held,
    function_is_gone,
    proof_of,
)
from tests.workflows.shop import an_order, iso
from tests.workflows.versions import (
    BUG,
    alias,
    configure,
    deploy,
    deploy_order,
    machine_alias,
    name_of,
    order_machine,
    place_live,
    validate,
)

BAKE_S = 240
NAME = "upgrade-1"
FUNCTION = "ValidateOrder"


def request(target: str = FUNCTION, **more: Any) -> dict[str, Any]:
    return {"target": target, "percent": 50, "bakeSeconds": BAKE_S, **more}


def new_version(app: LocalApp) -> None:
    configure(app, "ValidateOrder", LOOK="new")


def new_definition(app: LocalApp) -> None:
    deploy_order(app, {"Type": "Succeed"})


def meanwhile(act: Callable[[LocalApp], None], seconds: float = 60) -> Callable[[LocalApp], None]:
    """While the first step bakes."""

    def prepare(app: LocalApp) -> None:
        aws = app.session.aws
        aws.at(aws.now_ms + int(seconds * 1000), lambda: act(app))

    return prepare


def a_bug(app: LocalApp) -> None:
    deploy(app, "ValidateOrder", BUG)


def calls(app: LocalApp) -> None:
    validate(app, 10)


def a_broken_definition(app: LocalApp) -> None:
    deploy_order(app, {"Type": "Fail", "Error": "Broken"})


def orders(app: LocalApp) -> None:
    for number in range(10):
        place_live(app, an_order(f"o-{number}", shipAt=iso(app.now)))


def a_stranger(app: LocalApp) -> None:
    client, name = app.client("lambda"), name_of(app, "ValidateOrder")
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig={})


def a_stranger_at_the_machine(app: LocalApp) -> None:
    machine = order_machine(app)
    app.client("stepfunctions").update_state_machine_alias(
        stateMachineAliasArn=f"{machine}:live",
        routingConfiguration=[{"stateMachineVersionArn": f"{machine}:1", "weight": 100}],
    )


def an_alarm(app: LocalApp) -> None:
    app.client("cloudwatch").put_metric_alarm(
        AlarmName="Siren",
        Namespace="Shop",
        MetricName="Complaints",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )


def a_ringing_alarm(app: LocalApp) -> None:
    an_alarm(app)
    app.client("cloudwatch").set_alarm_state(
        AlarmName="Siren", StateValue="ALARM", StateReason="complaints"
    )


def rings_once(app: LocalApp) -> None:
    for state in ("ALARM", "OK"):
        app.client("cloudwatch").set_alarm_state(
            AlarmName="Siren", StateValue=state, StateReason="one complaint"
        )


def machine_alias_is_gone(app: LocalApp) -> None:
    app.client("stepfunctions").delete_state_machine_alias(
        stateMachineAliasArn=f"{order_machine(app)}:live"
    )


def machine_is_gone(app: LocalApp) -> None:
    machine_alias_is_gone(app)
    app.client("stepfunctions").delete_state_machine(stateMachineArn=order_machine(app))


def no_share_is_left(app: LocalApp) -> None:
    """Whatever became of the last run, if it could still act, one version has all the calls. A run
    that is ended from outside, or that cannot reach Lambda for minutes, leaves what it had done."""
    runs = app.executions("Upgrade")
    if not runs or runs[-1].status != "SUCCEEDED":
        return
    if runs[-1].output["outcome"] in ("UPGRADED", "ROLLED_BACK"):
        assert alias(app, "ValidateOrder")[1] == {}
        assert max(machine_alias(app).values()) == 100


def case(
    name: str, about: str, prepare: Callable[[LocalApp], None] | None = None, **more: Any
) -> Scenario:
    return Scenario(
        name=name, about=about, input=request(**more), execution_name=NAME, prepare=prepare
    )


UPGRADE = proof_of(
    "Upgrade",
    [
        case("upgraded", "a function, in two steps", new_version),
        case("machine", "a machine, in two", new_definition, target="Order", strategy="linear"),
        case("failing", "the new version fails", both(a_bug, meanwhile(calls))),
        case(
            "failing-machine",
            "the new version's executions fail",
            both(a_broken_definition, meanwhile(orders)),
            target="Order",
        ),
        case(
            "stranger",
            "somebody else moves the alias meanwhile",
            both(new_version, meanwhile(a_stranger)),
        ),
        case(
            "stranger-machine",
            "somebody else moves the machine's alias meanwhile",
            both(new_definition, meanwhile(a_stranger_at_the_machine)),
            target="Order",
        ),
        case(
            "lease-lost",
            "another run takes the lease, as if this one had been away for longer than it lasts",
            both(new_version, meanwhile(function_held(FUNCTION))),
        ),
        case("held", "another run is at it", function_held(FUNCTION)),
        case(
            "ringing",
            "its alarm rings already",
            both(new_version, a_ringing_alarm),
            alarms=["Siren"],
        ),
        case(
            "rang",
            "its alarm rings between two looks",
            both(new_version, an_alarm, meanwhile(rings_once)),
            alarms=["Siren"],
        ),
        case("dry", "only told", new_version, dryRun=True),
        case("nothing", "nothing changed"),
        case("gone", "somebody has deleted the alias", alias_is_gone(FUNCTION)),
        case("all-gone", "somebody has deleted the function", function_is_gone(FUNCTION)),
        case(
            "gone-machine",
            "somebody has deleted the machine's alias",
            machine_alias_is_gone,
            target="Order",
        ),
        case(
            "all-gone-machine",
            "somebody has deleted the machine",
            machine_is_gone,
            target="Order",
        ),
        Scenario(name="unknown", about="no such target", input=request("Basket")),
        *ends_in_a_letter("Upgrade", request(), NAME),
    ],
    [no_share_is_left],
    {},
)
