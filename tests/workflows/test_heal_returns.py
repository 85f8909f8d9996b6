"""Heals whose function another operation has: who comes back, how often, and who is told; and what
a heal that is replayed makes up for.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
(an alarm's event comes once, when its state changes)
"""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.ports import Json
from sfnlocal.testing import CALL, Failure, LocalApp, Run
from tests.workflows.versions import BUG, alias, configure, deploy, go_live, name_of

FUNCTION = "ReserveStock"
UPGRADE = {"target": FUNCTION, "bakeSeconds": 240, "percent": 50}


@pytest.fixture
def paged(sfn: LocalApp) -> list[dict[str, str]]:
    """What people were told."""
    sfn.pause_schedules()
    told: list[dict[str, str]] = []

    def listen(service: str, operation: str, params: Json, _response: Json) -> None:
        if (service, operation) == ("sns", "Publish"):
            told.append(params)

    sfn.session.aws.observe(listen)
    return told


def alarm_of(app: LocalApp) -> dict[str, Any]:
    targets = app.session.find("Heal").definition["States"]["Begin"]["Assign"]["targets"]
    [found] = [one["alarm"] for one in targets if one["target"] == FUNCTION]
    return {"alarm": found, "startedBy": "rule Alarms"}


def held(app: LocalApp, by: str) -> None:
    until = "2027-01-01T00:00:00.000Z"
    name = f"function {name_of(app, FUNCTION)}"
    app.put_item("Leases", {"target": name, "heldBy": by, "heldUntil": until})


def heal(app: LocalApp, **asked: Any) -> Run:
    return app.start("Heal", asked)


def test_a_heal_that_an_alarm_started_comes_back_after_the_upgrade(
    sfn: LocalApp, paged: list[dict[str, str]]
) -> None:
    """The new version is as bad as the one that is live, so the upgrade brings it."""
    for source in (BUG, f"{BUG}# again\n"):
        deploy(sfn, FUNCTION, source)
        if source == BUG:
            go_live(sfn, FUNCTION)
    upgrade = sfn.start("Upgrade", UPGRADE)
    sfn.advance(seconds=1)
    run = heal(sfn, **alarm_of(sfn))
    sfn.advance(minutes=7)
    assert run.execution.status == "RUNNING"
    assert run.attempts("TakeLease") == 4
    sfn.advance(minutes=4)
    assert upgrade.output["outcome"] == "UPGRADED"
    assert run.output["outcome"] == "HEALED"
    assert alias(sfn, FUNCTION) == ("1", {})
    assert [one["Subject"] for one in paged] == [f"HEALED: {FUNCTION}"]


def test_who_comes_back_too_often_is_refused_and_people_are_told(
    sfn: LocalApp, paged: list[dict[str, str]]
) -> None:
    held(sfn, "arn:aws:states:us-east-1:123456789012:execution:Upgrade:u-1")
    run = heal(sfn, **alarm_of(sfn))
    sfn.advance(minutes=21)
    assert run.output["outcome"] == "REFUSED"
    assert "is being worked on by arn:aws:states" in run.output["reason"]
    assert ":execution:Upgrade:u-1 until 2027-01-01T00:00" in run.output["reason"]
    assert run.attempts("TakeLease") == 11
    [message] = paged
    assert message["Subject"] == f"REFUSED: {FUNCTION}"
    assert "Once more: aws stepfunctions start-execution" in message["Message"]
    assert f'--input \'{{"target":"{FUNCTION}"}}\'\n' in message["Message"]
    # The other run's lease is not this one's to give back.
    assert len(sfn.items("Leases")) == 1


def test_one_by_hand_and_one_that_finds_a_heal_are_refused_at_once(
    sfn: LocalApp, paged: list[dict[str, str]]
) -> None:
    machine = sfn.session.find("Heal").arn.replace(":stateMachine:", ":execution:")
    held(sfn, f"{machine}:h-1")
    for asked in ({"target": FUNCTION}, alarm_of(sfn), {**alarm_of(sfn), "dryRun": True}):
        run = sfn.run("Heal", asked)
        assert run.output["outcome"] == "REFUSED", asked
        assert run.attempts("TakeLease") == 1, asked
    assert paged == []


def test_who_cannot_be_told_who_it_is_is_refused_all_the_same(sfn: LocalApp) -> None:
    held(sfn, "another")
    sfn.mock("Heal", "TakeLeaseHolder", [Failure("DynamoDB.Broken", "for good")])
    run = sfn.run("Heal", {"target": FUNCTION})
    assert run.output["outcome"] == "REFUSED"
    assert "was being worked on by another run just now: start again" in run.output["reason"]


def test_the_replay_of_a_heal_tells_what_the_first_run_could_not(
    sfn: LocalApp, paged: list[dict[str, str]]
) -> None:
    deploy(sfn, FUNCTION, BUG)
    go_live(sfn, FUNCTION)
    sfn.mock("Heal", "Announce", [Failure("EventBridge.Broken", "for good"), CALL])
    sfn.run("Heal", {"target": FUNCTION}, "h-1").assert_failed("EventBridge.Broken")
    written = [entry["detail"] for entry in sfn.items("Audit") if (entry["phase"]) == "AFTER"]
    assert len(written) == 1
    assert '"outcome":"FAILED"' in written[0]
    again = sfn.run("Heal", {"target": FUNCTION}, "h-1-replay-1")
    assert again.output["outcome"] == "HEALTHY"
    assert again.attempts("Announce") == 1
    # A heal that replaces none tells nobody that all is well.
    assert sfn.run("Heal", {"target": FUNCTION}, "h-2").attempts("Announce") == 0


def test_a_deployment_meanwhile_is_not_released_by_a_heal(sfn: LocalApp) -> None:
    """The same code with another environment is another version, too."""
    deploy(sfn, FUNCTION, BUG)
    go_live(sfn, FUNCTION)
    sfn.client("lambda").delete_function(FunctionName=name_of(sfn, FUNCTION), Qualifier="1")
    configure(sfn, FUNCTION, LOOK="new")
    run = sfn.run("Heal", {"target": FUNCTION})
    assert run.output["outcome"] == "NOT_HEALED"
    assert alias(sfn, FUNCTION) == ("2", {})
