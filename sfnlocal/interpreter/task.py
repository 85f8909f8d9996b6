"""The Task state: ask a service, wait for its answer, its time-out or a missed heartbeat.

One step serves functions, activities, request-response calls, jobs and callbacks; they differ in
the names of their events only, which `_Events` holds.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from sfnlocal.errors import StateError
from sfnlocal.interpreter.dataflow import effective_input, finish
from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.quotas import (
    DATA_LIMIT_EXCEEDED,
    checked_input,
    cut_cause,
    cut_error,
    too_large,
)
from sfnlocal.interpreter.steps import (
    Step,
    evaluation_failed,
    fail,
    leave,
    record,
    start_timer,
    stop_waiting,
)
from sfnlocal.jsontext import json_bytes, json_text
from sfnlocal.language.program import Evaluator, TaskState
from sfnlocal.limits import PAYLOAD_BYTES_MAX
from sfnlocal.ports import (
    InvokeTask,
    Json,
    TaskFailed,
    TaskHeartbeat,
    TaskResource,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
)


@dataclass(frozen=True, slots=True)
class _Events:
    """The event types of one kind of task. `fields` come first in the events of service tasks;
    `named` where those events carry them. `started` is None where a worker starts the task."""

    scheduled: str
    started: str | None
    succeeded: str
    failed: str
    timed_out: str
    fields: tuple[str, ...] = ()


_FUNCTION = _Events(
    "LambdaFunctionScheduled",
    "LambdaFunctionStarted",
    "LambdaFunctionSucceeded",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
)
_ACTIVITY = _Events(
    "ActivityScheduled", None, "ActivitySucceeded", "ActivityFailed", "ActivityTimedOut"
)


def _events(resource: TaskResource) -> _Events:
    if resource.service == "activity":
        return _ACTIVITY
    if resource.service == "lambda" and not resource.action:
        return _FUNCTION
    return _Events(
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskFailed",
        "TaskTimedOut",
        (resource.service, resource.action),
    )


class TaskStep(Step):
    __slots__ = ("events", "finish", "prepare", "resource", "waits_for_token")

    def __init__(self, state: TaskState) -> None:
        super().__init__(state)
        self.aborted = "TaskStateAborted"
        self.resource = state.resource
        self.events = _events(state.resource)
        self.waits_for_token = state.resource.pattern == "WAIT_FOR_TASK_TOKEN"
        self.prepare = effective_input(state)
        self.finish = finish(state)

    def start(self, frame: Frame) -> Step | None:
        state: TaskState = self.state
        if self.waits_for_token:
            frame.token = _token(frame)
        try:
            arguments, size = self.prepare(frame)
            checked_input(arguments, size, self.name)
            timeout_seconds = self._evaluate(frame, state.timeout_seconds)
            heartbeat_seconds = self._evaluate(frame, state.heartbeat_seconds)
            self._check_times(timeout_seconds, heartbeat_seconds)
            role_arn = self._evaluate(frame, state.role_arn)
            self._check(frame, arguments)
        except StateError as error:
            return evaluation_failed(frame, error)
        self._record_scheduled(frame, arguments, timeout_seconds, heartbeat_seconds, role_arn)
        execution = frame.execution
        frame.task_id = execution.next_serial()
        execution.frames_by_task[frame.task_id] = frame
        execution.effects.append(
            InvokeTask(
                execution_arn=execution.arn,
                task_id=frame.task_id,
                state=self.name,
                resource=self.resource,
                arguments=arguments,
                attempt=frame.retry_count,
                token=frame.token,
                role_arn=role_arn,
                timeout_seconds=timeout_seconds,
                heartbeat_seconds=heartbeat_seconds,
            )
        )
        if timeout_seconds is not None:
            start_timer(frame, frame.now_ms + timeout_seconds * 1000, "timeout")
        self._expect_heartbeat(frame)
        return None

    def _check(self, frame: Frame, arguments: Json) -> None:
        mistakes = frame.execution.mistakes(self.resource, arguments)
        if mistakes:
            text = json_text(arguments)
            reasons = ", ".join(mistakes)
            raise StateError(
                "States.Runtime",
                f"The Parameters '{text}' could not be used to start the Task: [{reasons}]",
            )

    def _check_times(self, timeout_seconds: int | None, heartbeat_seconds: int | None) -> None:
        """The documented rule; in what words AWS says it is not known."""
        if timeout_seconds is None or heartbeat_seconds is None:
            return
        if heartbeat_seconds >= timeout_seconds:
            jsonata = self.state.query_language == "JSONata"
            raise StateError(
                "States.QueryEvaluationError" if jsonata else "States.Runtime",
                "HeartbeatSeconds must be smaller than TimeoutSeconds: "
                f"{heartbeat_seconds} is not smaller than {timeout_seconds}",
                "HeartbeatSeconds",
            )

    def _evaluate(self, frame: Frame, evaluator: Evaluator | None) -> Any:
        if evaluator is None:
            return None
        jsonata = self.state.query_language == "JSONata"
        return evaluator.call({"input": frame.value} if jsonata else frame.value, frame)

    def _record_scheduled(
        self,
        frame: Frame,
        arguments: Json,
        timeout_seconds: int | None,
        heartbeat_seconds: int | None,
        role_arn: str | None,
    ) -> None:
        events = self.events
        fields: tuple[Json, ...]
        if events is _FUNCTION:
            fields = (self.resource.arn, arguments, timeout_seconds, role_arn)
        elif events is _ACTIVITY:
            fields = (self.resource.arn, arguments, timeout_seconds, heartbeat_seconds)
        else:
            region = frame.execution.region
            times = (timeout_seconds, heartbeat_seconds)
            fields = (*events.fields, region, arguments, *times, role_arn)
        record(frame, events.scheduled, *fields)
        if events.started is not None:
            record(frame, events.started, *events.fields)

    def _expect_heartbeat(self, frame: Frame) -> None:
        """The heartbeat's timer is the frame's last one, so that a heartbeat replaces it."""
        heartbeat_seconds = self._evaluate(frame, self.state.heartbeat_seconds)
        if heartbeat_seconds is not None:
            start_timer(frame, frame.now_ms + heartbeat_seconds * 1000, "heartbeat")

    def resume(self, frame: Frame, fact: Any) -> Step | None:
        """A fact about the running task has arrived."""
        events = self.events
        match fact:
            case TaskStarted():
                record(frame, "ActivityStarted", fact.worker_name)
            case TaskSubmitted():
                record(frame, "TaskSubmitted", *events.fields, fact.output)
            case TaskHeartbeat():
                if self.state.heartbeat_seconds is not None:
                    frame.execution.timers.pop(frame.timer_ids.pop(), None)
                    self._expect_heartbeat(frame)
            case TaskSucceeded():
                return self._succeeded(frame, fact.output)
            case TaskFailed():
                self._answered(frame)
                error, cause = cut_error(fact.error), cut_cause(fact.cause)
                record(frame, events.failed, *events.fields, error, cause)
                return fail(frame, error, cause)
        return None

    def _answered(self, frame: Frame) -> None:
        frame.forget_timers()
        del frame.execution.frames_by_task[frame.task_id]
        frame.token = None

    def _succeeded(self, frame: Frame, output: Json) -> Step | None:
        self._answered(frame)
        events = self.events
        size = json_bytes(output)
        if size > PAYLOAD_BYTES_MAX:
            what = self.resource.arn if events is _FUNCTION else self.resource.service
            error, cause = DATA_LIMIT_EXCEEDED, too_large(what)
            record(frame, events.failed, *events.fields, error, cause)
            return fail(frame, error, cause)
        record(frame, events.succeeded, *events.fields, output)
        try:
            assigned = self.finish(frame, output, size)
        except StateError as error:
            return evaluation_failed(frame, error)
        return leave(frame, self, assigned, self.next)

    def time_out(self, frame: Frame, also: str | None) -> Step | None:
        """The task's time-out or, where `also` is States.HeartbeatTimeout, its heartbeat's."""
        stop_waiting(frame)
        frame.token = None
        record(frame, self.events.timed_out, *self.events.fields, "States.Timeout", None)
        return fail(frame, "States.Timeout", None, also)


def _token(frame: Frame) -> str:
    return base64.b64encode(frame.rng.getrandbits(48 * 8).to_bytes(48, "big")).decode()
