"""A run of DeadLetters for each of several queues: each has its own lease, rate and answer."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.jsonata import jsonata
from workflows.machine import Machine
from workflows.retry_policy import STEP_FUNCTIONS_FAULTS, TIME_OUTS, retry


def start_for_each(scope: Construct) -> sfn.Map:
    """For each of `$names`, with this run's input. Raw: the machine cannot name itself while it is
    made."""
    start = sfn.CustomState(
        scope,
        "StartForQueue",
        state_json={
            "Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution",
            "Arguments": {
                "StateMachineArn": jsonata("$states.context.StateMachine.Id"),
                "Input": jsonata(
                    """$merge([$states.context.Execution.Input, {
                    'queue': $states.input,
                    'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID': $states.context.Execution.Id
                    }])"""
                ),
            },
            "TimeoutSeconds": 30,
            "Output": {
                "queue": jsonata("$states.input"),
                "executionArn": jsonata("$states.result.ExecutionArn"),
            },
        },
    )
    retry(start, STEP_FUNCTIONS_FAULTS, TIME_OUTS)
    return sfn.Map.jsonata(
        scope,
        "StartForEach",
        items=sfn.ProvideItems.jsonata(jsonata("$names")),
        max_concurrency=1,
    ).item_processor(start)


def may_start_itself(scope: Construct, machine: Machine) -> None:
    """A policy of its own: the machine's role is made before the machine."""
    iam.Policy(
        scope,
        "StartEachPolicy",
        roles=[machine.role],
        statements=[
            iam.PolicyStatement(actions=["states:StartExecution"], resources=[machine.arn])
        ],
    )
