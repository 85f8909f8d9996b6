"""AWS::SQS::Queue: its properties as attributes, and the app's queues created.

A queue may stand before its dead-letter queue in the template: redrive policies are set when all
queues are there.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfnlocal.errors import ApiError, InputError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.sqs.attributes import SETTABLE
from sfnlocal.services.sqs.registry import DeployedQueue
from sfnlocal.template.resources import App, Resource

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

QUEUE_TYPE = "AWS::SQS::Queue"
# No attributes.
_OTHERS = frozenset({"QueueName", "Tags"})


def create_queues(app: App, aws: Aws) -> None:
    """Raises InputError for a queue that AWS would not create."""
    aws.queues.deploy(app.derived(_checked))


def _checked(app: App) -> tuple[DeployedQueue, ...]:
    """Created once, to see what AWS would say; each session begins with what came of it."""
    from sfnlocal.services.aws import Aws

    aws = Aws(app, now_ms=0)
    queues = app.of_type(QUEUE_TYPE)
    for resource in queues:
        _call(aws, resource, "CreateQueue", _parameters(resource))
    for resource in queues:
        policy = resource.properties.get("RedrivePolicy")
        if policy:
            attributes = {"RedrivePolicy": _text(policy)}
            params = {"QueueUrl": resource.name, "Attributes": attributes}
            _call(aws, resource, "SetQueueAttributes", params)
    return aws.queues.deployed()


def _parameters(resource: Resource) -> dict[str, Json]:
    unknown = sorted(resource.properties.keys() - SETTABLE - _OTHERS)
    if unknown:
        raise InputError(
            f"AWS::SQS::Queue has no property {unknown[0]}",
            where=resource.where,
            hint=f"it has {', '.join(sorted(SETTABLE | _OTHERS))}",
        )
    return {
        "QueueName": resource.arn.rpartition(":")[2],
        "Attributes": {
            name: _text(value)
            for name, value in resource.properties.items()
            if name in SETTABLE and name != "RedrivePolicy"
        },
        "tags": {tag["Key"]: str(tag["Value"]) for tag in resource.properties.get("Tags", [])},
    }


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)


def _call(aws: Aws, resource: Resource, operation: str, params: dict[str, Json]) -> None:
    try:
        aws.queues.begin(operation, params)
    except ApiError as error:
        raise InputError(
            f"SQS refuses this queue: {error.message}",
            where=resource.where,
            hint="correct the queue's properties in the stack",
        ) from error
