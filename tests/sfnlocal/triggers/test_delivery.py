"""Deliveries: what is tried again, what is given up, and what is left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.ports import Caller, Json
from sfnlocal.template.resources import App
from sfnlocal.triggers.delivery import Deliveries, Delivery, RetryPolicy

SOURCE = "arn:aws:events:us-east-1:123456789012:rule/Placed"
TARGET = "arn:aws:lambda:us-east-1:123456789012:function:Report"
LETTERS = "arn:aws:sqs:us-east-1:123456789012:letters"
EMPTY = App(Path(), "aws", "us-east-1", "123456789012", (), (), (), {})
CALLER = Caller("events.amazonaws.com", SOURCE)


class Target:
    """Fails with `errors` in turn, then takes what it is given."""

    def __init__(self, *errors: ApiError) -> None:
        self.errors = list(errors)
        self.attempts: list[int] = []

    def __call__(self, number: int) -> str:
        self.attempts.append(number)
        if self.errors:
            raise self.errors.pop(0)
        return "request-1"


class Letters:
    """The queue that takes the dead letters."""

    def __init__(self, *errors: ApiError) -> None:
        self.errors = list(errors)
        self.sent: list[dict[str, Json]] = []

    def __call__(self, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        assert operation == "SendMessage"
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(params)
        return {"MessageId": "letter-1"}


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(EMPTY) as session:
        yield session


def deliver(
    session: Session,
    attempt: Callable[[int], str],
    retry: RetryPolicy | None = None,
    dead_letter_arn: str | None = LETTERS,
) -> list[tuple[str, str]]:
    outcomes: list[tuple[str, str]] = []
    delivery = Delivery(
        attempt,
        CALLER,
        TARGET,
        "event Placed",
        '{"id":1}',
        retry or RetryPolicy(),
        dead_letter_arn,
        attributes={"RULE_ARN": SOURCE},
        told=lambda outcome, code: outcomes.append((outcome, code)),
    )
    Deliveries(session.aws).deliver(delivery)
    assert outcomes == [], "a delivery happens outside of the call that asked for it"
    session.run_until_idle()
    return outcomes


def throttled() -> ApiError:
    return ApiError("TooManyRequestsException", "Rate Exceeded.", 429)


def broken() -> ApiError:
    return ApiError("ServiceException", "it is down", 500)


def absent() -> ApiError:
    return ApiError("ResourceNotFoundException", "no such function", 404)


def test_what_is_delivered_stands_in_the_timeline(session: Session) -> None:
    target = Target()
    assert deliver(session, target) == [("DELIVERED", "")]
    (entry,) = session.aws.timeline
    assert (entry.source_arn, entry.why, entry.target_arn) == (SOURCE, "event Placed", TARGET)
    assert (entry.started, entry.error) == ("request-1", "")


@pytest.mark.parametrize("error", [throttled, broken])
def test_what_may_succeed_later_is_tried_again_ever_later(
    session: Session, error: Callable[[], ApiError]
) -> None:
    target, begun_ms = Target(error(), error(), error()), session.now_ms
    assert [outcome for outcome, _ in deliver(session, target)] == [*["RETRIED"] * 3, "DELIVERED"]
    assert target.attempts == [1, 2, 3, 4]
    assert 3_500 <= session.now_ms - begun_ms <= 7_000


def test_a_target_that_is_not_there_is_not_tried_again(session: Session) -> None:
    letters = Letters()
    session.aws.route("sqs", letters)
    assert deliver(session, Target(absent())) == [("DEAD_LETTERED", "ResourceNotFoundException")]
    (letter,) = letters.sent
    assert letter["MessageBody"] == '{"id":1}'
    assert letter["QueueUrl"].endswith("/123456789012/letters")
    texts = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert texts == {
        "RULE_ARN": SOURCE,
        "TARGET_ARN": TARGET,
        "ERROR_CODE": "ResourceNotFoundException",
        "ERROR_MESSAGE": "no such function",
    }
    assert [entry.error for entry in session.aws.timeline] == [
        "ResourceNotFoundException: no such function",
        "",
    ]


@pytest.mark.parametrize(
    ("retry", "attempts", "condition"),
    [
        (RetryPolicy(attempts_max=0), 1, "MaximumRetryAttempts"),
        (RetryPolicy(attempts_max=2), 3, "MaximumRetryAttempts"),
        (RetryPolicy(age_ms_max=60_000), 6, "MaximumEventAgeInSeconds"),
    ],
)
def test_a_dead_letter_says_which_limit_ended_the_retries(
    session: Session, retry: RetryPolicy, attempts: int, condition: str
) -> None:
    letters = Letters()
    session.aws.route("sqs", letters)
    target = Target(*(broken() for _ in range(500)))
    outcomes = deliver(session, target, retry)
    assert outcomes[-1] == ("DEAD_LETTERED", "ServiceException")
    texts = letters.sent[0]["MessageAttributes"]
    assert texts["EXHAUSTED_RETRY_CONDITION"]["StringValue"] == condition
    assert texts["RETRY_ATTEMPTS"]["StringValue"] == str(len(target.attempts) - 1)
    assert abs(len(target.attempts) - attempts) <= (1 if "Age" in condition else 0)


def test_the_default_policy_tries_about_a_day(session: Session) -> None:
    begun_ms = session.now_ms
    target = Target(*(broken() for _ in range(500)))
    assert deliver(session, target, dead_letter_arn=None)[-1] == ("DROPPED", "ServiceException")
    assert len(target.attempts) == 186
    assert 16 <= (session.now_ms - begun_ms) / 3_600_000 <= 24


def test_a_letter_that_cannot_be_sent_is_dropped_and_said_so(session: Session) -> None:
    session.aws.route("sqs", Letters(ApiError("AccessDenied", "not your queue", 403)))
    assert deliver(session, Target(absent())) == [("DROPPED", "ResourceNotFoundException")]
    assert [(entry.target_arn, entry.error) for entry in session.aws.timeline] == [
        (TARGET, "ResourceNotFoundException: no such function"),
        (LETTERS, "AccessDenied: not your queue"),
    ]
