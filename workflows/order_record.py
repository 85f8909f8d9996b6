"""The order's stored business state: one item an order, written by direct integrations.

`status` only moves forward, RECEIVED -> PAID -> COMPLETED or RECEIVED -> REJECTED, and every
write may be repeated: timestamps and shipments are set once. That is what makes a retry after a
lost answer, a duplicate and a replay safe. See docs/decisions/0001-order-business-state.md.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import text
from workflows.durations import timeout
from workflows.jsonata import jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

RECEIVED = "RECEIVED"
PAID = "PAID"
COMPLETED = "COMPLETED"
REJECTED = "REJECTED"

TIME_OUT = timeout(30)


def shipments(item: str) -> str:
    """JSONata: the recorded shipments of an item, in order of their hand-over, always a list."""
    return f"""[$sort(
        [$each({item}.shipments.M, function($shipped, $handOver) {{
            {{'handOver': $number($handOver), 'shipped': $parse($shipped.S)}}
        }})],
        function($one, $other) {{ $one.handOver > $other.handOver }}
    )]"""


STORED = jsonata(
    f"""(
    $item := $states.result.Attributes;
    {{
        'orderId': $item.orderId.S,
        'status': $item.status.S,
        'receivedAt': $item.receivedAt.S,
        'reason': $item.reason.S,
        'chargeId': $item.chargeId.S,
        'totalCents': $number($item.totalCents.N),
        'shipments': {shipments("$item")}
    }}
    )"""
)


def update_order(
    scope: Construct,
    state: str,
    *,
    table: dynamodb.ITable,
    order_id: str,
    update: str,
    values: Mapping[str, tasks.DynamoAttributeValue],
    names: Mapping[str, str] | None = None,
    condition: str | None = None,
    assign: Mapping[str, str],
) -> tasks.DynamoUpdateItem:
    """A Task that updates the order's item and is answered with all of it."""
    task = tasks.DynamoUpdateItem.jsonata(
        scope,
        state,
        table=table,
        key={"orderId": text(jsonata(order_id))},
        update_expression=update,
        condition_expression=condition,
        expression_attribute_names=names,
        expression_attribute_values=values,
        return_values=tasks.DynamoReturnValues.ALL_NEW,
        task_timeout=TIME_OUT,
        assign=assign,
    )
    retry(task, DYNAMODB_FAULTS, TIME_OUTS)
    return task


def record_status(
    scope: Construct,
    state: str,
    *,
    table: dynamodb.ITable,
    status: str,
    before: str,
    since: str,
    also: Mapping[str, str],
) -> tasks.DynamoUpdateItem:
    """A Task that moves the order from the status `before` to `status`, with the JSONata of the
    attributes in `also`; `since` names the timestamp. Doing it twice changes nothing."""
    return update_order(
        scope,
        state,
        table=table,
        order_id="$order.orderId",
        update=", ".join(
            [
                "SET #status = :status",
                f"{since} = if_not_exists({since}, :now)",
                *(f"{name} = :{name}" for name in also),
            ]
        ),
        condition="#status IN (:before, :status)",
        names={"#status": "status"},
        values={
            ":status": text(status),
            ":before": text(before),
            ":now": text(jsonata("$now()")),
            **{f":{name}": text(jsonata(value)) for name, value in also.items()},
        },
        assign={"stored": STORED},
    )
