"""The notifications' log: one item each, with its state and every change of it.

A write says which states it may follow (lambdas/notification/states.py), so that a message or an
event that comes late or twice changes nothing. `hop` counts the channels that were tried before:
once a later channel has taken the notification over, messages of an earlier one find it taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.notification.states import MAY_FOLLOW
from workflows.attribute_values import number, text
from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.queue_pipe import MESSAGE_BODY
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

# The state found is another than those that the write may follow.
TOO_LATE = "DynamoDB.ConditionalCheckFailedException"


def record_state(
    scope: Construct,
    task: str,
    *,
    table: dynamodb.ITable,
    state: str,
    assign: Mapping[str, str],
    takes_over: bool = False,
) -> tasks.DynamoUpdateItem:
    """A Task that moves the notification of the message to `state`; with `takes_over` it makes the
    message's channel the notification's."""
    hop = f"$string($count({MESSAGE_BODY}.tried))"
    channel = text(jsonata(f"{MESSAGE_BODY}.channel"))
    before = {f":before{n}": text(one) for n, one in enumerate(MAY_FOLLOW[state])}
    change = {
        "state": text(state),
        "channel": channel,
        "at": text(jsonata("$now()")),
    }
    update = "SET #state = :state, changes = list_append(changes, :change)"
    more = {":channel": channel} if takes_over else {}
    written = tasks.DynamoUpdateItem.jsonata(
        scope,
        task,
        table=table,
        key={"notificationId": text(jsonata(f"{MESSAGE_BODY}.notificationId"))},
        update_expression=update + (", channel = :channel, hop = :hop" if takes_over else ""),
        condition_expression=(
            f"#state IN ({', '.join(before)}) AND hop {'<=' if takes_over else '='} :hop"
        ),
        expression_attribute_names={"#state": "state"},
        expression_attribute_values={
            ":state": text(state),
            ":hop": number(jsonata(hop)),
            ":change": tasks.DynamoAttributeValue.from_list(
                [tasks.DynamoAttributeValue.from_map(change)]
            ),
            **before,
            **more,
        },
        task_timeout=timeout(10),
        assign=assign,
    )
    retry(written, DYNAMODB_FAULTS, TIME_OUTS)
    return written
