"""What a running execution waits for that only somebody outside can answer."""

from __future__ import annotations

from dataclasses import dataclass

from sfnlocal.interpreter import Execution


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A Task state that waits. `resource` is its Resource, `token` the task token it sent out,
    None where the answer is not given with a token (a job)."""

    execution_arn: str
    execution_name: str
    state_machine: str
    state: str
    resource: str
    token: str | None
    since_ms: int


def unanswered(execution: Execution) -> list[OpenTask]:
    """The tasks whose token nobody has answered; not those that wait for a job."""
    return [task for task in open_tasks(execution) if task.token is not None]


def open_tasks(execution: Execution) -> list[OpenTask]:
    """In the order in which they began."""
    return [
        OpenTask(
            execution.arn,
            execution.name,
            execution.state_machine_name,
            frame.step.name,
            frame.step.state.resource.arn,
            frame.token,
            frame.entered_ms,
        )
        for frame in execution.frames_by_task.values()
    ]
