"""How many messages queues hold, as CloudWatch shows it."""

from __future__ import annotations

from typing import Any

import pytest

from sfnlocal.driver.session import Session
from tests.sfnlocal.triggers.alarm_world import ACCOUNT, REGION, START_MS, resource, world

MINUTE_MS = 60_000
ALARM: dict[str, Any] = {
    "Namespace": "AWS/SQS",
    "MetricName": "ApproximateNumberOfMessagesVisible",
    "Dimensions": [{"Name": "QueueName", "Value": "letters"}],
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


def queue(session: Session, **attributes: str) -> str:
    params = {"QueueName": "letters", "Attributes": attributes}
    return str(session.aws.call("sqs", "CreateQueue", params)["QueueUrl"])


def samples(session: Session, name: str) -> dict[int, int]:
    """By minute."""
    metric = session.aws.metrics.metric("AWS/SQS", name, {"QueueName": "letters"})
    found = metric.distributions(START_MS, MINUTE_MS, 1_000)
    return {minute: round(values.maximum) for minute, values in sorted(found.items())}


def test_messages_are_counted_by_their_state_each_minute() -> None:
    with world() as here:
        url = queue(here.session)
        for delay in (0, 0, 600):
            params = {"QueueUrl": url, "MessageBody": "hello", "DelaySeconds": delay}
            here.aws.call("sqs", "SendMessage", params)
        here.advance(1)
        here.aws.call("sqs", "ReceiveMessage", {"QueueUrl": url, "VisibilityTimeout": 300})
        here.advance(1)
        assert samples(here.session, "ApproximateNumberOfMessagesVisible") == {0: 2, 1: 1}
        assert samples(here.session, "ApproximateNumberOfMessagesNotVisible") == {0: 0, 1: 1}
        assert samples(here.session, "ApproximateNumberOfMessagesDelayed") == {0: 1, 1: 1}
        assert samples(here.session, "ApproximateAgeOfOldestMessage") == {0: 60, 1: 120}


def test_a_queue_is_active_for_six_hours_after_its_last_message() -> None:
    with world() as here:
        url = queue(here.session)
        here.aws.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "hello"})
        received = here.aws.call("sqs", "ReceiveMessage", {"QueueUrl": url})["Messages"]
        handle = received[0]["ReceiptHandle"]
        here.aws.call("sqs", "DeleteMessage", {"QueueUrl": url, "ReceiptHandle": handle})
        here.advance(600)
        assert list(samples(here.session, "ApproximateNumberOfMessagesVisible")) == list(range(360))


@pytest.mark.parametrize("hidden_by", ["a receive", "a delay"])
def test_an_alarm_hears_of_messages_that_become_visible_by_themselves(hidden_by: str) -> None:
    with world(resource("NotEmpty", **ALARM)) as here:
        url = queue(here.session, VisibilityTimeout="90", DelaySeconds="0")
        delay = 90 if hidden_by == "a delay" else 0
        params = {"QueueUrl": url, "MessageBody": "hello", "DelaySeconds": delay}
        here.aws.call("sqs", "SendMessage", params)
        if hidden_by == "a receive":
            here.aws.call("sqs", "ReceiveMessage", {"QueueUrl": url})
        here.advance(10)
        assert here.changes == [(2.0, "NotEmpty", "ALARM")]
        here.aws.call("sqs", "PurgeQueue", {"QueueUrl": url})
        here.advance(10)
        assert [state for _, _, state in here.changes] == ["ALARM", "OK"]


def test_who_listens_hears_of_a_message_that_the_metrics_have_seen_first() -> None:
    """Both wait for the moment at which it becomes visible again."""
    with world(resource("Waiting", **ALARM)) as here:
        url = queue(here.session)
        heard: list[int] = []
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
        params = {"QueueUrl": url, "VisibilityTimeout": 60}

        def receive() -> None:
            if here.aws.call("sqs", "ReceiveMessage", params).get("Messages"):
                heard.append(here.session.now_ms - START_MS)

        here.aws.queues.on_visible(arn, receive)
        here.aws.call("sqs", "SendMessage", {"QueueUrl": url, "MessageBody": "hello"})
        here.advance(3)
        assert heard == [0, MINUTE_MS, 2 * MINUTE_MS, 3 * MINUTE_MS]
