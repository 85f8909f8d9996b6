"""The Lambda API's event source mappings: what is set on them. Who runs them is told of each.

Only mappings of SQS queues are simulated; others are refused by name.
https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import FunctionRegistry
from sfnlocal.services.lambda_functions import Operation, Params
from sfnlocal.services.lambda_paging import page
from sfnlocal.template.resources import App

BATCH_SIZE_DEFAULT = 10
_BATCH_SIZE_MAX = 10_000
_BATCH_SIZE_MAX_WITHOUT_WINDOW = 10
_WINDOW_SECONDS_MAX = 300
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_CONCURRENCY_MIN, _CONCURRENCY_MAX = 2, 1_000

_USED = frozenset(
    {
        "BatchSize",
        "Enabled",
        "EventSourceArn",
        "FilterCriteria",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "ScalingConfig",
        "Tags",
        "UUID",
    }
)
# They change nothing that can be seen here.
_WITHOUT_EFFECT = frozenset({"KMSKeyArn", "LoggingConfig", "MetricsConfig"})


@dataclass(frozen=True, slots=True)
class EventSource:
    """A mapping. `function_arn` is qualified as it was asked for; `filter_criteria` is None or as
    the API has it, `concurrency_max` None where it is not limited."""

    id: str
    arn: str
    function_arn: str
    queue_arn: str
    batch_size: int = BATCH_SIZE_DEFAULT
    window_seconds: int = 0
    filter_criteria: Json = None
    report_batch_item_failures: bool = False
    concurrency_max: int | None = None
    enabled: bool = True
    modified_ms: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)


class Runner(Protocol):
    def check(self, source: EventSource) -> None:
        """Raises ApiError for one that AWS refuses."""

    def changed(self, source: EventSource) -> None:
        """Made or updated."""

    def deleted(self, source: EventSource) -> None: ...


def refusal(given: Mapping[str, Json]) -> str | None:
    """Why a mapping is not simulated. `given` are its properties or parameters."""
    arn = given.get("EventSourceArn")
    if not isinstance(arn, str):
        return "only mappings of SQS queues are simulated"
    try:
        service = parse_arn(arn).service
    except ValueError:
        return f"{arn} is no ARN"
    if service != "sqs":
        return f"mappings of {service} are not simulated, only those of SQS queues"
    others = sorted(given.keys() - _USED - _WITHOUT_EFFECT)
    return f"mappings with {', '.join(others)} are not simulated" if others else None


class EventSources:
    """All mappings, and the operations on them. Without a `runner` nothing runs."""

    def __init__(
        self, app: App, registry: FunctionRegistry, now_ms: Callable[[], int], *, seed: int
    ) -> None:
        self.runner: Callable[[], Runner] | None = None
        self._registry = registry
        self._home = Arn(app.partition, "lambda", app.region, app.account, "")
        self._now_ms = now_ms
        self._ids = random.Random(f"{seed}/event-sources")
        self._sources: dict[str, EventSource] = {}
        self.operations: dict[str, Operation] = {
            "CreateEventSourceMapping": self._create,
            "DeleteEventSourceMapping": self._delete,
            "GetEventSourceMapping": self._get,
            "ListEventSourceMappings": self._list,
            "UpdateEventSourceMapping": self._update,
        }

    def __iter__(self) -> Iterator[EventSource]:
        return iter(list(self._sources.values()))

    def add(self, given: Mapping[str, Json], id_: str) -> None:
        """One of the template. Raises ApiError for what AWS refuses."""
        self._put(_changed(self._new(given, id_), given))

    def _new(self, given: Mapping[str, Json], id_: str) -> EventSource:
        arn = str(self._home._replace(resource=f"event-source-mapping:{id_}"))
        function_arn = self._registry.locate(given["FunctionName"]).arn
        for other in self:
            if (other.queue_arn, other.function_arn) == (given["EventSourceArn"], function_arn):
                message = (
                    f'An event source mapping with SQS arn (" {other.queue_arn} ") and function '
                    f'(" {function_arn} ") already exists. Please update or delete the existing '
                    f"mapping with UUID {other.id}"
                )
                raise ApiError("ResourceConflictException", message, 409)
        return EventSource(id_, arn, function_arn, given["EventSourceArn"])

    def _put(self, source: EventSource) -> None:
        _check(source)
        if self.runner is not None:
            self.runner().check(source)
        self.deploy(source)

    def deploy(self, source: EventSource) -> None:
        """One that is checked."""
        self._sources[source.id] = replace(source, modified_ms=self._now_ms())
        if self.runner is not None:
            self.runner().changed(source)

    # Operations

    def _create(self, params: Params) -> dict[str, Json]:
        reason = refusal(params)
        if reason is not None:
            raise UnsupportedError(reason)
        id_ = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
        self.add(params, id_)
        return {**self._described(id_), "State": "Creating"}

    def _update(self, params: Params) -> dict[str, Json]:
        source = self._found(params)
        reason = refusal({**params, "EventSourceArn": source.queue_arn})
        if reason is not None:
            raise UnsupportedError(reason)
        if params.get("FunctionName"):
            function_arn = self._registry.locate(params["FunctionName"]).arn
            source = replace(source, function_arn=function_arn)
        self._put(_changed(source, params))
        return {**self._described(source.id), "State": "Updating"}

    def _delete(self, params: Params) -> dict[str, Json]:
        source = self._found(params)
        answer = {**self._described(source.id), "State": "Deleting"}
        del self._sources[source.id]
        if self.runner is not None:
            self.runner().deleted(source)
        return answer

    def _get(self, params: Params) -> dict[str, Json]:
        return self._described(self._found(params).id)

    def _list(self, params: Params) -> dict[str, Json]:
        source_arn, function = params.get("EventSourceArn"), params.get("FunctionName")
        function_arn = self._registry.locate(function).arn if function else None
        found = [
            self._described(source.id)
            for source in self
            if source_arn in (None, source.queue_arn)
            and function_arn in (None, source.function_arn)
        ]
        return page("EventSourceMappings", found, params)

    def _found(self, params: Params) -> EventSource:
        source = self._sources.get(params["UUID"])
        if source is None:
            message = "The resource you requested does not exist."
            raise ApiError("ResourceNotFoundException", message, 404)
        return source

    def _described(self, id_: str) -> dict[str, Json]:
        source = self._sources[id_]
        described: dict[str, Json] = {
            "UUID": source.id,
            "BatchSize": source.batch_size,
            "MaximumBatchingWindowInSeconds": source.window_seconds,
            "EventSourceArn": source.queue_arn,
            "FunctionArn": source.function_arn,
            "LastModified": source.modified_ms / 1000,
            "State": "Enabled" if source.enabled else "Disabled",
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": [_REPORT] if source.report_batch_item_failures else [],
            "EventSourceMappingArn": source.arn,
        }
        if source.filter_criteria is not None:
            described["FilterCriteria"] = source.filter_criteria
        if source.concurrency_max is not None:
            described["ScalingConfig"] = {"MaximumConcurrency": source.concurrency_max}
        return described


_REPORT = "ReportBatchItemFailures"


def _changed(source: EventSource, given: Mapping[str, Json]) -> EventSource:
    """With what is given, from parameters or a template's properties."""
    changes: dict[str, Json] = {}
    if given.get("BatchSize") is not None:
        changes["batch_size"] = int(given["BatchSize"])
    if given.get("MaximumBatchingWindowInSeconds") is not None:
        changes["window_seconds"] = int(given["MaximumBatchingWindowInSeconds"])
    if given.get("Enabled") is not None:
        changes["enabled"] = str(given["Enabled"]).lower() != "false"
    if given.get("FunctionResponseTypes") is not None:
        changes["report_batch_item_failures"] = _REPORT in given["FunctionResponseTypes"]
    if given.get("FilterCriteria") is not None:
        criteria = given["FilterCriteria"]
        changes["filter_criteria"] = criteria if criteria.get("Filters") else None
    if given.get("ScalingConfig") is not None:
        concurrency = given["ScalingConfig"].get("MaximumConcurrency")
        changes["concurrency_max"] = None if concurrency is None else int(concurrency)
    if given.get("Tags"):
        changes["tags"] = _tags(given["Tags"])
    return replace(source, **changes)


def _tags(given: Json) -> dict[str, str]:
    """The API has a map, templates a list."""
    if isinstance(given, dict):
        return dict(given)
    return {tag["Key"]: tag["Value"] for tag in given}


def _check(source: EventSource) -> None:
    window, size = source.window_seconds, source.batch_size
    _check_range("BatchSize", size, 1, _BATCH_SIZE_MAX)
    _check_range("MaximumBatchingWindowInSeconds", window, 0, _WINDOW_SECONDS_MAX)
    if source.concurrency_max is not None:
        _check_range(
            "ScalingConfig.MaximumConcurrency",
            source.concurrency_max,
            _CONCURRENCY_MIN,
            _CONCURRENCY_MAX,
        )
    fifo = source.queue_arn.endswith(".fifo")
    if fifo and window:
        raise _refusal("Batching window is not supported for FIFO queues")
    if size > _BATCH_SIZE_MAX_WITHOUT_WINDOW and fifo:
        raise _refusal(f"Maximum batch size of a FIFO queue is {_BATCH_SIZE_MAX_WITHOUT_WINDOW}")
    if size > _BATCH_SIZE_MAX_WITHOUT_WINDOW and not window:
        raise _refusal(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )


def _check_range(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise _refusal(f"{name} is {value}, it must be from {lowest} to {highest}")


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
