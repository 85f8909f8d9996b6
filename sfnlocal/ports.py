"""What crosses the interpreter's border: inputs in, outward effects out, and what carries
effects out.

Inputs are facts ("the task succeeded"), effects are orders ("invoke this task"). All are frozen
values; times are integer milliseconds since the epoch. A `Json` value is what `json.loads` gives
and is treated as immutable: whoever changes one copies first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

Json: TypeAlias = Any
Pattern: TypeAlias = Literal["REQUEST_RESPONSE", "RUN_A_JOB", "WAIT_FOR_TASK_TOKEN"]


@dataclass(frozen=True, slots=True)
class TaskResource:
    """A Task state's Resource, parsed.

    `arn` is the text itself. `service` and `action` are its parts as the history names them
    (resourceType and resource): `lambda`/`invoke`, `dynamodb`/`putItem`,
    `aws-sdk:sqs`/`sendMessageBatch`, `states`/`startExecution.sync:2`. A function's own ARN has
    service `lambda` and action `` (the history then speaks of LambdaFunction events); an
    activity's ARN has service `activity`.
    """

    arn: str
    service: str
    action: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class InvokeTask:
    """Effect: call the task's service. `task_id` is unique in the execution; the answer names it.

    `arguments` is the evaluated Parameters or Arguments. `token` is set where the state waits for
    a task token. `attempt` counts from 0.
    """

    execution_arn: str
    task_id: int
    state: str
    resource: TaskResource
    arguments: Json
    attempt: int
    token: str | None = None
    role_arn: str | None = None
    timeout_seconds: int | None = None
    heartbeat_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Effect: send TimerFired(timer_id) at `at_ms`. A timer that is no longer wanted has left
    the execution's `timers`; the driver drops it without moving time."""

    timer_id: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class StopTask:
    """Effect: a job that was started (.sync, or a token) is no longer waited for."""

    task_id: int


@dataclass(frozen=True, slots=True)
class Ended:
    """Effect: the execution has ended; its status, output, error and cause stand in it."""

    status: str


@dataclass(frozen=True, slots=True)
class StartMapRun:
    """Effect: a Map state in distributed mode begins. What it needs stands in the execution's
    `map_runs`; facts about it name `task_id`. Its items are read when ReadItems asks for them."""

    task_id: int


@dataclass(frozen=True, slots=True)
class ReadItems:
    """Effect: send ItemsRead with the next items, at most `count`."""

    task_id: int
    count: int


@dataclass(frozen=True, slots=True)
class StartChild:
    """Effect: start the Map Run's child execution `index` and send ChildEnded when it has ended.
    `items` is how many items its input has."""

    task_id: int
    index: int
    name: str
    input: Json
    items: int


@dataclass(frozen=True, slots=True)
class RedriveMapRun:
    """Effect: the Map Run goes on after it had failed or was aborted; from now on facts about it
    name `task_id`. Its unsuccessful children wait until RedriveChild names them."""

    task_id: int


@dataclass(frozen=True, slots=True)
class RedriveChild:
    """Effect: run the Map Run's child execution `index` again and send ChildEnded when it has
    ended; at once, as it is, where it cannot be redriven."""

    task_id: int
    index: int


@dataclass(frozen=True, slots=True)
class StopChildren:
    """Effect: the Map Run has failed; stop its child executions, whose ends are told."""

    task_id: int


@dataclass(frozen=True, slots=True)
class WriteResults:
    """Effect: all child executions have ended; finish the export and send ResultsWritten."""

    task_id: int


Effect: TypeAlias = (
    InvokeTask
    | StartTimer
    | StopTask
    | Ended
    | StartMapRun
    | ReadItems
    | StartChild
    | RedriveMapRun
    | RedriveChild
    | StopChildren
    | WriteResults
)


@dataclass(frozen=True, slots=True)
class TaskStarted:
    """Input: a worker has taken the activity task."""

    task_id: int
    worker_name: str | None = None


@dataclass(frozen=True, slots=True)
class TaskSubmitted:
    """Input: the service accepted the request of a job or callback; `output` is its response."""

    task_id: int
    output: Json


@dataclass(frozen=True, slots=True)
class TaskSucceeded:
    task_id: int
    output: Json


@dataclass(frozen=True, slots=True)
class TaskFailed:
    """Input: the task failed, with the error name that Retriers and Catchers match."""

    task_id: int
    error: str | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class TaskHeartbeat:
    task_id: int


@dataclass(frozen=True, slots=True)
class ItemsRead:
    """Input: the Map Run's next items; `last`: there are no more. `source` is where they are
    from."""

    task_id: int
    items: Sequence[Json]
    last: bool
    source: str = "STATE_DATA"


@dataclass(frozen=True, slots=True)
class ItemReaderFailed:
    task_id: int
    cause: str


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """Input: a child execution has ended; `result` is what the state's output has of it."""

    task_id: int
    index: int
    status: str
    items: int
    result: Json


@dataclass(frozen=True, slots=True)
class ResultsWritten:
    """Input: the results are exported and `output` says where to; or `error` why they are not."""

    task_id: int
    output: Json
    error: str | None = None


@dataclass(frozen=True, slots=True)
class MapRunUpdated:
    """Input: somebody has changed the Map Run's limits."""

    task_id: int


@dataclass(frozen=True, slots=True)
class TimerFired:
    timer_id: int


@dataclass(frozen=True, slots=True)
class StopExecution:
    error: str | None = None
    cause: str | None = None


Input: TypeAlias = (
    TaskStarted
    | TaskSubmitted
    | TaskSucceeded
    | TaskFailed
    | TaskHeartbeat
    | ItemsRead
    | ItemReaderFailed
    | ChildEnded
    | ResultsWritten
    | MapRunUpdated
    | TimerFired
    | StopExecution
)


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """What a service answered: an output, or an error with its cause. `elapsed_ms` is the virtual
    time that the call took (a handler that slept)."""

    output: Json = None
    error: str | None = None
    cause: str | None = None
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls a service on its own account: `service` is the principal
    (`scheduler.amazonaws.com`), `source_arn` the schedule, rule, pipe, ... that has it call,
    `role_arn` the role that it assumes (None: the called resource's own policy decides)."""

    service: str
    source_arn: str
    role_arn: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """One API call: `service` is the client's name, `caller` None where a test makes it."""

    service: str
    operation: str
    params: Mapping[str, Json]
    caller: Caller | None


class Gate(Protocol):
    """Stands before every service: permissions are checked here, and faults happen."""

    def before(self, call: ServiceCall) -> None:
        """Raises ApiError: the service refuses the call and does nothing. Raises AnsweredError: it
        is not asked, and this is what its caller hears."""

    def after(self, call: ServiceCall) -> None:
        """Raises LostAnswerError: the service has done its work, and its caller hears nothing."""


class TaskPort(Protocol):
    """Calls a service for a Task state. Never raises for a failing task: the answer says so.
    Fault plans wrap this port."""

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer: ...

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        """What Step Functions minds about the arguments before it calls the service."""


class Schedule(Protocol):
    """Does `act` at `at_ms`, unless it is not `wanted` any more by then; Aws.at says what is
    `recurring`."""

    def __call__(
        self,
        at_ms: int,
        act: Callable[[], None],
        wanted: Callable[[], bool] | None = None,
        *,
        recurring: bool = False,
    ) -> None: ...


class Rng(Protocol):
    """The execution's seeded random numbers; `random.Random` is one."""

    def random(self) -> float: ...
    def getrandbits(self, k: int, /) -> int: ...
