"""Which call starts which target."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, InputError
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.targets import check_target, queue_url, send, target_call, target_refusal

HERE = "us-east-1:123456789012"
CALLER = Caller("events.amazonaws.com", f"arn:aws:events:{HERE}:rule/Placed")
QUEUE = Resource("S", "Q", "AWS::SQS::Queue", "S/Q", "", f"arn:aws:sqs:{HERE}:jobs", {}, "t#/Q")
APP = App(Path(), "aws", "us-east-1", "123456789012", (QUEUE,), (), (), {})


@pytest.mark.parametrize(
    ("resource", "call"),
    [
        (
            f"states:{HERE}:stateMachine:Order",
            ("stepfunctions", "StartExecution", {"stateMachineArn": "ARN", "input": "{}"}),
        ),
        (
            f"lambda:{HERE}:function:Report:live",
            (
                "lambda",
                "Invoke",
                {"FunctionName": "ARN", "InvocationType": "Event", "Payload": b"{}"},
            ),
        ),
        (
            f"sqs:{HERE}:jobs.fifo",
            (
                "sqs",
                "SendMessage",
                {
                    "QueueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs.fifo",
                    "MessageBody": "{}",
                    "MessageGroupId": "g",
                },
            ),
        ),
        (f"sns:{HERE}:alerts", ("sns", "Publish", {"TopicArn": "ARN", "Message": "{}"})),
        (
            f"events:{HERE}:event-bus/orders",
            (
                "events",
                "PutEvents",
                {"Entries": [{"EventBusName": "ARN", "Detail": "{}", "Source": "shop"}]},
            ),
        ),
    ],
)
def test_a_target_is_started_by_its_services_call(
    resource: str, call: tuple[str, str, dict[str, Json]]
) -> None:
    arn = f"arn:aws:{resource}"
    parameters = {
        "SqsParameters": {"MessageGroupId": "g"},
        "EventBridgeParameters": {"Source": "shop"},
    }
    service, operation, params = call
    expected = _filled(params, arn)
    assert target_refusal(arn) is None
    assert target_call(arn, "{}", parameters) == (service, operation, expected)


def _filled(value: Json, arn: str) -> Json:
    match value:
        case dict():
            return {key: _filled(item, arn) for key, item in value.items()}
        case list():
            return [_filled(item, arn) for item in value]
    return arn if value == "ARN" else value


@pytest.mark.parametrize("service", ["kinesis", "ecs", "sagemaker"])
def test_a_target_of_another_kind_is_refused_by_name(service: str) -> None:
    refusal = target_refusal(f"arn:aws:{service}:{HERE}:stream/s")
    assert refusal == f"targets of {service} are not simulated"


def test_a_target_that_the_app_lacks_is_named_with_the_resource_that_wants_it() -> None:
    check_target(QUEUE.arn, APP, "t#/Rule")
    check_target("arn:aws:sqs:us-east-1:999999999999:theirs", APP, "t#/Rule")
    check_target(f"arn:aws:events:{HERE}:event-bus/default", APP, "t#/Rule")
    with pytest.raises(InputError, match=r"t#/Rule: its target does not exist: .*:job\n"):
        check_target(f"arn:aws:sqs:{HERE}:job", APP, "t#/Rule")


def test_queues_in_china_have_another_domain() -> None:
    arn = parse_arn("arn:aws-cn:sqs:cn-north-1:123456789012:jobs")
    assert queue_url(arn) == "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/jobs"


def test_what_a_target_answers_says_what_was_started() -> None:
    aws = Aws(APP, now_ms=0)
    aws.route("sqs", lambda operation, params: {"MessageId": "m-1"})
    assert send(aws, QUEUE.arn, "{}", {}, CALLER) == "m-1"


def test_an_event_that_the_bus_refuses_has_failed() -> None:
    aws = Aws(APP, now_ms=0)
    entry = {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
    aws.route("events", lambda operation, params: {"FailedEntryCount": 1, "Entries": [entry]})
    bus = f"arn:aws:events:{HERE}:event-bus/orders"
    parameters = {"EventBridgeParameters": {"Source": "shop", "DetailType": "Placed"}}
    with pytest.raises(ApiError, match="Detail is malformed"):
        send(aws, bus, "{", parameters, CALLER)


def test_an_event_for_a_log_group_goes_to_a_stream_of_its_own() -> None:
    calls: list[tuple[str, dict[str, Json]]] = []

    def logs(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        calls.append((operation, params))
        if operation == "CreateLogStream" and len(calls) > 2:
            raise ApiError("ResourceAlreadyExistsException", "it is there")
        return {}

    aws = Aws(APP, now_ms=5)
    aws.route("logs", logs)
    group = f"arn:aws:logs:{HERE}:log-group:/aws/events/all:*"
    for _ in range(2):
        send(aws, group, '{"a":1}', {}, CALLER)
    stream = {"logGroupName": "/aws/events/all", "logStreamName": "Placed"}
    put = ("PutLogEvents", {**stream, "logEvents": [{"timestamp": 5, "message": '{"a":1}'}]})
    assert calls == [("CreateLogStream", stream), put, ("CreateLogStream", stream), put]
