"""Batches of which a service takes a part only: the answer is a success, and says which entries
were refused.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from sfnlocal.ports import InvokeTask, TaskAnswer, TaskResource

_CODE, _MESSAGE = "InternalFailure", "injected: in-part"
Entries: TypeAlias = list[dict[str, Any]]


def _failed(refused: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    """Of SQS and SNS: entries have Ids."""
    told = {"Id": refused["Id"], "Code": _CODE, "Message": _MESSAGE, "SenderFault": False}
    return {**output, "Failed": [told, *output.get("Failed", ())]}


def _failed_event(refused: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    """Of EventBridge: entries have places."""
    told = {"ErrorCode": _CODE, "ErrorMessage": _MESSAGE}
    return {
        "Entries": [told, *output.get("Entries", ())],
        "FailedEntryCount": output.get("FailedEntryCount", 0) + 1,
    }


_Tell: TypeAlias = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]
# By service and action, as a state's Resource has them: the argument with the entries, and how a
# refused one is told.
_BATCHES: Mapping[tuple[str, str], tuple[str, _Tell]] = {
    ("aws-sdk:sqs", "sendmessagebatch"): ("Entries", _failed),
    ("aws-sdk:sns", "publishbatch"): ("PublishBatchRequestEntries", _failed),
    ("aws-sdk:eventbridge", "putevents"): ("Entries", _failed_event),
    ("events", "putevents"): ("Entries", _failed_event),
}


def takes_batches(resource: TaskResource) -> bool:
    return _key(resource) in _BATCHES


def _key(resource: TaskResource) -> tuple[str, str]:
    return resource.service, resource.action.partition(".")[0].lower()


def refused_in_part(task: InvokeTask, call: Callable[[InvokeTask], TaskAnswer]) -> TaskAnswer:
    """What the task's service answers that refuses the first entry and takes the others."""
    name, tell = _BATCHES[_key(task.resource)]
    first, *others = task.arguments[name]
    if others:
        answer = call(replace(task, arguments={**task.arguments, name: others}))
        if answer.error is not None:
            return answer
    else:
        answer = TaskAnswer({})
    return replace(answer, output=tell(first, answer.output))
