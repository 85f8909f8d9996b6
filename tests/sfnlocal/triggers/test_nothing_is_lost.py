"""No message is lost between queue, mapping or pipe, consumer and dead-letter queue, whatever the
consumer does: fail, time out, answer partly, answer nonsense, take too long, be throttled."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sfnlocal.driver.session import Session
from sfnlocal.ports import Json
from sfnlocal.services.environments import Request, Response
from sfnlocal.services.functions import FunctionHost
from sfnlocal.template.resources import Function, Resource

from .queue_app import (
    FUNCTION_ARN,
    QUEUE_ARN,
    START_MS,
    left,
    make_app,
    mapping,
    queue,
    resource,
    send,
)

TIMEOUT_SECONDS = 30
# What a function can do with a message: take it, report it as failed, raise an error, be so many
# seconds at it, or answer for the whole batch.
REFUSALS: list[Json] = [
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": "unknown"}]},
    {"batchItemFailures": ["?"]},
]
SUCCESSES: list[Json] = [None, {}, {"batchItemFailures": None}]
DEEDS: list[Json] = [
    "take",
    "fail",
    "raise",
    1,
    29,
    31,
    *({"answer": answer} for answer in (*REFUSALS, *SUCCESSES)),
]


@dataclass(frozen=True)
class Case:
    """`deeds` are what the function does with each message at its first receives."""

    deeds: list[list[Json]]
    batch_size: int
    window_seconds: int
    receives_max: int
    report: bool
    concurrency_max: int | None
    reserved: int | None


CASES = st.builds(
    Case,
    deeds=st.lists(
        st.lists(st.sampled_from(DEEDS), min_size=1, max_size=3), min_size=1, max_size=12
    ),
    batch_size=st.integers(1, 10),
    window_seconds=st.sampled_from([0, 0, 7]),
    receives_max=st.integers(1, 4),
    report=st.booleans(),
    concurrency_max=st.sampled_from([None, 2, 3]),
    reserved=st.sampled_from([None, None, 0, 1]),
)


class Consumer:
    """Functions whose messages say what is done with them. `taken` are those that it took, as far
    as its caller looks at its answers (`report`)."""

    concurrency_max = 1_000

    def __init__(self, report: bool) -> None:
        self.taken: set[str] = set()
        self._report = report

    def invoke(self, request: Request) -> Response:
        event = json.loads(request.event)
        records = event["Records"] if isinstance(event, dict) else event
        orders = [(record["messageId"], *_order(record)) for record in records]
        deeds = [deed for _, _, deed in orders]
        elapsed_ms = 1000 * sum(deed for deed in deeds if isinstance(deed, int))
        if elapsed_ms > request.timeout_ms or "raise" in deeds:
            error = {"errorType": "Error", "errorMessage": "no"}
            return Response(error, True, min(elapsed_ms, request.timeout_ms), "")
        names = {name for _, name, _ in orders}
        failed = {name: id_ for id_, name, deed in orders if deed == "fail"}
        answers = [deed["answer"] for deed in deeds if isinstance(deed, dict)]
        answer: Json = {"batchItemFailures": [{"itemIdentifier": i} for i in failed.values()]}
        if answers:
            answer = answers[0]
            failed = dict.fromkeys(names, "") if answer in REFUSALS else {}
        self.taken |= names - failed.keys() if self._report else names
        return Response(answer, False, elapsed_ms, "")

    def start(self, request: Request) -> None:
        pass

    def close(self) -> None:
        pass


def _order(record: dict[str, Json]) -> tuple[str, Json]:
    body, received = json.loads(record["body"]), record["attributes"]["ApproximateReceiveCount"]
    deeds: list[Json] = body["do"]
    return body["id"], deeds[min(int(received), len(deeds)) - 1]


def check(case: Case, consumer: Resource, report: bool) -> None:
    policy = {"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": case.receives_max}
    made = resource("AWS::Lambda::Function", "f", FUNCTION_ARN + "f")
    code = Function(made, "f", FUNCTION_ARN + "f", "", "", Path(), {}, TIMEOUT_SECONDS, 128)
    app = make_app(
        queue("q", VisibilityTimeout=TIMEOUT_SECONDS, RedrivePolicy=policy),
        queue("dead"),
        consumer,
        made,
        functions=(code,),
    )
    functions = Consumer(report)
    host = FunctionHost(app, environments=functions)
    with Session(app, start_ms=START_MS, functions=host) as session:
        if case.reserved is not None:
            params = {"FunctionName": "f", "ReservedConcurrentExecutions": case.reserved}
            session.aws.call("lambda", "PutFunctionConcurrency", params)
        names = [f"m{index}" for index in range(len(case.deeds))]
        for name, deeds in zip(names, case.deeds, strict=True):
            send(session, "q", {"id": name, "do": deeds})
        session.run_until_idle()
        dead, depth = left(session, "dead"), session.aws.queues.depth(QUEUE_ARN + "q")
        assert (depth.visible, depth.in_flight) == (0, 0), "a message is nobody's"
        assert len(dead) == len(set(dead)), "a message died twice"
        assert functions.taken | set(dead) == set(names), "a message is lost"


def property_of_cases(check_case: Callable[[Case], None]) -> Callable[[], None]:
    return settings(max_examples=150, deadline=None, derandomize=True)(
        given(case=CASES)(check_case)
    )


@property_of_cases
def test_between_queue_mapping_function_and_dead_letters(case: Case) -> None:
    properties: dict[str, Json] = {
        "BatchSize": case.batch_size,
        "MaximumBatchingWindowInSeconds": case.window_seconds,
    }
    if case.report:
        properties["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    if case.concurrency_max is not None:
        properties["ScalingConfig"] = {"MaximumConcurrency": case.concurrency_max}
    check(case, mapping(**properties), case.report)


@property_of_cases
def test_between_queue_pipe_function_and_dead_letters(case: Case) -> None:
    """A pipe always looks at the answer."""
    source = {
        "BatchSize": case.batch_size,
        "MaximumBatchingWindowInSeconds": case.window_seconds,
    }
    pipe = resource(
        "AWS::Pipes::Pipe",
        "p",
        Source=QUEUE_ARN + "q",
        SourceParameters={"SqsQueueParameters": source},
        Target=FUNCTION_ARN + "f",
        RoleArn="arn:aws:iam::1:role/r",
    )
    check(case, pipe, report=True)
