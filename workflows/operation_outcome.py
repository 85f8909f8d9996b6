"""The OperationOutcome machine: what stands behind the status document of a run that ended without
a Catch (aborted, timed out, States.Runtime), so that no document says RUNNING for ever.

It is started for every failed run by the rule, and by a sweep each hour, since events are best
effort; a document that has its end already, or belongs to a later run, is left alone.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.operation.payloads import ACCEPTED, FAILED, RUNNING
from workflows.failed_runs import FAILED_STATUSES, start_for_failed_runs
from workflows.findings import acknowledge_wildcard
from workflows.jsonata import is_true, jsonata
from workflows.machine import ANY_EXECUTION, Machine, standard_machine
from workflows.queue import Queue
from workflows.retry_policy import STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS, retry
from workflows.status_document import TIME_OUT, OperationFiles

MACHINE_TIME_OUT = cdk.Duration.minutes(10)


class OperationOutcome(Construct):
    """`watched` is the Operation machine. Its input is the detail of a status-change event, or as
    much of it as its executionArn."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        watched: Machine,
        files: s3.IBucket,
        lost_events: Queue,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        operation = OperationFiles(files, "$run.operationId")
        operation.acknowledge_for(self)

        read_run = tasks.CallAwsService.jsonata(
            self,
            "ReadRun",
            service="sfn",
            action="describeExecution",
            iam_action="states:DescribeExecution",
            iam_resources=[watched.execution_arn("*")],
            parameters={"ExecutionArn": jsonata("$states.input.executionArn")},
            task_timeout=TIME_OUT,
            assign={
                "run": jsonata(
                    """(
                    $input := $parse($states.result.Input);
                    {
                        'name': $states.result.Name,
                        'status': $states.result.Status,
                        'error': $states.result.Error
                            ? $states.result.Error : $states.result.Status,
                        'operationId': $input.operationId,
                        'total': $count($input.orderIds)
                    }
                    )"""
                )
            },
        )
        acknowledge_wildcard(self, watched.execution_arn("*"), ANY_EXECUTION)
        retry(read_run, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)
        has_failed = sfn.Choice.jsonata(self, "HasFailed")
        read_document = operation.read_status(self, "ReadDocument")
        is_left_behind = sfn.Choice.jsonata(self, "IsLeftBehind")
        write_failed = operation.write_status(
            self,
            "WriteFailed",
            {
                "status": f"'{FAILED}'",
                "run": "$run.name",
                "progress": "$document.progress",
                "error": "$run.error",
            },
        )
        written = sfn.Succeed.jsonata(self, "Written")
        nothing_to_write = sfn.Succeed.jsonata(self, "NothingToWrite")

        left_behind = (
            f"$document.status = '{ACCEPTED}' or "
            f"$document.status = '{RUNNING}' and $document.run = $run.name"
        )
        # Nobody polls: the run was not started by the front, or its document has expired.
        read_document.add_catch(nothing_to_write, errors=["S3.NoSuchKeyException"])
        # Redriven since, a run is no failure any more.
        story = read_run.next(
            has_failed.when(
                is_true(f"$run.status in {list(FAILED_STATUSES)}"),
                read_document.next(
                    is_left_behind.when(
                        is_true(left_behind),
                        write_failed.next(written),
                    ).otherwise(nothing_to_write)
                ),
            ).otherwise(nothing_to_write)
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        start_for_failed_runs(self, self.machine, watched=[watched], lost_events=lost_events)
