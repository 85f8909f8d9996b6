"""Heals: every single fault on the way to a version that works."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
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


def another_at_it(app: LocalApp) -> None:
    held = {"heldBy": "another", "heldSince": iso(app.now), "heldUntil": "2027-01-01T00:00:00.000Z"}
    app.put_item("Leases", {"target": f"function {name_of(app, FUNCTION)}", **held})


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


def latest_is_another(app: LocalApp) -> None:
    only(BUG)(app)
    deploy(app, FUNCTION, FLAKY)


def alias_is_gone(app: LocalApp) -> None:
    app.client("lambda").delete_alias(FunctionName=name_of(app, FUNCTION), Name="live")


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


HEAL = Proof(
    state_machine="Heal",
    scenarios=[
        Scenario(
            name="returned",
            about="back to the version before",
            input=asked(),
            execution_name=NAME,
            prepare=broken,
        ),
        Scenario(
            name="refreshed",
            about="the same code in new instances",
            input=asked(),
            execution_name=NAME,
            prepare=only(FLAKY),
        ),
        Scenario(
            name="incurable",
            about="nothing works",
            input=asked(),
            execution_name=NAME,
            prepare=only(BUG),
        ),
        Scenario(
            name="not-its-code",
            about="nothing works, and what is latest is something else",
            input=asked(),
            execution_name=NAME,
            prepare=latest_is_another,
        ),
        Scenario(name="healthy", about="nothing is wrong", input=asked(), execution_name=NAME),
        Scenario(
            name="dry",
            about="only told",
            input=asked(dryRun=True),
            execution_name=NAME,
            prepare=broken,
        ),
        Scenario(
            name="budget",
            about="healed three times today already",
            input=asked(),
            execution_name=NAME,
            prepare=healed_three_times,
        ),
        Scenario(
            name="held",
            about="another run is at it",
            input=asked(),
            execution_name=NAME,
            prepare=another_at_it,
        ),
        Scenario(
            name="stranger",
            about="somebody else moves the alias meanwhile",
            input=asked(),
            execution_name=NAME,
            prepare=a_stranger,
        ),
        Scenario(
            name="failed-order",
            about="for an execution whose task has failed",
            input=a_failed_order,
            execution_name=NAME,
        ),
        Scenario(name="unknown", about="no such function", input={"target": "Basket"}),
        Scenario(
            name="gone",
            about="there is no alias: a dead letter",
            input=asked(),
            execution_name=NAME,
            prepare=alias_is_gone,
            expect="FAILED",
        ),
        Scenario(
            name="gone-and-large",
            about="there is no alias, and the input is too large for a letter",
            input=asked(reason='"' * 100_000),
            execution_name=NAME,
            prepare=alias_is_gone,
            expect="FAILED",
        ),
    ],
    dead_letters="UpgradeDeadLetters",
    replay=replay_from("UpgradeLetters"),
    letter_states=LETTER_STATES,
    schedules=("Upgrades/UpgradeSweep/Hourly",),
    invariants=[no_faulty_version_after_a_heal, never_more_than_the_budget],
    ignore={
        "UpgradeLetters": "the archive keeps each letter",
        "Audit": "a replay does it again, and says so",
        "Leases": "a run that cannot give its lease back lets it run out",
        "Budgets": "a replay counts as a heal of its own",
        "DeadLetters": "the orders that fail here are another proof's",
        "LostEvents": "the orders that fail here are another proof's",
        "UpgradeLostEvents": "the heal that the failed order should start is started here by hand",
        "OrderDeadLetters": "the orders that fail here are another proof's",
    },
)
