"""A child execution that is started at most once, and the rule for finding it again.

The child has its parent's name, so no retry can start a second one: while the child runs, a
repeated start is answered with it, and once it has ended, with ExecutionAlreadyExists (a lost
answer, or a redrive of the parent). Then its outcome is read instead. A time-out of the task ends
the child, and a child that failed would only be found failed again, so neither is retried.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.dead_letter import Net
from workflows.durations import timeout
from workflows.findings import acknowledge_wildcard
from workflows.jsonata import EXECUTION_ARN, EXECUTION_NAME, is_true, jsonata
from workflows.letter import CAUSE_CHARACTERS_MAX
from workflows.machine import ANY_EXECUTION, Machine
from workflows.retry_policy import (
    STEP_FUNCTIONS_FAULTS,
    STEP_FUNCTIONS_SDK_FAULTS,
    TIME_OUTS,
    retry,
)

ALREADY_EXISTS = "StepFunctions.ExecutionAlreadyExistsException"

# A child may take weeks, and a history holds 25,000 events.
POLL_EVERY = cdk.Duration.hours(1)


class Child(Construct):
    """`start` runs the child and goes on to `then`; what fails goes to the net."""

    def __init__(
        self,
        scope: Construct,
        state: str,
        *,
        machine: Machine,
        payload: Mapping[str, str],
        time_out: cdk.Duration,
        then: sfn.State,
        net: Net,
    ) -> None:
        super().__init__(scope, f"{state}Child")

        # Raw: the CDK's task would be granted the executions of every machine whose name begins
        # with this one's.
        start = sfn.CustomState(
            self,
            state,
            state_json={
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Arguments": {
                    "StateMachineArn": machine.arn,
                    "Name": jsonata(EXECUTION_NAME),
                    "Input": {
                        **payload,
                        "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": jsonata(EXECUTION_ARN),
                    },
                },
                "TimeoutSeconds": time_out.to_seconds(),
            },
        )
        retry(start, STEP_FUNCTIONS_FAULTS)

        read = tasks.CallAwsService.jsonata(
            self,
            f"Read{machine.name}",
            service="sfn",
            action="describeExecution",
            iam_action="states:DescribeExecution",
            iam_resources=[machine.execution_arn("*")],
            parameters={
                "ExecutionArn": jsonata(f"'{machine.execution_arn('')}' & {EXECUTION_NAME}")
            },
            task_timeout=timeout(30),
            assign={
                "child": jsonata(
                    f"""{{
                    'status': $states.result.Status,
                    'cause': $states.result.Cause
                        ? $substring($states.result.Cause, 0, {CAUSE_CHARACTERS_MAX})
                        : $states.result.Status
                    }}"""
                )
            },
        )
        retry(read, STEP_FUNCTIONS_SDK_FAULTS, TIME_OUTS)

        has_ended = sfn.Choice.jsonata(
            self,
            f"Has{machine.name}Ended",
            assign={
                "failure": jsonata(
                    f"""{{
                    'state': '{state}',
                    'error': 'States.TaskFailed',
                    'cause': $child.cause,
                    'attempts': 1,
                    'failedAt': $now()
                    }}"""
                )
            },
        )
        wait = sfn.Wait.jsonata(
            self, f"WaitFor{machine.name}", time=sfn.WaitTime.duration(POLL_EVERY)
        )

        start.add_catch(read, errors=[ALREADY_EXISTS])
        net.catch(start, read)

        start.next(then)
        read.next(
            has_ended.when(is_true("$child.status = 'SUCCEEDED'"), then)
            .when(
                is_true("$child.status in ['RUNNING', 'PENDING_REDRIVE']"),
                wait.next(read),
            )
            .otherwise(net.start)
        )
        self.start = start
        self._machine = machine

    def grant_to(self, role: iam.IRole) -> None:
        """What starting a child, waiting for it and stopping it takes."""
        stack = cdk.Stack.of(self)
        self._machine.grant_start_execution(role)
        self._machine.grant_execution(role, "states:DescribeExecution", "states:StopExecution")
        role.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                resources=[
                    stack.format_arn(
                        service="events",
                        resource="rule",
                        resource_name="StepFunctionsGetEventsForStepFunctionsExecutionRule",
                    )
                ],
            )
        )
        acknowledge_wildcard(role, self._machine.execution_arn("*"), ANY_EXECUTION)
