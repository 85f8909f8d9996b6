"""`states:startExecution` in its three patterns: a state machine started by a Task state.

`.sync` gives the child's output as text, `.sync:2` as JSON; a child that did not succeed fails the
task with States.TaskFailed, its description as cause. A parent that stops waiting stops the child.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from sfnlocal.driver.describe import described
from sfnlocal.errors import ApiError, InputError
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.ports import InvokeTask, Json, TaskAnswer
from sfnlocal.services.optimized import ACCESS_DENIED, OPTIMIZED

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session


class NestedExecutions:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._children: dict[tuple[str, int], Execution] = {}

    def start(self, parent: Execution, task: InvokeTask) -> TaskAnswer:
        """Call StartExecution with the task's arguments."""
        arguments: dict[str, Json] = task.arguments
        given = arguments.get("Input", {})
        input_text = given if isinstance(given, str) else json_text(given)
        try:
            self._session.aws.before_call("stepfunctions", "StartExecution", arguments)
            child = self._session.start_execution_text(
                arguments["StateMachineArn"], input_text, arguments.get("Name")
            )
        except ApiError as error:
            return _refused(error)
        except InputError as error:
            return _refused(
                ApiError(
                    "StateMachineDoesNotExist", f"State Machine Does Not Exist: {error.message}"
                )
            )
        if task.resource.pattern == "RUN_A_JOB":
            self._children[parent.arn, task.task_id] = child
        return TaskAnswer(output=self._started(parent, child))

    def _started(self, parent: Execution, child: Execution) -> Json:
        """StartExecution's response, with what the SDK says of its HTTP response."""
        output = {"ExecutionArn": child.arn, "StartDate": child.start_ms}
        request_id = str(uuid.UUID(int=parent.rng.getrandbits(128), version=4))
        metadata = OPTIMIZED["states"].headers.metadata(
            json_text(output).encode(), request_id, self._session.now_ms
        )
        return {
            **output,
            "SdkHttpMetadata": metadata,
            "SdkResponseMetadata": {"RequestId": request_id},
        }

    def submitted(self, parent: Execution, task: InvokeTask) -> None:
        """The parent knows that the child was started: tell it when the child has ended."""
        child = self._children[parent.arn, task.task_id]
        session = self._session

        def ended(child: Execution) -> None:
            if self._children.pop((parent.arn, task.task_id), None) is None:
                return
            answer = _result(child, output_as_json=task.resource.action.endswith(".sync:2"))
            session.at(
                session.now_ms,
                lambda: session.complete_job(parent, task, answer),
                lambda: task.task_id in parent.frames_by_task,
            )

        session.on_ended(child, ended)

    def leave(self, parent: Execution, task_id: int) -> None:
        """The parent never learns that the child was started."""
        self._children.pop((parent.arn, task_id), None)

    def stop(self, parent: Execution, task_id: int) -> None:
        child = self._children.pop((parent.arn, task_id), None)
        if child is not None and child.status == "RUNNING":
            self._session.stop_execution(child.arn)


def _result(child: Execution, *, output_as_json: bool) -> TaskAnswer:
    description = described(child)
    if child.status == "SUCCEEDED":
        if output_as_json:
            description["Output"] = child.output
            description["Input"] = child.input
        return TaskAnswer(output=description)
    for key in ("RedriveCount", "RedriveDate", "RedriveStatus", "RedriveStatusReason"):
        description.pop(key, None)
    return TaskAnswer(error="States.TaskFailed", cause=json_text(description))


def _refused(error: ApiError) -> TaskAnswer:
    code = error.aws_code
    cause = (
        f"{error.message} (Service: AWSStepFunctions; Status Code: {error.http_status}; "
        f"Error Code: {code}; Request ID: 00000000-0000-0000-0000-000000000000; Proxy: null)"
    )
    # What StartExecution's model does not know has the name of the SDK's base class.
    name = OPTIMIZED["states"].base_exception if code == ACCESS_DENIED else f"{code}Exception"
    return TaskAnswer(error=f"StepFunctions.{name}", cause=cause)
