"""Release builds: webhooks that are believed, one build a release, builders that die.

Sources: https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-wait-token
https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html (a name is
taken once)
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
(isBase64Encoded)
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import pytest

from examples.webhooks import a_release, send_webhook
from scripts import replay_dead_letters
from sfnlocal.errors import ApiError, LostAnswerError
from sfnlocal.testing import CALL, Failure, LocalApp, Run, Success
from tests.workflows.accidents import Accidents

THROTTLED = ApiError("ThrottlingException", "Rate exceeded")
LOST = LostAnswerError()
DIED = Failure("States.HeartbeatTimeout", "not heard of")


@pytest.fixture
def office(sfn: LocalApp) -> LocalApp:
    sfn.pause_schedules()
    return sfn


@pytest.fixture
def accidents(office: LocalApp) -> Iterator[Accidents]:
    gate = Accidents()
    office.session.aws.add_gate(gate)
    yield gate
    gate.end()


def told(app: LocalApp, tag: str = "v1.4.0") -> Run:
    """The host tells of a release; the run of its build, when nothing goes on any more."""
    answered = send_webhook(app, a_release(app, tag))
    assert answered.status == 202, answered.text
    app.run_until_idle()
    return run_of(app)


def run_of(app: LocalApp) -> Run:
    [run] = app.executions("ReleaseBuild")
    return run


def status(app: LocalApp, tag: str = "v1.4.0") -> str:
    """What the host shows at the tag's commit."""
    found = {one["tag"]: one for one in app.items("CommitStatuses")}
    return str(found[f"acme/shop@{tag}"]["state"])


def letters(app: LocalApp) -> list[Any]:
    return app.messages("ReleaseDeadLetters")


# From the webhook to the artifact


def test_a_release_is_built_and_the_host_hears_of_it(office: LocalApp) -> None:
    answered = send_webhook(office, a_release(office))
    assert (answered.status, answered.json) == (202, {"buildId": "release-815-4711"})
    office.run_until_idle()
    run = run_of(office).assert_succeeded()
    assert run.execution.name == "release-815-4711"
    assert run.visited == [
        "ReportPending",
        "NoteBuild",
        "Build",
        "ForgetBuild",
        "ReportResult",
        "Reported",
    ]
    assert run.output == {
        "repository": "acme/shop",
        "tag": "v1.4.0",
        "state": "success",
        "artifact": "acme/shop/v1.4.0.tar.gz",
    }
    assert status(office) == "success"
    assert office.items("WaitingTasks") == []
    assert letters(office) == []


def test_a_release_that_cannot_be_built_is_an_answer_and_no_dead_letter(office: LocalApp) -> None:
    run = told(office, "v1-broken").assert_succeeded()
    assert run.output == {"repository": "acme/shop", "tag": "v1-broken", "state": "failure"}
    assert run.attempts("Build") == 1
    assert status(office, "v1-broken") == "failure"
    assert office.items("WaitingTasks") == []
    assert letters(office) == []


def test_a_failure_without_a_cause_is_an_answer_too(office: LocalApp) -> None:
    office.mock("ReleaseBuild", "Build", [Failure("BuildFailed")])
    told(office).assert_succeeded()
    [item] = office.items("CommitStatuses")
    assert (item["state"], item["description"]) == ("failure", "cannot be built")


# Which webhooks are believed


@pytest.mark.parametrize("content_type", ["application/json", "application/octet-stream"])
def test_the_raw_bytes_are_signed_whether_they_come_as_text_or_as_base64(
    office: LocalApp, content_type: str
) -> None:
    body = json.dumps(a_release(office, "v1-grün"), ensure_ascii=False, indent=1).encode()
    assert send_webhook(office, body, content_type=content_type).status == 202
    office.run_until_idle()
    assert run_of(office).assert_succeeded().output["tag"] == "v1-grün"


def test_a_delivery_that_is_repeated_is_refused(office: LocalApp) -> None:
    release = a_release(office)
    assert send_webhook(office, release).status == 202
    for delivery in ("d-1", "d-2"):
        again = send_webhook(office, release, delivery=delivery)
        assert (again.status, again.json["error"]) == (409, "DeliveryRepeated")
    office.run_until_idle()
    office.advance(days=2)
    assert send_webhook(office, release).status == 409
    run_of(office).assert_succeeded()


def test_a_delivery_is_old_before_it_is_forgotten(office: LocalApp) -> None:
    release = a_release(office)
    assert send_webhook(office, release).status == 202
    office.advance(days=3, minutes=1)
    assert len(office.items("ReleaseDeliveries")) == 1
    old = send_webhook(office, release)
    assert (old.status, old.json["error"]) == (400, "ReleaseNotNew")
    office.advance(days=10)
    assert office.items("ReleaseDeliveries") == []
    assert send_webhook(office, release).status == 400
    run_of(office)


def test_a_release_is_built_once_however_many_deliveries_tell_of_it(office: LocalApp) -> None:
    release = a_release(office)
    assert send_webhook(office, release).status == 202
    assert send_webhook(office, {**release, "action": "released"}, delivery="d-2").status == 202
    office.run_until_idle()
    # Another one, when the build has long been done.
    office.advance(hours=30)
    edited = {**release, "sender": {"login": "bob"}}
    assert send_webhook(office, edited, delivery="d-3").status == 202
    office.run_until_idle()
    run_of(office).assert_succeeded()
    assert office.messages("ReleaseBufferQueueDeadLetters") == []


@pytest.mark.parametrize("operation", ["PutItem", "SendMessage", "UpdateItem", "GetSecretValue"])
@pytest.mark.parametrize("error", [THROTTLED, LOST], ids=["refused", "lost"])
def test_a_delivery_that_was_not_taken_may_come_again(
    office: LocalApp, accidents: Accidents, operation: str, error: Any
) -> None:
    accidents.happen(operation, error)
    release = a_release(office)
    assert send_webhook(office, release).status == 503
    accidents.end()
    # Noted as queued, though the answer was lost: it is in the queue.
    again = 409 if (operation, error) == ("UpdateItem", LOST) else 202
    assert send_webhook(office, release).status == again
    office.run_until_idle()
    run_of(office).assert_succeeded()


# Builders


def test_a_builder_that_dies_is_noticed_and_the_build_goes_to_another(office: LocalApp) -> None:
    answered = send_webhook(office, a_release(office, "v1-builder-dies"))
    assert answered.status == 202
    office.advance(seconds=100)
    assert run_of(office).attempts("Build") == 1
    # Two minutes without a word, and half a minute's pause.
    office.advance(seconds=60)
    run = run_of(office).assert_succeeded()
    assert run.attempts("Build") == 2
    assert status(office, "v1-builder-dies") == "success"


def test_when_every_builder_dies_there_is_one_letter_and_the_host_hears_of_an_error(
    office: LocalApp,
) -> None:
    run = told(office, "v1-builders-die")
    assert run.status == "FAILED"
    assert run.attempts("Build") == 7
    assert status(office, "v1-builders-die") == "error"
    [letter] = letters(office)
    assert (letter["state"], letter["error"]) == ("Build", "States.Timeout")
    assert letter["attempts"] == 7
    assert office.items("WaitingTasks") == []


def test_a_letter_is_replayed_when_builders_are_back(office: LocalApp) -> None:
    office.mock("ReleaseBuild", "Build", [*[DIED] * 7, CALL])
    assert told(office).status == "FAILED"
    with redirect_stdout(StringIO()):
        code = replay_dead_letters.main(
            [
                *("--queue-url", office.queue_url("ReleaseDeadLetters")),
                *("--table", office.table("ReleaseLetters")),
                *("--wait-s", "0"),
            ]
        )
    office.run_until_idle()
    assert code == 0
    replay = office.executions("ReleaseBuild")[-1].assert_succeeded()
    assert replay.execution.name == "release-815-4711-replay-1"
    assert status(office) == "success"
    assert letters(office) == []


def test_a_job_that_nobody_takes_in_time_is_handed_out_again(office: LocalApp) -> None:
    office.session.aws.call(
        "lambda",
        "UpdateEventSourceMapping",
        {"UUID": mapping_of(office, "BuilderQueue"), "Enabled": False},
    )
    send_webhook(office, a_release(office))
    office.advance(minutes=4)
    assert len(office.messages("BuilderQueue")) == 2
    office.session.aws.call(
        "lambda",
        "UpdateEventSourceMapping",
        {"UUID": mapping_of(office, "BuilderQueue"), "Enabled": True},
    )
    office.advance(minutes=1)
    # The first job's token was over: what its builder told changed nothing.
    run_of(office).assert_succeeded()
    assert office.messages("CompletionQueueDeadLetters") == []


def mapping_of(app: LocalApp, queue: str) -> str:
    listed = app.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    [found] = [one["UUID"] for one in listed if f"-{queue}" in one["EventSourceArn"]]
    return str(found)


def test_a_builder_that_gives_no_artifact_leads_to_a_letter(office: LocalApp) -> None:
    office.mock("ReleaseBuild", "Build", [Success({})])
    run = told(office)
    assert run.status == "FAILED"
    [letter] = letters(office)
    assert (letter["state"], letter["error"]) == ("Build", "States.QueryEvaluationError")
    assert status(office) == "error"


# The source host


def test_a_build_does_not_hang_on_its_first_status(office: LocalApp) -> None:
    office.mock("ReleaseBuild", "ReportPending", [Failure("SourceHostRefused")])
    run = told(office).assert_succeeded()
    assert "Build" in run.visited
    assert status(office) == "success"


def test_a_host_with_an_outage_of_minutes_is_waited_for(office: LocalApp) -> None:
    office.put_item("CommitStatuses", {"tag": "#outage", "down": True})
    send_webhook(office, a_release(office))
    office.advance(seconds=30)
    assert run_of(office).attempts("ReportPending") > 1
    office.put_item("CommitStatuses", {"tag": "#outage", "down": False})
    office.run_until_idle()
    run_of(office).assert_succeeded()
    assert status(office) == "success"


def test_a_tag_that_is_gone_is_a_letter(office: LocalApp) -> None:
    run = told(office, "v1-gone")
    assert run.status == "FAILED"
    [letter] = letters(office)
    assert (letter["state"], letter["error"]) == ("ReportResult", "SourceHostRefused")
    assert "compensationFailure" not in letter


@pytest.mark.parametrize("state", ["NoteBuild", "ForgetBuild", "ReportResult"])
def test_what_fails_for_good_leads_to_one_letter(office: LocalApp, state: str) -> None:
    office.mock("ReleaseBuild", state, [Failure("Broken", "for good")])
    assert told(office).status == "FAILED"
    [letter] = letters(office)
    assert (letter["state"], letter["error"]) == (state, "Broken")
    assert status(office) == ("pending" if state == "ReportResult" else "error")


def test_a_failed_compensation_is_told_in_the_letter(office: LocalApp) -> None:
    office.mock("ReleaseBuild", "Build", [Failure("Broken", "for good")])
    office.mock("ReleaseBuild", "ForgetLostBuild", [Failure("Busy")])
    assert told(office).status == "FAILED"
    [letter] = letters(office)
    assert (letter["state"], letter["error"]) == ("Build", "Broken")
    assert letter["compensationFailure"]["state"] == "ForgetLostBuild"
    assert status(office) == "error"
    # Its row expires.
    assert len(office.items("WaitingTasks")) == 1
    office.advance(days=3)
    assert office.items("WaitingTasks") == []
