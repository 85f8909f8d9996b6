"""The Operation machine: exports a list of orders page by page, and tells in a document in S3 how
far it is.

Every failure that a Catch sees is written into the document before it goes to the dead letter;
what no Catch sees is written by OperationOutcome, the net behind this machine.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.operation.payloads import FAILED, RUNNING, SUCCEEDED, FormatPageEvent
from workflows.dead_letter import DeadLetterStore, Net
from workflows.function import ThinFunction
from workflows.jsonata import (
    EXECUTION_ARN,
    EXECUTION_INPUT,
    EXECUTION_NAME,
    is_true,
    jsonata,
    value_of,
)
from workflows.lambda_task import lambda_task
from workflows.machine import standard_machine
from workflows.retry_policy import DYNAMODB_SDK_FAULTS, TIME_OUTS, retry, transient
from workflows.status_document import TIME_OUT, OperationFiles

# A transaction reads all of its items or none (BatchGetItem leaves some for another call), at most
# 100: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html
PAGE_ORDERS = 25
MACHINE_TIME_OUT = cdk.Duration.minutes(30)

OPERATION_ID = f"{EXECUTION_INPUT}.operationId"
PROGRESS = "{'done': $done, 'total': $total}"


class Operation(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        format_page: ThinFunction,
        orders: dynamodb.ITable,
        files: s3.IBucket,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        net = Net(self, "DeadLetter", store=dead_letters)
        operation = OperationFiles(files, OPERATION_ID)
        operation.acknowledge_for(self)

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "pages": jsonata(f"[$partition($states.input.orderIds, {PAGE_ORDERS})]"),
                "total": jsonata("$count($states.input.orderIds)"),
                "page": 0,
                "done": 0,
                "rows": [],
                "missing": [],
            },
        )
        write_progress = operation.write_status(
            self,
            "WriteProgress",
            {"status": f"'{RUNNING}'", "run": EXECUTION_NAME, "progress": PROGRESS},
        )
        all_done = sfn.Choice.jsonata(self, "AllDone")

        read_orders = tasks.CallAwsService.jsonata(
            self,
            "ReadOrders",
            service="dynamodb",
            action="transactGetItems",
            iam_action="dynamodb:GetItem",
            iam_resources=[orders.table_arn],
            parameters={
                "TransactItems": jsonata(
                    f"""[$pages[$page].{{'Get': {{
                    'TableName': '{orders.table_name}',
                    'Key': {{'orderId': {{'S': $}}}}
                    }}}}]"""
                )
            },
            task_timeout=TIME_OUT,
            outputs=jsonata(
                """[$states.result.Responses.Item.{
                'orderId': orderId.S,
                'customerId': customerId.S,
                'status': status.S,
                'totalCents': $number(totalCents.N),
                'currency': currency.S,
                'shipAt': shipAt.S
                }]"""
            ),
        )
        retry(
            read_orders,
            DYNAMODB_SDK_FAULTS,
            TIME_OUTS,
            transient("DynamoDb.TransactionCanceledException"),
        )

        format_lines = lambda_task(
            self,
            "FormatPage",
            function=format_page,
            event=FormatPageEvent(
                executionArn=value_of(EXECUTION_ARN),
                customerId=value_of(f"{EXECUTION_INPUT}.customerId"),
                orderIds=value_of("$pages[$page]"),
                orders=value_of("$states.input"),
            ),
            assign={
                "rows": jsonata("[$append($rows, $states.result.Payload.rows)]"),
                "missing": jsonata("[$append($missing, $states.result.Payload.missing)]"),
                "done": jsonata("$done + $count($pages[$page])"),
                "page": jsonata("$page + 1"),
            },
        )

        store_result = operation.store_result(
            self, "StoreResult", body="{'rows': $rows, 'missing': $missing}"
        )
        write_succeeded = operation.write_status(
            self,
            "WriteSucceeded",
            {
                "status": f"'{SUCCEEDED}'",
                "run": EXECUTION_NAME,
                "progress": PROGRESS,
                "result": "{'orders': $count($rows), 'missing': $count($missing)}",
            },
        )
        succeeded = sfn.Succeed.jsonata(
            self,
            "Succeeded",
            outputs=jsonata(f"{{'operationId': {OPERATION_ID}, 'orders': $count($rows)}}"),
        )

        write_failed = operation.write_status(
            self,
            "WriteFailed",
            {
                "status": f"'{FAILED}'",
                "run": EXECUTION_NAME,
                "progress": PROGRESS,
                "error": "$failure.error",
            },
        )
        net.catch_after(
            write_failed, write_progress, read_orders, format_lines, store_result, write_succeeded
        )

        story = begin.next(write_progress).next(
            all_done.when(
                is_true("$done = $total"),
                store_result.next(write_succeeded).next(succeeded),
            ).otherwise(read_orders.next(format_lines).next(write_progress))
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
