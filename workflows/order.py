"""The Order machine: from a customer's order to its shipment, resumable from what is stored.

The chain at the end tells the story. Until the charge has succeeded, a technical failure gives
the stock back before it goes to the dead letter; after it the order stays PAID with its stock,
and a replay resumes there. Sold out and card declined are outcomes, not failures.
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.order.payloads import (
    ChargePaymentEvent,
    InvoiceMessage,
    ReleaseStockEvent,
    ReserveStockEvent,
    ValidateOrderEvent,
)
from workflows.attribute_values import number, text
from workflows.child import Child
from workflows.dead_letter import DeadLetterStore, Net
from workflows.durations import timeout
from workflows.fulfilment import TASK_TIME_OUT
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.machine import Machine, standard_machine
from workflows.order_record import (
    COMPLETED,
    PAID,
    RECEIVED,
    REJECTED,
    STORED,
    record_status,
    update_order,
)
from workflows.queue import Queue
from workflows.retry_policy import (
    IDEMPOTENCY_IN_PROGRESS,
    SQS_FAULTS,
    TIME_OUTS,
    retry,
    transient,
)

# A Standard execution lives a year at the most. validate_order takes ship dates up to 300 days
# ahead: the wait, and a fulfilment that uses up its own time-out, fit.
MACHINE_DAYS_MAX = 360

# A charge whose answer is missing may have been made, by this run or by one before it. The Context
# object's times have as many digits as they need, so texts do not compare as times do.
CHARGE_UNCERTAIN = (
    "$failure.state = 'ChargePayment' or "
    "$toMillis($stored.receivedAt) < $toMillis($states.context.Execution.StartTime)"
)


@dataclass(frozen=True, slots=True)
class OrderFunctions:
    """The functions that the machine's Lambda tasks invoke."""

    validate_order: ThinFunction
    reserve_stock: ThinFunction
    release_stock: ThinFunction
    charge_payment: ThinFunction


class Order(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: OrderFunctions,
        orders: dynamodb.ITable,
        invoices: Queue,
        fulfilment: Machine,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = Net(self, "DeadLetter", store=dead_letters)

        validate_order = lambda_task(
            self,
            "ValidateOrder",
            function=functions.validate_order,
            event=ValidateOrderEvent(
                executionArn=value_of(EXECUTION_ARN), order=value_of("$states.input")
            ),
            assign={"order": jsonata("$states.result.Payload")},
        )

        record_received = update_order(
            self,
            "RecordReceived",
            table=orders,
            order_id="$order.orderId",
            update=(
                "SET #status = if_not_exists(#status, :received), "
                "receivedAt = if_not_exists(receivedAt, :now), "
                "customerId = if_not_exists(customerId, :customerId), "
                "totalCents = if_not_exists(totalCents, :totalCents), "
                "currency = if_not_exists(currency, :currency), "
                "shipAt = if_not_exists(shipAt, :shipAt), "
                "orderLines = if_not_exists(orderLines, :orderLines), "
                "shipments = if_not_exists(shipments, :none)"
            ),
            names={"#status": "status"},
            values={
                ":received": text(RECEIVED),
                ":now": text(jsonata("$now()")),
                ":customerId": text(jsonata("$order.customerId")),
                ":totalCents": number(jsonata("$string($order.totalCents)")),
                ":currency": text(jsonata("$order.currency")),
                ":shipAt": text(jsonata("$order.shipAt")),
                ":orderLines": text(jsonata("$string($order.lines)")),
                ":none": tasks.DynamoAttributeValue.from_map({}),
            },
            assign={"stored": STORED},
        )

        where_it_stands = sfn.Choice.jsonata(self, "WhereItStands")

        reserve_stock = lambda_task(
            self,
            "ReserveStock",
            function=functions.reserve_stock,
            event=ReserveStockEvent(
                executionArn=value_of(EXECUTION_ARN),
                orderId=value_of("$order.orderId"),
                lines=value_of("$order.lines"),
            ),
            retries=(transient("TransactionConflict"),),
        )

        charge_payment = lambda_task(
            self,
            "ChargePayment",
            function=functions.charge_payment,
            event=ChargePaymentEvent(
                executionArn=value_of(EXECUTION_ARN),
                orderId=value_of("$order.orderId"),
                totalCents=value_of("$order.totalCents"),
                currency=value_of("$order.currency"),
                cardToken=value_of("$order.cardToken"),
            ),
            retries=(
                transient("PaymentProviderUnavailable", "IdempotencyPersistenceLayerError"),
                IDEMPOTENCY_IN_PROGRESS,
            ),
            assign={"chargeId": jsonata("$states.result.Payload.chargeId")},
        )

        record_paid = record_status(
            self,
            "RecordPaid",
            table=orders,
            status=PAID,
            before=RECEIVED,
            since="paidAt",
            also={"chargeId": "$chargeId"},
        )

        send_invoice = tasks.SqsSendMessage.jsonata(
            self,
            "SendInvoice",
            queue=invoices,
            message_body=sfn.TaskInput.from_object(
                dict(
                    InvoiceMessage(
                        executionArn=value_of(EXECUTION_ARN),
                        orderId=value_of("$order.orderId"),
                        customerId=value_of("$order.customerId"),
                        chargeId=value_of("$stored.chargeId"),
                        totalCents=value_of("$order.totalCents"),
                        currency=value_of("$order.currency"),
                        lines=value_of("$order.lines"),
                    )
                )
            ),
            task_timeout=timeout(30),
        )
        retry(send_invoice, SQS_FAULTS, TIME_OUTS)

        wait_for_ship_date = sfn.Wait.jsonata(
            self, "WaitForShipDate", time=sfn.WaitTime.timestamp(jsonata("$order.shipAt"))
        )

        record_completed = record_status(
            self,
            "RecordCompleted",
            table=orders,
            status=COMPLETED,
            before=PAID,
            since="completedAt",
            also={},
        )
        completed = sfn.Succeed.jsonata(
            self,
            "Completed",
            outputs=jsonata(
                """{
                'orderId': $stored.orderId,
                'status': $stored.status,
                'chargeId': $stored.chargeId,
                'totalCents': $stored.totalCents,
                'shipments': $stored.shipments
                }"""
            ),
        )

        fulfil = Child(
            self,
            "Fulfil",
            machine=fulfilment,
            payload={
                "orderId": jsonata("$order.orderId"),
                "lines": jsonata("$order.lines.{'sku': sku, 'quantity': quantity}[]"),
            },
            time_out=TASK_TIME_OUT,
            then=record_completed,
            net=net,
        )

        release_stock = lambda_task(
            self,
            "ReleaseStock",
            function=functions.release_stock,
            event=ReleaseStockEvent(
                executionArn=value_of(EXECUTION_ARN),
                orderId=value_of("$order.orderId"),
                chargeUncertain=False,
            ),
            retries=(transient("TransactionConflict"),),
        )
        record_rejected = record_status(
            self,
            "RecordRejected",
            table=orders,
            status=REJECTED,
            before=RECEIVED,
            since="rejectedAt",
            also={"reason": "$reason"},
        )
        rejected = sfn.Succeed.jsonata(
            self,
            "Rejected",
            outputs=jsonata(
                """{
                'orderId': $stored.orderId,
                'status': $stored.status,
                'reason': $stored.reason
                }"""
            ),
        )

        give_stock_back = lambda_task(
            self,
            "GiveStockBack",
            function=functions.release_stock,
            event=ReleaseStockEvent(
                executionArn=value_of(EXECUTION_ARN),
                orderId=value_of("$order.orderId"),
                chargeUncertain=value_of(CHARGE_UNCERTAIN),
            ),
            retries=(transient("TransactionConflict"),),
        )

        # Outcomes first, then what no retry could help.
        reason = {"reason": jsonata("$states.errorOutput.Error")}
        reserve_stock.add_catch(record_rejected, errors=["OutOfStock"], assign=reason)
        charge_payment.add_catch(release_stock, errors=["CardDeclined"], assign=reason)

        # The order holds other lines, or was charged another amount, by another run: what there
        # is to give back is not this run's. Sold out after an uncertain charge, there is nothing.
        net.catch(reserve_stock, errors=("OrderInvalid", "OutOfStockAfterCharge"))
        net.catch(charge_payment, errors=("IdempotencyValidationError",))
        net.catch_after(give_stock_back, reserve_stock, charge_payment)
        net.catch(
            validate_order,
            record_received,
            record_paid,
            send_invoice,
            record_completed,
            release_stock,
            record_rejected,
        )

        record_completed.next(completed)
        ship = send_invoice.next(wait_for_ship_date).next(fulfil.start)
        charge = reserve_stock.next(charge_payment).next(record_paid).next(ship)
        story = validate_order.next(record_received).next(
            where_it_stands.when(status_is(PAID), ship)
            .when(status_is(COMPLETED), completed)
            .when(status_is(REJECTED), rejected)
            .otherwise(charge)
        )
        release_stock.next(record_rejected).next(rejected)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=cdk.Duration.days(MACHINE_DAYS_MAX),
            removal_policy=removal_policy,
        )
        fulfil.grant_to(self.machine.role)


def status_is(status: str) -> sfn.Condition:
    return is_true(f"$stored.status = '{status}'")
