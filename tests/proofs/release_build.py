"""The release build: every single fault from the host's webhook to what it is told at the end.

A builder may build twice (the work of a task is done at least once), to the same artifact.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from examples.webhooks import a_release, send_webhook
from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.proofs.letters import LETTER_STATES, replay_from

REPLAY = "-replay-"
INPUT = {"repository": "acme/shop", "releaseId": 1, "tag": "v1"}


# The host's own log of what it has sent, from which a person sends it again.
LOG = "#deliveries"


def webhook(tag: str) -> Callable[[LocalApp], None]:
    """The host tells of a release, once."""

    def start(app: LocalApp) -> None:
        release = a_release(app, tag)
        app.put_item("CommitStatuses", {"tag": LOG, "sent": json.dumps(release)})
        send_webhook(app, release)

    return start


def deliver_again(app: LocalApp) -> None:
    """Somebody looks at the host's log; what came through is refused there."""
    for item in app.items("CommitStatuses"):
        if item["tag"] == LOG:
            assert send_webhook(app, json.loads(item["sent"])).status in (202, 409)


def send_no_completion(app: LocalApp) -> None:
    app.send("CompletionQueue", {"status": "DONE"})


def builds(app: LocalApp) -> Counter[str]:
    """Runs of a release; replays are none of their own."""
    return Counter(
        run.execution.input["tag"]
        for run in app.executions("ReleaseBuild")
        if REPLAY not in run.execution.name
    )


def host_shows_the_end(app: LocalApp) -> None:
    """What the last run of a release says, the host says; a run that is ended from outside, or
    whose last status failed, cannot tell it."""
    shown = {one["tag"]: one.get("state") for one in app.items("CommitStatuses")}
    ends: dict[str, Any] = {}
    for run in app.executions("ReleaseBuild"):
        ends[f"acme/shop@{run.execution.input['tag']}"] = run
    for tag, run in ends.items():
        if run.status == "SUCCEEDED":
            assert shown[tag] == run.output["state"], f"{tag}: {shown[tag]}, and {run.output}"


RELEASE_BUILD = Proof(
    state_machine="ReleaseBuild",
    scenarios=[
        Scenario(name="built", about="a release that is built", start=webhook("v1")),
        Scenario(name="broken", about="one that cannot be built", start=webhook("v1-broken")),
        Scenario(
            name="builder-dies", about="the first builder dies", start=webhook("v1-builder-dies")
        ),
        Scenario(
            name="builder-fails",
            about="its disk is full, and the input too large for a letter",
            input={**INPUT, "tag": "v1-disk-full", "note": "x" * 200_000},
            execution_name="release-1-1",
            expect="FAILED",
        ),
        Scenario(
            name="no-completion",
            about="somebody sends what is no completion",
            input=INPUT,
            execution_name="release-1-1",
            prepare=send_no_completion,
        ),
    ],
    dead_letters="ReleaseDeadLetters",
    replay=replay_from("ReleaseLetters"),
    letter_states=LETTER_STATES,
    schedules=("Releases/ReleaseSweep/Hourly",),
    recover=deliver_again,
    effects={"build of": builds},
    invariants=[host_shows_the_end],
    outcomes=("BuildFailed",),
    at_least_once=("CompletionQueueDeadLetters",),
    ignore={
        "ReleaseLetters": "the archive keeps each letter",
        "ReleaseDeliveries": "a delivery that failed is claimed later",
        "ReleaseLostEvents": "a sweep that could not be started; the next one makes up for it",
        "WaitingTasks": "the row of a run that was ended from outside expires",
    },
)
