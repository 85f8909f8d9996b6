"""An execution and its frames: all the state that running needs, as plain data.

A frame is one line of control: the machine's own, a Parallel branch or a Map iteration. It knows
its state, the state's input, its variables and what it waits for; so an execution can be taken
apart, stored and put together again. Nothing here decides anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from sfnlocal.history import Event
from sfnlocal.ports import Effect, Json, Rng, TaskResource
from sfnlocal.timestamps import instant

if TYPE_CHECKING:
    from sfnlocal.interpreter.map_run import MapRun
    from sfnlocal.interpreter.steps import Machine, Step

ArgumentCheck: TypeAlias = Callable[[TaskResource, Json], list[str]]


def no_mistakes(resource: TaskResource, arguments: Json) -> list[str]:
    """Every argument is taken."""
    return []


_RETRIED = frozenset({"Task", "Parallel", "Map"})


class Execution:
    """One run of a state machine. `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED, or
    PENDING_REDRIVE for a child of a Map Run; times are epoch milliseconds; `input_text` is the JSON
    text it was started with. `version_arn` and `alias_arn` are empty where it was not started by
    them. `redrive_ms` is when it was last redriven.

    `frames_by_task` holds the frames that wait for an answer, `timers` what each open timer is
    for; a timer that is not in it is dead. `map_runs` are those of Map states in distributed mode
    that it is in, by task id; `map_run_arn` is the Map Run that started it, if one did, with
    `item_count` items. `mistakes` tells what Step Functions minds about a
    task's arguments: it depends on nothing but them.
    """

    __slots__ = (
        "alias_arn",
        "arn",
        "cause",
        "effects",
        "error",
        "frames_by_task",
        "history",
        "input",
        "input_bytes",
        "input_text",
        "item_count",
        "machine",
        "map_run_arn",
        "map_runs",
        "mistakes",
        "name",
        "now_ms",
        "output",
        "ready",
        "redrive_count",
        "redrive_ms",
        "region",
        "rng",
        "role_arn",
        "root",
        "serial",
        "start_ms",
        "state_machine_arn",
        "state_machine_name",
        "status",
        "stop_ms",
        "timers",
        "version_arn",
    )

    def __init__(
        self,
        *,
        arn: str,
        name: str,
        machine: Machine,
        state_machine_arn: str,
        state_machine_name: str,
        role_arn: str,
        region: str,
        input_text: str,
        input: Json,
        start_ms: int,
        rng: Rng,
        mistakes: ArgumentCheck = no_mistakes,
        version_arn: str = "",
        alias_arn: str = "",
        map_run_arn: str = "",
        item_count: int = 0,
    ) -> None:
        self.arn = arn
        self.name = name
        self.machine = machine
        self.state_machine_arn = state_machine_arn
        self.state_machine_name = state_machine_name
        self.role_arn = role_arn
        self.region = region
        self.input_text = input_text
        self.input = input
        self.input_bytes = 4 * len(input_text)
        self.start_ms = self.now_ms = start_ms
        self.stop_ms: int | None = None
        self.rng = rng
        self.mistakes = mistakes
        self.version_arn = version_arn
        self.alias_arn = alias_arn
        self.map_run_arn = map_run_arn
        self.item_count = item_count
        self.redrive_count = 0
        self.redrive_ms: int | None = None
        self.status = "RUNNING"
        self.output: Json = None
        self.error: str | None = None
        self.cause: str | None = None
        self.history: list[Event] = []
        self.root: Frame | None = None
        self.ready: deque[Frame] = deque()
        self.effects: list[Effect] = []
        self.frames_by_task: dict[int, Frame] = {}
        self.map_runs: dict[int, MapRun] = {}
        self.timers: dict[int, tuple[Frame | None, str]] = {}
        self.serial = 0

    def next_serial(self) -> int:
        self.serial += 1
        return self.serial


class Frame:
    """One line of control; it is also the Scope that its expressions see.

    `value` is the state's input and `value_bytes` an upper bound of its JSON text; `previous` is
    the event that the next one follows. `parent` and `index` say whose branch or iteration it is;
    `children`, `results` and `items` belong to a Parallel or Map state that it is in; `stopped` are
    the children that failed it or were aborted then, which a redrive runs again. `entered_event` is
    0 where the frame is yet to enter its state.
    """

    __slots__ = (
        "children",
        "entered_event",
        "entered_ms",
        "execution",
        "index",
        "item",
        "items",
        "machine",
        "map_item",
        "parent",
        "previous",
        "results",
        "results_bytes",
        "retries",
        "retry_count",
        "started",
        "step",
        "stopped",
        "task_id",
        "timer_ids",
        "token",
        "value",
        "value_bytes",
        "variable_bytes",
        "variables",
    )

    def __init__(
        self,
        execution: Execution,
        machine: Machine,
        value: Json,
        value_bytes: int,
        previous: int,
        parent: Frame | None = None,
        index: int = 0,
    ) -> None:
        self.execution = execution
        self.machine = machine
        self.step: Step = machine.first
        self.value = value
        self.value_bytes = value_bytes
        self.previous = previous
        self.parent = parent
        self.index = index
        self.variables: dict[str, Json] = {} if parent is None else parent.variables
        self.variable_bytes: int = 0 if parent is None else parent.variable_bytes
        self.map_item: Json = None if parent is None else parent.map_item
        self.entered_event = 0
        self.entered_ms = 0
        self.retries: list[int] | None = None
        self.retry_count = 0
        self.task_id = 0
        self.token: str | None = None
        self.timer_ids: list[int] = []
        self.children: dict[int, Frame] = {}
        self.results: list[Json] = []
        self.results_bytes = 0
        self.items: list[Json] = []
        self.started = 0
        self.stopped: tuple[Frame, ...] = ()

    @property
    def now_ms(self) -> int:
        return self.execution.now_ms

    @property
    def rng(self) -> Rng:
        return self.execution.rng

    def context(self) -> dict[str, Json]:
        """The Context object, built when an expression refers to it.

        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
        """
        execution = self.execution
        context: dict[str, Any] = {
            "Execution": {
                "Id": execution.arn,
                "Input": execution.input,
                "Name": execution.name,
                "RoleArn": execution.role_arn,
                "StartTime": instant(execution.start_ms),
                "RedriveCount": execution.redrive_count,
            },
            "StateMachine": {
                "Id": execution.state_machine_arn,
                "Name": execution.state_machine_name,
            },
            "State": {
                "Name": self.step.name,
                "EnteredTime": instant(self.entered_ms),
            },
        }
        if execution.redrive_ms is not None:
            context["Execution"]["RedriveTime"] = instant(execution.redrive_ms)
        # Recorded: a state that cannot be retried has no RetryCount.
        if self.step.state.type in _RETRIED:
            context["State"]["RetryCount"] = self.retry_count
        if self.map_item is not None:
            context["Map"] = {"Item": self.map_item}
        if self.token is not None:
            context["Task"] = {"Token": self.token}
        return context

    def forget_timers(self) -> None:
        for timer_id in self.timer_ids:
            self.execution.timers.pop(timer_id, None)
        self.timer_ids.clear()
