"""The interpreter run by a recorded history: it tells what the outside did, and when.

Strategy: each of the interpreter's events is held against the lanes of the record (see
`history_diff`) as it comes about, and takes its counterpart's time before its step goes on. An
event of the record that has no counterpart yet is one that the outside brought about.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from sfnlocal.driver.exported import Event, details
from sfnlocal.driver.replay_names import Names
from sfnlocal.errors import StateError
from sfnlocal.history import Event as OwnEvent
from sfnlocal.history import api_event
from sfnlocal.history_diff import Difference, Lanes
from sfnlocal.interpreter import Execution, Machine, handle, start
from sfnlocal.interpreter.distributed import DistributedMapStep
from sfnlocal.interpreter.execution import Frame
from sfnlocal.interpreter.quotas import DATA_LIMIT_EXCEEDED
from sfnlocal.interpreter.redrive import reopen, run_again
from sfnlocal.interpreter.steps import Step, matches
from sfnlocal.jsontext import json_bytes
from sfnlocal.limits import PAYLOAD_BYTES_MAX
from sfnlocal.ports import (
    Effect,
    Input,
    Json,
    ResultsWritten,
    StartTimer,
    StopExecution,
    TaskFailed,
    TaskResource,
    TaskStarted,
    TaskSubmitted,
    TaskSucceeded,
    TimerFired,
)

# A timer of AWS may fire this much too early (its times are rounded) or too late (it is busy).
_EARLY_MS_MAX, _LATE_MS_MAX = 1_000, 60_000
_ANSWERS = ("LambdaFunction", "Activity", "Task")
_STARTED = frozenset({"ActivityStarted"})
_SUBMITTED = frozenset({"TaskSubmitted"})
_SUCCEEDED = frozenset(f"{kind}Succeeded" for kind in _ANSWERS)
_FAILED = frozenset(f"{kind}Failed" for kind in _ANSWERS)
_TIMED_OUT = frozenset(f"{kind}TimedOut" for kind in _ANSWERS)
_UNSUCCESSFUL = frozenset({"FAILED", "TIMED_OUT", "ABORTED"})
_MAP_RUN_ENDS = frozenset({"MapRunSucceeded", "MapRunFailed"})
# What a service would not even start fails the task like any other answer.
_NOT_STARTED = {
    "LambdaFunctionScheduleFailed": "LambdaFunctionFailed",
    "LambdaFunctionStartFailed": "LambdaFunctionFailed",
    "ActivityScheduleFailed": "ActivityFailed",
    "TaskStartFailed": "TaskFailed",
    "TaskSubmitFailed": "TaskFailed",
}
_ENTERED_AT = re.compile(
    r"^An error occurred while executing the state '.*' \(entered at the event id #\d+\)\. "
)
_REFUSED = re.compile(
    r"The Parameters '(.*)' could not be used to start the Task: \[(.*)\]$", re.DOTALL
)


class _Histories(list[OwnEvent]):
    """The interpreter's history: tells the player of each event before its step goes on."""

    def __init__(self, player: Player) -> None:
        super().__init__()
        self._player = player

    def append(self, event: OwnEvent) -> None:
        at_ms = self._player.met(len(self) + 1, event)
        super().append(event if at_ms is None else (*event[:2], at_ms, *event[3:]))


class Player:
    """`places` has the replayed event's id for each recorded one that has a counterpart, `partners`
    the other way round."""

    def __init__(self, recorded: Sequence[Event], machine: Machine, names: Names) -> None:
        self.places: dict[int, int] = {}
        self.partners: dict[int, int] = {}
        self.out_of_time: Difference | None = None
        self._recorded = recorded
        self._lanes = Lanes()
        lanes = Lanes()
        self._by_lane = {lanes.place(event): event for event in recorded}
        self._due_ms: dict[int, int] = {}
        started = details(recorded[0])
        start_ms = recorded[0].get("timestamp", 0)
        text = started["input"]
        self.execution = Execution(
            arn=names.execution_arn,
            name=names.execution,
            machine=machine,
            state_machine_arn=names.state_machine_arn,
            state_machine_name=names.state_machine,
            role_arn=started.get("roleArn", ""),
            region=names.region,
            input_text=text,
            input=json.loads(text),
            start_ms=start_ms,
            rng=random.Random(0),
            mistakes=self._mistakes,
            version_arn=started.get("stateMachineVersionArn", ""),
            alias_arn=started.get("stateMachineAliasArn", ""),
        )
        self.execution.history = _Histories(self)
        _take_results_from(machine, self)

    def met(self, event_id: int, event: OwnEvent) -> int | None:
        """The time of the event's counterpart."""
        told = api_event(event_id, event, lambda value: "")
        partner = self._by_lane.get(self._lanes.place(told))
        if partner is None or event[0] not in (partner["type"], _NOT_STARTED.get(partner["type"])):
            return None
        self.places[partner["id"]] = event_id
        self.partners[event_id] = partner["id"]
        at_ms: int | None = partner.get("timestamp")
        if at_ms is not None:
            self.execution.now_ms = at_ms
        return at_ms

    # The outside

    def play(self) -> None:
        """Until the record is at its end, or tells what the replay is not ready for."""
        self._keep(start(self.execution))
        for event in self._recorded:
            at_ms = event.get("timestamp", self.execution.now_ms)
            self._time_out_before(at_ms - _LATE_MS_MAX)
            if event["id"] not in self.places:
                self._happen(event, at_ms)
            if event["id"] not in self.places or self.out_of_time is not None:
                return

    def _happen(self, event: Event, at_ms: int) -> None:
        """What the outside did, so that this event came about."""
        execution, type = self.execution, event["type"]
        if type == "ExecutionAborted":
            told = details(event)
            self._feed(StopExecution(told.get("error"), told.get("cause")), at_ms)
            return
        if type == "ExecutionRedriven" and execution.status in _UNSUCCESSFUL:
            self._keep(run_again(execution, reopen(execution, at_ms)))
            return
        if type == "ExecutionTimedOut":
            self._fire(None, "execution", event, at_ms)
            return
        previous = self.places.get(event["previousEventId"])
        for timer_id, (frame, purpose) in list(execution.timers.items()):
            if frame is None or frame.previous != previous:
                continue
            if purpose in ("retry", "wait"):
                self._check_time(event, frame, purpose, self._due_ms[timer_id])
                self._feed(TimerFired(timer_id), event.get("timestamp", self._due_ms[timer_id]))
                return
        for task_id, frame in execution.frames_by_task.items():
            if frame.previous == previous:
                self._answer(task_id, frame, event, at_ms)
                return

    def _answer(self, task_id: int, frame: Frame, event: Event, at_ms: int) -> None:
        type, told = event["type"], details(event)
        fact: Input
        if type in _TIMED_OUT:
            self._fire(frame, self._missed(frame, told, at_ms), event, at_ms)
            return
        if type in _STARTED:
            fact = TaskStarted(task_id, told.get("workerName"))
        elif type in _SUBMITTED:
            fact = TaskSubmitted(task_id, _output(told))
        elif type in _SUCCEEDED:
            fact = TaskSucceeded(task_id, _output(told))
        elif type in _FAILED or type in _NOT_STARTED:
            fact = TaskFailed(task_id, told.get("error"), told.get("cause"))
        elif type in _MAP_RUN_ENDS:
            fact = self._map_run_ended(task_id, frame, event)
        else:
            return
        self._feed(fact, at_ms)

    def _map_run_ended(self, task_id: int, frame: Frame, event: Event) -> Input:
        """Its children are executions of their own, with histories of their own."""
        run = self.execution.map_runs[task_id]
        told = details(event)
        if event["type"] == "MapRunFailed":
            run.error, run.cause = told.get("error"), told.get("cause")
            return ResultsWritten(task_id, None)
        started = self._recorded[self.partners[frame.started] - 1]
        run.arn = details(started)["mapRunArn"]
        output: Json = None
        if details(self.left(frame)).get("error") == DATA_LIMIT_EXCEEDED:
            run.results_bytes = PAYLOAD_BYTES_MAX + 1
        if run.export is not None:
            prefix = str(run.export.arguments.get("Prefix", "")).removesuffix("/")
            folder = "/".join(filter(None, (prefix, run.arn.rpartition(":")[2])))
            place = {"Bucket": run.export.arguments.get("Bucket"), "Key": f"{folder}/manifest.json"}
            output = {"MapRunArn": run.arn, "ResultWriterDetails": place}
        return ResultsWritten(task_id, output)

    def _missed(self, frame: Frame, told: Mapping[str, Any], at_ms: int) -> str:
        """Whether the task's time was over or its heartbeat missed. The history has no heartbeats,
        so a heartbeat is held to be missed where the task still had time."""
        timers = self.execution.timers
        due_ms = {timers[one][1]: self._due_ms[one] for one in frame.timer_ids if one in timers}
        if "heartbeat" not in due_ms:
            return "timeout"
        if told.get("error") == "States.HeartbeatTimeout" or "timeout" not in due_ms:
            return "heartbeat"
        return "timeout" if at_ms >= due_ms["timeout"] - _EARLY_MS_MAX else "heartbeat"

    def _fire(self, frame: Frame | None, purpose: str, event: Event, at_ms: int) -> None:
        for timer_id, timer in list(self.execution.timers.items()):
            if timer == (frame, purpose):
                due_ms = self._due_ms[timer_id]
                # A heartbeat that was sent has moved it on.
                if purpose != "heartbeat":
                    self._check_time(event, frame, purpose, due_ms)
                self._feed(TimerFired(timer_id), event.get("timestamp", due_ms))
                return

    def _time_out_before(self, at_ms: int) -> None:
        """What should have ended long ago in the replay does."""
        for timer_id, (_, purpose) in list(self.execution.timers.items()):
            if purpose in ("timeout", "execution") and self._due_ms[timer_id] < at_ms:
                self._feed(TimerFired(timer_id), self._due_ms[timer_id])

    def _check_time(self, event: Event, frame: Frame | None, purpose: str, due_ms: int) -> None:
        at_ms = event.get("timestamp")
        if at_ms is None or (purpose == "retry" and _has_jitter(frame)):
            return
        if -_EARLY_MS_MAX <= at_ms - due_ms <= _LATE_MS_MAX:
            return
        begun_ms = self.execution.start_ms if frame is None else self._time_of(frame.previous)
        took, takes = (at_ms - begun_ms) / 1000, (due_ms - begun_ms) / 1000
        what = _PURPOSES[purpose]
        why = f"{what} took {took:g} s, {takes:g} s in the replay"
        own = {**event, "timestamp": due_ms}
        self.out_of_time = Difference(event, own, "/timestamp", why)

    def _time_of(self, event_id: int) -> int:
        at_ms: int = self.execution.history[event_id - 1][2]
        return at_ms

    def _feed(self, fact: Input, at_ms: int) -> None:
        self._keep(handle(self.execution, fact, at_ms))

    def _keep(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, StartTimer):
                self._due_ms[effect.timer_id] = effect.at_ms

    def _mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        """What the service's model says of a task's arguments, as far as the history tells."""
        for event in self._recorded:
            if event["type"] == "ExecutionFailed":
                refused = _REFUSED.search(details(event).get("cause") or "")
                if refused is not None and json.loads(refused[1]) == arguments:
                    return [refused[2]]
        return []

    def left(self, frame: Frame) -> Event:
        """How the frame's Map state was left, whose Map Run has just succeeded: the recorded exit,
        or what kept it from leaving."""
        for event in self._recorded[self.partners[frame.started] :]:
            if event["type"] == "MapStateExited" and details(event)["name"] == frame.step.name:
                return event
            if event["type"] in ("EvaluationFailed", "ExecutionFailed"):
                return event
        return self._recorded[-1]


_PURPOSES = {
    "retry": "the back-off",
    "wait": "the wait",
    "timeout": "the time-out of the task",
    "execution": "the time-out of the execution",
}


def _output(told: Mapping[str, Any]) -> Json:
    text = told.get("output")
    return None if text is None else json.loads(text)


def _has_jitter(frame: Frame | None) -> bool:
    """Whether the Retrier that the frame waits for draws its delays."""
    if frame is None:
        return False
    event_type, _, _, *fields = frame.execution.history[frame.previous - 1]
    retriers = frame.step.state.retry
    if event_type.endswith("StateFailed"):
        # It does not say with which error.
        return any(retrier.full_jitter for retrier in retriers)
    error = fields[-2]
    took = (one for one in retriers if matches(one.error_equals, error, "States.HeartbeatTimeout"))
    return any(retrier.full_jitter for retrier in islice(took, 1))


# --- Map Runs


def _take_results_from(machine: Machine, player: Player) -> None:
    """Let Map states in distributed mode leave with what the history says: what their children gave
    stands nowhere else. A result that was exported is known."""
    for step in steps_of(machine):
        if isinstance(step, DistributedMapStep):
            writer = step.distributed.writer
            if writer is None or writer.arguments is None:
                step.finish = _RecordedFinish(player)


def steps_of(machine: Machine) -> list[Step]:
    """Those of the machine, of its Parallel branches and of its inline iterations."""
    found: dict[Step, None] = {}
    waiting: list[Any] = [machine.first]
    while waiting:
        step = waiting.pop()
        if step is None or step in found:
            continue
        found[step] = None
        waiting += [step.next, getattr(step, "default", None)]
        waiting += [target for _, target, _ in (*step.catch, *getattr(step, "choices", ()))]
        waiting += [branch.first for branch in getattr(step, "branches", ())]
        if not isinstance(step, DistributedMapStep) and hasattr(step, "processor"):
            waiting.append(step.processor.first)
    return list(found)


class _RecordedFinish:
    def __init__(self, player: Player) -> None:
        self._player = player

    def __call__(self, frame: Frame, result: Json, result_bytes: int) -> Json:
        event = self._player.left(frame)
        told = details(event)
        if event["type"] != "MapStateExited":
            cause = _ENTERED_AT.sub("", told.get("cause") or "")
            raise StateError(told.get("error", ""), cause, told.get("location"))
        frame.value = _output(told)
        frame.value_bytes = json_bytes(frame.value)
        assigned = {
            name: json.loads(text) for name, text in told.get("assignedVariables", {}).items()
        }
        frame.variables = {**frame.variables, **assigned}
        return assigned or None
