"""What runs would cost on AWS: their real state transitions, requests, GB-seconds, messages and
writes, each counted for the execution and state that caused it.

    meter = CostMeter(session)
    ...
    bill = meter.bill(read_prices("eu-central-1"))

Strategy: the task port says which state is at work; every call of a service passes the gate, and
every call of a function is observed; both belong to that state. What is called while no state is at
work was caused by a trigger where a principal calls, and by a test else: that is not billed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sfnlocal.driver.execution_log_events import log_events
from sfnlocal.driver.redrive import is_express
from sfnlocal.driver.session import Session
from sfnlocal.interpreter import Execution
from sfnlocal.ports import InvokeTask, Json, ServiceCall, TaskAnswer, TaskPort, TaskResource
from sfnlocal.proof.cost_bill import Bill, bill_of
from sfnlocal.proof.cost_prices import Prices
from sfnlocal.proof.cost_usage import Item, usage_of
from sfnlocal.reports.path import path_taken
from sfnlocal.reports.transitions import state_transitions
from sfnlocal.reports.visits import all_visits
from sfnlocal.services.functions import Invocation
from sfnlocal.template import StateMachine

# How long a handler is taken to run where it did not sleep for longer: code takes no virtual time.
LAMBDA_MS = 100
# What Lambda writes of each call: START, END and REPORT.
_LAMBDA_LOG_BYTES = 300
# Each log event is billed with 26 bytes more than its message has.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_LOG_EVENT_BYTES = 26
_GB = 1024**3
# Express workflows are billed in steps of 100 ms and 64 MB; few need more memory than one step.
# https://aws.amazon.com/step-functions/pricing/
_EXPRESS_STEP_MS = 100
_EXPRESS_GB = 64 / 1024
# Who else bills when it calls something, by principal.
_CALLERS: Mapping[str, Item] = {
    "scheduler.amazonaws.com": "schedulerInvocations",
    "pipes.amazonaws.com": "pipeRequests",
}
_POLLS = frozenset({"ReceiveMessage", "DeleteMessage", "DeleteMessageBatch"})


class Cause(NamedTuple):
    """The state of an execution that something was done for; a `state` of "" is the execution
    itself, and an `execution_arn` of "" stands for triggers."""

    execution_arn: str
    state: str = ""


class Visited(NamedTuple):
    """A Task state that was visited, with how many attempts."""

    cause: Cause
    state_machine: StateMachine
    attempts: int
    express: bool


_TRIGGERS = Cause("")


class CostMeter:
    """Meters a session from now on. Handlers are taken to run for `lambda_ms` at least."""

    def __init__(self, session: Session, *, lambda_ms: int = LAMBDA_MS) -> None:
        self.lambda_ms = lambda_ms
        self.usage: dict[Cause, Counter[Item]] = {}
        # Calls of services whose prices are not known, by `service.Operation`.
        self.unpriced: Counter[str] = Counter()
        self.visited: dict[str, list[Visited]] = {}
        self._machine_arns: dict[str, str] = {}
        self._session = session
        self._cause: Cause | None = None
        self._open: tuple[Cause, ServiceCall] | None = None
        # Handlers took no virtual time, but would have: by execution.
        self._assumed_ms: Counter[str] = Counter()
        session.tasks = _MeteredTasks(session.tasks, self)
        session.functions.observe(self._function_called)
        session.aws.add_gate(self)
        session.aws.observe(self._answered)
        session.on_each_ended(self._ended)

    def bill(self, prices: Prices, machine_arns: Collection[str] | None = None) -> Bill:
        """Of everything so far, of executions that still run too; or of what the executions of
        these state machines did, without triggers."""
        self._close()
        for execution in self._session.executions.values():
            if execution.status == "RUNNING":
                self._ended(execution)
        total: Counter[Item] = Counter()
        for cause, usage in self.usage.items():
            if machine_arns is None or self._machine_arns.get(cause.execution_arn) in machine_arns:
                total.update(usage)
        return bill_of(total, prices)

    def bill_of(self, cause: Cause, prices: Prices) -> Bill:
        return bill_of(self.usage.get(cause, Counter()), prices)

    def _add(self, cause: Cause, item: Item, quantity: float) -> None:
        # Counter's values may be any numbers; its type says int.
        usage: Counter[Item] = self.usage.setdefault(cause, Counter())
        usage[item] += quantity  # type: ignore[assignment]

    # Tasks

    def invoke(self, port: TaskPort, task: InvokeTask, now_ms: int) -> TaskAnswer:
        self._cause = Cause(task.execution_arn, task.state)
        try:
            return port.invoke(task, now_ms)
        finally:
            self._close()
            self._cause = None

    # Calls of services: this is a Gate

    def before(self, call: ServiceCall) -> None:
        self._close()
        cause = self._cause
        if cause is None:
            if call.caller is None:
                return
            cause = _TRIGGERS
            item = _CALLERS.get(call.caller.service)
            if item is not None and call.operation not in _POLLS:
                self._add(cause, item, 1)
        self._open = cause, call

    def after(self, call: ServiceCall) -> None:
        """What a call costs is known by then."""

    def _answered(
        self, service: str, operation: str, params: Mapping[str, Json], response: Mapping[str, Json]
    ) -> None:
        if self._open is not None:
            call = self._open[1]
            if (call.service, call.operation) == (service, operation):
                self._close(response)

    def _close(self, response: Mapping[str, Json] | None = None) -> None:
        """Bill the call that is open. One without a response was refused, which is billed too."""
        if self._open is None:
            return
        (cause, call), self._open = self._open, None
        usage = usage_of(call.service, call.operation, call.params, response or {})
        if usage is None:
            self.unpriced[f"{call.service}.{call.operation}"] += 1
            return
        for item, quantity in usage.items():
            self._add(cause, item, quantity)

    # Functions

    def _function_called(self, name: str, invocation: Invocation) -> None:
        cause = self._cause or _TRIGGERS
        function = self._session.functions.find(name)
        billed_ms = max(invocation.elapsed_ms, self.lambda_ms)
        self._assumed_ms[cause.execution_arn] += billed_ms - invocation.elapsed_ms
        arm = "arm64" in (function.resource.properties.get("Architectures") or ())
        gb_seconds = function.memory_mb / 1024 * billed_ms / 1000
        self._add(cause, "lambdaRequests", 1)
        self._add(cause, "lambdaArmGbSeconds" if arm else "lambdaX86GbSeconds", gb_seconds)
        self._add(cause, "logsGb", (len(invocation.log.encode()) + _LAMBDA_LOG_BYTES) / _GB)

    # Executions

    def _ended(self, execution: Execution) -> None:
        """Count what an execution itself is billed for; anew after a redrive."""
        cause = Cause(execution.arn)
        machine = self._session.started_from[execution.arn]
        self._machine_arns[execution.arn] = machine.arn
        usage: Counter[Item] = Counter()
        self.usage[cause] = usage
        express = is_express(execution)
        if express:
            took_ms = (execution.stop_ms or execution.now_ms) - execution.start_ms
            took_ms += self._assumed_ms[execution.arn]
            steps = max(1, -(-took_ms // _EXPRESS_STEP_MS))
            usage["expressRequests"] = 1
            self._add(cause, "expressGbSeconds", _EXPRESS_GB * steps * _EXPRESS_STEP_MS / 1000)
        else:
            usage["stateTransitions"] = state_transitions(execution)
        logged = _logged_bytes(execution, machine)
        if logged:
            self._add(cause, "logsGb", logged / _GB)
        self.visited[execution.arn] = [
            Visited(
                Cause(execution.arn, visit.state), machine, max(1, len(visit.attempts)), express
            )
            for visit in all_visits(path_taken(execution))
            if visit.type == "Task"
        ]


class _MeteredTasks:
    """A TaskPort."""

    def __init__(self, port: TaskPort, meter: CostMeter) -> None:
        self._port = port
        self._meter = meter

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        return self._meter.invoke(self._port, task, now_ms)

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        return self._port.mistakes(resource, arguments)


def _logged_bytes(execution: Execution, machine: StateMachine) -> int:
    """What the state machine's log group gets of it, as CloudWatch Logs counts it."""
    settings = machine.resource.properties.get("LoggingConfiguration") or {}
    if not settings.get("Destinations"):
        return 0
    with_data = settings.get("IncludeExecutionData") is True
    events = log_events(
        execution,
        0,
        len(execution.history),
        settings.get("Level", "OFF"),
        with_data=with_data,
    )
    return sum(len(event.message) + _LOG_EVENT_BYTES for event in events)
