"""AWS IoT topic rules: each message of a topic is looked at by every rule, which hands what it
selects to its actions; what an action cannot take goes to the rule's error action.

https://docs.aws.amazon.com/iot/latest/developerguide/iot-rules.html
https://docs.aws.amazon.com/iot/latest/developerguide/rule-error-handling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.iot.sql import UNDEFINED, Message, Statement, parse_sql
from sfnlocal.triggers.targets import ApiCall, check_target, send_call

TYPE = "AWS::IoT::TopicRule"
_TOPIC_CHARS_MAX = 256
_TOPIC_LEVELS_MAX = 8
_PAYLOAD_BYTES_MAX = 128 * 1024


@dataclass(frozen=True, slots=True)
class Action:
    """`kind` is AWS's name of it (`SqsAction`), `target_arn` what it calls, `call` how."""

    kind: str
    target_arn: str
    role_arn: str | None
    call: Callable[[bytes], ApiCall]


@dataclass(frozen=True, slots=True)
class TopicRule:
    name: str
    arn: str
    statement: Statement
    actions: tuple[Action, ...]
    error_action: Action | None


class IotRules:
    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._rules: list[TopicRule] = []
        aws.route("iot-data", self.answer, guarded=True)

    def load(self) -> None:
        self._rules += self._aws.app.derived(_of_template)

    def answer(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        if operation != "Publish":
            raise UnsupportedError(f"iot-data:{operation} is not simulated, only Publish is")
        payload = params.get("payload") or b""
        self.publish(params["topic"], payload if isinstance(payload, bytes) else payload.encode())
        return {}

    def publish(self, topic: str, payload: bytes) -> None:
        """A device's message. Raises ApiError for one that the broker refuses."""
        if (
            not topic
            or len(topic.encode()) > _TOPIC_CHARS_MAX
            or topic.count("/") >= _TOPIC_LEVELS_MAX
            or any(wildcard in topic for wildcard in "+#")
        ):
            raise ApiError("InvalidRequestException", f"the topic is not valid: {topic!r}")
        if len(payload) > _PAYLOAD_BYTES_MAX:
            raise ApiError("RequestEntityTooLargeException", "the payload is too large", 413)
        message = Message(topic, _value(payload), self._aws.now_ms)
        for rule in self._rules:
            if rule.statement.wants(message):
                self._run_later(rule, message, payload)

    def _run_later(self, rule: TopicRule, message: Message, payload: bytes) -> None:
        self._aws.at(self._aws.now_ms, lambda: self._run(rule, message, payload))

    def _run(self, rule: TopicRule, message: Message, payload: bytes) -> None:
        selected = rule.statement.selected(message)
        text = payload if selected is UNDEFINED else json_text(selected).encode()
        failures = []
        for action in rule.actions:
            error = self._carry_out(rule, action, text, f"message on {message.topic}")
            if error is not None:
                failures.append(
                    {
                        "failedAction": action.kind,
                        "failedResource": action.target_arn,
                        "errorMessage": f"{error.message} ({error.aws_code})",
                    }
                )
        if failures and rule.error_action is not None:
            report = {
                "ruleName": rule.name,
                "topic": message.topic,
                "base64OriginalPayload": base64.b64encode(payload).decode(),
                "failures": failures,
            }
            why = f"failed actions of the message on {message.topic}"
            self._carry_out(rule, rule.error_action, json_text(report).encode(), why)

    def _carry_out(self, rule: TopicRule, action: Action, text: bytes, why: str) -> ApiError | None:
        caller = Caller("iot.amazonaws.com", rule.arn, action.role_arn)
        try:
            started = send_call(self._aws, action.call(text), caller)
        except ApiError as error:
            message = f"{error.aws_code}: {error.message}"
            self._aws.timeline.add(rule.arn, why, action.target_arn, error=message)
            return error
        self._aws.timeline.add(rule.arn, why, action.target_arn, started)
        return None


def refusal(resource: Resource) -> str | None:
    """Why a topic rule does not run here."""
    payload = resource.properties["TopicRulePayload"]
    for action in [*payload["Actions"], *filter(None, [payload.get("ErrorAction")])]:
        kind = next(iter(action), "")
        if kind not in _ACTIONS:
            return f"actions of kind {kind} are not simulated"
    try:
        parse_sql(payload["Sql"], "")
    except UnsupportedError as error:
        return error.message
    return None


def _of_template(app: App) -> tuple[TopicRule, ...]:
    found = []
    for resource in app.of_type(TYPE):
        payload = resource.properties["TopicRulePayload"]
        disabled = str(payload.get("RuleDisabled", False)).lower() == "true"
        if not disabled and refusal(resource) is None:
            found.append(_rule(resource, payload, app))
    return tuple(found)


def _rule(resource: Resource, payload: Mapping[str, Json], app: App) -> TopicRule:
    actions = tuple(_action(one, app, resource.where) for one in payload["Actions"])
    error_action = payload.get("ErrorAction")
    return TopicRule(
        resource.name,
        resource.arn,
        parse_sql(payload["Sql"], resource.where),
        actions,
        _action(error_action, app, resource.where) if error_action else None,
    )


def _action(given: Mapping[str, Json], app: App, where: str) -> Action:
    kind, properties = next(iter(given.items()))
    action = _ACTIONS[kind](properties, app, where)
    check_target(action.target_arn, app, where)
    return action


def _sqs(properties: Mapping[str, Json], app: App, where: str) -> Action:
    url = properties["QueueUrl"]
    queue = next((one for one in app.of_type("AWS::SQS::Queue") if one.name == url), None)
    if queue is None:
        raise InputError(
            f"its queue does not exist: {url}", where=where, hint="add it to the app, or correct it"
        )
    in_base64 = str(properties.get("UseBase64", False)).lower() == "true"

    def call(text: bytes) -> ApiCall:
        body = base64.b64encode(text).decode() if in_base64 else text.decode(errors="replace")
        return ApiCall("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": body})

    return Action("SqsAction", queue.arn, properties["RoleArn"], call)


def _lambda(properties: Mapping[str, Json], app: App, where: str) -> Action:
    arn = properties["FunctionArn"]

    def call(text: bytes) -> ApiCall:
        params = {"FunctionName": arn, "InvocationType": "Event", "Payload": text}
        return ApiCall("lambda", "Invoke", params)

    return Action("LambdaAction", arn, None, call)


def _step_functions(properties: Mapping[str, Json], app: App, where: str) -> Action:
    name = properties["StateMachineName"]
    arn = f"arn:{app.partition}:states:{app.region}:{app.account}:stateMachine:{name}"

    def call(text: bytes) -> ApiCall:
        return ApiCall(
            "stepfunctions", "StartExecution", {"stateMachineArn": arn, "input": text.decode()}
        )

    return Action("StepFunctionsAction", arn, properties["RoleArn"], call)


_ACTIONS: Mapping[str, Callable[[Mapping[str, Json], App, str], Action]] = {
    "Sqs": _sqs,
    "Lambda": _lambda,
    "StepFunctions": _step_functions,
}


def _value(payload: bytes) -> Json:
    try:
        return json.loads(payload)
    except ValueError:
        return UNDEFINED
