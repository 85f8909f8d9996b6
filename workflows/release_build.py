"""The ReleaseBuild machine: a release goes to a builder, and the source host hears what became of
it.

A builder that dies is noticed within the heartbeat, and the build goes to another. A release that
cannot be built is an answer (`failure` at the host); whatever else fails is `error` there, and a
dead letter. Standard: it waits for an hour, and its name is the release's, so it runs once.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.release.payloads import (
    BUILD_FAILED,
    ERROR,
    FAILURE,
    PENDING,
    SUCCESS,
    StatusEvent,
)
from workflows.dead_letter import DeadLetterStore, Net
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.letter import COMPENSATION_FAILURE
from workflows.letter import FAILURE as FAILURE_OF_TASK
from workflows.machine import standard_machine
from workflows.queue import Queue
from workflows.retry_policy import transient
from workflows.task_policy import TaskPolicy
from workflows.waiting_task import WaitingTask, WaitingTasks

MACHINE_TIME_OUT = cdk.Duration.hours(10)

# A builder that died, or none that was free: together some 40 minutes. Who took the whole time-out
# was alive, and another would take it too.
BUILD_POLICY = TaskPolicy(
    timeout_seconds=3600,
    response_timeout_seconds=120,
    retry_logic="EXPONENTIAL_BACKOFF",
    retry_count=6,
    retry_delay_seconds=30,
    max_retry_delay_seconds=900,
    rescheduled=("States.HeartbeatTimeout",),
)
HOST_UNAVAILABLE = transient("SourceHostUnavailable")

REPOSITORY = f"{EXECUTION_INPUT}.repository"
TAG = f"{EXECUTION_INPUT}.tag"
RELEASE_ID = f"{EXECUTION_INPUT}.releaseId"


class ReleaseBuild(Construct):
    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        report_status: ThinFunction,
        builders: Queue,
        waiting: WaitingTasks,
        dead_letters: DeadLetterStore,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._report_status = report_status
        net = Net(self, "DeadLetter", store=dead_letters)

        report_pending = self._report("ReportPending", f"'{PENDING}'", "'waits for a builder'")
        build = WaitingTask(
            self,
            "Build",
            waiting=waiting,
            workers=builders,
            task_id=f"'release-build/' & {REPOSITORY} & '/' & {RELEASE_ID}",
            work=jsonata(EXECUTION_INPUT),
            policy=BUILD_POLICY,
            kept=MACHINE_TIME_OUT,
            assign={
                "result": {"state": SUCCESS, "artifact": jsonata("$states.result.artifact")},
                "description": jsonata("'built: ' & $states.result.artifact"),
            },
        )
        build.answers(
            BUILD_FAILED,
            assign={
                "result": {"state": FAILURE},
                "description": jsonata(
                    "$states.errorOutput.Cause ? $states.errorOutput.Cause : 'cannot be built'"
                ),
            },
        )
        report_result = self._report("ReportResult", "$result.state", "$description")
        reported = sfn.Succeed.jsonata(
            self,
            "Reported",
            outputs=jsonata(f"$merge([{{'repository': {REPOSITORY}, 'tag': {TAG}}}, $result])"),
        )
        report_error = self._report("ReportError", f"'{ERROR}'", "$failure.error")

        # A build does not hang on its first status: the last one tells it all.
        report_pending.add_catch(build.start)
        net.catch_after(report_error, build.note, build.done)
        build.task.add_catch(build.lost, assign={"failure": FAILURE_OF_TASK})
        build.lost.add_catch(report_error, assign={"failure": COMPENSATION_FAILURE})
        build.lost.next(report_error)
        net.catch(report_result)

        story = report_pending.next(build.start)
        build.done.next(report_result).next(reported)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )

    def _report(self, state: str, status: str, description: str) -> tasks.LambdaInvoke:
        return lambda_task(
            self,
            state,
            function=self._report_status,
            event=StatusEvent(
                executionArn=value_of(EXECUTION_ARN),
                repository=value_of(REPOSITORY),
                tag=value_of(TAG),
                state=value_of(status),
                description=value_of(description),
            ),
            retries=(HOST_UNAVAILABLE,),
        )
