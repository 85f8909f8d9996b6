"""What a pipe is: its settings, from a template's properties or the API's parameters.

https://docs.aws.amazon.com/eventbridge/latest/pipes-reference/API_CreatePipe.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.triggers.filter_criteria import PIPE_FILTERS, FilterCriteria, filter_criteria
from sfnlocal.triggers.pipe_templates import PipeTemplate, checked_template

BATCH_SIZE_DEFAULT = 10
_BATCH_SIZE_MAX = 10_000
_WINDOW_SECONDS_MAX = 300
_NAME = re.compile(r"[.\-_A-Za-z0-9]{1,64}")

# How many records one call takes.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html
TARGET_BATCH_MAX: Mapping[str, int] = {"sqs": 10, "sns": 10, "events": 10, "logs": 10_000}
_TARGETS = frozenset({"states", "lambda", *TARGET_BATCH_MAX})
_ENRICHMENTS = frozenset({"states", "lambda"})
_TARGET_PARAMETERS = frozenset(
    {
        "CloudWatchLogsParameters",
        "EventBridgeEventBusParameters",
        "InputTemplate",
        "LambdaFunctionParameters",
        "SqsQueueParameters",
        "StepFunctionStateMachineParameters",
    }
)


@dataclass(frozen=True, slots=True)
class Pipe:
    """`given` are its settings by the API's names; the rest is read from them."""

    name: str
    arn: str
    given: Mapping[str, Json]
    criteria: FilterCriteria
    enrichment_template: PipeTemplate | None
    target_template: PipeTemplate | None
    batch_size: int = BATCH_SIZE_DEFAULT
    window_seconds: int = 0
    running: bool = True
    created_ms: int = 0
    modified_ms: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return str(self.given["Source"])

    @property
    def enrichment(self) -> str:
        """Empty where there is none."""
        return str(self.given.get("Enrichment") or "")

    @property
    def target(self) -> str:
        return str(self.given["Target"])

    def target_parameters(self, name: str) -> Mapping[str, Json]:
        """Those of the target's kind: `SqsQueueParameters`, ..."""
        parameters = self.given.get("TargetParameters") or {}
        return parameters.get(name) or {}


def refusal(given: Mapping[str, Json]) -> str | None:
    """Why such a pipe is not simulated."""
    source = _service(given["Source"])
    if source != "sqs":
        return f"pipes from {source} are not simulated, only those from SQS queues"
    target = _service(given["Target"])
    if target not in _TARGETS or _is_api_destination(given["Target"]):
        return f"pipes to {_kind(given['Target'])} are not simulated"
    enrichment = given.get("Enrichment")
    if enrichment and _service(enrichment) not in _ENRICHMENTS:
        return f"enrichment by {_kind(enrichment)} is not simulated"
    others = sorted((given.get("TargetParameters") or {}).keys() - _TARGET_PARAMETERS)
    if "EndpointId" in ((given.get("TargetParameters") or {}).get(_BUS_PARAMETERS) or {}):
        others.append("EndpointId")
    return f"pipes with {', '.join(others)} are not simulated" if others else None


_BUS_PARAMETERS = "EventBridgeEventBusParameters"


def read_pipe(given: Mapping[str, Json], home: Arn, name: str) -> Pipe:
    """Raises ApiError for what AWS refuses."""
    if not _NAME.fullmatch(name):
        raise refused(f"Name '{name}' must have 1 to 64 letters, digits, '.', '-' or '_'")
    source = given.get("SourceParameters") or {}
    queue = source.get("SqsQueueParameters") or {}
    enrichment = (given.get("EnrichmentParameters") or {}).get("InputTemplate")
    target = (given.get("TargetParameters") or {}).get("InputTemplate")
    pipe = Pipe(
        name=name,
        arn=str(home._replace(service="pipes", resource=f"pipe/{name}")),
        given=given,
        criteria=filter_criteria(source.get("FilterCriteria"), PIPE_FILTERS),
        enrichment_template=checked_template(enrichment),
        target_template=checked_template(target),
        batch_size=int(queue.get("BatchSize") or BATCH_SIZE_DEFAULT),
        window_seconds=int(queue.get("MaximumBatchingWindowInSeconds") or 0),
        running=(given.get("DesiredState") or "RUNNING") == "RUNNING",
        tags=_tags(given.get("Tags")),
    )
    _check(pipe)
    return pipe


def _check(pipe: Pipe) -> None:
    if not 1 <= pipe.batch_size <= _BATCH_SIZE_MAX:
        raise refused(f"BatchSize is {pipe.batch_size}, it must be from 1 to {_BATCH_SIZE_MAX}")
    if not 0 <= pipe.window_seconds <= _WINDOW_SECONDS_MAX:
        raise refused(
            f"MaximumBatchingWindowInSeconds is {pipe.window_seconds}, it must be from 0 to "
            f"{_WINDOW_SECONDS_MAX}"
        )
    service = parse_arn(pipe.target).service
    batch_max = TARGET_BATCH_MAX.get(service, _BATCH_SIZE_MAX)
    if pipe.batch_size > batch_max:
        raise refused(f"BatchSize is {pipe.batch_size}, targets of {service} take {batch_max}")
    if service == "sns" and pipe.target.endswith(".fifo"):
        raise refused("SNS FIFO topics are not supported as a target")
    needs_group = service == "sqs" and pipe.target.endswith(".fifo")
    if needs_group and not pipe.target_parameters("SqsQueueParameters").get("MessageGroupId"):
        raise refused("SqsQueueParameters.MessageGroupId is required for a FIFO queue")


def _tags(given: Json) -> dict[str, str]:
    """The API and this resource type have a map, CDK's L1 passes it on."""
    return {str(key): str(value) for key, value in (given or {}).items()}


def _service(arn: str) -> str:
    try:
        return parse_arn(arn).service
    except ValueError:
        return arn.partition(":")[0]


def _is_api_destination(arn: str) -> bool:
    return ":api-destination/" in arn


def _kind(arn: str) -> str:
    return "API destinations" if _is_api_destination(arn) else _service(arn)


def refused(message: str) -> ApiError:
    return ApiError("ValidationException", message)
