"""AWS of this process, without what simulates it: who answers which service, who is told of calls,
what waits for the first call, what is due when, and what time it is.

moto and boto3 take longer to load than most runs: simulation.py, which imports them, is loaded
when somebody may call a service.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from sfnlocal.errors import AnsweredError, ApiError, LostAnswerError, UnsupportedError
from sfnlocal.ports import Caller, Gate, Json, Schedule, ServiceCall
from sfnlocal.services.async_invocations import AsyncInvocations
from sfnlocal.services.dynamodb.streams import no_streams
from sfnlocal.services.function_metrics import FunctionMetrics
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.handler_process import current_call, handler_thread
from sfnlocal.services.lambda_api import LambdaApi
from sfnlocal.services.lambda_event_sources import EventSources
from sfnlocal.services.metrics import Metrics
from sfnlocal.services.sqs.api import Queues
from sfnlocal.services.sqs.long_polls import LongPoll
from sfnlocal.services.timeline import Timeline
from sfnlocal.template.resources import App

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from sfnlocal.services.dynamodb.api import Tables
    from sfnlocal.services.simulation import Simulation

Answer: TypeAlias = "dict[str, Json] | Future[dict[str, Json]]"
# Answers an operation of a routed service from its parameters, at once or later; raises ApiError.
Route: TypeAlias = Callable[[str, dict[str, Json]], Answer]
# Is told of each successful call: client name, operation, parameters, response.
Observer: TypeAlias = Callable[[str, str, dict[str, Json], dict[str, Json]], None]
# Is told of an event that a service sends: source, detail type, detail, ARNs of its resources.
EventListener: TypeAlias = Callable[[str, str, Json, list[str]], None]


class Turn(Protocol):
    def __call__(self, until_ms: int | None = None) -> bool: ...


class _Routed(NamedTuple):
    route: Route
    guarded: bool


class _Preparation(NamedTuple):
    prepare: Callable[[], None]
    concerns: Callable[[Mapping[str, Json]], bool]


class Aws:
    """Use it as a context manager, or `start` and `stop` it. `functions` are shown its time and
    answer Lambda's Invoke; `schedule` is where what is due later waits, `turn` lets the next due
    thing happen. `lock` is moto's; `guard` is held while a guarded route answers."""

    def __init__(
        self,
        app: App,
        functions: FunctionHost | None = None,
        *,
        now_ms: int | Callable[[], int],
        seed: int = 0,
        schedule: Schedule | None = None,
        turn: Turn | None = None,
        real_time: bool = False,
    ) -> None:
        self.app = app
        self.seed = seed
        self.timeline = Timeline(lambda: self.now_ms)
        self.metrics = Metrics(lambda: self.now_ms)
        self.lock = threading.RLock()
        self.guard: AbstractContextManager[Any] = nullcontext()
        self._schedule = schedule
        self._turn = turn
        self._real_time = real_time
        self._now_ms = now_ms if isinstance(now_ms, int) else now_ms()
        self._start_ms = self._now_ms
        self._started = False
        self._simulation: Simulation | None = None
        # What successors can copy, by what it was made of.
        self.kept: dict[Hashable, Any] = {}
        self._routes: dict[str, _Routed] = {}
        self._observers: list[Observer] = []
        self._event_listeners: list[EventListener] = []
        self._gates: list[Gate] = []
        self._acting: ContextVar[Caller | None] = ContextVar("acting", default=None)
        self._makers: dict[str, Callable[[], object]] = {}
        self._preparations: dict[str, list[_Preparation]] = {}
        self._refreshers: dict[str, Callable[[], None]] = {}
        # The thread that prepares, with the lock.
        self._preparing: int | None = None
        self.queues = Queues(self)
        self.route("sqs", self.queues.begin, guarded=True)
        self.route("dynamodb", lambda *call: self.tables.answer(*call), guarded=True)
        self.route("dynamodbstreams", no_streams)
        if functions is not None:
            self.functions = functions
            functions.clock = self
            functions.metrics = FunctionMetrics(self.metrics)
            self.async_invocations = AsyncInvocations(self)
            self.event_sources = EventSources(
                app, functions.registry, lambda: self.now_ms, seed=seed
            )
            answer = LambdaApi(
                functions,
                self.async_invocations,
                self.event_sources,
                lambda: self._now_ms,
                self.client,
            )
            self.route("lambda", answer)

    # Life

    def start(self) -> None:
        self._started = True

    def stop(self) -> None:
        self._started = False
        simulation, self._simulation = self._simulation, None
        if simulation is not None:
            simulation.stop()

    def hand_over(self, successor: Aws) -> None:
        """Stop, and let `successor` answer the clients that were made here: handlers that are
        loaded keep theirs. What the services held is forgotten."""
        successor.kept = self.kept
        simulation, self._simulation = self._simulation, None
        self.stop()
        if simulation is not None:
            simulation.serve(successor, seed=successor.seed)
            successor._simulation = simulation

    def __enter__(self) -> Aws:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def take_over(self) -> None:
        """From here on botocore's calls in this process are answered here, and virtual time is
        what it shows; one Aws at a time, else InputError. To be called before code runs here that
        is not ours."""
        self._simulated()

    def _simulated(self) -> Simulation:
        simulation = self._simulation
        if simulation is not None:
            return simulation
        with self.lock:
            if self._simulation is None:
                assert self._started, "not started"
                from sfnlocal.services.simulation import Simulation

                self._simulation = Simulation(self, seed=self.seed, real_time=self._real_time)
            return self._simulation

    # Time

    @property
    def now_ms(self) -> int:
        """The virtual time; inside a handler, with what it has slept. Or the real time."""
        return time.time_ns() // 1_000_000 if self._real_time else self._now_ms

    def move_to(self, now_ms: int) -> None:
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            if self._simulation is not None:
                self._simulation.move_to(now_ms)

    @property
    def real_time(self) -> bool:
        return self._real_time

    @property
    def can_wait(self) -> bool:
        """Can something happen later? Only in a session."""
        return self._schedule is not None

    def at(
        self,
        at_ms: int,
        act: Callable[[], None],
        wanted: Callable[[], bool] | None = None,
        *,
        recurring: bool = False,
    ) -> None:
        """Do `act` then, unless it is not `wanted` any more. What is `recurring` happens while time
        is let pass; one who only runs executions to their end jumps over it, and it is done later
        than due. UnsupportedError without a session."""
        if self._schedule is None:
            raise UnsupportedError(
                "something is to happen later",
                hint="it needs a running session: Session, or the pytest fixture",
            )
        self._schedule(at_ms, act, wanted, recurring=recurring)

    # Calls

    @cached_property
    def tables(self) -> Tables:
        """Loaded when somebody has one: that takes as long as many a run."""
        from sfnlocal.services.dynamodb.api import Tables

        return Tables(self)

    def waits_for_first_call(self, service: str, params: Mapping[str, Json] | None = None) -> bool:
        """Something is to be made for the first call of a service (with such parameters), which
        nobody has made yet."""
        return bool(self._waiting(service, params))

    def _waiting(self, service: str, params: Mapping[str, Json] | None) -> list[_Preparation]:
        waiting = self._preparations.get(service, [])
        return [one for one in waiting if params is None or one.concerns(params)]

    def call(
        self, service: str, operation: str, params: dict[str, Json], caller: Caller | None = None
    ) -> dict[str, Json]:
        """One call, by client name and operation: `call("sqs", "SendMessage", ...)`. What is
        answered later is waited for, in virtual time. Raises ApiError."""
        answer = self.begin(service, operation, params, caller)
        return self._waited_for(operation, answer) if isinstance(answer, Future) else answer

    def begin(
        self, service: str, operation: str, params: dict[str, Json], caller: Caller | None = None
    ) -> Answer:
        """The same, and a Future where the service answers later."""
        self.prepare(service, params)
        if service not in self._routes:
            with self.acting(caller):
                return self._simulated().call(service, operation, params)
        with self.acting(caller):
            try:
                self.before_call(service, operation, params)
            except AnsweredError as answered:
                return answered.answer
            answer = self._routed_answer(service, operation, params)
            if isinstance(answer, Future):
                answer.add_done_callback(lambda one: self._told(service, operation, params, one))
                return answer
            self.tell(service, operation, params, answer)
            try:
                self.after_call(service, operation, params)
            except LostAnswerError as lost:
                raise ApiError("RequestTimeout", str(lost), 500) from None
        return answer

    def add_gate(self, gate: Gate) -> None:
        """Let `gate` look at each call of a service, before and after it."""
        self._gates.append(gate)

    @contextmanager
    def acting(self, caller: Caller | None) -> Iterator[None]:
        """Calls of this thread are made by `caller` inside; None: by whom they were before."""
        if caller is None:
            yield
            return
        token = self._acting.set(caller)
        try:
            yield
        finally:
            self._acting.reset(token)

    def before_call(self, service: str, operation: str, params: Mapping[str, Json]) -> None:
        """A service is about to be called. Raises ApiError where a gate refuses it, AnsweredError
        where it answers for the service. A handler whose call has ended comes no further."""
        handler_thread()
        for gate in self._open_gates():
            gate.before(self._service_call(service, operation, params))

    def after_call(self, service: str, operation: str, params: Mapping[str, Json]) -> None:
        """A service has done its work. Raises LostAnswerError where its answer is to be lost."""
        for gate in self._open_gates():
            gate.after(self._service_call(service, operation, params))

    def _open_gates(self) -> list[Gate]:
        return [] if self._prepares_here() else self._gates

    def _service_call(
        self, service: str, operation: str, params: Mapping[str, Json]
    ) -> ServiceCall:
        caller = self._acting.get()
        if caller is None:
            # What a handler's call sets going on its thread is not the handler's: it is acting.
            handler = current_call()
            caller = None if handler is None else handler.caller
        return ServiceCall(service, operation, params, caller)

    def _routed_answer(self, service: str, operation: str, params: dict[str, Json]) -> Answer:
        route, guarded = self._routes[service]
        if not guarded:
            return route(operation, params)
        with self.guard:
            return route(operation, params)

    def _told(
        self,
        service: str,
        operation: str,
        params: dict[str, Json],
        answer: Future[dict[str, Json]],
    ) -> None:
        if not answer.cancelled() and answer.exception() is None:
            self.tell(service, operation, params, answer.result())

    def _waited_for(self, operation: str, answer: Future[dict[str, Json]]) -> dict[str, Json]:
        if self._real_time:
            return answer.result()
        handler = handler_thread()
        if handler is not None and self._is_shared:
            answer.cancel()
            raise UnsupportedError(
                f"a handler waits for {operation} while others let virtual time pass",
                hint="serve in real time, without --virtual-time",
            )
        self._let_happen(answer)
        if handler is not None and not answer.done():
            handler.end_by_time_out()
        if not answer.done():
            answer.cancel()
            raise UnsupportedError(
                f"{operation} waits for what cannot happen before it is answered",
                hint="call it from outside of this server, or serve in real time",
            )
        return answer.result()

    @property
    def _is_shared(self) -> bool:
        return not isinstance(self.guard, nullcontext)

    def _let_happen(self, answer: Future[dict[str, Json]], until_ms: int | None = None) -> int:
        """Until it is answered, or nothing is due up to `until_ms`. What time it is then."""
        handler = handler_thread()
        if handler is not None:
            handler.let_happen(
                lambda deadline_ms: self._let_happen(
                    answer, min(deadline_ms, until_ms or deadline_ms)
                )
            )
        elif self._turn is not None:
            with self.guard:
                if isinstance(answer, LongPoll):
                    answer.awaited_here()
                while not answer.done() and self._turn(until_ms):
                    pass
        return self._now_ms

    def client(self, service: str) -> Any:
        """A boto3 client, made once. It does not retry: in frozen time nothing gets better."""
        return self._simulated().client(service)

    def route(self, service: str, answer: Route, *, guarded: bool = False) -> None:
        """Let `answer` answer a service: a client name (`stepfunctions`) or endpoint prefix
        (`states`). Routes that are `guarded` answer one call at a time."""
        self._routes[service] = _Routed(answer, guarded)
        self._makers.pop(service, None)

    def is_routed(self, service: str) -> bool:
        return service in self._routes

    def observe(self, observer: Observer) -> None:
        """Tell `observer` of successful calls. It may run on a handler's thread, in the middle of
        its call."""
        self._observers.append(observer)

    def on_demand(self, service: str, make: Callable[[], object]) -> None:
        """Call `make`, which routes or observes a service, before anybody's first call of it."""
        self._makers[service] = make

    def before_first_call(
        self,
        service: str,
        prepare: Callable[[], None],
        concerns: Callable[[Mapping[str, Json]], bool] = lambda params: True,
    ) -> None:
        """Call `prepare` before anybody's first call of a service, with parameters that it
        `concerns`; what it does there happens at the time at which everything began, and is not
        observed."""
        self._preparations.setdefault(service, []).append(_Preparation(prepare, concerns))

    def before_each_call(self, service: str, refresh: Callable[[], None]) -> None:
        """Call `refresh` before any call of a service: what nobody looks at need not be done. It
        may call no service itself."""
        self._refreshers[service] = refresh

    def prepare_all(self) -> None:
        """Do now what else waits for the first call: before calls come from several threads."""
        for service in [*self._makers, *self._preparations]:
            self.prepare(service)

    def prepare(self, service: str, params: Mapping[str, Json] | None = None) -> None:
        """Do what waits for a call of the service; None: for any."""
        with self.lock:
            make = self._makers.pop(service, None)
            if make is not None:
                make()
            for waiting in self._waiting(service, params):
                self._preparations[service].remove(waiting)
                self.at_the_start(waiting.prepare)
            refresh = self._refreshers.get(service)
            if refresh is not None and not self._prepares_here():
                refresh()

    def at_the_start(self, prepare: Callable[[], None]) -> None:
        """What is done when it is first needed, as if it had been there since the beginning."""
        now_ms, preparing = self._now_ms, self._preparing
        self.move_to(self._start_ms)
        self._preparing = threading.get_ident()
        try:
            prepare()
        finally:
            self._preparing = preparing
            self.move_to(now_ms)

    def _prepares_here(self) -> bool:
        """Other threads' calls go on meanwhile, and are observed."""
        return self._preparing == threading.get_ident()

    # Calls of other processes, which come over HTTP

    def simulate(self, service: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """moto's response to a request for `SERVICE.REGION.amazonaws.com`; None where it knows no
        such service."""
        simulation = self._simulated()
        self.prepare(service)
        response = simulation.answer(service, request)
        if service == "s3" and response is not None and response.status_code < 300:
            self._tell_of_object(request, response)
        return response

    def _tell_of_object(self, request: AWSPreparedRequest, response: AWSResponse) -> None:
        from sfnlocal.services.object_requests import object_call

        body = request.body or b""
        call = object_call(
            request.method or "",
            request.url,
            body if isinstance(body, bytes) else b"",
            {name.lower(): value for name, value in request.headers.items()},
            response.headers,
        )
        if call is not None:
            self.tell("s3", *call)

    def answer(self, service: str, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        """What a routed service answers; nobody is told. Raises ApiError."""
        answer = self._routed_answer(service, operation, params)
        return self._waited_for(operation, answer) if isinstance(answer, Future) else answer

    def tell(
        self, service: str, operation: str, params: dict[str, Json], response: dict[str, Json]
    ) -> None:
        """Tell the observers of a successful call."""
        if not self._prepares_here():
            for observer in self._observers:
                observer(service, operation, params, response)

    # Events

    def on_event(self, listener: EventListener) -> None:
        """Tell `listener` of the events that services send to the default event bus."""
        self._event_listeners.append(listener)

    def emit(self, source: str, detail_type: str, detail: Json, resources: list[str]) -> None:
        """A service (`aws.s3`) sends an event."""
        for listener in self._event_listeners:
            listener(source, detail_type, detail, resources)
