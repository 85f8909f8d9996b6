"""What a pipe hands its batch to: one call of the target's batch operation, or of a function or
state machine that gets the whole array.

Strategy: a table from the target's service to what sends; it tells when it has ended, what came
back, and which records the target did not take.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Caller, Json
from sfnlocal.triggers.delivery import THROTTLING
from sfnlocal.triggers.event_paths import MISSING, event_path
from sfnlocal.triggers.pipe_definition import TARGET_BATCH_MAX, Pipe
from sfnlocal.triggers.pipe_templates import Item, Rendered
from sfnlocal.triggers.targets import queue_url

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws


@dataclass(frozen=True, slots=True)
class Outcome:
    """`started` is what the target says that it started; `answer` what it gives back. `failed` are
    the indexes of records that it did not take. With an `error` it took none, and `throttled` says
    whether it may a little later."""

    started: str = ""
    answer: Json = None
    failed: frozenset[int] = frozenset()
    error: str = ""
    throttled: bool = False


Ended: TypeAlias = Callable[[Outcome], None]


def refusal_of(error: ApiError) -> Outcome:
    throttled = error.http_status in (429, 503) or error.aws_code in THROTTLING
    return Outcome(error=f"{error.aws_code}: {error.message}", throttled=throttled)


class Shipment(NamedTuple):
    """What a target gets: each record's content, and the record itself for dynamic parameters.
    `single`: the enrichment answered no array, and its answer is handed on as it is."""

    pipe: Pipe
    contents: Sequence[Rendered]
    items: Sequence[Item]
    single: bool = False

    def payload(self) -> str:
        """The whole as JSON. ValueError where it is none."""
        if any(content.text is not None for content in self.contents):
            text = next(one.text for one in self.contents if one.text is not None)
            raise ValueError(f"the input is not valid JSON: {text}")
        values = [content.value for content in self.contents]
        return json_text(values[0] if self.single else values)


class Calls:
    """Makes calls for a pipe, whose role is the caller's."""

    def __init__(self, aws: Aws, caller: Caller) -> None:
        self._aws = aws
        self._caller = caller

    @property
    def now_ms(self) -> int:
        return self._aws.now_ms

    def call(self, service: str, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        """Raises ApiError."""
        return self._aws.call(service, operation, params, self._caller)

    def start_sync(self, state_machine_arn: str, text: str, ended: Ended) -> None:
        """Run an Express workflow; `ended` hears of it when it has ended."""
        aws, params = self._aws, {"stateMachineArn": state_machine_arn, "input": text}
        answer = aws.begin("stepfunctions", "StartSyncExecution", params, self._caller)

        def told(answered: Future[dict[str, Json]]) -> None:
            outcome = _sync_outcome(answered.result())
            aws.at(aws.now_ms, lambda: ended(outcome))

        if isinstance(answer, Future):
            answer.add_done_callback(told)
        else:
            ended(_sync_outcome(answer))

    def invoke(self, function_arn: str, text: str, ended: Ended) -> None:
        """Call a function; `ended` hears of it when it has ended."""
        began_ms = self._aws.now_ms
        params: dict[str, Json] = {"FunctionName": function_arn, "Payload": text.encode()}
        with self._aws.acting(self._caller):
            # Not by `call`, whose answer does not tell how long the function took.
            self._aws.before_call("lambda", "Invoke", params)
            answer = self._aws.functions.invoke(function_arn, json.loads(text), now_ms=began_ms)
        error = ""
        if answer.function_error is not None:
            error = f"{answer.payload.get('errorType')}: {answer.payload.get('errorMessage')}"
        outcome = Outcome(answer.request_id, answer.payload, error=error)
        self._aws.at(began_ms + answer.elapsed_ms, lambda: ended(outcome))


def _sync_outcome(answer: dict[str, Json]) -> Outcome:
    if answer["status"] == "SUCCEEDED":
        return Outcome(answer["executionArn"], json.loads(answer["output"]))
    reason = f"{answer['status']}: {answer.get('error', '')} {answer.get('cause', '')}".rstrip()
    return Outcome(answer["executionArn"], error=reason)


def ship(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    """Hand the batch to the pipe's target."""
    arn = parse_arn(shipment.pipe.target)
    most = TARGET_BATCH_MAX.get(arn.service)
    if most is not None and len(shipment.contents) > most:
        count = len(shipment.contents)
        ended(Outcome(error=f"{count} records, targets of {arn.service} take {most}"))
        return
    try:
        _TARGETS[arn.service](calls, shipment, ended)
    except ApiError as error:
        ended(refusal_of(error))
    except ValueError as error:
        ended(Outcome(error=str(error)))


def _to_state_machine(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    target, text = shipment.pipe.target, shipment.payload()
    if _waits(shipment.pipe, "StepFunctionStateMachineParameters"):
        calls.start_sync(target, text, ended)
        return
    params = {"stateMachineArn": target, "input": text}
    ended(Outcome(calls.call("stepfunctions", "StartExecution", params)["executionArn"]))


def _to_function(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    target, text = shipment.pipe.target, shipment.payload()
    if _waits(shipment.pipe, "LambdaFunctionParameters"):
        calls.invoke(target, text, ended)
        return
    params = {"FunctionName": target, "InvocationType": "Event", "Payload": text.encode()}
    calls.call("lambda", "Invoke", params)
    ended(Outcome())


def _waits(pipe: Pipe, name: str) -> bool:
    return pipe.target_parameters(name).get("InvocationType") != "FIRE_AND_FORGET"


def _to_queue(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    given = shipment.pipe.target_parameters("SqsQueueParameters")
    entries = [
        {
            "Id": str(index),
            "MessageBody": content.as_text,
            **_filled(given, item, ("MessageGroupId", "MessageDeduplicationId")),
        }
        for index, (content, item) in enumerate(zip(shipment.contents, shipment.items, strict=True))
    ]
    url = queue_url(parse_arn(shipment.pipe.target))
    answer = calls.call("sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": entries})
    ended(_batch_outcome(answer))


def _to_topic(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    entries = [
        {"Id": str(index), "Message": content.as_text}
        for index, content in enumerate(shipment.contents)
    ]
    params = {"TopicArn": shipment.pipe.target, "PublishBatchRequestEntries": entries}
    ended(_batch_outcome(calls.call("sns", "PublishBatch", params)))


def _batch_outcome(answer: dict[str, Json]) -> Outcome:
    failed = {int(one["Id"]): one for one in answer.get("Failed") or []}
    taken = [one["MessageId"] for one in answer.get("Successful") or []]
    return Outcome(", ".join(taken), failed=frozenset(failed))


def _to_bus(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    pipe = shipment.pipe
    given = pipe.target_parameters("EventBridgeEventBusParameters")
    entries = []
    for content, item in zip(shipment.contents, shipment.items, strict=True):
        entry = {
            "EventBusName": pipe.target,
            "Source": f"Pipe {pipe.name}",
            "DetailType": f"Event from aws:{parse_arn(pipe.source).service}",
            "Detail": content.as_text,
            **_filled(given, item, ("Source", "DetailType")),
        }
        if given.get("Resources"):
            entry["Resources"] = [_dynamic(one, item) for one in given["Resources"]]
        if given.get("Time"):
            entry["Time"] = _dynamic(given["Time"], item)
        entries.append(entry)
    answered = calls.call("events", "PutEvents", {"Entries": entries})["Entries"]
    failed = frozenset(index for index, one in enumerate(answered) if "ErrorCode" in one)
    started = ", ".join(one["EventId"] for one in answered if "EventId" in one)
    ended(Outcome(started, failed=failed))


def _to_log_group(calls: Calls, shipment: Shipment, ended: Ended) -> None:
    pipe = shipment.pipe
    given = pipe.target_parameters("CloudWatchLogsParameters")
    group = parse_arn(pipe.target).resource.removeprefix("log-group:").removesuffix(":*")
    events: dict[str, list[dict[str, Json]]] = {}
    for content, item in zip(shipment.contents, shipment.items, strict=True):
        stream = str(_dynamic(given.get("LogStreamName") or pipe.name, item))
        at_ms = int(_dynamic(given.get("Timestamp") or calls.now_ms, item))
        events.setdefault(stream, []).append({"timestamp": at_ms, "message": content.as_text})
    for stream, written in events.items():
        names = {"logGroupName": group, "logStreamName": stream}
        try:
            calls.call("logs", "CreateLogStream", names)
        except ApiError as error:
            if error.aws_code != "ResourceAlreadyExistsException":
                raise
        calls.call("logs", "PutLogEvents", {**names, "logEvents": written})
    ended(Outcome())


_TARGETS: Mapping[str, Callable[[Calls, Shipment, Ended], None]] = {
    "states": _to_state_machine,
    "lambda": _to_function,
    "sqs": _to_queue,
    "sns": _to_topic,
    "events": _to_bus,
    "logs": _to_log_group,
}


def _filled(given: Mapping[str, Json], item: Item, names: tuple[str, ...]) -> dict[str, Json]:
    return {name: _dynamic(given[name], item) for name in names if given.get(name)}


def _dynamic(value: Json, item: Item) -> Json:
    """A parameter may be a path into the record. ValueError where it leads nowhere."""
    if not isinstance(value, str) or not value.startswith("$."):
        return value
    found = event_path(value)(item.event)
    if found is MISSING:
        raise ValueError(f"{value} leads nowhere in the record")
    return found if isinstance(found, str) else json_text(found)
