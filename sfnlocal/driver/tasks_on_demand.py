"""The task port of a session until a state calls a service: nothing but the promise of one.

What calls services imports the AWS SDK, which takes longer than most runs of an app without them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from sfnlocal.ports import InvokeTask, Json, TaskAnswer, TaskPort, TaskResource


class TasksOnDemand:
    """`make` is called once: arguments are checked, one execution at a time, before any task is
    invoked."""

    def __init__(self, make: Callable[[], TaskPort]) -> None:
        self._make = make

    @cached_property
    def _tasks(self) -> TaskPort:
        return self._make()

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        return self._tasks.invoke(task, now_ms)

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        return self._tasks.mistakes(resource, arguments)
