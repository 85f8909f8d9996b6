"""The RecordSale machine: one sale, counted once in the speed layer and archived as it came.

The ledger decides, for ever: the first time that a sale comes, one transaction notes it with its
arrival and adds it to its counter; whenever it comes again, it is archived again under the arrival
that the ledger has, which is the same object. Express: short and frequent, and doing it twice
changes nothing. The outer net is the queue: a sale that could not be archived comes back.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.views.payloads import KEPT_DAYS, NAME, SALES
from workflows.attribute_values import text
from workflows.device_branch import TIME_OUT, send_message
from workflows.jsonata import is_true, jsonata
from workflows.machine import express_machine
from workflows.queue import Queue
from workflows.retry_policy import (
    DYNAMODB_FAULTS,
    DYNAMODB_SDK_FAULTS,
    S3_SDK_FAULTS,
    TIME_OUTS,
    RetryClass,
    retry,
)

# An arrival is noted when an execution starts and committed before it ends.
MACHINE_TIME_OUT = cdk.Duration.minutes(4)
BATCH_SIZE = 1

DAY_MS = 86_400_000
CLOCK_AHEAD_MS_MAX = 5 * 60_000
# The ledger knows a sale for longer than it may come for the first time: what it has forgotten is
# too late. Messages live for 14 days at the most, and once more when they are brought back.
LATE_DAYS_MAX = 30
LEDGER_DAYS = 70
SUM_MAX = 1_000_000_000

IS_WHOLE = "$type({0}) = 'number' and $floor({0}) = {0} and {0} >= {1} and {0} <= {2}"
IS_SALE = f"""(
    $type($message.eventId) = 'string' and $contains($message.eventId, /^{NAME}$/)
    and $type($message.sku) = 'string' and $contains($message.sku, /^{NAME}$/)
    and {IS_WHOLE.format("$message.quantity", 1, SUM_MAX)}
    and {IS_WHOLE.format("$message.amountCents", 0, SUM_MAX)}
    and {IS_WHOLE.format("$message.soldAtMs", 1, f"$millis() + {CLOCK_AHEAD_MS_MAX}")}
    )"""
IS_LATE = f"$message.soldAtMs < $millis() - {LATE_DAYS_MAX * DAY_MS}"

SOLD_AT = "$fromMillis($message.soldAtMs)"
DAY = f"$substring({SOLD_AT}, 0, 10)"
HOUR = f"$substring({SOLD_AT}, 11, 2)"
ARRIVAL = "$substring($arrivedAt, 0, 13)"

# Another sale of the same sku and hour at the same moment; it has the same error as a condition
# that does not hold. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
CANCELED = "DynamoDb.TransactionCanceledException"
CONFLICT = RetryClass((CANCELED,), interval_seconds=1, max_attempts=3, max_delay_seconds=4)


@dataclass(frozen=True, slots=True)
class SalesStore:
    """`ledger` is keyed by eventId, `counters` by day and cell; `rejected` gets what is no sale."""

    ledger: dynamodb.ITable
    counters: dynamodb.ITable
    archive: s3.IBucket
    rejected: Queue


class RecordSale(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        store: SalesStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)

        take = sfn.Pass.jsonata(
            self,
            "TakeMessage",
            assign={
                "message": jsonata("$states.input[0].message"),
                "arrivedAt": jsonata("$now()"),
            },
        )
        is_sale = sfn.Choice.jsonata(self, "IsSale")
        # Nobody waits for an answer: whoever looks after the tills gets the message.
        keep_invalid = send_message(
            self,
            "KeepInvalid",
            queue=store.rejected,
            attributes={"reason": "INVALID"},
            outputs={"rejected": "INVALID"},
        )
        read_ledger = tasks.DynamoGetItem.jsonata(
            self,
            "ReadLedger",
            table=store.ledger,
            key={"eventId": text(jsonata("$message.eventId"))},
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "noted": jsonata("$exists($states.result.Item)"),
                "arrivedAt": jsonata(
                    """$exists($states.result.Item)
                    ? $states.result.Item.arrivedAt.S : $arrivedAt"""
                ),
                "message": jsonata(
                    """$exists($states.result.Item)
                    ? $parse($states.result.Item.event.S) : $message"""
                ),
            },
        )
        retry(read_ledger, DYNAMODB_FAULTS, TIME_OUTS)
        is_noted = sfn.Choice.jsonata(self, "IsNoted")
        keep_late = send_message(
            self,
            "KeepLate",
            queue=store.rejected,
            attributes={"reason": "LATE"},
            outputs={"rejected": "LATE"},
        )
        count_once = tasks.CallAwsService.jsonata(
            self,
            "CountOnce",
            service="dynamodb",
            action="transactWriteItems",
            iam_action="dynamodb:PutItem",
            iam_resources=[store.ledger.table_arn],
            additional_iam_statements=[
                iam.PolicyStatement(
                    actions=["dynamodb:UpdateItem"], resources=[store.counters.table_arn]
                )
            ],
            parameters={"TransactItems": [_note(store.ledger), _count(store.counters)]},
            task_timeout=TIME_OUT,
        )
        retry(count_once, DYNAMODB_SDK_FAULTS, TIME_OUTS, CONFLICT)
        # Noted by a copy that came at the same time, or by an attempt whose answer was lost.
        count_once.add_catch(read_ledger, errors=[CANCELED])

        archive = tasks.CallAwsService.jsonata(
            self,
            "Archive",
            service="s3",
            action="putObject",
            iam_action="s3:PutObject",
            iam_resources=[store.archive.arn_for_objects(f"{SALES}/*")],
            parameters={
                "Bucket": store.archive.bucket_name,
                "Key": jsonata(
                    f"$join(['{SALES}', {DAY}, {ARRIVAL}, $message.eventId & '.json'], '/')"
                ),
                "Body": jsonata("$message"),
                "ContentType": "application/json",
            },
            task_timeout=TIME_OUT,
        )
        retry(archive, S3_SDK_FAULTS, TIME_OUTS)
        recorded = sfn.Succeed.jsonata(self, "Recorded", outputs={})

        read_ledger.next(
            is_noted.when(is_true("$noted"), archive)
            .when(is_true(IS_LATE), keep_late.next(recorded))
            .otherwise(count_once.next(archive).next(recorded))
        )
        story = take.next(
            is_sale.when(is_true(IS_SALE), read_ledger).otherwise(keep_invalid.next(recorded))
        )

        self.machine = express_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )


def _note(ledger: dynamodb.ITable) -> dict[str, object]:
    return {
        "Put": {
            "TableName": ledger.table_name,
            "Item": {
                "eventId": {"S": jsonata("$message.eventId")},
                "arrivedAt": {"S": jsonata("$arrivedAt")},
                "event": {"S": jsonata("$string($message)")},
                "expiresAt": {"N": _expiry(LEDGER_DAYS)},
            },
            "ConditionExpression": "attribute_not_exists(eventId)",
        }
    }


def _count(counters: dynamodb.ITable) -> dict[str, object]:
    return {
        "Update": {
            "TableName": counters.table_name,
            "Key": {
                "day": {"S": jsonata(DAY)},
                "cell": {"S": jsonata(f"$join([$message.sku, {ARRIVAL}, {HOUR}], '#')")},
            },
            "UpdateExpression": (
                "ADD sales :one, quantity :quantity, amountCents :amount SET expiresAt = :expiry"
            ),
            "ExpressionAttributeValues": {
                ":one": {"N": "1"},
                ":quantity": {"N": jsonata("$string($message.quantity)")},
                ":amount": {"N": jsonata("$string($message.amountCents)")},
                ":expiry": {"N": _expiry(KEPT_DAYS)},
            },
        }
    }


def _expiry(days: int) -> str:
    """Seconds since 1970, so many days after the sale."""
    return jsonata(f"$string($floor($message.soldAtMs / 1000) + {days * DAY_MS // 1000})")
