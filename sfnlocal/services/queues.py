"""Event source mappings: an SQS queue whose messages a function gets.

Lambda's poller, without the polling: whoever drives time calls `poll` when a message has become
visible. What the function does not take stays in the queue until its visibility time-out ends,
and the queue's redrive policy counts it.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws
    from sfnlocal.services.functions import FunctionHost, Invocation

_MAPPING = "AWS::Lambda::EventSourceMapping"
_BATCH_SIZE_DEFAULT = 10
# ReceiveMessage gives at most ten; Lambda's poller gathers larger batches from several.
_RECEIVE_MESSAGES_MAX = 10


@dataclass(frozen=True, slots=True)
class SqsMapping:
    """`function` is a name or ARN, `queue_url` as the app resolved it."""

    function: str
    queue_url: str
    queue_arn: str
    batch_size: int = _BATCH_SIZE_DEFAULT
    report_batch_item_failures: bool = False

    def poll(self, aws: Aws, functions: FunctionHost, now_ms: int) -> int | None:
        """Hand one batch to the function. Gives the time to poll again: now where there may be
        more messages, else when what failed, or came while the function was throttled, becomes
        visible; None where there is nothing."""
        aws.move_to(now_ms)
        messages = self._receive(aws)
        if not messages:
            return None
        event = {"Records": [self._record(message) for message in messages]}
        try:
            answer = functions.invoke(self.function, event, now_ms=now_ms)
        except ApiError as error:
            if error.aws_code != "TooManyRequestsException":
                raise
            return now_ms + self._visibility_timeout_ms(aws)
        failed = self._failed(answer, messages)
        client = aws.client("sqs")
        for message in messages:
            if message["MessageId"] not in failed:
                handle = message["ReceiptHandle"]
                client.delete_message(QueueUrl=self.queue_url, ReceiptHandle=handle)
        ended_ms = now_ms + answer.elapsed_ms
        if len(messages) == self.batch_size:
            return ended_ms
        if failed:
            return max(now_ms + self._visibility_timeout_ms(aws), ended_ms)
        return None

    def _receive(self, aws: Aws) -> list[dict[str, Json]]:
        messages: list[dict[str, Json]] = []
        while (wanted := self.batch_size - len(messages)) > 0:
            received = aws.client("sqs").receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=min(wanted, _RECEIVE_MESSAGES_MAX),
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            if not received.get("Messages"):
                break
            messages += received["Messages"]
        return messages

    def _record(self, message: dict[str, Json]) -> dict[str, Json]:
        """https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html"""
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": {
                name: _attribute(value)
                for name, value in message.get("MessageAttributes", {}).items()
            },
            "md5OfBody": message["MD5OfBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.queue_arn,
            "awsRegion": parse_arn(self.queue_arn).region,
        }
        if "MD5OfMessageAttributes" in message:
            record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
        return record

    def _failed(self, answer: Invocation, messages: list[dict[str, Json]]) -> set[str]:
        """The ids of the messages that stay in the queue."""
        everything = {message["MessageId"] for message in messages}
        if answer.function_error is not None:
            return everything
        if not self.report_batch_item_failures:
            return set()
        if answer.payload is None:
            return set()
        if not isinstance(answer.payload, dict):
            return everything
        failures = answer.payload.get("batchItemFailures") or []
        identifiers = [_identifier(failure) for failure in failures]
        if any(identifier not in everything for identifier in identifiers):
            return everything
        return {identifier for identifier in identifiers if identifier}

    def _visibility_timeout_ms(self, aws: Aws) -> int:
        answer = aws.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["VisibilityTimeout"]
        )
        return int(answer["Attributes"]["VisibilityTimeout"]) * 1000


def _identifier(failure: Json) -> str | None:
    return failure.get("itemIdentifier") if isinstance(failure, dict) else None


def _attribute(value: dict[str, Json]) -> dict[str, Json]:
    attribute: dict[str, Json] = {}
    for name in ("StringValue", "BinaryValue"):
        if name in value:
            attribute[name[0].lower() + name[1:]] = _text(value[name])
    attribute |= {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    return attribute


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else base64.b64encode(value).decode()


def mappings(app: App) -> list[SqsMapping]:
    """The enabled mappings of the app whose source is a queue of the app."""
    queues = {queue.arn: queue.name for queue in app.of_type("AWS::SQS::Queue")}
    return [
        SqsMapping(
            function=resource.properties["FunctionName"],
            queue_url=queues[resource.properties["EventSourceArn"]],
            queue_arn=resource.properties["EventSourceArn"],
            batch_size=int(resource.properties.get("BatchSize", _BATCH_SIZE_DEFAULT)),
            report_batch_item_failures="ReportBatchItemFailures"
            in resource.properties.get("FunctionResponseTypes", []),
        )
        for resource in _enabled(app.of_type(_MAPPING))
        if _refusal(resource, queues) is None
    ]


def refused_mappings(app: App) -> list[tuple[Resource, str]]:
    """The mappings that are not simulated, and why."""
    queues = {queue.arn: queue.name for queue in app.of_type("AWS::SQS::Queue")}
    refusals = [(resource, _refusal(resource, queues)) for resource in app.of_type(_MAPPING)]
    return [(resource, reason) for resource, reason in refusals if reason is not None]


def _enabled(resources: Iterable[Resource]) -> list[Resource]:
    return [one for one in resources if one.properties.get("Enabled", True) not in (False, "false")]


def _refusal(resource: Resource, queues: dict[str, str]) -> str | None:
    properties = resource.properties
    source = properties.get("EventSourceArn")
    if not isinstance(source, str):
        return "only mappings of SQS queues are simulated"
    if source not in queues:
        service = parse_arn(source).service
        if service == "sqs":
            return f"the queue {source} is not in this app"
        return f"mappings of {service} are not simulated, only those of SQS queues"
    if "FilterCriteria" in properties:
        return "mappings with FilterCriteria are not simulated"
    return None
