"""The end of the filter chain: the StoreItem machine keeps each item that has passed its filters.

The filters need no machine. Each has a queue, a rule that sends it the events that name it, and a
function that puts the item back onto the bus; the order stands in the event. Express: short, and
storing twice is storing once. Its outer net is its queue: what fails comes back, and after some
times goes to the queue's dead letters.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import text
from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.machine import express_machine
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

MACHINE_TIME_OUT = cdk.Duration.minutes(4)


# The pipe hands over one message at a time: nothing that fails holds up another.
BATCH_SIZE = 1
HOP = "$states.input[0].message"


class StoreItem(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        items: dynamodb.ITable,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)

        # Events come at least once: the first one stays.
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-delivery-level.html
        put_item = tasks.DynamoPutItem.jsonata(
            self,
            "PutItem",
            table=items,
            item={
                "itemId": text(jsonata(f"{HOP}.itemId")),
                "item": text(jsonata(f"$string({HOP}.item)")),
                "passed": text(jsonata(f"$join({HOP}.passed, ' ')")),
                "storedAt": text(jsonata("$now()")),
            },
            condition_expression="attribute_not_exists(itemId)",
            task_timeout=timeout(10),
            outputs={"stored": True},
        )
        retry(put_item, DYNAMODB_FAULTS, TIME_OUTS)

        stored = sfn.Succeed.jsonata(self, "Stored")
        already_stored = sfn.Succeed.jsonata(self, "AlreadyStored", outputs={"stored": False})
        put_item.add_catch(already_stored, errors=["DynamoDB.ConditionalCheckFailedException"])

        self.machine = express_machine(
            self,
            construct_id,
            chain=put_item.next(stored),
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
