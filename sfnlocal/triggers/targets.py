"""What a schedule or rule starts: one API call to the target's service.

Strategy: a table from a target's service to the call that hands the input over. It is AWS's own
call, made by the trigger's principal, so permissions are checked as for any other one.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from sfnlocal.arns import Arn, parse_arn
from sfnlocal.errors import ApiError, InputError
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.template.resources import App

Parameters: TypeAlias = Mapping[str, Json]


class ApiCall(NamedTuple):
    service: str
    operation: str
    params: dict[str, Json]


def _start_execution(arn: Arn, text: str, parameters: Parameters) -> ApiCall:
    return ApiCall("stepfunctions", "StartExecution", {"stateMachineArn": str(arn), "input": text})


def _invoke(arn: Arn, text: str, parameters: Parameters) -> ApiCall:
    params = {"FunctionName": str(arn), "InvocationType": "Event", "Payload": text.encode()}
    return ApiCall("lambda", "Invoke", params)


def _send_message(arn: Arn, text: str, parameters: Parameters) -> ApiCall:
    params = {"QueueUrl": queue_url(arn), "MessageBody": text}
    return ApiCall("sqs", "SendMessage", {**params, **parameters.get("SqsParameters", {})})


def _publish(arn: Arn, text: str, parameters: Parameters) -> ApiCall:
    return ApiCall("sns", "Publish", {"TopicArn": str(arn), "Message": text})


def _put_event(arn: Arn, text: str, parameters: Parameters) -> ApiCall:
    entry = {"EventBusName": str(arn), "Detail": text, **parameters["EventBridgeParameters"]}
    return ApiCall("events", "PutEvents", {"Entries": [entry]})


# By the ARN's service and the kind of its resource.
_CALLS: Mapping[tuple[str, str], Callable[[Arn, str, Parameters], ApiCall]] = {
    ("states", "stateMachine"): _start_execution,
    ("lambda", "function"): _invoke,
    ("sqs", ""): _send_message,
    ("sns", ""): _publish,
    ("events", "event-bus"): _put_event,
}
# What an answer says was started, in this order.
_STARTED = ("executionArn", "MessageId")


def target_refusal(target_arn: str) -> str | None:
    """Why targets like this are not started here."""
    arn = parse_arn(target_arn)
    if _kind(arn) in _CALLS or _is_log_group(arn):
        return None
    return f"targets of {arn.service} are not simulated"


def has_call(target_arn: str) -> bool:
    """Can `target_call` say what starts it?"""
    return _kind(parse_arn(target_arn)) in _CALLS


def check_target(target_arn: str, app: App, where: str) -> None:
    """Raises InputError for one of this app's account and region that the app does not have."""
    arn = parse_arn(target_arn)
    if (arn.account, arn.region) != (app.account, app.region) or target_refusal(target_arn):
        return
    if _kind(arn) == ("events", "event-bus") and arn.resource == "event-bus/default":
        return
    plain = _unqualified(arn)
    if plain not in app.derived(_arns):
        raise InputError(
            f"its target does not exist: {target_arn}",
            where=where,
            hint="add it to the app, or correct the target's ARN",
        )


def _arns(app: App) -> frozenset[str]:
    return frozenset(resource.arn.removesuffix(":*") for resource in app.resources)


def target_call(target_arn: str, input_text: str, parameters: Parameters) -> ApiCall:
    """The call that starts the target; `parameters` are SqsParameters and such by their names."""
    arn = parse_arn(target_arn)
    return _CALLS[_kind(arn)](arn, input_text, parameters)


def send(aws: Aws, target_arn: str, input_text: str, parameters: Parameters, caller: Caller) -> str:
    """Hand the input to the target. Gives the execution's ARN or the message's id ("": the target
    answers none). Raises ApiError."""
    if _is_log_group(parse_arn(target_arn)):
        return _log(aws, target_arn, input_text, caller)
    return send_call(aws, target_call(target_arn, input_text, parameters), caller)


def send_call(aws: Aws, call: ApiCall, caller: Caller) -> str:
    """Raises ApiError also where only a part of the call failed."""
    answer = aws.call(*call, caller)
    for entry in answer.get("Entries", []):
        if "ErrorCode" in entry:
            raise ApiError(entry["ErrorCode"], entry.get("ErrorMessage", ""))
        return str(entry["EventId"])
    return next((str(answer[name]) for name in _STARTED if name in answer), "")


def _log(aws: Aws, target_arn: str, text: str, caller: Caller) -> str:
    group = parse_arn(target_arn).resource.removeprefix("log-group:").removesuffix(":*")
    name = {"logGroupName": group, "logStreamName": caller.source_arn.rpartition("/")[2]}
    try:
        aws.call("logs", "CreateLogStream", name, caller)
    except ApiError as error:
        if error.aws_code != "ResourceAlreadyExistsException":
            raise
    event = {"timestamp": aws.now_ms, "message": text}
    aws.call("logs", "PutLogEvents", {**name, "logEvents": [event]}, caller)
    return ""


def queue_url(arn: Arn) -> str:
    suffix = "amazonaws.com.cn" if arn.partition == "aws-cn" else "amazonaws.com"
    return f"https://sqs.{arn.region}.{suffix}/{arn.account}/{arn.resource}"


def _kind(arn: Arn) -> tuple[str, str]:
    kind, separator, _ = arn.resource.replace("/", ":", 1).partition(":")
    return arn.service, kind if separator else ""


def _is_log_group(arn: Arn) -> bool:
    return _kind(arn) == ("logs", "log-group")


def _unqualified(arn: Arn) -> str:
    """Without a version or alias."""
    if _is_log_group(arn):
        return str(arn).removesuffix(":*")
    parts = arn.resource.split(":")
    return str(arn._replace(resource=":".join(parts[:2])))
