"""The session's task port, which knows whose task it calls, and does to the call what a fault says:
make it twice, take a part of its batch only, answer more than a state may hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sfnlocal.interpreter.execution import Frame
from sfnlocal.ports import InvokeTask, Json, TaskAnswer, TaskPort, TaskResource
from sfnlocal.proof import faults
from sfnlocal.proof.batches import batch_of, in_part
from sfnlocal.proof.results import Site
from sfnlocal.proof.state_faults import too_large


@dataclass(frozen=True, slots=True)
class Current:
    """The Task state whose service is being called."""

    site: Site
    frame: Frame


class WatchedPort:
    """`current` is the Task state whose service is being called, if one is."""

    def __init__(self, port: TaskPort) -> None:
        self.current: Current | None = None
        self._port = port
        self._expected: Current | None = None
        self._fault = ""

    def expect(self, site: Site, frame: Frame) -> None:
        """The next task that is called is this one."""
        self._expected = Current(site, frame)
        self._fault = ""

    def do_so(self, fault: str) -> None:
        """TWICE, IN_PART or TOO_LARGE happens to the next call."""
        self._fault = fault

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        self.current, fault = self._expected, self._fault
        try:
            if fault == faults.IN_PART:
                return self._in_part(task, now_ms)
            if fault == faults.TWICE:
                self._port.invoke(task, now_ms)
            answer = self._port.invoke(task, now_ms)
        finally:
            self.current = None
        return too_large(answer) if fault == faults.TOO_LARGE else answer

    def _in_part(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        failed: list[TaskAnswer] = []

        def call(arguments: Mapping[str, Json]) -> dict[str, Json]:
            answer = self._port.invoke(replace(task, arguments=arguments), now_ms)
            if answer.error is not None:
                failed.append(answer)
            return answer.output or {}

        output = in_part(*batch_of(task.resource), task.arguments, call)
        return failed[0] if failed else TaskAnswer(output)

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        return self._port.mistakes(resource, arguments)
