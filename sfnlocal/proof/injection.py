"""Makes one fault happen in a session, and notes every site that it passes.

Strategy: nothing of it is in the interpreter. Task states are reached through the session's mocks,
which are asked what is to happen to each attempt, and through the task port; calls of handlers and
triggers through a gate. All count what they see, so that a site means the same in every run up to
its fault.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sfnlocal.driver.mocks import CALL, Failure, Lost, Mocks, Outcome
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, LostAnswerError
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.execution import Frame
from sfnlocal.language.program import TaskState
from sfnlocal.ports import InvokeTask, Json, ServiceCall, TaskAnswer, TaskPort, TaskResource
from sfnlocal.proof import faults
from sfnlocal.proof.results import Plan, Site
from sfnlocal.proof.state_faults import STATE_FAULTS, Struck, too_large
from sfnlocal.services.handler_process import current_call, sleep_virtually
from sfnlocal.template import names_by_arn

_STATES = "states.amazonaws.com"
# AWS's own code words for what is answered with status 500.
_SERVER_ERRORS = ("Internal", "Unavailable", "ServiceException")


@dataclass(frozen=True, slots=True)
class SeenState:
    """`path` are the states that its execution had entered before, `function` is what a Lambda
    task invokes."""

    state: TaskState
    path: tuple[str, ...]
    machine_time_out: bool
    function: str
    timeout_seconds: int | None


@dataclass(frozen=True, slots=True)
class SeenCall:
    """`of_handler`: a function makes it, no trigger; where that is the function of a Task state,
    `state` is that one, with its longest `retries`."""

    service: str
    operation: str
    of_handler: bool
    state: Site | None
    retries: int


class Injection(Mocks):
    """Takes the place of the session's mocks (which scenarios may still add) and of its task port,
    and is a gate of its services. `happened` counts how often the fault did; `hit` is the execution
    that it happened to."""

    def __init__(self, session: Session, machines: frozenset[str], plan: Plan | None) -> None:
        super().__init__()
        self.happened = 0
        self.hit: Execution | None = None
        self.states: dict[Site, SeenState] = {}
        self.calls: dict[Site, SeenCall] = {}
        self._session = session
        self._machines = machines
        self._names = names_by_arn(session.app)
        self._plan = plan
        self._visits: Counter[tuple[str, str]] = Counter()
        self._visit_of: dict[tuple[int, str], int] = {}
        self._called: Counter[tuple[str, str]] = Counter()
        self._lost_calls: set[int] = set()
        self._struck_queue: Json = None
        self._port = _Port(session.tasks)
        session.mocks = self
        session.tasks = self._port
        session.aws.add_gate(self)

    def lift(self) -> None:
        """From here on everything works."""
        self._plan = None

    # Task states

    def outcome(self, state_machine_arn: str, task: InvokeTask) -> Outcome:
        execution = self._session.executions[task.execution_arn]
        given = super().outcome(state_machine_arn, task)
        frame = execution.frames_by_task[task.task_id]
        site = self._state_site(execution, frame, task)
        if not self._strikes_state(site, frame):
            return given
        assert self._plan is not None
        self.happened += 1
        self.hit = execution
        return self._struck(self._plan.fault, execution, task)

    def _state_site(self, execution: Execution, frame: Frame, task: InvokeTask) -> Site:
        machine = self._names.get(execution.state_machine_arn, execution.state_machine_name)
        visit = (id(frame), task.state)
        if task.attempt == 0:
            self._visits[machine, task.state] += 1
            self._visit_of[visit] = self._visits[machine, task.state]
        site = Site("state", machine, task.state, self._visit_of.get(visit, 1))
        if task.attempt == 0 and machine in self._machines:
            state = frame.step.state
            assert isinstance(state, TaskState)
            has_time_out = execution.machine.timeout_seconds is not None
            seen = SeenState(
                state, _path(execution), has_time_out, _function(task), task.timeout_seconds
            )
            self.states[site] = seen
        self._port.expect(site, frame)
        return site

    def _strikes_state(self, site: Site, frame: Frame) -> bool:
        plan = self._plan
        if plan is None or plan.site.kind != "state":
            return False
        wanted = plan.site
        if (site.owner, site.name) != (wanted.owner, wanted.name):
            return False
        if plan.persistence == "for-ever":
            return site.ordinal >= wanted.ordinal
        if site.ordinal != wanted.ordinal:
            return False
        if plan.persistence == "once":
            return self.happened == 0
        return not _is_last_retry(frame)

    def _struck(self, fault: str, execution: Execution, task: InvokeTask) -> Outcome:
        kind, _, error = fault.partition(":")
        match kind:
            case "refused":
                return Failure(error, f"injected: {fault}")
            case "lost" if error:
                return Lost(error, f"injected: {fault}")
            case faults.TWICE | faults.TOO_LARGE:
                self._port.do_so(fault)
                return CALL
        return STATE_FAULTS[fault](Struck(self._session, execution, task))

    # Calls

    def before(self, call: ServiceCall) -> None:
        site = self._call_site(call)
        if site is None or not self._strikes_call(site, call):
            return
        assert self._plan is not None
        self.happened += 1
        kind, _, code = self._plan.fault.partition(":")
        match kind:
            case "refused":
                status = 500 if any(part in code for part in _SERVER_ERRORS) else 400
                raise ApiError(code, f"injected: {self._plan.fault}", status)
            case faults.CRASH_BEFORE:
                _crash()
            case _:
                self._lost_calls.add(id(call.params))

    def after(self, call: ServiceCall) -> None:
        if id(call.params) not in self._lost_calls:
            return
        self._lost_calls.discard(id(call.params))
        if self._plan is not None and self._plan.fault == faults.CRASH_AFTER:
            _crash()
        raise LostAnswerError(f"injected: the answer of {call.operation} is lost")

    def _call_site(self, call: ServiceCall) -> Site | None:
        caller = call.caller
        if caller is None or caller.service == _STATES:
            # Tests; and Task states, which are sites themselves.
            return None
        current = self._port.current
        if current is not None and current.site.owner not in self._machines:
            return None
        owner = self._names.get(caller.source_arn, caller.source_arn)
        name = f"{call.service}.{call.operation}"
        self._called[owner, name] += 1
        site = Site("call", owner, name, self._called[owner, name])
        self.calls[site] = SeenCall(
            call.service,
            call.operation,
            current_call() is not None,
            current.site if current else None,
            faults.longest_retries(current.frame.step.state) if current else 0,
        )
        return site

    def _strikes_call(self, site: Site, call: ServiceCall) -> bool:
        plan = self._plan
        if plan is None or plan.site.kind != "call":
            return False
        wanted = plan.site
        if (site.owner, site.name) != (wanted.owner, wanted.name):
            return False
        if plan.persistence == "once":
            return site.ordinal == wanted.ordinal
        if site.ordinal < wanted.ordinal:
            return False
        # One queue is down, and not the dead-letter queue behind it: that were two faults.
        queue = call.params.get("QueueUrl")
        if site.ordinal == wanted.ordinal:
            self._struck_queue = queue
        if queue != self._struck_queue:
            return False
        current = self._port.current
        if plan.persistence == "for-ever" or current is None:
            return True
        return not _is_last_retry(current.frame)


@dataclass(frozen=True, slots=True)
class _Current:
    """The Task state whose service is being called."""

    site: Site
    frame: Frame


class _Port:
    """The session's task port, which knows whose task it calls."""

    def __init__(self, port: TaskPort) -> None:
        self.current: _Current | None = None
        self._port = port
        self._expected: _Current | None = None
        self._fault = ""

    def expect(self, site: Site, frame: Frame) -> None:
        """The next task that is called is this one."""
        self._expected = _Current(site, frame)
        self._fault = ""

    def do_so(self, fault: str) -> None:
        """Call its service `twice`, or answer more than a state may hold."""
        self._fault = fault

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        around, fault = self.current, self._fault
        self.current = self._expected
        try:
            if fault == faults.TWICE:
                self._port.invoke(task, now_ms)
            answer = self._port.invoke(task, now_ms)
        finally:
            self.current = around
        return too_large(answer) if fault == faults.TOO_LARGE else answer

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        return self._port.mistakes(resource, arguments)


def _function(task: InvokeTask) -> str:
    resource = task.resource
    if resource.service != "lambda":
        return ""
    return str(task.arguments["FunctionName"]) if resource.action else resource.arn


def _path(execution: Execution) -> tuple[str, ...]:
    return tuple(event[3] for event in execution.history if event[0].endswith("StateEntered"))


def _is_last_retry(frame: Frame) -> bool:
    """Has a Retrier of the state no attempt left?"""
    return any(
        count and count >= retrier.max_attempts
        for count, retrier in zip(frame.retries or (), frame.step.state.retry, strict=False)
    )


def _crash() -> None:
    """The sandbox is gone: the handler stands still for ever, and its caller hears of it when the
    function's time-out has passed."""
    call = current_call()
    if call is not None:
        sleep_virtually(call.timeout_ms / 1000)
