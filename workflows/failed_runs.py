"""The rule that starts a machine for each run that failed, timed out or was aborted.

Its events are best effort, and Express machines have none.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_events as events
from constructs import Construct

from workflows.machine import Machine
from workflows.queue import Queue
from workflows.rule import start_on_events

FAILED_STATUSES = ("FAILED", "TIMED_OUT", "ABORTED")


def start_for_failed_runs(
    scope: Construct,
    machine: Machine,
    *,
    watched: Sequence[Machine],
    lost_events: Queue,
) -> None:
    """`machine`, which must not be among the watched, gets the event's detail as its input."""
    start_on_events(
        scope,
        "FailedRuns",
        machine=machine,
        description=f"Runs that failed, timed out or were aborted, to {machine.name}",
        pattern=events.EventPattern(
            source=["aws.states"],
            detail_type=["Step Functions Execution Status Change"],
            detail={
                "status": list(FAILED_STATUSES),
                "stateMachineArn": [machine.arn for machine in watched],
            },
        ),
        machine_input=events.RuleTargetInput.from_event_path("$.detail"),
        lost_events=lost_events,
    )
