"""A session with alarms, whose actions only note what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.alarm_watch import Alarm

ACCOUNT, REGION = "123456789012", "us-west-2"
ALARM = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Page"
START_MS = 1_767_225_600_000
MINUTE_MS = 60_000
ERRORS: dict[str, Any] = {
    "Namespace": "Shop",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


class World:
    """`calls` are those that actions made; `changes` the alarms' changes of state: minute, name,
    state; `events` what they sent."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.aws = session.aws
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.events: list[dict[str, Any]] = []
        self.changes: list[tuple[float, str, str]] = []
        for service in ("sns", "lambda"):
            self.aws.route(service, lambda *call, service=service: self._called(service, *call))
        self.aws.on_event(self._heard)

    def _called(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((service, operation, params))
        return {"MessageId": f"message-{len(self.calls)}"}

    def _heard(self, source: str, detail_type: str, detail: Any, resources: list[str]) -> None:
        if source == "aws.cloudwatch":
            event = {"detail-type": detail_type, "detail": detail, "resources": resources}
            self.events.append(event)
            self.changes.append((self.minute, detail["alarmName"], detail["state"]["value"]))

    @property
    def minute(self) -> float:
        return (self.session.now_ms - START_MS) / MINUTE_MS

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.aws.call("cloudwatch", operation, params)

    def add(self, value: float = 1, name: str = "Errors", **dimensions: str) -> None:
        self.aws.metrics.add("Shop", name, dimensions, value)

    def advance(self, minutes: float) -> None:
        self.session.advance(round(minutes * MINUTE_MS))

    def alarm(self, name: str) -> Alarm:
        alarm = self.session.triggers.alarms.find(name)
        assert alarm is not None
        return alarm

    def state(self, name: str) -> str:
        return self.alarm(name).state.value


def resource(name: str, composite: bool = False, **properties: Any) -> Resource:
    kind = "AWS::CloudWatch::CompositeAlarm" if composite else "AWS::CloudWatch::Alarm"
    where = f"stack.json#/Resources/{name}"
    return Resource("stack", name, kind, f"stack/{name}", name, ALARM + name, properties, where)


@contextmanager
def world(*resources: Resource) -> Iterator[World]:
    app = App(Path(), "aws", REGION, ACCOUNT, resources, (), (), {})
    with Session(app, start_ms=START_MS) as session:
        yield World(session)
