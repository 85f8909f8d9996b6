"""A loaded app in virtual time, with the words that tests are written in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

from sfnlocal.driver.messages import Actor
from sfnlocal.driver.mocks import Outcome
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.proof.iam.gate import IamGate, session_gate
from sfnlocal.server import StepFunctionsApi
from sfnlocal.services.timeline import Triggered
from sfnlocal.template import App, find_resource, load_app
from sfnlocal.testing.run import Run
from sfnlocal.triggers.http_messages import HttpResponse
from sfnlocal.triggers.schedules import SCHEDULE
from sfnlocal.triggers.timeline_text import render_timeline, timeline_data

_RULE = "AWS::Events::Rule"
_TABLES = ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable")


def load(app: str | Path | App, **options: Any) -> LocalApp:
    """An app from a cloud assembly's folder, to be used as a context manager. `options` are those
    of LocalApp and of Session: iam, seed, start_ms, keep_histories, jsonata, mock_config."""
    return LocalApp(app if isinstance(app, App) else load_app(Path(app)), **options)


class LocalApp:
    """State machines, queues and tables are named by construct id (`Order`), construct path,
    logical id, physical name or ARN. With `iam`, each call of a role or a service is checked by the
    policies of the template; `iam_keys` are values of condition keys that only AWS knows."""

    def __init__(
        self,
        app: App,
        *,
        iam: bool = True,
        iam_keys: Mapping[str, Iterable[str]] | None = None,
        **options: Any,
    ) -> None:
        self.session = Session(app, **options)
        self.app = app
        self.iam: IamGate | None = None
        self._checks_iam = iam
        self._iam_keys = iam_keys

    def __enter__(self) -> LocalApp:
        with ExitStack() as undo:
            undo.enter_context(self.session)
            # A test may make boto3 clients of its own, or look at the time.
            self.session.aws.take_over()
            StepFunctionsApi(self.session).install()
            if self._checks_iam:
                self.iam = session_gate(self.session, self._iam_keys)
                self.iam.check_targets()
            undo.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.session.__exit__(kind, error, traceback)

    # Running

    def start(
        self,
        state_machine: str,
        input: Json,
        name: str | None = None,
        *,
        test_case: str | None = None,
    ) -> Run:
        """Start an execution; nothing runs until `advance`, `run_until_idle` or `finish`.
        `test_case` is one of the mock configuration (`mock_config`, `--sfn-mock-config`)."""
        execution = self.session.start_execution(state_machine, input, name, test_case)
        return Run(execution, self.session)

    def run(
        self,
        state_machine: str,
        input: Json,
        name: str | None = None,
        *,
        test_case: str | None = None,
    ) -> Run:
        """Start an execution and let time run until nothing is due: it has ended, or waits for
        somebody outside without a time-out. (`advance` lets less time pass.)"""
        run = self.start(state_machine, input, name, test_case=test_case)
        self.run_until_idle()
        return run

    def finish(self, run: Run) -> Run:
        """Let time run until this execution has ended, or waits for somebody outside."""
        self.session.run(run.execution)
        return run

    def run_until_idle(self) -> None:
        self.session.run_until_idle()

    def advance(self, **duration: float) -> None:
        """Let time pass: `advance(days=2, minutes=5)`, as timedelta has it."""
        self.session.advance(int(timedelta(**duration) / timedelta(milliseconds=1)))

    def pause_schedules(self, *, except_for: Iterable[str] = ()) -> None:
        """Let all schedules and rules on a schedule start nothing, but for those named: a day that
        passes then costs what the test is about. Nothing is turned on that was off."""
        kept = {find_resource(self.app, name, SCHEDULE, _RULE).arn for name in except_for}
        schedules = self.session.triggers.schedules
        for running in list(schedules.schedules.values()):
            if running.arn not in kept:
                schedules.disable(running.arn)
        for rule in self.app.of_type(_RULE):
            if rule.arn not in kept and "ScheduleExpression" in rule.properties:
                self.session.aws.call("events", "DisableRule", {"Name": rule.name})

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.session.now_ms / 1000, UTC)

    def executions(self, state_machine: str | None = None) -> list[Run]:
        """All executions so far, in the order in which they were started."""
        runs = [Run(execution, self.session) for execution in self.session.executions.values()]
        if state_machine is None:
            return runs
        arn = self.session.find(state_machine).arn
        return [run for run in runs if run.execution.state_machine_arn == arn]

    # The outside world

    def mock(self, state_machine: str, state: str, outcomes: Iterable[Outcome]) -> None:
        """Answer the attempts of a Task state in order: Success, Failure, CALL for the real
        service, or Lost where that does its work and nobody hears of it; the last one stays."""
        self.session.mock(state_machine, state, outcomes)

    def on_message(self, queue: str, actor: Actor) -> None:
        """Call `actor(message)` for each message of a queue, which it takes away."""
        self.session.on_message(queue, actor)

    def send(self, queue: str, body: Json, **params: Json) -> str:
        """Send a message to a queue and give its id; `params` are those of SendMessage."""
        sent = {"QueueUrl": self.queue_url(queue), "MessageBody": _text(body), **params}
        return str(self.session.aws.call("sqs", "SendMessage", sent)["MessageId"])

    def publish(self, topic: str, message: Json, **params: Json) -> str:
        """Publish to a topic and give the message's id; `params` are those of Publish."""
        arn = find_resource(self.app, topic, "AWS::SNS::Topic").arn
        sent = {"TopicArn": arn, "Message": _text(message), **params}
        return str(self.session.aws.call("sns", "Publish", sent)["MessageId"])

    def put_event(
        self, source: str, detail_type: str, detail: Json, *, bus: str = "default"
    ) -> str:
        """Put an event on a bus and give its id. Raises ApiError for one that is refused."""
        if bus != "default":
            bus = find_resource(self.app, bus, "AWS::Events::EventBus").arn
        entry = {
            "EventBusName": bus,
            "Source": source,
            "DetailType": detail_type,
            "Detail": json_text(detail),
        }
        answer = self.session.aws.call("events", "PutEvents", {"Entries": [entry]})["Entries"][0]
        if "ErrorCode" in answer:
            raise ApiError(answer["ErrorCode"], answer["ErrorMessage"])
        return str(answer["EventId"])

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Json = None,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        **options: Any,
    ) -> HttpResponse:
        """Send a request to an HTTP API of the app (`api`, `stage`, `identity` choose; the only one
        otherwise), or to a presigned URL of S3. `json` is the body as a value. Time passes by what
        the answer took."""
        sent = dict(headers or {})
        if json is not None:
            body = json_text(json)
            sent.setdefault("content-type", "application/json")
        began_ms = self.session.now_ms
        response = self.session.triggers.http_apis.request(
            method, path, headers=sent, query=query, body=body, **options
        )
        self.session.advance(max(0, began_ms + response.elapsed_ms - self.session.now_ms))
        return response

    def client(self, service: str) -> Any:
        """A boto3 client that talks to this app."""
        return self.session.aws.client(service)

    # Looking

    @property
    def triggered(self) -> list[Triggered]:
        """What was started without anybody calling it, in the order in which it happened."""
        return list(self.session.aws.timeline)

    def timeline(self) -> str:
        """The same as text, a line each."""
        return render_timeline(timeline_data(self.session.aws.timeline, self.app))

    def messages(self, queue: str) -> list[Json]:
        """The bodies of the messages now visible in a queue, which stay there; parsed where they
        are JSON."""
        found = self.session.aws.queues.peek(self.queue_url(queue))
        return [_parsed(message.body) for message in found]

    def items(self, table: str) -> list[dict[str, Any]]:
        """The items of a table as plain values, numbers as Decimal."""
        from boto3.dynamodb.types import TypeDeserializer

        deserialize = TypeDeserializer().deserialize
        items: list[dict[str, Any]] = self.session.aws.tables.items(self.table(table))
        return [{key: deserialize(value) for key, value in item.items()} for item in items]

    def put_item(self, table: str, item: dict[str, Any]) -> None:
        """`item` has plain values. Raises ApiError where the table cannot hold it."""
        from boto3.dynamodb.types import TypeSerializer

        serialize = TypeSerializer().serialize
        serialized = {key: serialize(value) for key, value in item.items()}
        params = {"TableName": self.table(table), "Item": serialized}
        self.session.aws.call("dynamodb", "PutItem", params)

    def queue_url(self, queue: str) -> str:
        return self.session.messages.queue_url(queue)

    def table(self, name: str) -> str:
        """The table's physical name."""
        return find_resource(self.app, name, *_TABLES).name


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json_text(value)


def _parsed(text: str) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return text
