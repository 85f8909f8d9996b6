"""Upgrades: every single fault on the way to the alias and back from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.workflows.shop import an_order, iso
from tests.workflows.versions import (
    BUG,
    alias,
    configure,
    deploy,
    deploy_order,
    machine_alias,
    name_of,
    place_live,
    validate,
)

BAKE_S = 240
NAME = "upgrade-1"


def request(target: str = "ValidateOrder", **more: Any) -> dict[str, Any]:
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


def both(*acts: Callable[[LocalApp], object]) -> Callable[[LocalApp], None]:
    def prepare(app: LocalApp) -> None:
        for act in acts:
            act(app)

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


def alias_is_gone(app: LocalApp) -> None:
    app.client("lambda").delete_alias(FunctionName=name_of(app, "ValidateOrder"), Name="live")


def a_stranger(app: LocalApp) -> None:
    client, name = app.client("lambda"), name_of(app, "ValidateOrder")
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig={})


def a_stranger_at_the_machine(app: LocalApp) -> None:
    machine = app.session.find("Order").arn
    app.client("stepfunctions").update_state_machine_alias(
        stateMachineAliasArn=f"{machine}:live",
        routingConfiguration=[{"stateMachineVersionArn": f"{machine}:1", "weight": 100}],
    )


def another_at_it(app: LocalApp) -> None:
    name = name_of(app, "ValidateOrder")
    held = {"heldBy": "another", "heldSince": iso(app.now), "heldUntil": "2027-01-01T00:00:00.000Z"}
    app.put_item("Leases", {"target": f"function {name}", **held})


def takes_the_lease(app: LocalApp) -> None:
    """As if this run had been away for longer than its lease."""
    another_at_it(app)


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


def no_share_is_left(app: LocalApp) -> None:
    """Whatever became of the last run, if it could still act, one version has all the calls. A run
    that is ended from outside, or that cannot reach Lambda for minutes, leaves what it had done."""
    runs = app.executions("Upgrade")
    if not runs or runs[-1].status != "SUCCEEDED":
        return
    if runs[-1].output["outcome"] in ("UPGRADED", "ROLLED_BACK"):
        assert alias(app, "ValidateOrder")[1] == {}
        assert max(machine_alias(app).values()) == 100


UPGRADE = Proof(
    state_machine="Upgrade",
    scenarios=[
        Scenario(
            name="upgraded",
            about="a function, in two steps",
            input=request(),
            execution_name=NAME,
            prepare=new_version,
        ),
        Scenario(
            name="machine",
            about="a state machine, in two steps",
            input=request("Order", strategy="linear"),
            execution_name=NAME,
            prepare=new_definition,
        ),
        Scenario(
            name="failing",
            about="the new version fails",
            input=request(),
            execution_name=NAME,
            prepare=both(a_bug, meanwhile(calls)),
        ),
        Scenario(
            name="failing-machine",
            about="the new version's executions fail",
            input=request("Order"),
            execution_name=NAME,
            prepare=both(a_broken_definition, meanwhile(orders)),
        ),
        Scenario(
            name="stranger",
            about="somebody else moves the alias meanwhile",
            input=request(),
            execution_name=NAME,
            prepare=both(new_version, meanwhile(a_stranger)),
        ),
        Scenario(
            name="stranger-machine",
            about="somebody else moves the machine's alias meanwhile",
            input=request("Order"),
            execution_name=NAME,
            prepare=both(new_definition, meanwhile(a_stranger_at_the_machine)),
        ),
        Scenario(
            name="lease-lost",
            about="another run has taken the lease meanwhile",
            input=request(),
            execution_name=NAME,
            prepare=both(new_version, meanwhile(takes_the_lease)),
        ),
        Scenario(
            name="held",
            about="another run is at it",
            input=request(),
            execution_name=NAME,
            prepare=another_at_it,
        ),
        Scenario(
            name="ringing",
            about="its alarm rings already",
            input=request(alarms=["Siren"]),
            execution_name=NAME,
            prepare=both(new_version, a_ringing_alarm),
        ),
        Scenario(
            name="dry",
            about="only told",
            input=request(dryRun=True),
            execution_name=NAME,
            prepare=new_version,
        ),
        Scenario(name="nothing", about="nothing changed", input=request(), execution_name=NAME),
        Scenario(name="unknown", about="no such target", input=request("Basket")),
        Scenario(
            name="gone",
            about="there is no alias: a dead letter",
            input=request(),
            execution_name=NAME,
            prepare=alias_is_gone,
            expect="FAILED",
        ),
        Scenario(
            name="gone-and-large",
            about="there is no alias, and the input is too large for a letter",
            input=request(reason='"' * 100_000),
            execution_name=NAME,
            prepare=alias_is_gone,
            expect="FAILED",
        ),
    ],
    dead_letters="UpgradeDeadLetters",
    replay=replay_from("UpgradeLetters"),
    letter_states=LETTER_STATES,
    schedules=("Upgrades/UpgradeSweep/Hourly",),
    invariants=[no_share_is_left],
    ignore={
        "UpgradeLetters": "the archive keeps each letter",
        "Audit": "a replay does it again, and says so",
        "DeadLetters": "the orders that fail here are another proof's",
        "OrderDeadLetters": "the orders that fail here are another proof's",
        "LostEvents": "the orders that fail here are another proof's",
        "Leases": "a run that cannot give its lease back lets it run out",
    },
)
