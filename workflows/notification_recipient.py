"""Who a notification is for: by which channels they can be reached, when, and by which they do not
want to be."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import text
from workflows.jsonata import jsonata
from workflows.notification_channels import TIME_OUT
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

# `next` is the first channel that was not tried and is not unwanted.
RECIPIENT = jsonata(
    """(
    $item := $states.result.Item;
    $channels := $item.channels.L.M.{'channel': channel.S, 'address': address.S};
    $tried := $append($message.tried, $message.channel);
    $optedOut := $item.optedOut.SS;
    {
        'address': $channels[channel = $message.channel][0].address,
        'optedOut': $message.channel in $optedOut,
        'quietHours': $item.quietHours.M.{
            'zone': zone.S, 'start': start.S, 'end': end.S
        },
        'next': $channels[$not(channel in $tried) and $not(channel in $optedOut)][0].channel,
        'tried': [$tried]
    }
    )"""
)


def read_recipient(
    scope: Construct, state: str, recipients: dynamodb.ITable
) -> tasks.DynamoGetItem:
    """A Task that assigns `recipient`; without an item, one that has no address."""
    task = tasks.DynamoGetItem.jsonata(
        scope,
        state,
        table=recipients,
        key={"recipientId": text(jsonata("$message.recipientId"))},
        consistent_read=True,
        task_timeout=TIME_OUT,
        assign={"recipient": RECIPIENT},
    )
    retry(task, DYNAMODB_FAULTS, TIME_OUTS)
    return task
