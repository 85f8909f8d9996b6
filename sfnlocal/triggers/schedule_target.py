"""What a schedule's occurrence does: hands its input, context attributes filled in, to its target.

A templated target is a resource's ARN; a universal target,
`arn:aws:scheduler:::aws-sdk:sqs:sendMessage`, is an API operation whose parameters are the input.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.template.resources import App
from sfnlocal.triggers.schedule_definition import ScheduleTarget
from sfnlocal.triggers.targets import ApiCall, check_target, send, send_call, target_refusal

_UNIVERSAL = re.compile(r"arn:[a-z-]+:scheduler:::aws-sdk:([^:]+):([^:]+)")
_ATTRIBUTE = re.compile(r"<aws\.scheduler\.([a-z-]+)>")
# Operations that only read.
_READING = re.compile(
    "get|describe|list|poll|receive|search|scan|query|select|read|lookup|discover|validate|"
    "batchGet|batchDescribe|batchRead|transactGet|adminGet|adminList|testMigration|retrieve|"
    "testConnection|translateDocument|isAuthorized|invokeModel"
)


def filled_in(text: str, attributes: Mapping[str, str]) -> str:
    """With the context attributes' values; what is none of them stays."""
    return _ATTRIBUTE.sub(lambda match: attributes.get(match[1], match[0]), text)


def notification(app: App, schedule_arn: str, unique: str, time: str) -> str:
    """What AWS sends where a schedule says no input."""
    event = {
        "version": "0",
        "id": unique,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": app.account,
        "time": time,
        "region": app.region,
        "resources": [schedule_arn],
        "detail": "{}",
    }
    return json_text(event)


def hand_over(aws: Aws, target: ScheduleTarget, text: str, caller: Caller) -> str:
    """Gives what was started. Raises ApiError. To be called for no refused target."""
    universal = _UNIVERSAL.fullmatch(target.arn)
    if universal is not None:
        return send_call(aws, _call(universal[1], universal[2], text), caller)
    return send(aws, target.arn, text, target.parameters, caller)


def refused_target(target_arn: str) -> str | None:
    """Why sfnlocal does not start targets like this."""
    return None if _UNIVERSAL.fullmatch(target_arn) else target_refusal(target_arn)


def check_schedule_target(target: ScheduleTarget, app: App, where: str) -> None:
    """InputError where the app lacks the schedule's target or dead-letter queue."""
    for arn in (target.arn, target.dead_letter_arn):
        if arn is not None and not _UNIVERSAL.fullmatch(arn):
            check_target(arn, app, where)


def check_action(target_arn: str) -> None:
    """Raises ApiError for a universal target that AWS does not have."""
    universal = _UNIVERSAL.fullmatch(target_arn)
    if universal is not None:
        _operation(universal[1], universal[2])


def _operation(service: str, action: str) -> tuple[str, str]:
    """The client name and operation."""
    # Loaded here: botocore's models take longer to load than most apps.
    from sfnlocal.services.aws_sdk import client_name
    from sfnlocal.services.service_models import available_services, service_model

    if _READING.match(action):
        raise ApiError(
            "ValidationException", f"Read-only actions are no target of a schedule: {action}"
        )
    client = client_name(service, available_services())
    if client is None:
        raise ApiError("ValidationException", f"There is no AWS service {service!r}")
    wanted = action.lower()
    for operation in service_model(client).operation_names:
        if operation.lower() == wanted:
            return client, operation
    raise ApiError("ValidationException", f"{service} has no action {action!r}")


def _call(service: str, action: str, text: str) -> ApiCall:
    from sfnlocal.services.aws_sdk import member_name
    from sfnlocal.services.service_models import service_model
    from sfnlocal.triggers.schedule_input import ScheduleArguments

    client, operation = _operation(service, action)
    arguments = ScheduleArguments(member_name)
    params: dict[str, Json] = arguments.convert(
        json.loads(text), service_model(client).operation_model(operation)
    )
    if arguments.mistakes:
        raise ApiError("ValidationException", "; ".join(arguments.mistakes))
    return ApiCall(client, operation, params)
