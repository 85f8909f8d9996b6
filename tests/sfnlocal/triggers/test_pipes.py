"""Pipes: what their targets get, when, and what is left in the queues."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.ports import Json, ServiceCall
from sfnlocal.server import StepFunctionsApi
from sfnlocal.template.resources import Function, Resource, StateMachine
from sfnlocal.triggers.pipes import refusals

from .queue_app import (
    ACCOUNT,
    FUNCTION_ARN,
    MACHINE_ARN,
    OBEDIENT,
    QUEUE_ARN,
    QUEUE_URL,
    REGION,
    START_MS,
    Batches,
    function,
    left,
    machine,
    make_app,
    queue,
    resource,
    seconds,
    send,
)

DATA = json.loads((Path(__file__).parent / "data/pipe_scenarios.json").read_text())
PIPE_ARN = f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/p"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/pipe"
BUS_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/b"
TOPIC_ARN = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
GROUP_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/pipes/p:*"
ENDS = {
    "STANDARD": MACHINE_ARN + "m",
    "EXPRESS": MACHINE_ARN + "m",
    "FUNCTION": FUNCTION_ARN + "f",
    "OUT": QUEUE_ARN + "out",
    "FIFO": QUEUE_ARN + "out.fifo",
    "BUS": BUS_ARN,
    "TOPIC": TOPIC_ARN,
    "LOGS": GROUP_ARN,
}
OTHERS = (
    queue("dead"),
    queue("out"),
    queue("out.fifo"),
    resource("AWS::Events::EventBus", "b", BUS_ARN),
    resource("AWS::SNS::Topic", TOPIC_ARN, TOPIC_ARN),
    resource("AWS::Logs::LogGroup", "/pipes/p", GROUP_ARN),
)
FIRE_AND_FORGET = {"InvocationType": "FIRE_AND_FORGET"}

Open = Callable[..., Session]


@pytest.fixture
def open_session() -> Iterator[Open]:
    opened: list[Session] = []

    def open_(
        *resources: Resource,
        functions: tuple[Function, ...] = (),
        machines: tuple[StateMachine, ...] = (),
    ) -> Session:
        app = make_app(
            *resources,
            *OTHERS,
            *(one.resource for one in functions),
            functions=functions,
            machines=machines,
        )
        session = Session(app, start_ms=START_MS)
        StepFunctionsApi(session).install()
        opened.append(session)
        return session.__enter__()

    yield open_
    for session in opened:
        session.__exit__(None, None, None)


def pipe(target: str = "STANDARD", **properties: Any) -> Resource:
    given = {"Source": QUEUE_ARN + "q", "RoleArn": ROLE_ARN, **properties}
    given["Target"] = ENDS.get(target, target)
    if given.get("Enrichment") in ENDS:
        given["Enrichment"] = ENDS[given["Enrichment"]]
    if target == "STANDARD":
        given["TargetParameters"] = {
            "StepFunctionStateMachineParameters": FIRE_AND_FORGET,
            **given.get("TargetParameters", {}),
        }
    return resource("AWS::Pipes::Pipe", "p", PIPE_ARN, **given)


def source(**properties: Any) -> Resource:
    """Its messages are received twice at most."""
    policy = {"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": 2}
    return queue("q", VisibilityTimeout=30, RedrivePolicy=policy, **properties)


@pytest.mark.parametrize("scenario", DATA["scenarios"], ids=lambda one: one["name"])
def test_scenarios(scenario: dict[str, Any], tmp_path: Path, open_session: Open) -> None:
    assert scenario["source"] in DATA["sources"]
    given = dict(scenario["pipe"])
    type_ = "EXPRESS" if "EXPRESS" in (given["Target"], given.get("Enrichment")) else "STANDARD"
    session = open_session(
        source(),
        pipe(given.pop("Target"), **given),
        functions=(function(tmp_path, source=scenario.get("function", OBEDIENT)),),
        machines=(machine("m", type_, **scenario.get("machine", {})),),
    )
    if "reserved" in scenario:
        params = {"FunctionName": "f", "ReservedConcurrentExecutions": scenario["reserved"]}
        session.aws.call("lambda", "PutFunctionConcurrency", params)
    batches = Batches(session) if "batches" in scenario else None
    for one in scenario["send"]:
        if isinstance(one, dict) and "after" in one:
            at_ms, body = START_MS + one["after"] * 1000, one["body"]
            session.at(at_ms, partial(send, session, "q", body))
        else:
            send(session, "q", one)
    session.run_until_idle()
    _check(session, scenario, batches)


def _check(session: Session, scenario: dict[str, Any], batches: Batches | None) -> None:
    inputs = [json.loads(one.input_text) for one in session.executions.values()]
    if "texts" in scenario:
        inputs = [[one["text"] for one in records] for records in inputs]
    assert inputs == scenario.get("inputs", scenario.get("texts", []))
    if batches is not None:
        assert batches.got == [(at, names) for at, names in scenario["batches"]]
    if "left_any" not in scenario:
        assert left(session, "q") == scenario.get("left", [])
        assert left(session, "dead") == scenario.get("dead", [])
    assert left(session, "out") == scenario.get("out", [])
    found = session.aws.queues.peek(QUEUE_ARN + "out.fifo")
    assert [[one.body, one.group_id] for one in found] == scenario.get("fifo", [])
    if "ended" in scenario:
        assert seconds(session) == scenario["ended"]
    if "error" in scenario:
        assert {one.error for one in session.aws.timeline} == {scenario["error"]}


def test_without_a_template_the_target_gets_the_messages_as_they_came(open_session: Open) -> None:
    session = open_session(source(), pipe(), machines=(machine("m"),))
    send(session, "q", {"a": 1})
    session.run_until_idle()
    [execution] = session.executions.values()
    [record] = execution.input
    assert record["body"] == '{"a": 1}'
    assert record.keys() == {
        "messageId",
        "receiptHandle",
        "body",
        "attributes",
        "messageAttributes",
        "md5OfBody",
        "eventSource",
        "eventSourceARN",
        "awsRegion",
    }


@pytest.mark.parametrize(("body", "event"), [({"a": 1}, {"a": 1}), ("text", None)])
def test_the_event_itself_is_a_variable_twice(open_session: Open, body: Json, event: Json) -> None:
    template = '{"escaped": <aws.pipes.event>, "event": <aws.pipes.event.json>}'
    session = open_session(
        source(),
        pipe(TargetParameters={"InputTemplate": template}),
        machines=(machine("m"),),
    )
    send(session, "q", body)
    session.run_until_idle()
    [execution] = session.executions.values()
    [filled] = execution.input
    escaped = json.loads(filled["escaped"])
    assert escaped["body"] == (body if isinstance(body, str) else json.dumps(body))
    # Only of what is JSON.
    assert filled.get("event", {}).get("body") == event


class Kept:
    """Answers a service, and keeps what it is sent."""

    def __init__(self, session: Session, service: str, *answers: dict[str, Json]) -> None:
        self.calls: list[tuple[str, dict[str, Json]]] = []
        self._answers = list(answers)
        session.aws.route(service, self._answer)

    def _answer(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        self.calls.append((operation, params))
        return self._answers.pop(0) if self._answers else {}


def test_a_bus_gets_an_event_of_each_record(open_session: Open) -> None:
    parameters = {"DetailType": "$.body.kind", "Resources": ["$.messageId"], "Time": "$.body.at"}
    template = {"InputTemplate": '{"n": <$.body.n>}', "EventBridgeEventBusParameters": parameters}
    session = open_session(source(), pipe("BUS", TargetParameters=template))
    failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "later"}
    kept = Kept(
        session,
        "events",
        {"FailedEntryCount": 1, "Entries": [{"EventId": "e1"}, failed]},
        {"FailedEntryCount": 0, "Entries": [{"EventId": "e2"}]},
    )
    for number in (1, 2):
        send(session, "q", {"n": number, "kind": "Placed", "at": "2026-01-01T00:00:00Z"})
    session.run_until_idle()
    details = [
        [json.loads(entry["Detail"])["n"] for entry in params["Entries"]]
        for _, params in kept.calls
    ]
    # What was not taken comes back alone.
    assert details == [[1, 2], [2]]
    entry = kept.calls[0][1]["Entries"][0]
    assert len(entry.pop("Resources")[0]) == 36
    assert entry == {
        "EventBusName": BUS_ARN,
        "Source": "Pipe p",
        "DetailType": "Placed",
        "Detail": '{"n":1}',
        "Time": "2026-01-01T00:00:00Z",
    }
    assert [one.error for one in session.aws.timeline] == ["1 of 2 records were not taken", ""]


def test_a_topic_gets_a_message_of_each_record(open_session: Open) -> None:
    session = open_session(source(), pipe("TOPIC", TargetParameters={"InputTemplate": "<$.body>"}))
    kept = Kept(session, "sns", {"Successful": [{"Id": "0", "MessageId": "m"}], "Failed": []})
    send(session, "q", "hello")
    session.run_until_idle()
    entries = [{"Id": "0", "Message": "hello"}]
    assert kept.calls == [
        ("PublishBatch", {"TopicArn": TOPIC_ARN, "PublishBatchRequestEntries": entries})
    ]
    assert [one.started for one in session.aws.timeline] == ["m"]


def test_a_log_group_gets_a_log_event_of_each_record(open_session: Open) -> None:
    parameters = {"LogStreamName": "$.body.stream", "Timestamp": "$.body.at"}
    session = open_session(
        source(),
        pipe(
            "LOGS",
            TargetParameters={
                "InputTemplate": "<$.body.text>",
                "CloudWatchLogsParameters": parameters,
            },
        ),
    )
    kept = Kept(session, "logs")
    send(session, "q", {"stream": "a", "at": 1, "text": "x"}, {"stream": "b", "at": 2, "text": "y"})
    session.run_until_idle()
    calls = [call for call in kept.calls if call[0] != "CreateLogGroup"]
    assert [(operation, params["logStreamName"]) for operation, params in calls] == [
        ("CreateLogStream", "a"),
        ("PutLogEvents", "a"),
        ("CreateLogStream", "b"),
        ("PutLogEvents", "b"),
    ]
    assert calls[1][1]["logGroupName"] == "/pipes/p"
    assert calls[1][1]["logEvents"] == [{"timestamp": 1, "message": "x"}]


def test_an_answer_that_is_no_array_is_handed_on_as_it_is(
    tmp_path: Path, open_session: Open
) -> None:
    one = "def handler(event, context):\n    return {'count': len(event)}"
    session = open_session(
        source(),
        pipe(Enrichment="FUNCTION"),
        functions=(function(tmp_path, source=one),),
        machines=(machine("m"),),
    )
    send(session, "q", "1", "2")
    session.run_until_idle()
    [execution] = session.executions.values()
    assert execution.input == {"count": 2}


def test_an_actor_takes_the_place_of_a_pipe(open_session: Open) -> None:
    session = open_session(source(), pipe(), machines=(machine("m"),))
    taken: list[str] = []
    session.on_message(QUEUE_ARN + "q", lambda message: taken.append(message.text))
    send(session, "q", "1")
    session.run_until_idle()
    assert (taken, len(session.executions)) == (["1"], 0)


def test_more_records_than_a_target_takes_fail_the_batch(
    tmp_path: Path, open_session: Open
) -> None:
    many = "def handler(event, context):\n    return list(range(11))"
    session = open_session(
        source(),
        pipe("OUT", Enrichment="FUNCTION"),
        functions=(function(tmp_path, source=many),),
    )
    send(session, "q", "1")
    session.run_until_idle()
    assert {one.error for one in session.aws.timeline} == {"11 records, targets of sqs take 10"}
    assert (left(session, "out"), left(session, "dead")) == ([], ["1"])


def test_a_throttled_workflow_is_started_a_little_later(open_session: Open) -> None:
    session = open_session(source(), pipe(), machines=(machine("m"),))
    started: list[float] = []

    def answer(operation: str, params: dict[str, Json]) -> dict[str, Json]:
        started.append(seconds(session))
        if len(started) < 3:
            raise ApiError("ThrottlingException", "Rate exceeded")
        return {"executionArn": "arn:aws:states:::execution:m:x"}

    session.aws.route("stepfunctions", answer)
    send(session, "q", "1")
    session.run_until_idle()
    assert started == [0, 1, 3]
    [entry] = session.aws.timeline
    assert (entry.started, entry.target_arn) == (
        "arn:aws:states:::execution:m:x",
        MACHINE_ARN + "m",
    )


# The API


def call(session: Session, operation: str, **params: Json) -> dict[str, Json]:
    return session.aws.call("pipes", operation, params)


CREATE: dict[str, Json] = {
    "Name": "made",
    "Source": QUEUE_ARN + "q",
    "Target": QUEUE_ARN + "out",
    "RoleArn": ROLE_ARN,
    "TargetParameters": {"InputTemplate": "<$.body>"},
    "Tags": {"team": "a"},
}


def test_a_pipe_is_made_stopped_started_updated_and_deleted(open_session: Open) -> None:
    session = open_session(source())
    send(session, "q", "1")
    made = call(session, "CreatePipe", **CREATE)
    arn = f"arn:aws:pipes:{REGION}:{ACCOUNT}:pipe/made"
    assert made == {
        "Arn": arn,
        "Name": "made",
        "DesiredState": "RUNNING",
        "CurrentState": "CREATING",
        "CreationTime": START_MS / 1000,
        "LastModifiedTime": START_MS / 1000,
    }
    session.run_until_idle()
    assert left(session, "out") == ["1"]
    assert call(session, "StopPipe", Name="made")["CurrentState"] == "STOPPING"
    send(session, "q", "2")
    session.run_until_idle()
    assert left(session, "out") == ["1"]
    call(
        session,
        "UpdatePipe",
        Name="made",
        RoleArn=ROLE_ARN,
        TargetParameters={"InputTemplate": '"again <$.body>"'},
    )
    assert call(session, "StartPipe", Name="made")["CurrentState"] == "STARTING"
    session.run_until_idle()
    assert left(session, "out") == ["1", "again 2"]
    described = call(session, "DescribePipe", Name="made")
    assert described == {
        **made,
        "CurrentState": "RUNNING",
        "Source": QUEUE_ARN + "q",
        "SourceParameters": {
            "SqsQueueParameters": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}
        },
        "Target": QUEUE_ARN + "out",
        "TargetParameters": {"InputTemplate": '"again <$.body>"'},
        "RoleArn": ROLE_ARN,
        "Tags": {"team": "a"},
    }
    call(session, "TagResource", resourceArn=arn, tags={"cost": "b"})
    call(session, "UntagResource", resourceArn=arn, tagKeys=["team"])
    assert call(session, "ListTagsForResource", resourceArn=arn) == {"tags": {"cost": "b"}}
    assert call(session, "DeletePipe", Name="made")["DesiredState"] == "DELETED"
    send(session, "q", "3")
    session.run_until_idle()
    assert left(session, "q") == ["3"]
    with pytest.raises(ApiError, match="Pipe made does not exist"):
        call(session, "DescribePipe", Name="made")


def test_pipes_are_listed_by_what_they_have_in_common(open_session: Open) -> None:
    session = open_session(source(), pipe("OUT", DesiredState="STOPPED"))
    for name in ("made1", "made2"):
        call(session, "CreatePipe", **{**CREATE, "Name": name})
    listed = call(session, "ListPipes")["Pipes"]
    assert [(one["Name"], one["CurrentState"]) for one in listed] == [
        ("made1", "RUNNING"),
        ("made2", "RUNNING"),
        ("p", "STOPPED"),
    ]
    for params, names in [
        ({"NamePrefix": "made"}, ["made1", "made2"]),
        ({"DesiredState": "STOPPED"}, ["p"]),
        ({"SourcePrefix": "arn:aws:kinesis"}, []),
        ({"TargetPrefix": QUEUE_ARN}, ["made1", "made2", "p"]),
    ]:
        found = call(session, "ListPipes", **params)["Pipes"]
        assert [one["Name"] for one in found] == names
    first = call(session, "ListPipes", Limit=2)
    rest = call(session, "ListPipes", Limit=2, NextToken=first["NextToken"])
    assert [one["Name"] for one in rest["Pipes"]] == ["p"]
    assert "NextToken" not in rest
    with pytest.raises(ApiError, match="already exists"):
        call(session, "CreatePipe", **{**CREATE, "Name": "made1"})


REFUSED: list[tuple[str, dict[str, Json], str]] = [
    ("STANDARD", {"TargetParameters": {"StepFunctionStateMachineParameters": {}}}, "STANDARD"),
    ("OUT", {"Enrichment": "STANDARD"}, "Only EXPRESS state machines"),
    ("OUT", {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 11}}}, "take 10"),
    ("FUNCTION", {"SourceParameters": {"SqsQueueParameters": {"BatchSize": 10_001}}}, "10000"),
    (
        "FUNCTION",
        {"SourceParameters": {"SqsQueueParameters": {"MaximumBatchingWindowInSeconds": 301}}},
        "from 0 to 300",
    ),
    ("OUT", {"TargetParameters": {"InputTemplate": '{"a": }'}}, "no valid JSON"),
    ("OUT", {"TargetParameters": {"InputTemplate": "<aws.pipes.unknown>"}}, "unknown variable"),
    ("OUT", {"TargetParameters": {"InputTemplate": "x" * 8193}}, "8193 characters"),
    ("OUT", {"EnrichmentParameters": {"InputTemplate": "<$.a b>"}}, "no path"),
    ("FIFO", {}, "MessageGroupId is required"),
    (f"{TOPIC_ARN}.fifo", {}, "FIFO topics are not supported"),
    (
        "OUT",
        {"SourceParameters": {"FilterCriteria": {"Filters": [{"Pattern": '{"a": "b"}'}]}}},
        "Invalid filter pattern",
    ),
    (QUEUE_ARN + "none", {}, "its target does not exist"),
]


@pytest.mark.parametrize(("target", "properties", "reason"), REFUSED)
def test_what_aws_refuses_is_named_at_load(
    tmp_path: Path, open_session: Open, target: str, properties: dict[str, Json], reason: str
) -> None:
    with pytest.raises(InputError, match=reason) as raised:
        open_session(
            source(),
            pipe(target, **properties),
            functions=(function(tmp_path),),
            machines=(machine("m"),),
        )
    assert raised.value.where == "stack.json#/Resources/p"


STREAM_ARN = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"
DESTINATION_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/d/1"
NOT_SIMULATED: list[tuple[dict[str, Json], str]] = [
    ({"Source": STREAM_ARN}, "pipes from kinesis are not simulated, only those from SQS queues"),
    (
        {"Source": "smk://broker:9092"},
        "pipes from smk are not simulated, only those from SQS queues",
    ),
    ({"Target": STREAM_ARN}, "pipes to kinesis are not simulated"),
    ({"Target": DESTINATION_ARN}, "pipes to API destinations are not simulated"),
    ({"Enrichment": DESTINATION_ARN}, "enrichment by API destinations is not simulated"),
    (
        {"Enrichment": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:api/stage"},
        "enrichment by execute-api is not simulated",
    ),
    (
        {"TargetParameters": {"HttpParameters": {}}},
        "pipes with HttpParameters are not simulated",
    ),
    (
        {"TargetParameters": {"EventBridgeEventBusParameters": {"EndpointId": "e"}}},
        "pipes with EndpointId are not simulated",
    ),
]


@pytest.mark.parametrize(("changed", "reason"), NOT_SIMULATED)
def test_what_is_not_simulated_is_refused_by_name(
    open_session: Open, changed: dict[str, Json], reason: str
) -> None:
    given = {"Source": QUEUE_ARN + "q", "Target": QUEUE_ARN + "out", **changed}
    listed = resource("AWS::Pipes::Pipe", "p", PIPE_ARN, **given)
    assert [why for _, why in refusals(make_app(source(), listed))] == [reason]
    session = open_session(source(), listed)
    with pytest.raises(UnsupportedError, match=reason):
        call(session, "CreatePipe", **{**CREATE, **changed})


def test_what_of_a_pipe_has_no_effect_is_listed() -> None:
    logging = pipe("OUT", LogConfiguration={"Level": "ERROR"})
    foreign = pipe("OUT", Source=QUEUE_ARN + "other")
    assert [why for _, why in refusals(make_app(source(), logging))] == [
        "it runs, its LogConfiguration has no effect"
    ]
    assert [why for _, why in refusals(make_app(source(), foreign))] == [
        f"the queue {QUEUE_ARN}other is not in this app"
    ]


def test_a_pipes_queue_url_is_that_of_its_queue() -> None:
    assert source().name == QUEUE_URL + "q"


class Refuses:
    """A gate that lets nobody make one call."""

    def __init__(self, session: Session, service: str, operation: str) -> None:
        self.callers: list[Json] = []
        self._refused = (service, operation)
        session.aws.add_gate(self)

    def before(self, call: ServiceCall) -> None:
        if (call.service, call.operation) == self._refused:
            self.callers.append(call.caller and (call.caller.service, call.caller.role_arn))
            raise ApiError("AccessDeniedException", "not authorized", 403)

    def after(self, call: ServiceCall) -> None:
        pass


@pytest.mark.parametrize(
    ("target", "service", "operation"),
    [
        ("FUNCTION", "lambda", "Invoke"),
        ("EXPRESS", "stepfunctions", "StartSyncExecution"),
        ("OUT", "sqs", "SendMessageBatch"),
    ],
)
def test_a_pipe_calls_its_target_as_its_role(
    tmp_path: Path, open_session: Open, target: str, service: str, operation: str
) -> None:
    session = open_session(
        source(),
        pipe(target),
        functions=(function(tmp_path),),
        machines=(machine("m", "EXPRESS"),),
    )
    gate = Refuses(session, service, operation)
    send(session, "q", "1")
    session.run_until_idle()
    assert gate.callers == [("pipes.amazonaws.com", ROLE_ARN)] * 2
    assert {one.error for one in session.aws.timeline} == {"AccessDeniedException: not authorized"}
    assert left(session, "dead") == ["1"]


def test_a_pipe_that_may_not_read_its_queue_says_so(open_session: Open) -> None:
    session = open_session(source(), pipe("OUT"))
    Refuses(session, "sqs", "ReceiveMessage")
    send(session, "q", "1")
    session.run_until_idle()
    [entry] = session.aws.timeline
    assert (entry.why, entry.target_arn) == ("reads its queue", QUEUE_ARN + "q")
    assert left(session, "q") == ["1"]


def test_messages_that_no_filter_wants_are_in_the_timeline(open_session: Open) -> None:
    criteria = {"Filters": [{"Pattern": '{"body": ["yes"]}'}]}
    session = open_session(source(), pipe("OUT", SourceParameters={"FilterCriteria": criteria}))
    send(session, "q", "no", "no")
    session.run_until_idle()
    [entry] = session.aws.timeline
    assert (entry.why, entry.error) == ("no filter matches", "2 messages dropped")


def test_the_api_answers_boto3(open_session: Open) -> None:
    session = open_session(source())
    client = session.aws.client("pipes")
    assert client.create_pipe(**CREATE)["CurrentState"] == "CREATING"
    described = client.describe_pipe(Name="made")
    assert (described["CurrentState"], described["CreationTime"].year) == ("RUNNING", 2026)
    with pytest.raises(client.exceptions.NotFoundException):
        client.stop_pipe(Name="none")
    with pytest.raises(client.exceptions.ConflictException):
        client.create_pipe(**CREATE)
