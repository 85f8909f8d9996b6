"""The Fulfilment machine: hands an order to the warehouse until everything has shipped.

The warehouse answers each hand-over through its task token. What it shipped is recorded in the
order's item under the hand-over's number, and that record decides what is still to be handed
over: a replay goes on with the next number and the rest. Its outer net is the order that started
it, whose Catch sees every way this machine can fail.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.order.payloads import HandOverMessage
from workflows.attribute_values import text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, is_true, jsonata, value_of
from workflows.machine import standard_machine
from workflows.order_record import shipments, update_order
from workflows.queue import Queue
from workflows.retry_policy import DYNAMODB_FAULTS, SQS_FAULTS, TIME_OUTS, retry

HAND_OVERS_MAX = 3
HAND_OVER_DAYS_MAX = 2
HEARTBEAT_HOURS = 12

# Each hand-over may time out twice and be sent again; between them the warehouse restocks.
MACHINE_TIME_OUT = cdk.Duration.days(25)
TASK_TIME_OUT = cdk.Duration.days(26)

ORDER_ID = f"{EXECUTION_INPUT}.orderId"

# A sku may stand in several lines; what was recorded for it counts once, against their sum.
MISSING = jsonata(
    f"""(
    $lines := {EXECUTION_INPUT}.lines;
    $missing := $map($distinct($lines.sku), function($sku) {{
        {{
            'sku': $sku,
            'quantity': $sum($lines[sku = $sku].quantity)
                - $sum($append([0], $shipments.shipped[sku = $sku].quantity))
        }}
    }});
    [$filter($missing, function($line) {{ $line.quantity > 0 }})]
    )"""
)


class Fulfilment(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        orders: dynamodb.ITable,
        warehouse: Queue,
        restock_wait: cdk.Duration,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)

        read_shipments = tasks.DynamoGetItem.jsonata(
            self,
            "ReadShipments",
            table=orders,
            key={"orderId": text(jsonata(ORDER_ID))},
            consistent_read=True,
            task_timeout=timeout(30),
            assign={"shipments": jsonata(shipments("$states.result.Item")), "handOversDone": 0},
        )
        retry(read_shipments, DYNAMODB_FAULTS, TIME_OUTS)

        find_missing = sfn.Pass.jsonata(self, "FindMissing", assign={"missing": MISSING})

        all_shipped = sfn.Choice.jsonata(self, "AllShipped")

        # A hand-over that timed out is sent again under its number: the warehouse knows it.
        hand_over_to_warehouse = tasks.SqsSendMessage.jsonata(
            self,
            "HandOverToWarehouse",
            queue=warehouse,
            integration_pattern=sfn.IntegrationPattern.WAIT_FOR_TASK_TOKEN,
            message_body=sfn.TaskInput.from_object(
                dict(
                    HandOverMessage(
                        executionArn=value_of(EXECUTION_ARN),
                        taskToken=value_of("$states.context.Task.Token"),
                        orderId=value_of(ORDER_ID),
                        handOver=value_of("$count($shipments) + 1"),
                        lines=value_of("$missing"),
                    )
                )
            ),
            task_timeout=sfn.Timeout.duration(cdk.Duration.days(HAND_OVER_DAYS_MAX)),
            heartbeat_timeout=sfn.Timeout.duration(cdk.Duration.hours(HEARTBEAT_HOURS)),
            assign={
                "handOver": jsonata("$string($count($shipments) + 1)"),
                "shipped": jsonata("[$states.result.shipped]"),
            },
        )
        retry(hand_over_to_warehouse, SQS_FAULTS, TIME_OUTS)

        record_shipment = update_order(
            self,
            "RecordShipment",
            table=orders,
            order_id=ORDER_ID,
            update="SET shipments.#handOver = if_not_exists(shipments.#handOver, :shipped)",
            names={"#handOver": jsonata("$handOver")},
            values={":shipped": text(jsonata("$string($shipped)"))},
            assign={
                "shipments": jsonata(shipments("$states.result.Attributes")),
                "handOversDone": jsonata("$handOversDone + 1"),
            },
        )

        wait_for_restock = sfn.Wait.jsonata(
            self, "WaitForRestock", time=sfn.WaitTime.duration(restock_wait)
        )

        shipped = sfn.Succeed.jsonata(self, "Shipped", outputs={"shipments": jsonata("$shipments")})
        still_missing = sfn.Fail.jsonata(
            self,
            "StillMissing",
            error="BackordersRemain",
            cause=jsonata("$string({'missing': $missing, 'shipments': $shipments})"),
        )

        read_shipments.next(find_missing).next(
            all_shipped.when(is_true("$count($missing) = 0"), shipped)
            .when(is_true("$handOversDone = 0"), hand_over_to_warehouse)
            .when(
                is_true(f"$handOversDone < {HAND_OVERS_MAX}"),
                wait_for_restock.next(hand_over_to_warehouse),
            )
            .otherwise(still_missing)
        )
        hand_over_to_warehouse.next(record_shipment).next(find_missing)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=sfn.Chain.start(read_shipments),
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
