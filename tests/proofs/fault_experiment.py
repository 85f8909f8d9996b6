"""Fault experiments: every single fault of one. Whatever happens, nothing of the fault stays, or a
letter says so and the fault has ended."""

from __future__ import annotations

from typing import Any

from lambdas.injected_fault import VARIABLE
from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import CALL, LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from
from tests.proofs.live import CUT_OFF
from tests.workflows.versions import name_of

TARGET = "ValidateOrder"
REQUEST = {"target": TARGET, "minutes": 5}
LARGE = {**REQUEST, "reason": "x" * 200_000}


def held(app: LocalApp) -> None:
    """Another experiment on the same function."""
    app.start("FaultExperiment", {**REQUEST, "minutes": 60}, "another")
    app.advance(seconds=30)


def cut_off(app: LocalApp) -> None:
    """The function's alias cannot be read, and the cause is JSON that is cut off."""
    app.mock("FaultExperiment", "ReadAlias", [CUT_OFF, CALL])
    app.start("FaultExperiment", REQUEST, "e-1")


def healed(app: LocalApp) -> None:
    """Somebody takes the version back while it is live."""
    app.start("FaultExperiment", REQUEST, "e-1")
    app.advance(minutes=1)
    client, name = app.client("lambda"), name_of(app, TARGET)
    client.update_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {}},
    )


def deployed(app: LocalApp) -> None:
    """A deployment puts everything as it was while the faulty version is live."""
    app.start("FaultExperiment", REQUEST, "e-1")
    app.advance(minutes=1)
    client, name = app.client("lambda"), name_of(app, TARGET)
    found = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=name,
        Environment={"Variables": {key: found[key] for key in found if key != VARIABLE}},
    )


def scenario(name: str, about: str, request: dict[str, Any], **more: Any) -> Scenario:
    return Scenario(name=name, about=about, input=request, execution_name="e-1", **more)


# What holds at any time


def a_fault_is_over_or_told(app: LocalApp) -> None:
    running = [one for one in app.executions("FaultExperiment") if one.status == "RUNNING"]
    told = app.items("ExperimentLetters")
    if running or told:
        return
    client, name = app.client("lambda"), name_of(app, TARGET)
    for more in ({}, {"Qualifier": "live"}):
        found = client.get_function_configuration(FunctionName=name, **more)
        variables = found.get("Environment", {}).get("Variables", {})
        assert VARIABLE not in variables, f"the fault stayed in {more or 'what is latest'}"


FAULT_EXPERIMENT = Proof(
    state_machine="FaultExperiment",
    scenarios=[
        scenario("done", "nobody heals", REQUEST),
        Scenario(name="healed", about="it is taken back meanwhile", start=healed),
        Scenario(name="deployed", about="a deployment comes meanwhile", start=deployed),
        scenario("refused", "there is no such function", {"target": "Nobody"}),
        scenario("held", "another experiment is at it", REQUEST, prepare=held),
        scenario("dry", "only told", {**REQUEST, "dryRun": True}),
        scenario(
            "unexpected",
            "the alarm should ring, and does not",
            {**REQUEST, "expect": {"alarm": True}},
            expect="FAILED",
        ),
        scenario(
            "large",
            "too large for a letter",
            {**LARGE, "expect": {"alarm": True}},
            expect="FAILED",
        ),
        Scenario(
            name="cut-off",
            about="it fails with a cause that is cut off",
            start=cut_off,
            expect="FAILED",
            bring_back=True,
        ),
    ],
    dead_letters="ExperimentDeadLetters",
    replay=replay_from("ExperimentLetters"),
    letter_states=LETTER_STATES,
    schedules=("FaultExperiments/ExperimentSweep/Hourly",),
    invariants=[a_fault_is_over_or_told],
    ignore={
        "ExperimentLostEvents": "a start of the sweep that was lost waits there for a person",
        "Audit": "a replay does it again, and says so",
        "Leases": "a run that cannot give its lease back lets it run out",
        "ExperimentLetters": "the archive keeps each letter",
    },
)
