"""Makes the faults of plans happen in a session, and notes every site that it passes.

Strategy: nothing of it is in the interpreter. Task states are reached through the session's mocks,
which are asked what is to happen to each attempt, and through the task port; calls of handlers and
triggers through a gate. All count what they see, so that a site means the same in every run up to
its fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from sfnlocal.driver.mocks import CALL, Failure, Lost, Mocks, Outcome
from sfnlocal.driver.session import Session
from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.execution import Frame
from sfnlocal.language.program import TaskState
from sfnlocal.ports import InvokeTask, ServiceCall
from sfnlocal.proof import faults
from sfnlocal.proof.call_faults import CallFaults
from sfnlocal.proof.results import Plan, Site
from sfnlocal.proof.seen import SeenCall, SeenState
from sfnlocal.proof.state_faults import STATE_FAULTS, Struck
from sfnlocal.proof.strikes import Strikes
from sfnlocal.proof.task_port import WatchedPort
from sfnlocal.services.handler_process import current_call
from sfnlocal.template import App, names_by_arn, short_ids

_STATES = "states.amazonaws.com"
# What a Map Run reads its items from, and writes its results to.
_OF_MAP_RUNS = "s3"


class Injection(Mocks):
    """Takes the place of the session's mocks (which scenarios may still add) and of its task port,
    and is a gate of its services. `given` are faults that belong to the scenario; `plan` is the one
    that is tried, of which `happened` and `hit` tell. The Task states of `machines` are sites, and
    those of the children of their Map Runs."""

    def __init__(
        self,
        session: Session,
        machines: frozenset[str],
        plan: Plan | None,
        given: Sequence[Plan] = (),
    ) -> None:
        super().__init__()
        self.states: dict[Site, SeenState] = {}
        self.calls: dict[Site, SeenCall] = {}
        self.given = [Strikes(one) for one in given]
        self._tried = None if plan is None else Strikes(plan)
        self._armed = [*self.given, *([self._tried] if self._tried is not None else ())]
        self._session = session
        self._machines = machines
        self._names: Mapping[str, str] = session.app.derived(_names)
        self._visits: Counter[tuple[str, str]] = Counter()
        self._visit_of: dict[tuple[int, str], int] = {}
        self._called: Counter[tuple[str, str]] = Counter()
        self._call_faults = CallFaults(session.aws)
        self._lifted = False
        self._port = WatchedPort(session.tasks)
        session.mocks = self
        session.tasks = self._port
        session.aws.add_gate(self)

    @property
    def happened(self) -> int:
        return 0 if self._tried is None else self._tried.happened

    @property
    def hit(self) -> Execution | None:
        return None if self._tried is None else self._tried.hit

    def lift(self) -> None:
        """From here on everything works, and what is passed is no site."""
        self._armed = []
        self._lifted = True

    # Task states

    def outcome(self, state_machine_arn: str, task: InvokeTask) -> Outcome:
        execution = self._session.executions[task.execution_arn]
        given = super().outcome(state_machine_arn, task)
        frame = execution.frames_by_task[task.task_id]
        site = self._state_site(execution, frame, task)
        for strikes in self._armed:
            if strikes.at_state(site, frame):
                strikes.happened += 1
                strikes.hit = execution
                return self._struck(strikes.plan.fault, execution, task, site, frame)
        return given

    def _state_site(self, execution: Execution, frame: Frame, task: InvokeTask) -> Site:
        machine = self._machine(execution)
        visit = (id(frame), task.state)
        if task.attempt == 0:
            self._visits[machine, task.state] += 1
            self._visit_of[visit] = self._visits[machine, task.state]
        site = Site("state", machine, task.state, self._visit_of.get(visit, 1))
        if task.attempt == 0 and machine in self._machines and not self._lifted:
            state = frame.step.state
            assert isinstance(state, TaskState)
            has_time_out = execution.machine.timeout_seconds is not None
            seen = SeenState(
                state, _path(execution), has_time_out, _function(task), task.timeout_seconds
            )
            self.states[site] = seen
        self._port.expect(site, frame)
        return site

    def _machine(self, execution: Execution) -> str:
        """By its short name; of a Map Run's child, the one that the Map Run belongs to."""
        arn = execution.state_machine_arn
        if execution.map_run_arn:
            arn = self._session.started_from[execution.arn].arn
        return self._names.get(arn, execution.state_machine_name)

    def _struck(
        self, fault: str, execution: Execution, task: InvokeTask, site: Site, frame: Frame
    ) -> Outcome:
        kind, _, error = fault.partition(":")
        match kind:
            case "refused":
                return Failure(error, f"injected: {fault}")
            case "lost" if error:
                return Lost(error, f"injected: {fault}")
            case faults.TWICE | faults.IN_PART | faults.TOO_LARGE:
                self._port.do_so(fault)
                return CALL

        def call() -> None:
            self._port.expect(site, frame)
            self._session.calls.call(execution, task)

        return STATE_FAULTS[fault](Struck(self._session, execution, task, call))

    # Calls

    def before(self, call: ServiceCall) -> None:
        if self._call_faults.repeating:
            return
        site = self._call_site(call)
        if site is None:
            return
        current = self._port.current
        frame = None if current is None else current.frame
        for strikes in self._armed:
            if strikes.at_call(site, call, frame):
                strikes.happened += 1
                self._call_faults.before(call, strikes.plan.fault)
                return

    def after(self, call: ServiceCall) -> None:
        self._call_faults.after(call)

    def _call_site(self, call: ServiceCall) -> Site | None:
        caller, current = call.caller, self._port.current
        if caller is None:
            # A test, or what stands for the world outside.
            return None
        owner = self._names.get(caller.source_arn, caller.source_arn)
        if caller.service == _STATES and (
            current is not None or call.service != _OF_MAP_RUNS or owner not in self._machines
        ):
            # Of Task states, which are sites themselves.
            return None
        if current is not None and current.site.owner not in self._machines:
            return None
        name = f"{call.service}.{call.operation}"
        self._called[owner, name] += 1
        site = Site("call", owner, name, self._called[owner, name])
        if self._lifted:
            return site
        self.calls[site] = SeenCall(
            call.service,
            call.operation,
            current_call() is not None,
            current.site if current else None,
            faults.longest_retries(current.frame.step.state) if current else 0,
        )
        return site


def _names(app: App) -> Mapping[str, str]:
    """By ARN. A state machine is told from other state machines only, as proofs name it: a table
    may have its construct id."""
    ids = short_ids(machine.resource for machine in app.state_machines)
    machines = {machine.arn: ids[machine.resource.where] for machine in app.state_machines}
    return {**names_by_arn(app), **machines}


def _function(task: InvokeTask) -> str:
    resource = task.resource
    if resource.service != "lambda":
        return ""
    return str(task.arguments["FunctionName"]) if resource.action else resource.arn


def _path(execution: Execution) -> tuple[str, ...]:
    return tuple(event[3] for event in execution.history if event[0].endswith("StateEntered"))
