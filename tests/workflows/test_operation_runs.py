"""Operations over HTTP: links that are polled in S3, and a document that is never wrong for ever.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest

from scripts import replay_dead_letters
from sfnlocal.driver.mocks import Outcome
from sfnlocal.errors import ApiError, LostAnswerError, SfnLocalError
from sfnlocal.template import App
from sfnlocal.testing import CALL, Failure, LocalApp, Run, load
from sfnlocal.triggers.http_messages import HttpResponse
from tests.callers import BAD_TOKENS, ask, bad_token, trust_issuer
from tests.workflows.accidents import Accidents
from tests.workflows.nets import tell_again

API = "OperationApi"
THROTTLED = ApiError("ThrottlingException", "Rate exceeded")
BUSY = Failure("DynamoDb.ThrottlingException", "slow down")
BROKEN = Failure("Broken", "for good")
ORDERS = [f"o-{number}" for number in range(60)]


@pytest.fixture(scope="module")
def office(sfn_app: App) -> Iterator[LocalApp]:
    """Sixty orders of the customer c-7, every tenth of somebody else's."""
    with load(sfn_app) as app:
        app.pause_schedules(except_for=["Operations/OutcomeSweep/Hourly"])
        trust_issuer(app)
        for number, order_id in enumerate(ORDERS):
            app.put_item(
                "Orders",
                {
                    "orderId": order_id,
                    "customerId": "c-7" if number % 10 else "c-8",
                    "status": "PAID",
                    "totalCents": 1250 + number,
                    "currency": "JPY" if number == 2 else "EUR",
                    "shipAt": "2026-01-02T00:00:00Z",
                },
            )
        yield app


@pytest.fixture(scope="module")
def gate(office: LocalApp) -> Accidents:
    gate = Accidents()
    office.session.aws.add_gate(gate)
    return gate


@pytest.fixture
def accidents(office: LocalApp, gate: Accidents) -> Iterator[Accidents]:
    gate.calls.clear()
    yield gate
    gate.end()
    office.session.mocks.clear()
    office.advance(minutes=20)


@pytest.fixture
def key(request: pytest.FixtureRequest, accidents: Accidents) -> str:
    name = str(request.node.name)
    return name.encode("ascii", "replace").decode()[:200].replace(" ", "-")


def post(app: LocalApp, key: str, order_ids: list[str] = ORDERS, **options: Any) -> HttpResponse:
    headers = {"idempotency-key": key}
    body = {"orderIds": order_ids}
    return ask(app, "POST", "/operations", api=API, json=body, headers=headers, **options)


def document(app: LocalApp, links: dict[str, Any]) -> dict[str, Any]:
    """What the client polls."""
    polled = app.request("GET", links["statusUrl"])
    assert polled.status == 200, polled.text
    assert polled.headers["content-type"] == "application/json"
    assert polled.headers["cache-control"] == "no-store"
    found: dict[str, Any] = polled.json
    assert found["operationId"] == links["operationId"]
    return found


def status(app: LocalApp, links: dict[str, Any]) -> str:
    return str(document(app, links)["status"])


def run_of(app: LocalApp, links: dict[str, Any]) -> Run:
    [run] = [
        run for run in app.executions("Operation") if run.execution.name == links["operationId"]
    ]
    return run


def test_the_client_polls_s3_from_accepted_to_the_result(
    office: LocalApp, key: str, accidents: Accidents
) -> None:
    accidents.happen("StartExecution", THROTTLED)
    answered = post(office, key)
    links = answered.json
    assert (answered.status, links["status"]) == (202, "ACCEPTED")
    assert int(answered.headers["retry-after"]) > 0
    accepted = document(office, links)
    assert (accepted["status"], accepted["run"]) == ("ACCEPTED", None)
    assert accepted["progress"] == {"done": 0, "total": 60}
    # The second page takes a while.
    office.mock("Operation", "ReadOrders", [CALL, BUSY, BUSY, BUSY, BUSY, CALL])
    accidents.end()
    seen = []
    for _ in range(150):
        office.advance(seconds=1)
        seen.append((status(office, links), document(office, links)["progress"]["done"]))
    assert list(dict.fromkeys(seen)) == [("ACCEPTED", 0), ("RUNNING", 25), ("SUCCEEDED", 60)]
    assert document(office, links)["result"] == {"orders": 54, "missing": 6}
    result = office.request("GET", links["resultUrl"]).json
    assert [row["orderId"] for row in result["rows"]] == [
        order_id for number, order_id in enumerate(ORDERS) if number % 10
    ]
    assert result["missing"] == ORDERS[::10]
    assert result["rows"][:2] == [
        {
            "orderId": "o-1",
            "status": "PAID",
            "total": "12.51",
            "currency": "EUR",
            "shipAt": "2026-01-02T00:00:00Z",
        },
        {
            "orderId": "o-2",
            "status": "PAID",
            "total": "1252",
            "currency": "JPY",
            "shipAt": "2026-01-02T00:00:00Z",
        },
    ]
    run_of(office, links).assert_succeeded({"operationId": links["operationId"], "orders": 54})


def test_a_link_works_for_an_hour_and_the_same_key_gives_new_ones(
    office: LocalApp, key: str
) -> None:
    first = post(office, key).json
    office.advance(minutes=59)
    assert office.request("GET", first["statusUrl"]).status == 200
    office.advance(minutes=1, seconds=1)
    for link in (first["statusUrl"], first["resultUrl"]):
        assert office.request("GET", link).status == 403
    again = post(office, key).json
    assert again["operationId"] == first["operationId"]
    assert again["linksExpireAt"] > first["linksExpireAt"]
    assert status(office, again) == "SUCCEEDED"
    run_of(office, again)


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        ("PutItem", LostAnswerError("read timeout")),
        ("PutObject", LostAnswerError("read timeout")),
        ("PutObject", THROTTLED),
        ("UpdateItem", LostAnswerError("read timeout")),
        ("SendMessage", LostAnswerError("read timeout")),
        ("GetQueueAttributes", THROTTLED),
    ],
    ids=lambda value: str(value).split(":")[0],
)
def test_a_repeated_request_runs_once_and_never_puts_an_older_status_back(
    office: LocalApp, key: str, accidents: Accidents, operation: str, error: SfnLocalError
) -> None:
    accidents.happen(operation, error)
    refused = post(office, key)
    assert (refused.status, refused.json["error"]) == (503, "TryAgain")
    office.advance(minutes=1)
    accidents.end()
    links = post(office, key).json
    office.advance(seconds=1)
    assert status(office, links) == "SUCCEEDED"
    assert status(office, post(office, key).json) == "SUCCEEDED"
    run_of(office, links)


def test_a_failure_that_a_catch_sees_is_written_and_leaves_a_letter(
    office: LocalApp, key: str
) -> None:
    office.mock("Operation", "FormatPage", [CALL, BROKEN])
    links = post(office, key).json
    office.advance(seconds=1)
    failed = document(office, links)
    assert (failed["status"], failed["error"]) == ("FAILED", "Broken")
    assert failed["progress"] == {"done": 25, "total": 60}
    run_of(office, links).assert_failed("Broken")
    [letter] = office.messages("OperationDeadLetters")
    assert (letter["state"], letter["executionName"]) == ("FormatPage", links["operationId"])
    # The cause is gone; the replay goes on with the same document, and no net spoils it.
    office.session.mocks.clear()
    with redirect_stdout(StringIO()):
        replay_dead_letters.main(
            [
                *("--queue-url", office.queue_url("OperationDeadLetters")),
                *("--table", office.table("OperationLetters"), "--wait-s", "0"),
            ]
        )
    office.advance(seconds=1)
    assert status(office, links) == "SUCCEEDED"
    tell_again(office, run_of(office, links))
    office.advance(minutes=5)
    assert status(office, links) == "SUCCEEDED"


def begun(app: LocalApp, key: str) -> dict[str, Any]:
    """An operation that has read its first page and is held up at the second."""
    app.mock("Operation", "ReadOrders", [CALL, BUSY])
    links: dict[str, Any] = post(app, key).json
    app.advance(milliseconds=1)
    assert document(app, links)["progress"]["done"] == 25
    return links


def test_a_run_that_is_stopped_has_its_end_in_the_document(office: LocalApp, key: str) -> None:
    links = begun(office, key)
    office.session.stop_execution(run_of(office, links).arn, "Stopped", "by hand")
    office.advance(seconds=1)
    failed = document(office, links)
    assert (failed["status"], failed["error"]) == ("FAILED", "Stopped")
    assert failed["progress"] == {"done": 25, "total": 60}
    # Redriven, it goes on where it was, and the event that comes again does no harm.
    office.session.mocks.clear()
    run = run_of(office, links)
    office.client("stepfunctions").redrive_execution(executionArn=run.arn)
    office.advance(seconds=1)
    assert status(office, links) == "SUCCEEDED"
    tell_again(office, run)
    office.advance(minutes=1)
    assert status(office, links) == "SUCCEEDED"


def test_a_run_that_times_out_has_its_end_in_the_document(office: LocalApp, key: str) -> None:
    page: list[Outcome] = [
        *[BUSY] * 6,
        *[Failure("DynamoDb.TransactionCanceledException")] * 8,
        CALL,
    ]
    office.mock("Operation", "ReadOrders", page * 20)
    links = post(office, key, [f"o-{number}" for number in range(500)]).json
    office.advance(minutes=29)
    assert status(office, links) == "RUNNING"
    office.advance(minutes=2)
    assert run_of(office, links).status == "TIMED_OUT"
    failed = document(office, links)
    assert (failed["status"], failed["error"]) == ("FAILED", "TIMED_OUT")
    assert 0 < failed["progress"]["done"] < 500


def test_an_event_that_is_lost_is_made_up_for_within_the_hour(office: LocalApp, key: str) -> None:
    links = begun(office, key)
    office.session.triggers.buses.lose_next({"source": ["aws.states"]}, 1)
    office.session.stop_execution(run_of(office, links).arn)
    office.advance(seconds=30)
    assert status(office, links) == "RUNNING"
    office.advance(hours=1, minutes=1)
    assert status(office, post(office, key).json) == "FAILED"


def test_a_run_that_was_stopped_before_it_wrote_anything(office: LocalApp, key: str) -> None:
    office.mock("Operation", "WriteProgress", [Failure("S3.SlowDownException")])
    links = post(office, key).json
    office.session.stop_execution(run_of(office, links).arn)
    assert status(office, links) == "ACCEPTED"
    office.advance(seconds=1)
    assert status(office, links) == "FAILED"


def test_a_run_that_nobody_has_accepted_has_no_document_to_write(office: LocalApp) -> None:
    """Its net ends well, and no alarm rings. Only who may list the bucket is told NoSuchKey:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""
    by_hand = {"operationId": "by-hand", "customerId": "c-7", "orderIds": ["o-1"]}
    before = len(office.executions("OperationOutcome"))
    run = office.start("Operation", by_hand)
    office.session.stop_execution(run.arn)
    office.advance(seconds=30)
    nets = office.executions("OperationOutcome")[before:]
    assert {net.assert_succeeded().visited[-1] for net in nets} == {"NothingToWrite"}


def test_the_net_leaves_a_later_run_s_document_alone(office: LocalApp, key: str) -> None:
    links = begun(office, key)
    run = run_of(office, links)
    office.session.triggers.buses.lose_next({"source": ["aws.states"]}, 1)
    office.session.stop_execution(run.arn)
    later = office.start("Operation", run.execution.input, f"{links['operationId']}-replay-1")
    office.advance(milliseconds=1)
    assert document(office, links)["run"] == later.execution.name
    tell_again(office, run)
    office.advance(milliseconds=100)
    assert status(office, links) == "RUNNING"


def test_the_estimate_is_the_queue_times_the_mean(
    office: LocalApp, key: str, accidents: Accidents
) -> None:
    office.advance(hours=1)
    alone = post(office, key).json["estimatedSeconds"]
    office.advance(seconds=1)
    accidents.happen("StartExecution", THROTTLED)
    waiting = [post(office, f"{key}-{n}").json["estimatedSeconds"] for n in range(3)]
    mean_s = mean_of_the_day(office)
    assert mean_s > 1
    assert waiting == [round((n + 1) * mean_s) for n in range(3)]
    assert alone == round(mean_s)


def mean_of_the_day(app: LocalApp) -> float:
    """As CloudWatch has it at the last full hour."""
    hour = app.now.replace(minute=0, second=0, microsecond=0)
    machine = app.session.find("Operation").arn
    answer = app.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/States",
        MetricName="ExecutionTime",
        Dimensions=[{"Name": "StateMachineArn", "Value": machine}],
        StartTime=hour - timedelta(days=1),
        EndTime=hour,
        Period=86_400,
        Statistics=["Average"],
    )
    return float(answer["Datapoints"][0]["Average"]) / 1000


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "operation must contain ['orderIds']"),
        ([], "operation must be object"),
        ({"orderIds": []}, "operation.orderIds must contain at least 1"),
        ({"orderIds": ["o-1", "o 1"]}, "operation.orderIds[1] must match pattern"),
        ({"orderIds": ["o-1", "o-1"]}, "operation.orderIds must contain unique items"),
        ({"orderIds": [f"o-{n}" for n in range(501)]}, "must contain less than or equal to 500"),
        ({"orderIds": ["o-1"], "kind": "all"}, "operation must not contain {'kind'}"),
    ],
)
def test_a_bad_request_is_refused_by_its_field(
    office: LocalApp, accidents: Accidents, body: Any, message: str
) -> None:
    headers = {"idempotency-key": "bad"}
    refused = ask(office, "POST", "/operations", api=API, json=body, headers=headers)
    assert (refused.status, refused.json["error"]) == (400, "OperationInvalid")
    assert message in refused.json["message"]
    assert not [call for call in accidents.calls if call.service in ("dynamodb", "s3", "sqs")]


def test_too_much_is_refused_and_another_body_with_the_same_key(office: LocalApp, key: str) -> None:
    assert post(office, key, ["o" * 70_000]).status == 413
    assert post(office, key, ["o-1"]).status == 202
    assert post(office, key, ["o-2"]).json["error"] == "IdempotencyKeyReused"


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_who_has_no_token_of_the_issuer_starts_nothing(
    office: LocalApp, accidents: Accidents, name: str
) -> None:
    headers = {"idempotency-key": "k", **bad_token(office, name)}
    refused = office.request("POST", "/operations", api=API, headers=headers, json={})
    assert (refused.status, refused.json) == (401, {"message": "Unauthorized"})
    assert accidents.calls == []


def test_five_hundred_orders_fit(office: LocalApp, key: str) -> None:
    longest = [f"{number:03}" + "x" * 61 for number in range(500)]
    links = post(office, key, longest).json
    office.advance(seconds=1)
    run_of(office, links).assert_succeeded()
    assert json.loads(office.request("GET", links["resultUrl"]).body)["missing"] == longest
