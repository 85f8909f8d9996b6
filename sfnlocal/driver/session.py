"""A session: one loaded app, running. The composition root of everything that runs.

Strategy: the interpreter says what it wants (effects), the agenda says when, the clock gets there.
Each turn takes the next due entry, moves the clock to it and carries it out; what comes back is
fed to the interpreter as a fact. In virtual time nothing ever sleeps.

A call to a service takes no virtual time, unless its handler slept: then its answer is due when
the sleep is over, while the rest of the world goes on from the moment of the call.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, assert_never

from sfnlocal.arns import execution_arn, express_execution_arn
from sfnlocal.driver.activities import Activities
from sfnlocal.driver.agenda import Agenda
from sfnlocal.driver.clock import VIRTUAL_START_MS, Clock, RealClock, VirtualClock
from sfnlocal.driver.endings import EndedListener, Endings
from sfnlocal.driver.execution_metrics import ExecutionMetrics
from sfnlocal.driver.machines import StateMachines
from sfnlocal.driver.map_runs import MapRuns
from sfnlocal.driver.messages import Actor, MessagePump
from sfnlocal.driver.mock_config import MockConfig, find_test_case
from sfnlocal.driver.mocks import Mocks, Outcome, TestCase
from sfnlocal.driver.nested import NestedExecutions
from sfnlocal.driver.redrive import is_express, redrive_status
from sfnlocal.driver.requests import check_name, parse_input
from sfnlocal.driver.status_changes import StatusChanges
from sfnlocal.driver.task_calls import TaskCalls
from sfnlocal.driver.task_metrics import TaskMetrics
from sfnlocal.driver.task_tokens import TaskTokens
from sfnlocal.driver.tasks_on_demand import TasksOnDemand
from sfnlocal.errors import ApiError
from sfnlocal.interpreter import Execution, Machine, handle, reopen, run_again, start
from sfnlocal.jsontext import json_text
from sfnlocal.ports import (
    Effect,
    Ended,
    Input,
    InvokeTask,
    Json,
    ReadItems,
    RedriveChild,
    RedriveMapRun,
    StartChild,
    StartMapRun,
    StartTimer,
    StopChildren,
    StopExecution,
    StopTask,
    TaskAnswer,
    TaskPort,
    TimerFired,
    WriteResults,
)
from sfnlocal.services.aws import Aws
from sfnlocal.services.dynamodb.resources import create_tables
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.simulated import MOTO_TYPES
from sfnlocal.services.sqs.resources import create_queues
from sfnlocal.template import App, StateMachine
from sfnlocal.triggers.composition import Triggers


class Session:
    """Runs an app's state machines. Use it as a context manager: AWS services answer inside.
    Of the executions that have ended, the last `keep_ended` are kept (None: all). `mock_config` has
    the test cases that executions can be started in; Wait states take `wait_time_scale` times as
    long as they say."""

    def __init__(
        self,
        app: App,
        *,
        seed: int = 0,
        start_ms: int = VIRTUAL_START_MS,
        real_time: bool = False,
        keep_histories: bool = True,
        jsonata: str = "jlens",
        functions: FunctionHost | None = None,
        keep_ended: int | None = None,
        mock_config: MockConfig | None = None,
        wait_time_scale: float = 1.0,
    ) -> None:
        self.app = app
        self.seed = seed
        self.keep_ended = keep_ended if keep_histories else 0
        self.executions: dict[str, Execution] = {}
        self.started_from: dict[str, StateMachine] = {}
        self.clock: Clock = RealClock() if real_time else VirtualClock(start_ms)
        self.start_ms = self.clock.now_ms()
        self.agenda = Agenda()
        self.mocks = Mocks()
        self._mock_config = mock_config
        self._wait_time_scale = wait_time_scale
        self.functions = functions or FunctionHost(app, seed=seed, real_time=real_time)
        self.aws = Aws(
            app,
            self.functions,
            now_ms=self.start_ms,
            seed=seed,
            schedule=self.at,
            turn=self.turn,
            real_time=real_time,
        )
        self.tasks: TaskPort = TasksOnDemand(self._service_tasks)
        self.calls = self._task_calls()
        self.tokens = TaskTokens(self)
        self.nested = NestedExecutions(self)
        self.map_runs = MapRuns(self)
        self.activities = Activities(self)
        self.messages = MessagePump(self)
        self.triggers = Triggers(self.aws)
        self.status_changes = StatusChanges(self.aws, self.triggers)
        self.machines = StateMachines(app, jsonata, self.start_ms)
        self._metrics = ExecutionMetrics(self.aws.metrics)
        self._task_metrics = TaskMetrics(self.aws.metrics, app.partition)
        self.aws.before_each_call("cloudwatch", self._report)
        self._endings = Endings(self)
        self._names = random.Random(f"{seed}/names")

    def __enter__(self) -> Session:
        self.aws.start()
        try:
            self._provision()
            self.triggers.load()
        except BaseException:
            self.aws.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.map_runs.close()
        self.aws.stop()
        self.functions.close()

    def _provision(self) -> None:
        create_queues(self.app, self.aws)
        create_tables(self.app, self.aws)
        if self.app.of_type(*MOTO_TYPES):
            # Loaded here: it imports moto, which an app without resources does without.
            from sfnlocal.services.provision import provision

            provision(self.app, self.aws)

    def _service_tasks(self) -> TaskPort:
        from sfnlocal.services.tasks import ServiceTasks

        return ServiceTasks(self.aws, self.functions, seed=self.seed)

    def _task_calls(self) -> TaskCalls:
        return TaskCalls(self)

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    # Executions

    def find(self, state_machine: str) -> StateMachine:
        """A state machine, version or alias; by ARN, name, logical id, construct path or construct
        id; InputError else."""
        return self.machines.find(state_machine)

    def machine(self, state_machine: StateMachine) -> Machine:
        """The state machine, compiled. DefinitionError or UnsupportedError where it cannot be."""
        return self.machines.linked(state_machine)

    def start_execution(
        self,
        state_machine: str | StateMachine,
        input: Json,
        name: str | None = None,
        test_case: str | None = None,
    ) -> Execution:
        """Start an execution; `input` is a JSON value. Raises ApiError as StartExecution does,
        InputError for an unknown test case of the mock configuration."""
        return self.start_execution_text(state_machine, json_text(input), name, test_case)

    def start_execution_text(
        self,
        state_machine: str | StateMachine,
        input_text: str,
        name: str | None = None,
        test_case: str | None = None,
    ) -> Execution:
        """The same from JSON text, which the history keeps as it is."""
        if isinstance(state_machine, str):
            state_machine = self.find(state_machine)
        mocked: TestCase = {}
        if test_case is not None:
            mocked = find_test_case(self._mock_config, self.machines, state_machine, test_case)
        name = name if name is not None else self._new_name()
        check_name(name)
        value = parse_input(input_text)
        if state_machine.type == "EXPRESS":
            arn = express_execution_arn(state_machine.arn, name, self._new_name())
        else:
            arn = execution_arn(state_machine.arn, name)
        earlier = self.executions.get(arn)
        if earlier is not None:
            if earlier.status == "RUNNING" and earlier.input == value:
                return earlier
            raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        if state_machine.alias_arn:
            alias_arn, seed = state_machine.alias_arn, f"{self.seed}/{arn}/version"
            state_machine = self.machines.versions.drawn(alias_arn, seed)
        execution = Execution(
            arn=arn,
            name=name,
            machine=self.machine(state_machine),
            state_machine_arn=state_machine.arn,
            state_machine_name=state_machine.name,
            role_arn=state_machine.role_arn,
            region=self.app.region,
            input_text=input_text,
            input=value,
            start_ms=self.now_ms,
            rng=random.Random(f"{self.seed}/{arn}"),
            mistakes=self.tasks.mistakes,
            version_arn=state_machine.version_arn,
            alias_arn=state_machine.alias_arn,
        )
        if mocked:
            self.mocks.use(arn, mocked)
        self.begin(execution, state_machine)
        return execution

    def begin(
        self, execution: Execution, state_machine: StateMachine, like: str | None = None
    ) -> None:
        """Start an execution that is made; a test case is shared with the execution `like`."""
        self.executions[execution.arn] = execution
        self.started_from[execution.arn] = state_machine
        if like is not None:
            self.mocks.share(like, execution.arn)
        self.status_changes.changed(execution)
        self._metrics.started(execution, self.now_ms)
        self._carry_out(execution, start(execution))

    def stop_execution(
        self, arn: str, error: str | None = None, cause: str | None = None
    ) -> Execution:
        execution = self.execution(arn)
        self.feed(execution, StopExecution(error, cause))
        return execution

    def redrive_execution(self, arn: str) -> Execution:
        """Let an execution that did not succeed go on where it stopped. Raises ApiError as
        RedriveExecution does."""
        execution = self.execution(arn)
        if is_express(execution):
            message = "This operation is not supported by this type of state machine"
            raise ApiError("StateMachineTypeNotSupported", message)
        status, reason = redrive_status(execution, self.now_ms)
        if status != "REDRIVABLE":
            reason = reason or f"Execution is redriven by its Map Run: '{execution.map_run_arn}'"
            raise ApiError("ExecutionNotRedrivable", reason)
        self._endings.taken_back(arn)
        self.go_on(execution)
        return execution

    def go_on(self, execution: Execution, listener: EndedListener | None = None) -> None:
        """Redrive it; whether that may be has been asked. `listener` is as for `on_ended`."""
        if listener is not None:
            self._endings.on_next(execution, listener)
        frames = reopen(execution, self.now_ms)
        self.status_changes.changed(execution)
        self._metrics.redriven(execution, self.now_ms)
        self._carry_out(execution, run_again(execution, frames))

    def execution(self, arn: str) -> Execution:
        execution = self.executions.get(arn)
        if execution is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution

    def on_ended(self, execution: Execution, listener: EndedListener) -> None:
        """Call `listener` once the execution has ended; at once where it has."""
        if execution.status == "RUNNING":
            self._endings.on_next(execution, listener)
        else:
            listener(execution)

    def on_each_ended(self, listener: EndedListener) -> None:
        """Call `listener` for each execution that ends, those of Map Runs and those that are not
        kept too."""
        self._endings.on_each(listener)

    def _new_name(self) -> str:
        bits = f"{self._names.getrandbits(128):032x}"
        return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))

    # Time

    def turn(self, until_ms: int | None = None, *, recurring: bool = False) -> bool:
        """Carry out the next due entry; one that is recurring only if asked to. False: there is
        none up to `until_ms`."""
        at_ms = self.agenda.next_ms(recurring=recurring)
        if at_ms is None or (until_ms is not None and at_ms > until_ms):
            return False
        self.clock.wait_until(at_ms)
        self.aws.move_to(self.now_ms)
        self.agenda.pop(recurring=recurring)()
        return True

    def run(self, execution: Execution) -> Execution:
        """Until the execution has ended, or nothing here can move it: it then waits for a task
        token or an activity that somebody outside has to answer."""
        while execution.status == "RUNNING" and self.turn():
            pass
        return execution

    def run_until_idle(self) -> None:
        """Until nothing is due any more but what comes back for ever."""
        while self.turn():
            pass

    def advance(self, ms: int) -> None:
        """Let `ms` of time pass, and all that is due in it happen, schedules too."""
        until_ms = self.now_ms + ms
        while self.turn(until_ms, recurring=True):
            pass
        self.clock.wait_until(until_ms)
        self.aws.move_to(self.now_ms)

    def at(
        self,
        at_ms: int,
        act: Callable[[], None],
        wanted: Callable[[], bool] | None = None,
        *,
        recurring: bool = False,
    ) -> None:
        self.agenda.add(at_ms, act, wanted, recurring=recurring)

    def s3(self) -> Any:
        """The client that Map Runs read and write with."""
        return self.aws.client("s3")

    # The outside world

    def mock(self, state_machine: str, state: str, outcomes: Iterable[Outcome]) -> None:
        """Answer a state's attempts from `outcomes` instead of its service, in order; see Mocks."""
        self.mocks.add(self.find(state_machine).arn, state, outcomes)

    def on_message(self, queue: str, actor: Actor) -> None:
        """Let `actor` get each message of a queue, which it takes away."""
        self.messages.add_actor(queue, actor)

    def send_task_success(self, token: str, output: Json) -> None:
        self.tokens.succeed(token, output)

    def send_task_failure(
        self, token: str, error: str | None = None, cause: str | None = None
    ) -> None:
        self.tokens.fail(token, error, cause)

    def send_task_heartbeat(self, token: str) -> None:
        self.tokens.heartbeat(token)

    def waits_for_outside(self) -> bool:
        """Is there a task token or an activity task that only somebody outside can answer?"""
        return self.tokens.any_open() or self.activities.any_waiting()

    # Effects

    def feed(self, execution: Execution, fact: Input) -> None:
        """Tell the interpreter, carry out what it wants."""
        self._carry_out(execution, handle(execution, fact, self.now_ms))

    def _carry_out(self, execution: Execution, effects: list[Effect]) -> None:
        if self._task_metrics.watched:
            self._task_metrics.read(execution)
        for effect in effects:
            match effect:
                case InvokeTask():
                    self.calls.schedule(execution, effect)
                case StartTimer():
                    self._schedule_timer(execution, effect)
                case StopTask():
                    self.nested.stop(execution, effect.task_id)
                    self.map_runs.stop(execution, effect.task_id)
                case Ended():
                    self._ended(execution)
                case (
                    StartMapRun()
                    | ReadItems()
                    | StartChild()
                    | RedriveMapRun()
                    | RedriveChild()
                    | StopChildren()
                    | WriteResults()
                ):
                    self.map_runs.carry_out(execution, effect)
                case _:
                    assert_never(effect)

    def _schedule_timer(self, execution: Execution, timer: StartTimer) -> None:
        timer_id, at_ms = timer.timer_id, timer.at_ms
        _, purpose = execution.timers.get(timer_id, (None, "dead"))
        if purpose == "wait" and self._wait_time_scale != 1:
            at_ms = self.now_ms + round(max(0, at_ms - self.now_ms) * self._wait_time_scale)
        self.at(
            at_ms,
            lambda: self.feed(execution, TimerFired(timer_id)),
            lambda: timer_id in execution.timers,
        )

    def complete_job(self, execution: Execution, task: InvokeTask, answer: TaskAnswer) -> None:
        """What was submitted has ended: a job (.sync), or a mocked wait for a token."""
        self.calls.complete_job(execution, task, answer)

    def _ended(self, execution: Execution) -> None:
        self._metrics.ended(execution, self.now_ms)
        self.status_changes.changed(execution)
        self._endings.ended(execution)

    def _report(self) -> None:
        """The metrics that are made when somebody looks."""
        self._metrics.flush()
        if self.aws.functions.metrics is not None:
            self.aws.functions.metrics.flush()
        self._task_metrics.read_all(self.executions.values())

    def forget(self, arn: str) -> None:
        """An execution that has ended: nobody can ask for it any more."""
        execution = self.executions.pop(arn, None)
        if execution is not None:
            self._task_metrics.forget(execution, read=self.keep_ended != 0)
            # The frames point back: without them its memory is free at once.
            execution.root = None
            del self.started_from[arn]
            self.mocks.forget(arn)
            self.tokens.forget(arn)
            self.map_runs.forget(arn)
