"""Queues: encrypted by SQS, reachable over TLS only.

A redriven message keeps its age, so sources keep messages for 4 days and dead-letter queues
for 14: ten days to look at what failed.
"""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from workflows.durations import seconds
from workflows.findings import acknowledge
from workflows.queue import Queue

SOURCE_RETENTION = cdk.Duration.days(4)
DEAD_LETTER_RETENTION = cdk.Duration.days(14)
RECEIVES_MAX = 5


def dead_letter_queue(
    scope: Construct, construct_id: str, *, removal_policy: cdk.RemovalPolicy
) -> Queue:
    """A queue whose messages wait for a person."""
    queue = Queue(
        scope,
        construct_id,
        retention_period=DEAD_LETTER_RETENTION,
        removal_policy=removal_policy,
    )
    acknowledge(
        queue,
        "AwsSolutions-SQS3",
        "This is a dead-letter queue: an alarm and a person stand behind it.",
    )
    return queue


def source_queue(
    scope: Construct,
    construct_id: str,
    *,
    consumer_timeout_seconds: int,
    receives_max: int = RECEIVES_MAX,
    removal_policy: cdk.RemovalPolicy,
) -> tuple[Queue, Queue]:
    """A queue that a function consumes, and its own dead-letter queue."""
    dead = dead_letter_queue(scope, f"{construct_id}DeadLetters", removal_policy=removal_policy)
    queue = Queue(
        scope,
        construct_id,
        retention_period=SOURCE_RETENTION,
        # Lambda asks for six times the function's time-out.
        visibility_timeout=seconds(6 * consumer_timeout_seconds),
        dead=dead,
        receives_max=receives_max,
        removal_policy=removal_policy,
    )
    return queue, dead
