"""A session with rules, whose targets only note what they are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.buses import Buses

ACCOUNT, REGION = "123456789012", "us-east-1"
EVENTS = f"arn:aws:events:{REGION}:{ACCOUNT}"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders"
LETTERS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Report"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:news"
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Order"
GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/events"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/rules"
PLACED = {"source": ["shop"], "detail-type": ["Placed"]}


class World:
    """`calls` are those that targets got: service, operation, parameters. The next one fails with
    each of `errors` in turn."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.aws = session.aws
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.errors: list[ApiError] = []
        # It may route its service when it is made.
        assert session.triggers.topics is not None
        for service in ("sqs", "lambda", "sns", "logs", "stepfunctions"):
            self.aws.route(service, lambda *call, service=service: self._called(service, *call))

    def _called(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        if self.errors:
            raise self.errors.pop(0)
        self.calls.append((service, operation, params))
        return {"MessageId": f"message-{len(self.calls)}"}

    @property
    def buses(self) -> Buses:
        return self.session.triggers.buses

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.aws.call("events", operation, params)

    def rule(self, name: str, arn: str = QUEUE, pattern: str | None = None, **target: Any) -> str:
        """A rule with one target. Gives its ARN."""
        text = '{"source":["shop"]}' if pattern is None else pattern
        answer = self.call("PutRule", Name=name, EventPattern=text)
        self.call("PutTargets", Rule=name, Targets=[{"Id": "1", "Arn": arn, **target}])
        return str(answer["RuleArn"])

    def put(self, detail: str = "{}", bus: str | None = None, **entry: Any) -> dict[str, Any]:
        """One event of the shop's; gives its answer after its targets have got it."""
        entry = {"Source": "shop", "DetailType": "Placed", "Detail": detail, **entry}
        if bus is not None:
            entry["EventBusName"] = bus
        [answer] = self.call("PutEvents", Entries=[entry])["Entries"]
        self.session.run_until_idle()
        return dict(answer)

    def bodies(self) -> list[str]:
        """What queues got."""
        return [params["MessageBody"] for _, operation, params in self.calls if "Send" in operation]


def resource(type: str, name: str, arn: str, **properties: Any) -> Resource:
    return Resource("S", name, type, name, name, arn, properties, f"s.json#/Resources/{name}")


def rule_resource(name: str, *targets: dict[str, Any], **properties: Any) -> Resource:
    properties = {"EventPattern": PLACED, **properties, "Targets": list(targets)}
    return resource("AWS::Events::Rule", name, f"{EVENTS}:rule/{name}", **properties)


@contextmanager
def world(*resources: Resource) -> Iterator[World]:
    app = App(Path(), "aws", REGION, ACCOUNT, resources, (), (), {})
    with Session(app) as session:
        yield World(session)
