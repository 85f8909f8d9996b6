"""Event source mappings: what their functions get, when, and what is left in the queues."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError, NeedsAwsError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template.properties import PartlyResolved
from sfnlocal.template.resources import Function, Resource
from sfnlocal.triggers.batch_item_failures import failed_messages
from sfnlocal.triggers.mappings import refusals

from .queue_app import (
    ACCOUNT,
    FUNCTION_ARN,
    QUEUE_ARN,
    QUEUE_URL,
    REGION,
    START_MS,
    Batches,
    body_text,
    function,
    left,
    make_app,
    mapping,
    queue,
    resource,
    seconds,
    send,
)

DATA = json.loads((Path(__file__).parent / "data/mapping_scenarios.json").read_text())
DEAD = QUEUE_ARN + "dead"

Open = Callable[..., Session]


@pytest.fixture
def open_session() -> Iterator[Open]:
    opened: list[Session] = []

    def open_(*resources: Resource, functions: tuple[Function, ...] = ()) -> Session:
        opened.append(Session(make_app(*resources, functions=functions), start_ms=START_MS))
        return opened[-1].__enter__()

    yield open_
    for session in opened:
        session.__exit__(None, None, None)


@pytest.mark.parametrize("scenario", DATA["scenarios"], ids=lambda one: one["name"])
def test_scenarios(scenario: dict[str, Any], tmp_path: Path, open_session: Open) -> None:
    assert scenario["source"] in DATA["sources"]
    name = scenario.get("queue_name", "q")
    options = dict(scenario.get("function", {}))
    reserved = options.pop("reserved", None)
    session = open_session(
        queue(name, **{"VisibilityTimeout": 30, **_with_dead(scenario.get("queue", {}))}),
        queue("dead"),
        mapping(name, **scenario.get("mapping", {})),
        functions=(function(tmp_path, **options),),
    )
    if reserved is not None:
        params = {"FunctionName": "f", "ReservedConcurrentExecutions": reserved}
        session.aws.call("lambda", "PutFunctionConcurrency", params)
    batches = Batches(session)
    for one in scenario["send"]:
        _send(session, name, one)
    session.run_until_idle()
    got = [(at, names) for at, names in batches.got]
    assert got == [(at, names) for at, names in scenario["batches"]]
    assert (left(session, name), left(session, "dead")) == (
        scenario.get("left", []),
        scenario.get("dead", []),
    )
    if "ended" in scenario:
        assert seconds(session) == scenario["ended"]


def _with_dead(properties: dict[str, Json]) -> dict[str, Json]:
    policy = properties.get("RedrivePolicy")
    if policy is None:
        return properties
    return {**properties, "RedrivePolicy": {**policy, "deadLetterTargetArn": DEAD}}


def _send(session: Session, name: str, one: Json) -> None:
    more: dict[str, Json] = {}
    if isinstance(one, dict):
        if "group" in one:
            more = {"MessageGroupId": one["group"], "MessageDeduplicationId": one["id"]}
        if "after" in one:
            at_ms = START_MS + one["after"] * 1000
            session.at(at_ms, lambda: send(session, name, one["body"]))
            return
        one = one.get("json", one)
    send(session, name, one, **more)


def test_the_function_gets_the_event_that_lambda_makes(tmp_path: Path, open_session: Open) -> None:
    echo = "import json\ndef handler(event, context):\n    print(json.dumps(event))"
    session = open_session(queue("q"), mapping(), functions=(function(tmp_path, source=echo),))
    events: list[Json] = []
    session.functions.observe(lambda name, answer: events.append(json.loads(answer.log)))
    attributes = {
        "kind": {"DataType": "String", "StringValue": "order"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00"},
    }
    sent = session.aws.call(
        "sqs",
        "SendMessage",
        {"QueueUrl": QUEUE_URL + "q", "MessageBody": "hello", "MessageAttributes": attributes},
    )
    session.run_until_idle()
    [record] = events[0]["Records"]
    assert record.pop("receiptHandle")
    assert record.pop("attributes").keys() == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
    }
    lists: dict[str, Json] = {"stringListValues": [], "binaryListValues": []}
    assert record == {
        "messageId": sent["MessageId"],
        "body": "hello",
        "messageAttributes": {
            "kind": {"stringValue": "order", **lists, "dataType": "String"},
            "raw": {"binaryValue": "AA==", **lists, "dataType": "Binary"},
        },
        "md5OfBody": sent["MD5OfMessageBody"],
        "md5OfMessageAttributes": sent["MD5OfMessageAttributes"],
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE_ARN + "q",
        "awsRegion": REGION,
    }


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, []),
        ({}, []),
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": None}, []),
        ({"batchItemFailures": [{"itemIdentifier": "2"}]}, ["2"]),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ["1", "2"]),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, ["1", "2"]),
        ({"batchItemFailures": [{"id": "2"}]}, ["1", "2"]),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, ["1", "2"]),
        ({"batchItemFailures": ["2"]}, ["1", "2"]),
        ({"batchItemFailures": "2"}, ["1", "2"]),
        ("done", ["1", "2"]),
    ],
)
def test_every_form_of_a_report_is_read_as_lambda_reads_it(answer: Json, failed: list[str]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html"""
    assert sorted(failed_messages(answer, ["1", "2"])) == failed


def test_a_payload_is_no_larger_than_a_function_takes(tmp_path: Path, open_session: Open) -> None:
    counting = "def handler(event, context):\n    return len(event['Records'])"
    session = open_session(queue("q"), mapping(), functions=(function(tmp_path, source=counting),))
    sizes: list[Json] = []
    session.functions.observe(lambda name, answer: sizes.append(answer.payload))
    send(session, "q", *["x" * 1_000_000] * 8)
    session.run_until_idle()
    assert sizes == [6, 2]


def test_a_message_that_is_visible_again_before_its_batch_ends_comes_twice(
    tmp_path: Path, open_session: Open
) -> None:
    """As on AWS where a queue's visibility time-out is made too short afterwards."""
    session = open_session(
        queue("q"), mapping(), functions=(function(tmp_path, timeout_seconds=30),)
    )
    params = {"QueueUrl": QUEUE_URL + "q", "Attributes": {"VisibilityTimeout": "5"}}
    session.aws.call("sqs", "SetQueueAttributes", params)
    batches = Batches(session)
    send(session, "q", {"id": "1", "do": [20, 0]})
    session.run_until_idle()
    assert batches.got == [(0, ["1"]), (5, ["1"])]
    assert left(session, "q") == []


def test_an_actor_takes_the_place_of_a_mapping(tmp_path: Path, open_session: Open) -> None:
    session = open_session(queue("q"), mapping(), functions=(function(tmp_path),))
    batches, taken = Batches(session), []
    session.on_message(QUEUE_ARN + "q", lambda message: taken.append(message.text))
    send(session, "q", "1")
    session.run_until_idle()
    assert (taken, batches.got) == (["1"], [])


def test_what_was_started_is_in_the_timeline(tmp_path: Path, open_session: Open) -> None:
    session = open_session(queue("q"), mapping(), functions=(function(tmp_path),))
    send(session, "q", "1", {"id": "2", "do": ["raise", "ok"]})
    session.run_until_idle()
    failed, succeeded = session.aws.timeline
    assert failed.source_arn.endswith(":event-source-mapping:q-f")
    assert (failed.why, failed.target_arn) == (
        f"2 messages of {QUEUE_ARN}q",
        FUNCTION_ARN + "f",
    )
    assert (failed.error, succeeded.error) == ("ValueError: told to", "")
    assert failed.started


# The API


def call(session: Session, operation: str, **params: Json) -> dict[str, Json]:
    return session.aws.call("lambda", operation, params)


def test_a_mapping_is_made_described_updated_and_deleted(
    tmp_path: Path, open_session: Open
) -> None:
    session = open_session(queue("q"), functions=(function(tmp_path),))
    batches = Batches(session)
    send(session, "q", "before")
    made = call(
        session,
        "CreateEventSourceMapping",
        EventSourceArn=QUEUE_ARN + "q",
        FunctionName="f",
        BatchSize=5,
        ScalingConfig={"MaximumConcurrency": 7},
    )
    assert made["State"] == "Creating"
    session.run_until_idle()
    id_ = made["UUID"]
    assert call(session, "GetEventSourceMapping", UUID=id_) == {
        "UUID": id_,
        "BatchSize": 5,
        "MaximumBatchingWindowInSeconds": 0,
        "EventSourceArn": QUEUE_ARN + "q",
        "FunctionArn": FUNCTION_ARN + "f",
        "LastModified": START_MS / 1000,
        "State": "Enabled",
        "StateTransitionReason": "USER_INITIATED",
        "FunctionResponseTypes": [],
        "EventSourceMappingArn": made["EventSourceMappingArn"],
        "ScalingConfig": {"MaximumConcurrency": 7},
    }
    assert call(session, "UpdateEventSourceMapping", UUID=id_, Enabled=False)["State"] == "Updating"
    [listed] = call(session, "ListEventSourceMappings", FunctionName="f")["EventSourceMappings"]
    assert (listed["State"], listed["BatchSize"]) == ("Disabled", 5)
    send(session, "q", "meanwhile")
    session.run_until_idle()
    assert batches.got == [(0, ["before"])]
    call(session, "UpdateEventSourceMapping", UUID=id_, Enabled=True)
    session.run_until_idle()
    assert batches.got[1:] == [(0, ["meanwhile"])]
    assert call(session, "DeleteEventSourceMapping", UUID=id_)["State"] == "Deleting"
    send(session, "q", "after")
    session.run_until_idle()
    assert (len(batches.got), left(session, "q")) == (2, ["after"])
    with pytest.raises(ApiError, match="does not exist"):
        call(session, "GetEventSourceMapping", UUID=id_)


def test_a_mapping_calls_the_version_or_alias_that_it_names(
    tmp_path: Path, open_session: Open
) -> None:
    version = resource("AWS::Lambda::Version", f"{FUNCTION_ARN}f:1", f"{FUNCTION_ARN}f:1")
    session = open_session(
        queue("q"),
        version,
        mapping(function=f"{FUNCTION_ARN}f:1"),
        functions=(function(tmp_path),),
    )
    versions: list[str] = []
    session.functions.observe(lambda name, answer: versions.append(answer.executed_version))
    send(session, "q", "1")
    session.run_until_idle()
    assert versions == ["1"]


def test_a_second_mapping_of_the_same_two_is_refused(tmp_path: Path, open_session: Open) -> None:
    session = open_session(queue("q"), mapping(), functions=(function(tmp_path),))
    with pytest.raises(ApiError, match="already exists") as raised:
        call(session, "CreateEventSourceMapping", EventSourceArn=QUEUE_ARN + "q", FunctionName="f")
    assert raised.value.http_status == 409


REFUSED: list[tuple[dict[str, Json], str]] = [
    ({"BatchSize": 0}, "BatchSize is 0"),
    ({"BatchSize": 11}, "greater than 0 if maximum batch size"),
    ({"BatchSize": 10_001, "MaximumBatchingWindowInSeconds": 1}, "BatchSize is 10001"),
    ({"MaximumBatchingWindowInSeconds": 301}, "it must be from 0 to 300"),
    ({"ScalingConfig": {"MaximumConcurrency": 1}}, "it must be from 2 to 1000"),
    ({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "Invalid filter pattern definition"),
    (
        {"FilterCriteria": {"Filters": [{"Pattern": '{"body": {"a": [{"wildcard": "*"}]}}'}]}},
        "wildcard",
    ),
    (
        {"FilterCriteria": {"Filters": [{"Pattern": '{"attributes": {"a": ["b"]}}'}]}},
        "attributes cannot be filtered",
    ),
    ({"FilterCriteria": {"Filters": [{"Pattern": '{"body": ["a"]}'}] * 6}}, "has 6 filters"),
    ({"FunctionName": "unknown"}, "Function not found"),
]


@pytest.mark.parametrize(("properties", "reason"), REFUSED)
def test_what_aws_refuses_is_named_at_load_and_by_the_api(
    tmp_path: Path, open_session: Open, properties: dict[str, Json], reason: str
) -> None:
    made = function(tmp_path)
    with pytest.raises(InputError, match=reason) as raised:
        open_session(queue("q"), mapping(**properties), functions=(made,))
    assert raised.value.where == "stack.json#/Resources/q-f"
    session = open_session(queue("q"), functions=(made,))
    given = {"EventSourceArn": QUEUE_ARN + "q", "FunctionName": "f", **properties}
    with pytest.raises(ApiError, match=f"{reason}|validation error"):
        call(session, "CreateEventSourceMapping", **given)


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"BatchSize": 11, "MaximumBatchingWindowInSeconds": 0}, "Maximum batch size of a FIFO"),
        ({"MaximumBatchingWindowInSeconds": 1}, "not supported for FIFO"),
    ],
)
def test_what_a_fifo_queue_does_not_take_is_refused(
    tmp_path: Path, open_session: Open, properties: dict[str, Json], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        open_session(
            queue("q.fifo"), mapping("q.fifo", **properties), functions=(function(tmp_path),)
        )


def test_a_visibility_time_out_below_the_functions_time_out_is_refused(
    tmp_path: Path, open_session: Open
) -> None:
    made = function(tmp_path, timeout_seconds=60)
    with pytest.raises(InputError, match="Queue visibility timeout: 30 seconds is less"):
        open_session(queue("q"), mapping(), functions=(made,))
    session = open_session(functions=(made,))
    session.aws.call("sqs", "CreateQueue", {"QueueName": "late"})
    with pytest.raises(ApiError, match="Queue visibility timeout: 30 seconds is less"):
        call(
            session,
            "CreateEventSourceMapping",
            EventSourceArn=QUEUE_ARN + "late",
            FunctionName="f",
        )


def test_a_queue_that_does_not_exist_is_named(tmp_path: Path, open_session: Open) -> None:
    session = open_session(functions=(function(tmp_path),))
    with pytest.raises(ApiError, match="Error occurred while ReceiveMessage"):
        call(session, "CreateEventSourceMapping", EventSourceArn=QUEUE_ARN + "no", FunctionName="f")


def test_a_queue_that_is_deleted_ends_its_mappings_work(tmp_path: Path, open_session: Open) -> None:
    session = open_session(
        queue("q"), mapping(), functions=(function(tmp_path, timeout_seconds=9),)
    )
    send(session, "q", {"id": "1", "do": [5]})

    def delete() -> None:
        session.aws.call("sqs", "DeleteQueue", {"QueueUrl": QUEUE_URL + "q"})

    session.at(START_MS + 1000, delete)
    session.run_until_idle()
    assert "QueueDoesNotExist" in [*session.aws.timeline][-1].error


def test_other_sources_are_refused_by_name(tmp_path: Path, open_session: Open) -> None:
    stream = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t/stream/s"
    resources = [
        queue("q"),
        resource("AWS::Lambda::EventSourceMapping", "stream", EventSourceArn=stream),
        resource("AWS::Lambda::EventSourceMapping", "kafka", SelfManagedEventSource={}),
        resource("AWS::Lambda::EventSourceMapping", "foreign", EventSourceArn=QUEUE_ARN + "other"),
        mapping(ProvisionedPollerConfig={"MinimumPollers": 2}),
    ]
    assert {one.logical_id: reason for one, reason in refusals(make_app(*resources))} == {
        "stream": "mappings of dynamodb are not simulated, only those of SQS queues",
        "kafka": "only mappings of SQS queues are simulated",
        "foreign": f"the queue {QUEUE_ARN}other is not in this app",
        "q-f": "mappings with ProvisionedPollerConfig are not simulated",
    }
    session = open_session(*resources, functions=(function(tmp_path),))
    with pytest.raises(UnsupportedError, match="mappings of dynamodb"):
        call(session, "CreateEventSourceMapping", EventSourceArn=stream, FunctionName="f")


def test_bodies_of_tests_are_text() -> None:
    assert body_text({"id": "1"}) == '{"id": "1"}'


def test_what_only_aws_can_resolve_is_listed(tmp_path: Path, open_session: Open) -> None:
    known = {"EventSourceArn": QUEUE_ARN + "q"}
    errors = {"FunctionName": NeedsAwsError("an export of another stack")}
    unknown = replace(mapping(), properties=PartlyResolved(known, errors))
    foreign = mapping(function="arn:aws:lambda:us-east-1:999999999999:function:f")
    session = open_session(queue("q"), unknown, foreign, functions=(function(tmp_path),))
    assert [reason for _, reason in refusals(session.app)] == [
        "an export of another stack",
        "the function arn:aws:lambda:us-east-1:999999999999:function:f is not in this app",
    ]


def test_a_throttled_batch_whose_queue_is_gone_is_given_up(
    tmp_path: Path, open_session: Open
) -> None:
    session = open_session(queue("q"), mapping(), functions=(function(tmp_path),))
    call(session, "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    send(session, "q", "1")

    def delete() -> None:
        session.aws.call("sqs", "DeleteQueue", {"QueueUrl": QUEUE_URL + "q"})

    session.at(START_MS + 500, delete)
    session.run_until_idle()
    assert [entry.why for entry in session.aws.timeline][:3] == [
        "asks its queue",
        f"1 message of {QUEUE_ARN}q",
        "reads its queue",
    ]


def test_the_api_answers_boto3(tmp_path: Path, open_session: Open) -> None:
    session = open_session(queue("q"), functions=(function(tmp_path),))
    client = session.aws.client("lambda")
    made = client.create_event_source_mapping(EventSourceArn=QUEUE_ARN + "q", FunctionName="f")
    described = client.get_event_source_mapping(UUID=made["UUID"])
    assert (described["State"], described["LastModified"].year) == ("Enabled", 2026)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.delete_event_source_mapping(UUID=made["UUID"][::-1])
