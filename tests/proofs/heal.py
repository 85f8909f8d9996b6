"""Heals: every single fault on the way to a version that works."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sfnlocal.ports import Json
from sfnlocal.proof import Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.live import (
    alias_is_gone,
    ends_in_a_letter,
    function_held,
    function_is_gone,
    proof_of,
)
from tests.workflows.shop import an_order, iso, stock_up
from tests.workflows.versions import BUG, FLAKY, alias, deploy, go_live, name_of

NAME = "heal-1"
FUNCTION = "ReserveStock"


def asked(**more: Any) -> dict[str, Any]:
    return {"target": FUNCTION, **more}


def broken(app: LocalApp) -> None:
    deploy(app, FUNCTION, BUG)
    go_live(app, FUNCTION)


def only(source: str) -> Callable[[LocalApp], None]:
    """There is one version, and it does not work."""

    def prepare(app: LocalApp) -> None:
        deploy(app, FUNCTION, source)
        go_live(app, FUNCTION)
        app.client("lambda").delete_function(FunctionName=name_of(app, FUNCTION), Qualifier="1")

    return prepare


def healed_three_times(app: LocalApp) -> None:
    broken(app)
    app.put_item(
        "Budgets",
        {
            "target": f"function {name_of(app, FUNCTION)}",
            "day": iso(app.now)[:10],
            "runs": {"one", "two", "three"},
        },
    )


def a_failed_order(app: LocalApp) -> dict[str, str]:
    """Its task has failed for good."""
    stock_up(app, "mug")
    broken(app)
    run = app.start("Order", an_order(shipAt=iso(app.now + timedelta(hours=1))), "o-1")
    client, name = app.client("lambda"), name_of(app, FUNCTION)
    app.run_until_idle()
    # The alarm was faster; somebody believes in the version.
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    return {"executionArn": run.arn}


def orders_are_replayed(app: LocalApp) -> None:
    """Whatever it was that an order has failed of. What a run has looked at is hidden at first."""
    app.advance(hours=1)
    if app.messages("OrderDeadLetters"):
        app.run("DeadLetters", {"queue": "OrderDeadLetters", "action": "REPLAY"})


def latest_is_another(app: LocalApp) -> None:
    only(BUG)(app)
    deploy(app, FUNCTION, FLAKY)


def a_deployment(app: LocalApp) -> None:
    """Of something else, right after the heal has touched what is latest."""
    only(BUG)(app)

    def deploy_another(service: str, operation: str, _params: Json, _response: Json) -> None:
        if (service, operation) == ("lambda", "UpdateFunctionConfiguration"):
            aws.at(aws.now_ms, lambda: deploy(app, FUNCTION, FLAKY))

    aws = app.session.aws
    aws.observe(deploy_another)


def a_stranger(app: LocalApp) -> None:
    """Moves the alias while the canary is tried."""
    broken(app)
    aws, client, name = app.session.aws, app.client("lambda"), name_of(app, FUNCTION)
    aws.at(
        aws.now_ms + 1,
        lambda: client.update_alias(FunctionName=name, Name="live", Description="mine"),
    )


def no_faulty_version_after_a_heal(app: LocalApp) -> None:
    for run in app.executions("Heal"):
        # Others were before somebody moved the alias again.
        if not run.execution.name.startswith(NAME) or run.status != "SUCCEEDED":
            continue
        if run.output["outcome"] == "HEALED":
            assert alias(app, FUNCTION) == (run.output["version"], {})
            assert run.output["version"] != run.output["suspect"]


def never_more_than_the_budget(app: LocalApp) -> None:
    for budget in app.items("Budgets"):
        assert len(budget["runs"]) <= 3


def case(
    name: str, about: str, prepare: Callable[[LocalApp], None] | None = None, **more: Any
) -> Scenario:
    return Scenario(
        name=name, about=about, input=asked(**more), execution_name=NAME, prepare=prepare
    )


def rung(app: LocalApp) -> dict[str, str]:
    """As the rule asks: by the alarm."""
    begin = app.session.find("Heal").definition["States"]["Begin"]
    [alarm] = [one["alarm"] for one in begin["Assign"]["targets"] if one["target"] == FUNCTION]
    return {"alarm": alarm}


HEAL = proof_of(
    "Heal",
    [
        case("returned", "back to the version before", broken),
        case("refreshed", "the same code in new instances", only(FLAKY)),
        case("incurable", "nothing works", only(BUG)),
        case("not-its-code", "nothing works, and the latest is something else", latest_is_another),
        case("deployed", "somebody deploys while the same is published again", a_deployment),
        case("healthy", "nothing is wrong"),
        case("dry", "only told", broken, dryRun=True),
        case("budget", "healed three times today already", healed_three_times),
        case("held", "another run is at it", function_held(FUNCTION)),
        case("stranger", "somebody else moves the alias meanwhile", a_stranger),
        case("gone", "somebody has deleted the alias", alias_is_gone(FUNCTION)),
        case("all-gone", "somebody has deleted the function", function_is_gone(FUNCTION)),
        Scenario(
            name="comes-back",
            about="an upgrade is at it when the alarm rings, and does not end",
            input=rung,
            execution_name=NAME,
            prepare=function_held(FUNCTION),
        ),
        Scenario(
            name="failed-order",
            about="for an execution whose task has failed",
            input=a_failed_order,
            execution_name=NAME,
            recover=orders_are_replayed,
        ),
        Scenario(name="unknown", about="no such function", input={"target": "Basket"}),
        *ends_in_a_letter("Heal", asked(), NAME),
    ],
    [no_faulty_version_after_a_heal, never_more_than_the_budget],
    {
        "Budgets": "a replay counts as a heal of its own",
        "ParkedLetters": "the replay that could not be started waits there, with an alarm",
    },
)
