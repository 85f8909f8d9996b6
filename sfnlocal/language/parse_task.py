"""The Task state: its Resource, time-outs and Credentials."""

from __future__ import annotations

from sfnlocal.language.fields import Fields
from sfnlocal.language.parse_state import read_common
from sfnlocal.language.program import Evaluator, TaskState
from sfnlocal.language.quantities import read_integer, read_text
from sfnlocal.language.resource import parse_resource
from sfnlocal.limits import TASK_TIMEOUT_SECONDS_MAX
from sfnlocal.ports import TaskResource

_UNKNOWN = TaskResource("", "", "", "REQUEST_RESPONSE")


def read_task(fields: Fields, pointer: str) -> TaskState:
    fields.require("Resource")
    timeout = read_integer(fields, "TimeoutSeconds", 1, TASK_TIMEOUT_SECONDS_MAX)
    heartbeat = read_integer(fields, "HeartbeatSeconds", 1, TASK_TIMEOUT_SECONDS_MAX)
    _check_heartbeat(fields)
    return TaskState(
        **read_common(fields, "Task"),
        pointer=pointer,
        resource=_resource(fields),
        timeout_seconds=timeout,
        heartbeat_seconds=heartbeat,
        role_arn=_role_arn(fields),
    )


def _check_heartbeat(fields: Fields) -> None:
    """Where both are literal; what is evaluated, the interpreter holds against each other."""
    timeout, heartbeat = fields.take("TimeoutSeconds"), fields.take("HeartbeatSeconds")
    if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
        fields.error(
            "HeartbeatSeconds must be smaller than TimeoutSeconds",
            "HeartbeatSeconds",
            hint=f"{heartbeat} is not smaller than {timeout}",
        )


def _resource(fields: Fields) -> TaskResource:
    arn = fields.string("Resource")
    if arn is None:
        return _UNKNOWN
    try:
        resource = parse_resource(arn)
    except ValueError:
        fields.error(
            f"The resource provided {arn} is not recognized. The value is not a valid resource "
            "ARN, or the resource is not available in this region.",
            "Resource",
            hint="a function's or activity's ARN, arn:aws:states:::service:action, or "
            "arn:aws:states:::aws-sdk:service:action",
        )
        return _UNKNOWN
    if fields.compilation.express:
        _check_express(fields, resource)
    return resource


def _check_express(fields: Fields, resource: TaskResource) -> None:
    if resource.pattern != "REQUEST_RESPONSE":
        suffix = ".sync" if resource.pattern == "RUN_A_JOB" else ".waitForTaskToken"
        what = f"'{suffix}' service integration"
    elif resource.service == "activity":
        what = "activities"
    else:
        return
    fields.error(
        f"Express state machine does not support {what}",
        "Resource",
        hint="use a STANDARD state machine",
    )


def _role_arn(fields: Fields) -> Evaluator | None:
    if "Credentials" not in fields:
        return None
    credentials = fields.child(fields.take("Credentials"), "Credentials")
    if "RoleArn.$" not in credentials or fields.language == "JSONata":
        credentials.require("RoleArn")
    return read_text(credentials, "RoleArn", "RoleArn.$")
