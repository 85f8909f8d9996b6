"""Mistakes in the dead letters and in the nets that see to it that there is one for each run."""

from __future__ import annotations

import json
from typing import Any

from tests.planted.planting import PlantedBug, fault, properties, states

States = dict[str, Any]
Properties = dict[str, Any]

HOUR_MS, HOUR_S = 3_600_000, 3_600
FAILING = fault("refused:UnforeseenError", "state:Order/RecordReceived#1", "once")


def letter_without_input(states: States) -> None:
    assign = states["WriteLetter"]["Assign"]
    assign["letter"] = assign["letter"].replace("}, $input]", "}]")


def letter_with_input_of_state(states: States) -> None:
    assign = states["IsInputLarge"]["Assign"]
    assign["input"] = "{% {'input': $states.input} %}"


def letter_without_error(states: States) -> None:
    assign = states["WriteLetter"]["Assign"]
    assign["letter"] = assign["letter"].replace("$failure.error", "$states.input.Error")


def input_never_large(states: States) -> None:
    [large] = states["IsInputLarge"]["Choices"]
    large["Condition"] = large["Condition"].replace("160000", "1600000")


def succeed_after_letter(states: States) -> None:
    states["Failed"] = {"Type": "Succeed"}


def send_before_archive(states: States) -> None:
    states["WriteLetter"]["Next"] = "SendLetter"
    states["SendLetter"]["Next"] = "ArchiveLetter"
    states["ArchiveLetter"]["Next"] = "MarkLetterSent"
    for catcher in states["ArchiveLetter"]["Catch"]:
        if catcher["Next"] == "SendLetter":
            catcher["Next"] = "MarkLetterSent"


def unconditional_put(states: States) -> None:
    archive = states["ArchiveLetter"]
    del archive["Arguments"]["ConditionExpression"]


def never_take_over(states: States) -> None:
    for catcher in states["ArchiveLetter"]["Catch"]:
        catcher["Next"] = "AlreadyRecorded"
    del states["TakeOver"]


def one_status_less(properties: Properties) -> None:
    properties["EventPattern"]["detail"]["status"].remove("TIMED_OUT")


def one_list_less(properties: Properties) -> None:
    given = json.loads(properties["Target"]["Input"])
    given["lists"] = [one for one in given["lists"] if one["status"] != "TIMED_OUT"]
    properties["Target"]["Input"] = json.dumps(given)


def look_back_seconds(states: States) -> None:
    assign = states["SetWindow"]["Assign"]
    assign["since"] = assign["since"].replace(str(6 * HOUR_MS), str(6 * HOUR_S))


NETS = (
    PlantedBug(
        name="letter-without-input",
        mistake="the dead letter leaves the input out",
        on_aws="nobody can replay the run once Step Functions has forgotten it",
        edits=(states("Order", letter_without_input),),
        plans=(FAILING,),
        speaks=("letter", "replay", "contents"),
    ),
    PlantedBug(
        name="input-lost-in-catch",
        mistake="the letter takes `$states.input`, which a Catch has replaced by the error",
        on_aws="a replay is started with an error output for an order",
        edits=(states("Order", letter_with_input_of_state),),
        plans=(FAILING,),
        speaks=("letter", "replay", "contents"),
    ),
    PlantedBug(
        name="letter-without-error",
        mistake="the letter takes the error from where only the first state after a Catch has it",
        on_aws="somebody finds a letter and cannot say what has failed",
        edits=(states("Order", letter_without_error),),
        plans=(FAILING,),
        speaks=("letter",),
    ),
    PlantedBug(
        name="large-input-inline",
        mistake="a zero too many in the size from which an input goes to the bucket",
        on_aws="a large order fails in its own dead-letter branch",
        edits=(states("Order", input_never_large),),
        scenarios=("invalid-and-large",),
        speaks=("letter",),
    ),
    PlantedBug(
        name="failure-ends-in-success",
        mistake="the dead-letter branch ends in Succeed",
        on_aws="a run that failed counts as done: no alarm, no failed status, only a letter",
        edits=(states("Order", succeed_after_letter),),
        plans=(FAILING,),
        speaks=("letter", "contents"),
    ),
    PlantedBug(
        name="letter-before-put",
        mistake="the letter is sent before the conditional put",
        on_aws="when the put fails, net 2 puts and sends the letter once more: two replays",
        edits=(states("Order", send_before_archive),),
        plans=(
            fault(
                "refused:UnforeseenError",
                "state:Order/ArchiveLetter#1",
                "once",
                scenario="invalid",
            ),
        ),
        speaks=("letter",),
    ),
    PlantedBug(
        name="put-without-condition",
        mistake="the Recorder's put into the archive has no condition",
        on_aws="net 2 sends a second letter for each run that sent its own",
        edits=(states("Recorder", unconditional_put),),
        plans=(FAILING,),
        speaks=("letter",),
    ),
    PlantedBug(
        name="pending-letter-left",
        mistake="the Recorder takes a letter that is in the archive for one that was sent",
        on_aws="a run that died between put and send leaves a letter that nobody ever reads",
        edits=(states("Recorder", never_take_over),),
        plans=(
            fault(
                "refused:UnforeseenError", "state:Order/SendLetter#1", "once", scenario="invalid"
            ),
        ),
        speaks=("letter",),
    ),
    PlantedBug(
        name="status-forgotten",
        mistake="TIMED_OUT is missing in the statuses of net 2 (the rule and the sweep)",
        on_aws="a run that times out is lost: no Catch sees it, and nobody is told",
        edits=(
            properties("Orders/Recorder/FailedRuns", one_status_less),
            properties("Orders/Sweep/Hourly", one_list_less),
        ),
        plans=(fault("machine-time-out", "state:Order/Fulfil#1", "once"),),
        speaks=("letter", "replay", "contents"),
    ),
    PlantedBug(
        name="window-in-wrong-unit",
        mistake="the sweep looks back 6 x 3,600 milliseconds instead of 6 hours",
        on_aws="a run whose event is lost is never found",
        edits=(states("Sweep", look_back_seconds),),
        scenarios=("unheard",),
        proof="Sweep",
        speaks=("letter", "replay"),
    ),
)
