"""CloudWatch alarms: the template's and those that are put while the app runs.

A change of state is an event, calls the actions of the new state, and may change composite alarms.
On AWS data arrives some minutes late; here it is there at the end of its minute.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Caller, Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.cloudwatch.alarm_support import composite_alarm_refusal
from sfnlocal.services.cloudwatch.api import CloudWatchApi
from sfnlocal.services.cloudwatch.queries import invalid
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.alarm_api import AlarmOperations
from sfnlocal.triggers.alarm_definitions import MetricAlarm, metric_alarm, notices
from sfnlocal.triggers.alarm_messages import (
    StateOf,
    change_detail,
    function_input,
    topic_message,
    topic_subject,
)
from sfnlocal.triggers.alarm_reasons import timestamp
from sfnlocal.triggers.alarm_rule import AlarmRule
from sfnlocal.triggers.alarm_watch import Alarm, CompositeWatch, HistoryItem, MetricWatch

TYPES = frozenset({"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"})


class Alarms:
    """`refused` says, by ARN, why an alarm of the template is not watched here."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._alarms: dict[str, Alarm] = {}
        self.refused: dict[str, UnsupportedError] = {}
        operations = AlarmOperations(self, aws).operations
        api = CloudWatchApi(aws.app, aws.metrics, lambda: aws.now_ms, operations)
        aws.route("cloudwatch", api, guarded=True)

    def load(self) -> None:
        """The template's alarms. Raises InputError for what CloudWatch would refuse."""
        # They look at what others report.
        self._aws.prepare("cloudwatch")
        # A composite alarm may stand before what it looks at.
        for resource_type in sorted(TYPES):
            for resource in self._aws.app.of_type(resource_type):
                try:
                    self._load(resource)
                except ApiError as error:
                    raise InputError(error.message, where=resource.where) from error
                except UnsupportedError as error:
                    self.refused[resource.arn] = error

    def _load(self, resource: Resource) -> None:
        if resource.type == "AWS::CloudWatch::Alarm":
            # Parsed once for all sessions: an app has hundreds.
            self._watch(self._aws.app.derived(_of_template, resource), deployed=True)
        else:
            self.put_composite_alarm(_name(resource), resource.properties)

    def __iter__(self) -> Iterator[Alarm]:
        return iter(sorted(self._alarms.values(), key=lambda alarm: alarm.name))

    def find(self, name: str) -> Alarm | None:
        return self._alarms.get(name)

    def arn(self, name: str) -> str:
        app = self._aws.app
        return f"arn:{app.partition}:cloudwatch:{app.region}:{app.account}:alarm:{name}"

    # Making and removing them

    def put_metric_alarm(self, name: str, properties: Mapping[str, Json]) -> None:
        self._watch(metric_alarm(properties, name, self._aws.app.account), deployed=False)

    def _watch(self, definition: MetricAlarm, *, deployed: bool) -> None:
        """One that was `deployed` some time ago has been evaluated already."""
        arn = self.arn(definition.notices.name)
        alarm = MetricWatch(arn, definition, self._aws, self._metric_changed)
        self._replace(alarm)
        alarm.start(deployed=deployed)

    def put_composite_alarm(self, name: str, properties: Mapping[str, Json]) -> None:
        refusal = composite_alarm_refusal(properties)
        if refusal is not None:
            raise UnsupportedError(refusal)
        rule = AlarmRule(properties["AlarmRule"])
        missing = [other for other in rule.names if other not in self._alarms]
        if missing:
            raise invalid(
                f"Could not save the composite alarm as alarm {missing[0]} does not exist"
            )
        if self._leads_to(name, rule.names):
            raise invalid("Could not save the composite alarm as its rule refers to itself")
        told = notices(properties, name)
        alarm = CompositeWatch(self.arn(name), told, properties, rule, self._aws.now_ms)
        new = name not in self._alarms
        self._replace(alarm)
        if new:
            alarm.state = self._composite_state(alarm, None)
        else:
            self._evaluate_composite(alarm, None)

    def _replace(self, alarm: Alarm) -> None:
        earlier = self._alarms.get(alarm.name)
        if earlier is not None:
            if type(earlier) is not type(alarm):
                raise invalid(f"An alarm of another type has the name {alarm.name}")
            if isinstance(earlier, MetricWatch):
                earlier.stop()
            alarm.follow(earlier)
        what = "updated" if earlier is not None else "created"
        data = json_text({"version": "1.0", "type": "Update" if earlier else "Create"})
        now_ms = self._aws.now_ms
        item = HistoryItem(now_ms, "ConfigurationUpdate", f'Alarm "{alarm.name}" {what}', data)
        alarm.history.append(item)
        self._alarms[alarm.name] = alarm

    def remove(self, names: list[str]) -> None:
        """All of them or none: a composite alarm may not lose what it looks at."""
        for composite in self._composites():
            lost = [name for name in composite.rule.names if name in names]
            if lost and composite.name not in names:
                raise invalid(f"Cannot delete {lost[0]} as composite alarm(s) depend on it.")
        for name in names:
            alarm = self._alarms.pop(name, None)
            if isinstance(alarm, MetricWatch):
                alarm.stop()

    def _composites(self) -> list[CompositeWatch]:
        return [one for one in self._alarms.values() if isinstance(one, CompositeWatch)]

    def _leads_to(self, name: str, names: list[str]) -> bool:
        for other in names:
            alarm = self._alarms.get(other)
            below = alarm.rule.names if isinstance(alarm, CompositeWatch) else []
            if other == name or self._leads_to(name, below):
                return True
        return False

    # Changes of state

    def set_state(self, alarm: Alarm, state: StateOf) -> None:
        """For a test of what it starts: the next evaluation corrects it."""
        if state.value != alarm.state.value:
            self._changed(alarm, state)
        if isinstance(alarm, MetricWatch):
            alarm.evaluate_soon()
        elif isinstance(alarm, CompositeWatch):
            self._aws.at(self._aws.now_ms, lambda: self._evaluate_composite(alarm, None))

    def _metric_changed(self, alarm: MetricWatch, state: StateOf) -> None:
        self._changed(alarm, state)

    def _changed(self, alarm: Alarm, state: StateOf) -> None:
        previous, alarm.state = alarm.state, state
        detail = change_detail(alarm.name, alarm.configuration(), state, previous)
        data = {
            "version": "1.0",
            "oldState": _history_state(previous),
            "newState": _history_state(state),
        }
        summary = f"Alarm updated from {previous.value} to {state.value}"
        alarm.history.append(HistoryItem(state.at_ms, "StateUpdate", summary, json_text(data)))
        self._aws.emit("aws.cloudwatch", "CloudWatch Alarm State Change", detail, [alarm.arn])
        if alarm.actions_enabled:
            for action_arn in alarm.notices.actions[state.value]:
                self._schedule_action(alarm, action_arn, state, previous)
        for composite in self._composites():
            if alarm.name in composite.rule.names:
                self._evaluate_composite(composite, alarm)

    def _evaluate_composite(self, alarm: CompositeWatch, cause: Alarm | None) -> None:
        state = self._composite_state(alarm, cause)
        if state.value != alarm.state.value and self._alarms.get(alarm.name) is alarm:
            self._changed(alarm, state)

    def _composite_state(self, alarm: CompositeWatch, cause: Alarm | None) -> StateOf:
        holds = alarm.rule.holds(lambda name: self._alarms[name].state.value)
        now_ms = self._aws.now_ms
        if cause is None:
            text = f"{alarm.arn}: its alarm rule evaluates to {str(holds).upper()}"
            return StateOf("ALARM" if holds else "OK", text, "", now_ms)
        told = {"value": cause.state.value, "timestamp": timestamp(cause.state.at_ms)}
        data = json_text({"triggeringAlarms": [{"arn": cause.arn, "state": told}]})
        text = f"{cause.arn} transitioned to {cause.state.value} at {_spoken(cause.state.at_ms)}"
        return StateOf("ALARM" if holds else "OK", text, data, now_ms)

    # Actions

    def _schedule_action(
        self, alarm: Alarm, action_arn: str, state: StateOf, previous: StateOf
    ) -> None:
        """Outside of the call or evaluation that goes on now."""

        def act() -> None:
            error = started = ""
            try:
                started = self._act(alarm, action_arn, state, previous)
            except ApiError as failure:
                error = f"{failure.aws_code}: {failure.message}"
            except UnsupportedError as failure:
                error = failure.message
            self._aws.timeline.add(alarm.arn, state.value, action_arn, started, error)
            outcome = f"Failed to execute action {action_arn}" if error else ""
            summary = outcome or f"Successfully executed action {action_arn}"
            data = json_text(
                {
                    "actionState": "Failed" if error else "Succeeded",
                    "notificationResource": action_arn,
                    "stateUpdateTimestamp": state.at_ms,
                    **({"error": error} if error else {}),
                }
            )
            alarm.history.append(HistoryItem(self._aws.now_ms, "Action", summary, data))

        self._aws.at(self._aws.now_ms, act)

    def _act(self, alarm: Alarm, action_arn: str, state: StateOf, previous: StateOf) -> str:
        """What it started."""
        app = self._aws.app
        match parse_arn(action_arn).service:
            case "sns":
                message = topic_message(
                    app,
                    alarm.arn,
                    alarm.definition if isinstance(alarm, MetricWatch) else None,
                    alarm.rule if isinstance(alarm, CompositeWatch) else None,
                    _message_notices(alarm),
                    state,
                    previous,
                )
                subject = topic_subject(app, alarm.name, state)
                params = {"TopicArn": action_arn, "Subject": subject, "Message": message}
                caller = Caller("cloudwatch.amazonaws.com", alarm.arn)
                answer = self._aws.call("sns", "Publish", params, caller)
                return str(answer["MessageId"])
            case "lambda":
                detail = change_detail(alarm.name, alarm.configuration(), state, previous)
                text = json_text(function_input(app, alarm.arn, detail, self._aws.now_ms))
                invoked: dict[str, Json] = {
                    "FunctionName": action_arn,
                    "InvocationType": "Event",
                    "Payload": text.encode(),
                }
                caller = Caller("lambda.alarms.cloudwatch.amazonaws.com", alarm.arn)
                self._aws.call("lambda", "Invoke", invoked, caller)
                return ""
            case service:
                raise UnsupportedError(f"alarm actions of {service} are not simulated")


def _of_template(app: App, resource: Resource) -> MetricAlarm:
    return metric_alarm(resource.properties, _name(resource), app.account)


def _name(resource: Resource) -> str:
    return resource.arn.split(":alarm:", 1)[-1]


def _message_notices(alarm: Alarm) -> dict[str, Json]:
    actions = alarm.notices.actions
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.notices.description,
        "AlarmConfigurationUpdatedTimestamp": timestamp(alarm.configured_ms),
        "OKActions": list(actions["OK"]),
        "AlarmActions": list(actions["ALARM"]),
        "InsufficientDataActions": list(actions["INSUFFICIENT_DATA"]),
    }


def _history_state(state: StateOf) -> dict[str, Json]:
    data = {"stateReasonData": state.reason_data} if state.reason_data else {}
    return {"stateValue": state.value, "stateReason": state.reason, **data}


def _spoken(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%A %d %B, %Y %H:%M:%S UTC}"
