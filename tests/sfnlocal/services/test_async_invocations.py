"""Events that functions get asynchronously: when they are tried again, and what is left of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource

from .conftest import FUNCTION_ARN, NOW_MS, QUEUE_ARN, Functions, alias, make_app, resource, version

FAILS = "def handler(event, context):\n    raise ValueError('no')"
SLEEPS = (
    "import time\ndef handler(event, context):\n    time.sleep(event['seconds'])\n    return 'up'"
)
TOPIC_ARN = QUEUE_ARN.replace(":sqs:", ":sns:") + "t"
BUS_ARN = QUEUE_ARN.replace(":sqs:", ":events:") + "event-bus/b"

Open = Callable[..., Session]


class Sent:
    """Answers the services that records go to, and keeps what they are sent."""

    def __init__(self, session: Session, *refusing: str) -> None:
        self.calls: list[tuple[str, str, dict[str, Json]]] = []
        for service in ("sqs", "sns", "events", "s3"):
            session.aws.route(service, self._answering(service, service in refusing))

    def _answering(self, service: str, refuses: bool) -> Any:
        def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
            if refuses:
                raise ApiError("AccessDenied", "no")
            self.calls.append((service, operation, params))
            return {"MessageId": "m"}

        return answer


@pytest.fixture
def open_session(functions: Functions) -> Iterator[Open]:
    opened: list[Session] = []

    def open_(*resources: Resource) -> Session:
        app: App = make_app(*resources, functions=tuple(functions.made))
        opened.append(Session(app, start_ms=NOW_MS))
        return opened[-1].__enter__()

    yield open_
    for session in opened:
        session.__exit__(None, None, None)


def config(function: str = "f", **properties: Any) -> Resource:
    name = f"{function}{properties.get('Qualifier', '')}Config"
    return resource("AWS::Lambda::EventInvokeConfig", name, FunctionName=function, **properties)


def on(**destinations: str) -> dict[str, Json]:
    return {name: {"Destination": arn} for name, arn in destinations.items()}


def send(session: Session, payload: Json, function: str = "f") -> None:
    params = {
        "FunctionName": function,
        "InvocationType": "Event",
        "Payload": json.dumps(payload).encode(),
    }
    assert session.aws.call("lambda", "Invoke", params)["StatusCode"] == 202


def seconds(session: Session) -> float:
    return (session.now_ms - NOW_MS) / 1000


def test_the_record_of_a_failed_event_says_what_happened(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", FAILS)
    session = open_session(config(DestinationConfig=on(OnFailure=QUEUE_ARN + "q")))
    sent, ids = Sent(session), []
    session.functions.observe(lambda name, answer: ids.append(answer.request_id))
    send(session, {"a": 1})
    session.run_until_idle()
    assert (len(ids), len(set(ids)), seconds(session)) == (3, 1, 180)
    [(service, operation, params)] = sent.calls
    assert (service, operation) == ("sqs", "SendMessage")
    assert params["QueueUrl"].endswith("/q")
    record = json.loads(params["MessageBody"])
    assert record.pop("responsePayload")["errorMessage"] == "no"
    assert record == {
        "version": "1.0",
        "timestamp": "2026-01-01T00:03:00.000Z",
        "requestContext": {
            "requestId": ids[0],
            "functionArn": f"{FUNCTION_ARN}f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"a": 1},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
    }


def test_the_record_of_a_success_is_sent_when_the_function_has_ended(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", SLEEPS, timeout_seconds=60)
    session = open_session(config(DestinationConfig=on(OnSuccess=BUS_ARN)))
    sent = Sent(session)
    send(session, {"seconds": 30})
    session.run_until_idle()
    assert seconds(session) == 30
    [(_, operation, params)] = sent.calls
    [entry] = params["Entries"]
    record = json.loads(entry.pop("Detail"))
    assert (operation, record["timestamp"]) == ("PutEvents", "2026-01-01T00:00:30.000Z")
    assert record["requestContext"]["condition"] == "Success"
    assert (record["responsePayload"], record["responseContext"]) == (
        "up",
        {"statusCode": 200, "executedVersion": "$LATEST"},
    )
    assert entry == {
        "EventBusName": BUS_ARN,
        "Source": "lambda",
        "DetailType": "Lambda Function Invocation Result - Success",
        "Resources": [f"{FUNCTION_ARN}f:$LATEST", BUS_ARN],
    }


@pytest.mark.parametrize(
    ("destination", "service", "operation"),
    [
        (QUEUE_ARN + "q", "sqs", "SendMessage"),
        (TOPIC_ARN, "sns", "Publish"),
        (BUS_ARN, "events", "PutEvents"),
        ("arn:aws:s3:::records", "s3", "PutObject"),
    ],
)
def test_a_record_goes_to_each_kind_of_destination(
    functions: Functions, open_session: Open, destination: str, service: str, operation: str
) -> None:
    functions.add("f", FAILS)
    session = open_session(
        config(MaximumRetryAttempts=0, DestinationConfig=on(OnFailure=destination))
    )
    sent = Sent(session)
    send(session, {})
    session.run_until_idle()
    assert [call[:2] for call in sent.calls] == [(service, operation)]
    assert [entry.target_arn for entry in session.aws.timeline] == [destination]
    if service == "s3":
        assert sent.calls[0][2]["Key"].startswith("aws/lambda/async/f/2026/01/01/2026-01-01T00.00.")


def test_a_function_may_be_the_destination(functions: Functions, open_session: Open) -> None:
    functions.add("f", "def handler(event, context):\n    return event")
    functions.add("after", "def handler(event, context):\n    return event['responsePayload']")
    session = open_session(config(DestinationConfig=on(OnSuccess=FUNCTION_ARN + "after")))
    answers: list[Json] = []
    session.functions.observe(lambda name, answer: answers.append((name, answer.payload)))
    send(session, 7)
    session.run_until_idle()
    assert answers == [("f", 7), ("after", 7)]


@pytest.mark.parametrize(("retries", "ended"), [(0, 0), (1, 60), (2, 180)])
def test_retries_are_as_many_as_are_set(
    functions: Functions, open_session: Open, retries: int, ended: int
) -> None:
    functions.add("f", FAILS)
    session = open_session(config(MaximumRetryAttempts=retries))
    send(session, {})
    session.run_until_idle()
    assert seconds(session) == ended
    [entry] = session.aws.timeline
    assert (entry.why.rpartition(" ")[2], entry.error) == ("RetriesExhausted", "no")


def test_an_event_that_gets_too_old_between_two_attempts_is_given_up_then(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", FAILS)
    session = open_session(
        config(MaximumEventAgeInSeconds=90, DestinationConfig=on(OnFailure=QUEUE_ARN + "q"))
    )
    sent = Sent(session)
    send(session, {})
    session.run_until_idle()
    record = json.loads(sent.calls[0][2]["MessageBody"])
    assert seconds(session) == 90
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 2


def test_an_event_waits_longer_and_longer_while_its_function_is_throttled(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", SLEEPS, timeout_seconds=600)
    session = open_session()
    session.aws.call(
        "lambda",
        "PutFunctionConcurrency",
        {"FunctionName": "f", "ReservedConcurrentExecutions": 1},
    )
    began: list[float] = []
    session.functions.observe(lambda name, answer: began.append(seconds(session)))
    for wanted in (500, 0):
        send(session, {"seconds": wanted})
    session.run_until_idle()
    assert began == [0, 511]


def test_a_throttled_event_is_given_up_after_six_hours(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", SLEEPS, timeout_seconds=900)
    session = open_session()
    session.aws.call(
        "lambda",
        "PutFunctionConcurrency",
        {"FunctionName": "f", "ReservedConcurrentExecutions": 1},
    )
    for _ in range(40):
        send(session, {"seconds": 899})
    session.run_until_idle()
    given_up = [entry for entry in session.aws.timeline if "EventAgeExceeded" in entry.why]
    assert given_up
    assert {entry.at_ms - NOW_MS for entry in given_up} == {6 * 3_600_000}


def test_without_concurrency_an_event_is_given_up_at_once(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", FAILS)
    session = open_session(config(DestinationConfig=on(OnFailure=QUEUE_ARN + "q")))
    session.aws.call(
        "lambda",
        "PutFunctionConcurrency",
        {"FunctionName": "f", "ReservedConcurrentExecutions": 0},
    )
    sent = Sent(session)
    send(session, {})
    session.run_until_idle()
    record = json.loads(sent.calls[0][2]["MessageBody"])
    assert (seconds(session), record["requestContext"]["approximateInvokeCount"]) == (0, 0)
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record.keys() == {"version", "timestamp", "requestContext", "requestPayload"}


def test_an_event_is_dropped_with_its_function(functions: Functions, open_session: Open) -> None:
    functions.add("f", FAILS)
    session = open_session()
    send(session, {})
    session.aws.call("lambda", "DeleteFunction", {"FunctionName": "f"})
    session.run_until_idle()
    assert [entry.why.rpartition(" ")[2] for entry in session.aws.timeline] == ["dropped"]


@pytest.mark.parametrize("service", ["sqs", "sns"])
def test_the_dead_letter_is_the_event_with_the_error_in_its_attributes(
    functions: Functions, open_session: Open, service: str
) -> None:
    made = functions.add("f", FAILS)
    arn = QUEUE_ARN + "dead" if service == "sqs" else TOPIC_ARN
    with_letters = {"DeadLetterConfig": {"TargetArn": arn}}
    functions.made[0] = replace(made, resource=replace(made.resource, properties=with_letters))
    session = open_session(config(MaximumRetryAttempts=0))
    sent = Sent(session)
    send(session, {"a": 1})
    session.run_until_idle()
    [(called, _, params)] = sent.calls
    attributes = params["MessageAttributes"]
    assert (called, params.get("MessageBody") or params["Message"]) == (service, '{"a": 1}')
    assert attributes.keys() == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert attributes["ErrorCode"] == {"DataType": "Number", "StringValue": "200"}
    assert attributes["ErrorMessage"] == {"DataType": "String", "StringValue": "no"}


def test_each_version_and_alias_has_its_own_configuration(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", FAILS)
    session = open_session(
        version("f", "1"),
        alias("f", "live", "1"),
        config(MaximumRetryAttempts=2),
        config(MaximumRetryAttempts=0, Qualifier="live"),
    )
    sent: list[float] = []
    session.functions.observe(lambda name, answer: sent.append(seconds(session)))
    send(session, {}, "f:live")
    session.run_until_idle()
    assert sent == [0]


def test_a_record_that_cannot_be_sent_is_counted_and_named(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", FAILS)
    session = open_session(
        config(MaximumRetryAttempts=0, DestinationConfig=on(OnFailure=QUEUE_ARN + "q"))
    )
    Sent(session, "sqs")
    send(session, {})
    session.run_until_idle()
    assert [entry.error for entry in session.aws.timeline] == ["AccessDenied: no"]
    dimensions = {"FunctionName": "f"}
    counted = session.aws.metrics.metric("AWS/Lambda", "DestinationDeliveryFailures", dimensions)
    assert [*counted.starts_ms(NOW_MS, NOW_MS + 1)] == [NOW_MS]


def test_an_event_of_more_than_a_mebibyte_is_refused(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f", FAILS)
    session = open_session()
    with pytest.raises(ApiError, match="smaller than 1048576 bytes") as raised:
        send(session, "x" * 1_048_576)
    assert raised.value.http_status == 413


def test_configurations_are_put_updated_listed_and_deleted(
    functions: Functions, open_session: Open
) -> None:
    functions.add("f")
    aws = open_session(version("f", "1")).aws
    name = {"FunctionName": "f"}
    given = {"MaximumRetryAttempts": 1, "DestinationConfig": on(OnFailure=QUEUE_ARN + "q")}
    put = aws.call("lambda", "PutFunctionEventInvokeConfig", {**name, **given})
    assert put == {
        "LastModified": NOW_MS / 1000,
        "FunctionArn": f"{FUNCTION_ARN}f:$LATEST",
        "DestinationConfig": {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE_ARN + "q"}},
        "MaximumRetryAttempts": 1,
    }
    updated = aws.call(
        "lambda", "UpdateFunctionEventInvokeConfig", {**name, "MaximumEventAgeInSeconds": 60}
    )
    assert updated == {**put, "MaximumEventAgeInSeconds": 60}
    assert aws.call("lambda", "GetFunctionEventInvokeConfig", name) == updated
    aws.call(
        "lambda",
        "PutFunctionEventInvokeConfig",
        {**name, "Qualifier": "1", "MaximumRetryAttempts": 0},
    )
    listed = aws.call("lambda", "ListFunctionEventInvokeConfigs", name)
    assert [one["FunctionArn"][-3:] for one in listed["FunctionEventInvokeConfigs"]] == [
        "EST",
        "f:1",
    ]
    # Putting replaces all of it.
    replaced = aws.call("lambda", "PutFunctionEventInvokeConfig", name)
    assert replaced.keys() == {"LastModified", "FunctionArn", "DestinationConfig"}
    aws.call("lambda", "DeleteFunctionEventInvokeConfig", name)
    with pytest.raises(ApiError, match="doesn't have an EventInvokeConfig"):
        aws.call("lambda", "GetFunctionEventInvokeConfig", name)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"MaximumRetryAttempts": 3}, "MaximumRetryAttempts is 3"),
        ({"MaximumEventAgeInSeconds": 59}, "from 60 to 21600"),
        ({"DestinationConfig": on(OnSuccess="arn:aws:s3:::b")}, "OnSuccess is invalid"),
        ({"DestinationConfig": on(OnFailure="arn:aws:dynamodb:::b")}, "OnFailure is invalid"),
        ({"DestinationConfig": on(OnFailure=FUNCTION_ARN + "f")}, "destination for itself"),
        ({"Qualifier": "none"}, "Function not found"),
    ],
)
def test_a_configuration_that_aws_refuses_is_named_at_load(
    functions: Functions, open_session: Open, properties: dict[str, Json], reason: str
) -> None:
    functions.add("f")
    with pytest.raises(InputError, match=reason) as raised:
        open_session(config(**properties))
    assert raised.value.where.startswith("stack.json#/Resources/f")
