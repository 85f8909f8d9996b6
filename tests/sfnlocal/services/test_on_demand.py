"""Queues and tables of a template are made when somebody speaks of them, as if they had been there
since the beginning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sfnlocal.errors import InputError
from sfnlocal.services.aws import Aws
from sfnlocal.services.sqs.resources import create_queues

from .conftest import NOW_MS, QUEUE_ARN, QUEUE_URL, queue, table

Start = Callable[..., Aws]
_LATER_MS = NOW_MS + 3_600_000


def test_a_queue_is_as_old_as_the_app(started: Start) -> None:
    aws = started(queue("q"))
    aws.move_to(_LATER_MS)
    params = {"QueueUrl": QUEUE_URL + "q", "AttributeNames": ["CreatedTimestamp"]}
    answer = aws.call("sqs", "GetQueueAttributes", params)
    assert answer["Attributes"] == {"CreatedTimestamp": str(NOW_MS // 1000)}
    assert aws.now_ms == _LATER_MS


def test_a_table_is_as_old_as_the_app(started: Start) -> None:
    aws = started(table("orders"))
    aws.move_to(_LATER_MS)
    made = aws.call("dynamodb", "DescribeTable", {"TableName": "orders"})["Table"]
    assert made["CreationDateTime"] * 1000 == NOW_MS
    assert made["TableStatus"] == "ACTIVE"


def test_what_nobody_has_spoken_of_is_empty_and_listed(started: Start) -> None:
    aws = started(queue("b"), queue("a"), table("orders"))
    assert aws.queues.peek(QUEUE_ARN + "a") == []
    assert aws.queues.depth(QUEUE_ARN + "a").visible == 0
    assert aws.tables.items("orders") == []
    names = [url.rpartition("/")[2] for url in aws.call("sqs", "ListQueues", {})["QueueUrls"]]
    assert names == ["a", "b"]
    assert aws.call("dynamodb", "ListTables", {})["TableNames"] == ["orders"]


def test_the_sources_of_a_dead_letter_queue_are_known(started: Start) -> None:
    policy = {"deadLetterTargetArn": QUEUE_ARN + "dead", "maxReceiveCount": 3}
    aws = started(queue("other"), queue("q", RedrivePolicy=policy), queue("dead"))
    asked = {"QueueUrl": QUEUE_URL + "dead"}
    answer = aws.call("sqs", "ListDeadLetterSourceQueues", asked)
    assert answer["queueUrls"] == [QUEUE_URL + "q"]


def test_what_one_session_changes_another_does_not_see(started: Start) -> None:
    one = started(queue("q", Tags=[{"Key": "team", "Value": "orders"}]))
    url = {"QueueUrl": QUEUE_URL + "q"}
    one.call("sqs", "TagQueue", {**url, "Tags": {"team": "shipping"}})
    one.call("sqs", "SetQueueAttributes", {**url, "Attributes": {"DelaySeconds": "7"}})
    other = Aws(one.app, now_ms=NOW_MS)
    create_queues(one.app, other)
    other.start()
    assert other.call("sqs", "ListQueueTags", url)["Tags"] == {"team": "orders"}
    names = {**url, "AttributeNames": ["DelaySeconds"]}
    answer = other.call("sqs", "GetQueueAttributes", names)
    assert answer["Attributes"] == {"DelaySeconds": "0"}


def test_what_aws_would_refuse_is_told_at_once(started: Start) -> None:
    with pytest.raises(InputError, match="Invalid value for the parameter DelaySeconds"):
        started(queue("q", DelaySeconds=901))
    with pytest.raises(InputError, match="DynamoDB refuses this table"):
        started(table("orders", LocalSecondaryIndexes=[{"IndexName": "i"}]))
