"""The pointer of a day's batch view: which version is live, up to which watermark, and which one
was before. All pointers of a range are read, and switched, in one transaction.

`switches` counts: a switch is written only over the count that was seen, so of two that saw the
same, one wins. The same switch may be written again, after an answer that was lost.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.retry_policy import DYNAMODB_SDK_FAULTS, TIME_OUTS, RetryClass, retry

# A transaction has 100 items at the most.
DAYS_MAX = 31
TIME_OUT = timeout(30)

CANCELED = "DynamoDb.TransactionCanceledException"
CONFLICT = RetryClass((CANCELED,), interval_seconds=1, max_attempts=3, max_delay_seconds=4)

TEXTS = ("version", "watermark", "previousVersion", "previousWatermark")

_FOUND = ", ".join(f"'{name}': $response.Item.{name}.S" for name in TEXTS)
_NEW = ", ".join(f"'{name}': ''" for name in TEXTS)
POINTERS = f"""[$map($states.result.Responses, function($response, $index) {{
    $exists($response.Item.day)
    ? {{'day': $days[$index], 'switches': $number($response.Item.switches.N), {_FOUND}}}
    : {{'day': $days[$index], 'switches': 0, {_NEW}}}
    }})]"""

# What follows `$seen`: the new version; or, where `$rollBack` is live, the one before.
NEXT = """[$map($seen, function($pointer) { {
    'day': $pointer.day,
    'switches': $pointer.switches + 1,
    'version': $version,
    'watermark': $watermark,
    'previousVersion': $pointer.version,
    'previousWatermark': $pointer.watermark
    } })]"""
BEFORE = """[$map($seen[version = $rollBack and previousVersion != ''], function($pointer) { {
    'day': $pointer.day,
    'switches': $pointer.switches + 1,
    'version': $pointer.previousVersion,
    'watermark': $pointer.previousWatermark,
    'previousVersion': $pointer.version,
    'previousWatermark': $pointer.watermark
    } })]"""


def read_pointers(
    scope: Construct, state: str, *, pointers: dynamodb.ITable, assign: str
) -> tasks.CallAwsService:
    """A Task that assigns the pointers of `$days`; of a day that has none, an empty one."""
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="dynamodb",
        action="transactGetItems",
        iam_action="dynamodb:GetItem",
        iam_resources=[pointers.table_arn],
        parameters={
            "TransactItems": jsonata(
                f"""[$map($days, function($day) {{ {{'Get': {{
                'TableName': '{pointers.table_name}',
                'Key': {{'day': {{'S': $day}}}}
                }}}} }})]"""
            )
        },
        task_timeout=TIME_OUT,
        assign={assign: jsonata(POINTERS)},
    )
    retry(task, DYNAMODB_SDK_FAULTS, TIME_OUTS, CONFLICT)
    return task


def switch_pointers(
    scope: Construct, state: str, *, pointers: dynamodb.ITable
) -> tasks.CallAwsService:
    """A Task that writes `$next`, all or none; CANCELED where another run has switched since."""
    texts = ", ".join(f"'{name}': {{'S': $pointer.{name}}}" for name in TEXTS)
    task = tasks.CallAwsService.jsonata(
        scope,
        state,
        service="dynamodb",
        action="transactWriteItems",
        iam_action="dynamodb:PutItem",
        iam_resources=[pointers.table_arn],
        parameters={
            "TransactItems": jsonata(
                f"""[$map($next, function($pointer) {{ {{'Put': {{
                'TableName': '{pointers.table_name}',
                'Item': {{
                    'day': {{'S': $pointer.day}},
                    'switches': {{'N': $string($pointer.switches)}},
                    'switchedAt': {{'S': $now()}},
                    {texts}
                }},
                'ConditionExpression': 'attribute_not_exists(switches) OR switches = :seen'
                    & ' OR (switches = :next AND version = :version)',
                'ExpressionAttributeValues': {{
                    ':seen': {{'N': $string($pointer.switches - 1)}},
                    ':next': {{'N': $string($pointer.switches)}},
                    ':version': {{'S': $pointer.version}}
                }}
                }}}} }})]"""
            )
        },
        task_timeout=TIME_OUT,
    )
    retry(task, DYNAMODB_SDK_FAULTS, TIME_OUTS, CONFLICT)
    return task
