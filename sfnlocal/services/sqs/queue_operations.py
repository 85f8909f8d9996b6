"""Operations on queues themselves: created, found, described, tagged, purged, deleted.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sfnlocal.ports import Json
from sfnlocal.services.sqs.attributes import (
    SETTABLE,
    QueueSettings,
    changed_settings,
    new_settings,
)
from sfnlocal.services.sqs.errors import (
    invalid_value,
    missing_parameter,
    no_such_queue,
    sqs_error,
)
from sfnlocal.services.sqs.permissions import with_permission, without_permission
from sfnlocal.services.sqs.queue import Queue
from sfnlocal.services.sqs.registry import QueueRegistry

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

Params = dict[str, Json]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_PURGED_FOR_MS = 60_000
_RESULTS_MAX = 1_000
_TAGS_MAX = 50


class QueueOperations:
    def __init__(self, aws: Aws, registry: QueueRegistry) -> None:
        self._aws = aws
        self._registry = registry
        self.operations: Mapping[str, Callable[[Params], dict[str, Json]]] = {
            "CreateQueue": self._create_queue,
            "DeleteQueue": self._delete_queue,
            "GetQueueUrl": self._get_queue_url,
            "ListQueues": self._list_queues,
            "ListDeadLetterSourceQueues": self._list_sources,
            "GetQueueAttributes": self._get_attributes,
            "SetQueueAttributes": self._set_attributes,
            "PurgeQueue": self._purge_queue,
            "TagQueue": self._tag_queue,
            "UntagQueue": self._untag_queue,
            "ListQueueTags": self._list_tags,
            "AddPermission": self._add_permission,
            "RemovePermission": self._remove_permission,
        }

    def _create_queue(self, params: Params) -> dict[str, Json]:
        name: str = params.get("QueueName", "")
        if not name:
            raise missing_parameter("QueueName")
        given: Mapping[str, str] = params.get("Attributes") or {}
        there = self._registry.named(name)
        if there is not None:
            _check_same(there, given)
            return {"QueueUrl": there.url}
        settings = new_settings(given)
        _check_name(name, settings.fifo)
        self._check_redrive(self._registry.arn(name), settings)
        tags: dict[str, str] = params.get("tags") or {}
        _check_tags(tags)
        queue = self._registry.add(name, settings, self._aws.now_ms)
        queue.tags.update(tags)
        return {"QueueUrl": queue.url}

    def _delete_queue(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        self._registry.remove(queue, self._aws.now_ms)
        return {}

    def _get_queue_url(self, params: Params) -> dict[str, Json]:
        name = params.get("QueueName")
        if not name:
            raise missing_parameter("QueueName")
        queue = self._registry.named(name)
        owner = params.get("QueueOwnerAWSAccountId", self._aws.app.account)
        if queue is None or owner != self._aws.app.account:
            raise no_such_queue()
        return {"QueueUrl": queue.url}

    def _list_queues(self, params: Params) -> dict[str, Json]:
        prefix = params.get("QueueNamePrefix", "")
        urls = [queue.url for queue in self._registry if queue.name.startswith(prefix)]
        return _page(urls, params, "QueueUrls")

    def _list_sources(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        urls = [source.url for source in self._registry.sources(queue)]
        return {"queueUrls": [], **_page(urls, params, "queueUrls")}

    # Attributes

    def _get_attributes(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        names: list[str] = params.get("AttributeNames") or []
        if not names:
            return {}
        queue.settle(self._aws.now_ms)
        described = _described(queue)
        if "All" in names:
            return {"Attributes": described}
        unknown = [name for name in names if name not in described and name not in SETTABLE]
        if unknown:
            raise sqs_error("InvalidAttributeName", f"Unknown Attribute {unknown[0]}.")
        found = {name: described[name] for name in names if name in described}
        return {"Attributes": found} if found else {}

    def _set_attributes(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        given: Mapping[str, str] = params.get("Attributes") or {}
        if not given:
            raise missing_parameter("Attribute.Name")
        settings = changed_settings(queue.settings, given)
        if "RedrivePolicy" in given:
            self._check_redrive(queue.arn, settings)
        queue.change(settings, self._aws.now_ms)
        self._registry.look_at(queue)
        self._registry.hidden(queue)
        return {}

    def _check_redrive(self, queue_arn: str, settings: QueueSettings) -> None:
        """A dead-letter queue is there, of the same kind, and takes letters of this queue."""
        policy = settings.redrive
        if policy is None:
            return
        target = self._registry.by_arn(policy.dead_letter_arn)
        reason = ""
        if target is None:
            reason = "Dead letter target does not exist."
        elif target.settings.fifo != settings.fifo:
            reason = "Dead-letter queue must be same type of queue as the source."
        elif not target.settings.redrive_allow.allows(queue_arn):
            reason = (
                "Dead-letter queue does not allow this queue as a source: its RedriveAllowPolicy "
                f"is {target.settings.redrive_allow.permission}."
            )
        if reason:
            raise invalid_value("RedrivePolicy", settings.values["RedrivePolicy"], reason)

    def _add_permission(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        policy = with_permission(
            queue.settings.values.get("Policy", ""),
            queue.arn,
            self._aws.app.partition,
            params.get("Label", ""),
            params.get("AWSAccountIds", []),
            params.get("Actions", []),
        )
        queue.change(changed_settings(queue.settings, {"Policy": policy}), self._aws.now_ms)
        return {}

    def _remove_permission(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        current = queue.settings.values.get("Policy", "")
        policy = without_permission(current, queue.arn, params.get("Label", ""))
        queue.change(changed_settings(queue.settings, {"Policy": policy}), self._aws.now_ms)
        return {}

    # Content and tags

    def _purge_queue(self, params: Params) -> dict[str, Json]:
        queue, now_ms = self._registry.find(params.get("QueueUrl")), self._aws.now_ms
        if queue.purged_ms is not None and now_ms - queue.purged_ms < _PURGED_FOR_MS:
            raise sqs_error(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
            )
        queue.purged_ms = now_ms
        queue.purge()
        self._registry.look_at(queue)
        return {}

    def _tag_queue(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        tags = {**queue.tags, **params.get("Tags", {})}
        _check_tags(tags)
        queue.tags = tags
        return {}

    def _untag_queue(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        for key in params.get("TagKeys", []):
            queue.tags.pop(key, None)
        return {}

    def _list_tags(self, params: Params) -> dict[str, Json]:
        queue = self._registry.find(params.get("QueueUrl"))
        return {"Tags": dict(queue.tags)} if queue.tags else {}


def _check_name(name: str, fifo: bool) -> None:
    if fifo and _FIFO_NAME.fullmatch(name) is None:
        raise sqs_error(
            "InvalidParameterValue",
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
            "underscores, must end with .fifo suffix and be 1 to 80 in length.",
        )
    if not fifo and _NAME.fullmatch(name) is None:
        raise sqs_error(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )


def _check_same(queue: Queue, given: Mapping[str, str]) -> None:
    current = queue.settings.values
    for name, value in given.items():
        if name not in SETTABLE:
            raise sqs_error("InvalidAttributeName", f"Unknown Attribute {name}.")
        default = "false" if name == "FifoQueue" else ""
        if current.get(name, default) != value:
            raise sqs_error(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for attribute "
                f"{name}",
            )


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _TAGS_MAX:
        raise sqs_error("InvalidParameterValue", f"Too many tags: a queue has {_TAGS_MAX} at most.")
    for key in tags:
        if key.lower().startswith("aws:") or not 1 <= len(key) <= 128:
            raise sqs_error(
                "InvalidParameterValue",
                f"Tag key {key!r} is invalid: it has 1 to 128 characters and does not start with "
                "aws:.",
            )


def _described(queue: Queue) -> dict[str, str]:
    return {
        **queue.settings.values,
        "QueueArn": queue.arn,
        "ApproximateNumberOfMessages": str(queue.visible),
        "ApproximateNumberOfMessagesNotVisible": str(queue.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(queue.delayed),
        "CreatedTimestamp": str(queue.created_ms // 1000),
        "LastModifiedTimestamp": str(queue.modified_ms // 1000),
    }


def _page(urls: list[str], params: Params, name: str) -> dict[str, Json]:
    """In pages only where MaxResults is given, as SQS does."""
    size = params.get("MaxResults")
    if size is not None and not 1 <= size <= _RESULTS_MAX:
        raise invalid_value("MaxResults", size, f"Must be between 1 and {_RESULTS_MAX}.")
    start = _start(params.get("NextToken"))
    found = sorted(urls)[start : start + (size or _RESULTS_MAX)]
    page: dict[str, Json] = {name: found} if found else {}
    if size is not None and start + size < len(urls):
        page["NextToken"] = base64.b64encode(str(start + size).encode()).decode()
    return page


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except ValueError:
        raise sqs_error("InvalidParameterValue", "Invalid or expired next token.") from None
