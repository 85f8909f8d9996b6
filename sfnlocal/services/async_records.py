"""What is left of an asynchronous invocation: a record for its destination, and the event itself
for the function's dead-letter queue.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller, Json
from sfnlocal.services.function_registry import LATEST, EventInvokeConfig, Target, parse_name
from sfnlocal.services.functions import Invocation

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

Condition: TypeAlias = Literal["RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"]

_SERVICE = "lambda.amazonaws.com"
_ERROR_MESSAGE_CHARS_MAX = 1_024


@dataclass(frozen=True, slots=True)
class AsyncEvent:
    """An event and what became of it so far. `attempts` are all, `errors` those after which it was
    tried again since the function failed, `throttles` those refused in a row. `answer` is the
    function's last one, `refusal` why the last attempt did not reach it."""

    request_id: str
    target: Target
    payload: Json
    sent_ms: int
    attempts: int = 0
    errors: int = 0
    throttles: int = 0
    answer: Invocation | None = None
    refusal: ApiError | None = None

    @property
    def qualified_arn(self) -> str:
        return f"{self.target.deployed.arn}:{parse_name(self.target.arn).qualifier or LATEST}"


class _Sent(NamedTuple):
    """`name` is what a record's object in a bucket is called."""

    record: dict[str, Json]
    event: AsyncEvent
    name: str

    @property
    def text(self) -> str:
        return json.dumps(self.record)


class _Call(NamedTuple):
    service: str
    operation: str
    params: dict[str, Json]


def _to_queue(arn: Arn, sent: _Sent) -> _Call:
    return _queue_call(arn, sent.text, {})


def _to_topic(arn: Arn, sent: _Sent) -> _Call:
    return _Call("sns", "Publish", {"TopicArn": str(arn), "Message": sent.text})


def _to_function(arn: Arn, sent: _Sent) -> _Call:
    payload = sent.text.encode()
    params = {"FunctionName": str(arn), "InvocationType": "Event", "Payload": payload}
    return _Call("lambda", "Invoke", params)


def _to_bus(arn: Arn, sent: _Sent) -> _Call:
    succeeded = sent.record["requestContext"]["condition"] == "Success"
    outcome = "Success" if succeeded else "Failure"
    entry = {
        "EventBusName": str(arn),
        "Source": "lambda",
        "DetailType": f"Lambda Function Invocation Result - {outcome}",
        "Detail": sent.text,
        "Resources": [sent.event.qualified_arn, str(arn)],
    }
    return _Call("events", "PutEvents", {"Entries": [entry]})


def _to_bucket(arn: Arn, sent: _Sent) -> _Call:
    return _Call(
        "s3", "PutObject", {"Bucket": arn.resource, "Key": sent.name, "Body": sent.text.encode()}
    )


_DESTINATIONS: Mapping[str, Callable[[Arn, _Sent], _Call]] = {
    "sqs": _to_queue,
    "sns": _to_topic,
    "lambda": _to_function,
    "events": _to_bus,
    "s3": _to_bucket,
}


class Records:
    """Sends them, at the moment at which an event has ended."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._ids = random.Random(f"{aws.seed}/event records")

    def succeeded(self, event: AsyncEvent, config: EventInvokeConfig) -> None:
        if config.on_success:
            self._send(event, "Success", config.on_success)

    def failed(self, event: AsyncEvent, condition: Condition, config: EventInvokeConfig) -> None:
        settings = event.target.deployed.latest.settings
        dead_letter_arn = (settings.get("DeadLetterConfig") or {}).get("TargetArn") or ""
        if config.on_failure:
            self._send(event, condition, config.on_failure)
        if dead_letter_arn:
            self._dead_letter(event, condition, parse_arn(dead_letter_arn))
        if not (config.on_failure or dead_letter_arn):
            self._note(event, condition, event.target.arn, error=_error_message(event))

    def dropped(self, event: AsyncEvent) -> None:
        self._note(event, "dropped", event.target.arn, error=_error_message(event))

    def _send(self, event: AsyncEvent, condition: str, destination_arn: str) -> None:
        arn = parse_arn(destination_arn)
        record = self._record(event, condition)
        call = _DESTINATIONS[arn.service](arn, _Sent(record, event, self._object_name(event)))
        self._call(event, condition, destination_arn, call, "DestinationDeliveryFailures")

    def _record(self, event: AsyncEvent, condition: str) -> dict[str, Json]:
        record: dict[str, Json] = {
            "version": "1.0",
            "timestamp": self._now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": event.qualified_arn,
                "condition": condition,
                "approximateInvokeCount": event.attempts,
            },
            "requestPayload": event.payload,
        }
        if event.answer is not None:
            context = {"statusCode": 200, "executedVersion": event.answer.executed_version}
            if event.answer.function_error is not None:
                context["functionError"] = event.answer.function_error
            record |= {"responseContext": context, "responsePayload": event.answer.payload}
        return record

    def _object_name(self, event: AsyncEvent) -> str:
        id_ = uuid.UUID(int=self._ids.getrandbits(128), version=4)
        name, now = event.target.deployed.name, self._now
        return f"aws/lambda/async/{name}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{id_}"

    def _dead_letter(self, event: AsyncEvent, condition: str, arn: Arn) -> None:
        """The event as it is; what went wrong is in attributes."""
        status = 200 if event.refusal is None else event.refusal.http_status
        text = json.dumps(event.payload)
        attributes = {
            "RequestID": _attribute("String", event.request_id),
            "ErrorCode": _attribute("Number", str(status)),
            "ErrorMessage": _attribute("String", _error_message(event)),
        }
        if arn.service == "sns":
            params = {"TopicArn": str(arn), "Message": text, "MessageAttributes": attributes}
            call = _Call("sns", "Publish", params)
        else:
            call = _queue_call(arn, text, attributes)
        self._call(event, condition, str(arn), call, "DeadLetterErrors")

    def _call(
        self, event: AsyncEvent, condition: str, target_arn: str, call: _Call, metric: str
    ) -> None:
        role_arn = event.target.deployed.latest.settings.get("Role")
        caller = Caller(_SERVICE, event.target.deployed.arn, role_arn)
        try:
            answer = self._aws.call(*call, caller)
        except ApiError as error:
            self._note(event, condition, target_arn, error=f"{error.aws_code}: {error.message}")
            dimensions = {"FunctionName": event.target.deployed.name}
            self._aws.metrics.add("AWS/Lambda", metric, dimensions, 1)
            return
        self._note(event, condition, target_arn, str(answer.get("MessageId", "")))

    def _note(
        self, event: AsyncEvent, condition: str, target_arn: str, started: str = "", error: str = ""
    ) -> None:
        why = f"asynchronous invocation {event.request_id}: {condition}"
        self._aws.timeline.add(event.target.arn, why, target_arn, started, error)

    @property
    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._aws.now_ms / 1000, UTC)


def _queue_call(arn: Arn, text: str, attributes: dict[str, Json]) -> _Call:
    suffix = "amazonaws.com.cn" if arn.partition == "aws-cn" else "amazonaws.com"
    url = f"https://sqs.{arn.region}.{suffix}/{arn.account}/{arn.resource}"
    params = {"QueueUrl": url, "MessageBody": text, "MessageAttributes": attributes}
    return _Call("sqs", "SendMessage", params)


def _attribute(data_type: str, text: str) -> dict[str, Json]:
    return {"DataType": data_type, "StringValue": text}


def _error_message(event: AsyncEvent) -> str:
    if event.refusal is not None:
        return event.refusal.message
    if event.answer is None:
        return "Function not invoked. Its reserved concurrency is 0."
    payload = event.answer.payload
    message = payload.get("errorMessage", "") if isinstance(payload, dict) else ""
    return str(message)[:_ERROR_MESSAGE_CHARS_MAX] or "Unknown"
