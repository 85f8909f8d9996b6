"""AWS of this process: moto for what it simulates, our own services before it, and no network.

Strategy: botocore calls the same built-in handlers for every client that anybody in this process
makes. While started, ours stand first among them: a call of a routed service never leaves
botocore, everything else goes to moto under one lock (it is not thread-safe), and what neither
answers is refused by name. Time is frozen and moves with `move_to`.

Ids that moto makes (message ids, request ids, ...) come from its one random source, which is
seeded here: the same run gives the same ids.
"""

from __future__ import annotations

import functools
import random
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

import boto3
import botocore.handlers
import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.model import ListShape, OperationModel, Shape, StructureShape
from moto import mock_aws
from moto.core.botocore_stubber import MockRawResponse
from moto.core.common_models import BaseModel
from moto.core.models import botocore_stubber
from moto.moto_api._internal import mock_random

from sfnlocal.errors import ApiError, InputError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services import moto_differences
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.lambda_api import AsyncInvocations, LambdaApi, Schedule
from sfnlocal.template.resources import App

if TYPE_CHECKING:
    import time_machine

# Answers an operation of a routed service from its parameters; raises ApiError.
Route: TypeAlias = Callable[[str, dict[str, Json]], dict[str, Json]]
# Is told of each successful call: client name, operation, parameters, response.
Observer: TypeAlias = Callable[[str, str, dict[str, Json], dict[str, Json]], None]

_PARAMETERS = "sfnlocal_parameters"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NOT_SIMULATED = "mock the states that call it, or answer it with Session.aws.route()"


@functools.cache
def _service_models() -> botocore.loaders.Loader:
    """One loader for all sessions: it reads botocore's files, which do not change."""
    return botocore.loaders.create_loader()


class Aws:
    """Use it as a context manager, or `start` and `stop` it. `functions` are shown its time and
    answer Lambda's Invoke; `schedule` is where asynchronous invocations wait."""

    def __init__(
        self,
        app: App,
        functions: FunctionHost | None = None,
        *,
        now_ms: int | Callable[[], int],
        seed: int = 0,
        schedule: Schedule | None = None,
        real_time: bool = False,
    ) -> None:
        self.app = app
        self._real_time = real_time
        self._now_ms = now_ms if isinstance(now_ms, int) else now_ms()
        self._start_ms = self._now_ms
        self._seed = seed
        self._lock = threading.RLock()
        self._mock = mock_aws()
        self._travel: time_machine.travel | None = None
        self._time: time_machine.Traveller | None = None
        self._session: boto3.Session | None = None
        self._clients: dict[str, Any] = {}
        self._routes: dict[str, Route] = {}
        self._observers: list[Observer] = []
        self._preparations: dict[str, Callable[[], None]] = {}
        self._refreshers: dict[str, Callable[[], None]] = {}
        self._request_ids = random.Random(f"{seed}/aws")
        self._kept_handlers: list[Any] = []
        self._kept_new = BaseModel.__new__
        self._corrected_models = ExitStack()
        self._hooks = [
            ("before-parameter-build", self._keep_parameters),
            ("before-call", self._answer_here),
            ("before-send", self._answer_simulated),
            ("after-call", self._answered),
        ]
        if functions is not None:
            functions.clock = self
            events = AsyncInvocations(functions, schedule)
            self.route("lambda", LambdaApi(functions, events, lambda: self._now_ms, self.client))

    # Life

    def start(self) -> None:
        """From here on botocore's calls in this process are answered here; one Aws at a time."""
        if not any(one[1] is botocore_stubber for one in botocore.handlers.BUILTIN_HANDLERS):
            raise InputError(
                "another session is running in this process",
                hint="leave its `with` block, or call its stop(), first",
            )
        mock_random.seed(self._seed)
        # moto keeps every object it ever made, for its dashboard: memory would grow with each call.
        self._kept_new = BaseModel.__new__
        BaseModel.__new__ = _untracked  # type: ignore[method-assign]
        self._mock.start()
        self._corrected_models.enter_context(moto_differences.corrected_models())
        self._kept_handlers = list(botocore.handlers.BUILTIN_HANDLERS)
        # botocore asks all handlers of before-send: moto's own would answer once more.
        others = [one for one in self._kept_handlers if one[1] is not botocore_stubber]
        botocore.handlers.BUILTIN_HANDLERS[:] = [*self._hooks, *others]
        if not self._real_time:
            # It imports pytest where that is installed: 90 ms that a server in real time is spared.
            import time_machine

            self._travel = time_machine.travel(_moment(self._now_ms), tick=False)
            self._time = self._travel.start()
        self._session = self._new_session()
        # Handlers that call boto3.client() get this one.
        boto3.DEFAULT_SESSION = self._session

    def stop(self) -> None:
        if self._session is None:
            return
        if self._travel is not None:
            self._travel.stop()
        BaseModel.__new__ = self._kept_new  # type: ignore[method-assign]
        self._travel = self._time = self._session = None
        self._clients.clear()
        botocore.handlers.BUILTIN_HANDLERS[:] = self._kept_handlers
        self._corrected_models.close()
        self._mock.stop()

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

    def _new_session(self) -> boto3.Session:
        core = botocore.session.Session()
        core.register_component("data_loader", _service_models())
        return boto3.Session(
            aws_access_key_id="local",
            aws_secret_access_key="local",
            aws_session_token="local",
            region_name=self.app.region,
            botocore_session=core,
        )

    # Time

    @property
    def now_ms(self) -> int:
        """The virtual time; inside a handler, with what it has slept. Or the real time."""
        return time.time_ns() // 1_000_000 if self._real_time else self._now_ms

    def move_to(self, now_ms: int) -> None:
        if now_ms != self._now_ms:
            self._now_ms = now_ms
            if self._time is not None:
                self._time.move_to(_moment(now_ms))

    # Calls

    def client(self, service: str) -> Any:
        """A boto3 client, made once. It does not retry: in frozen time nothing gets better."""
        client = self._clients.get(service)
        if client is None:
            assert self._session is not None, "not started"
            config = Config(
                retries={"total_max_attempts": 1}, response_checksum_validation="when_required"
            )
            make: Callable[..., Any] = self._session.client
            client = self._clients[service] = make(service, config=config)
        return client

    def available_services(self) -> list[str]:
        """The names that `client` takes."""
        assert self._session is not None, "not started"
        return self._session.get_available_services()

    def route(self, service: str, answer: Route) -> None:
        """Let `answer` answer a service: a client name (`stepfunctions`) or endpoint prefix
        (`states`)."""
        self._routes[service] = answer

    def observe(self, observer: Observer) -> None:
        """Tell `observer` of successful calls. It may run on a handler's thread, in the middle of
        its call."""
        self._observers.append(observer)

    def before_first_call(self, service: str, prepare: Callable[[], None]) -> None:
        """Call `prepare` before anybody's first call of a service; what it does there happens at
        the time at which everything began, and is not observed."""
        self._preparations[service] = prepare

    def before_each_call(self, service: str, refresh: Callable[[], None]) -> None:
        """Call `refresh` before any call of a service: what nobody looks at need not be done. It
        may call no service itself."""
        self._refreshers[service] = refresh

    def prepare_all(self) -> None:
        """Do now what else waits for the first call: before calls come from several threads."""
        for service in list(self._preparations):
            self._prepare(service)

    def _prepare(self, service: str) -> None:
        with self._lock:
            prepare = self._preparations.pop(service, None)
            if prepare is not None:
                self._at_the_start(prepare)
            refresh = self._refreshers.get(service)
            if refresh is not None:
                refresh()

    def _at_the_start(self, prepare: Callable[[], None]) -> None:
        now_ms, observers, refreshers = self._now_ms, self._observers, self._refreshers
        self.move_to(self._start_ms)
        self._observers, self._refreshers = [], {}
        try:
            prepare()
        finally:
            self._observers, self._refreshers = observers, refreshers
            self.move_to(now_ms)

    # Calls of other processes, which come over HTTP

    def simulate(self, service: str, request: AWSPreparedRequest) -> AWSResponse | None:
        """moto's response to a request for `SERVICE.REGION.amazonaws.com`; None where it knows no
        such service."""
        self._prepare(service)
        return self._from_moto("", request)

    def _from_moto(self, event_name: str, request: AWSPreparedRequest) -> AWSResponse | None:
        request.headers["x-moto-account-id"] = self.app.account
        with self._lock:
            response = botocore_stubber(event_name, request)
        return None if response is None or _is_unknown(response) else response

    def answer(self, service: str, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        """What a routed service answers. Raises ApiError."""
        return self._routes[service](operation, params)

    def tell(
        self, service: str, operation: str, params: dict[str, Json], response: dict[str, Json]
    ) -> None:
        """Tell the observers of a successful call."""
        for observer in self._observers:
            observer(service, operation, params, response)

    # Hooks, called by botocore

    def _keep_parameters(
        self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: Any
    ) -> None:
        if model.name == "ReceiveMessage" and "QueueUrl" in params:
            # A long poll in frozen time would wait for ever.
            params["WaitTimeSeconds"] = 0
        context[_PARAMETERS] = dict(params)

    def _answer_here(
        self, model: OperationModel, context: dict[str, Any], **_: Any
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Answers for a routed service, and refuses what moto would not."""
        service, params = model.service_model, context[_PARAMETERS]
        name = service.service_name
        self._prepare(name)
        answer = self._routes.get(name) or self._routes.get(service.endpoint_prefix)
        status = 200
        parsed: dict[str, Any]
        try:
            if answer is None:
                refused = moto_differences.refused(name, model.name, params)
                if refused is None:
                    return None
                raise refused
            parsed = _parsed(answer(model.name, params), model.output_shape)
        except ApiError as error:
            status = error.http_status
            parsed = {
                "Error": {"Code": error.aws_code, "Message": error.message},
                # Some services' errors have their message as a member too.
                "message": error.message,
            }
        request_id = str(uuid.UUID(int=self._request_ids.getrandbits(128), version=4))
        parsed["ResponseMetadata"] = {
            "RequestId": request_id,
            "HTTPStatusCode": status,
            "HTTPHeaders": {"x-amzn-requestid": request_id},
            "RetryAttempts": 0,
        }
        return AWSResponse("", status, HTTPHeaders(), MockRawResponse(b"")), parsed

    def _answer_simulated(
        self, event_name: str, request: AWSPreparedRequest, **_: Any
    ) -> AWSResponse | None:
        host = urlsplit(request.url).hostname or ""
        if host in _LOOPBACK:
            return None
        called, operation = event_name.split(".")[1:]
        try:
            response = self._from_moto(event_name, request)
        except NotImplementedError as error:
            raise UnsupportedError(
                f"{called}:{operation} is not simulated: {error}", hint=_NOT_SIMULATED
            ) from error
        if response is None:
            raise UnsupportedError(
                f"{called}:{operation} is not simulated, and {host} is not called",
                hint=_NOT_SIMULATED,
            )
        return response

    def _answered(
        self,
        http_response: AWSResponse,
        parsed: dict[str, Any],
        model: OperationModel,
        context: dict[str, Any],
        **_: Any,
    ) -> None:
        service, params = model.service_model.service_name, context[_PARAMETERS]
        failed = http_response.status_code >= 300
        moto_differences.correct(service, model.name, params, parsed, failed)
        if not failed:
            self.tell(service, model.name, params, parsed)


def _untracked(cls: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    return object.__new__(cls)


def _parsed(value: Json, shape: Shape | None) -> Any:
    """What botocore would have made of the response: epoch seconds become datetimes."""
    match shape:
        case StructureShape():
            members = shape.members
            return {name: _parsed(item, members.get(name)) for name, item in value.items()}
        case ListShape():
            return [_parsed(item, shape.member) for item in value]
    if shape is not None and shape.type_name == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    return value


def _moment(now_ms: int) -> datetime:
    return datetime.fromtimestamp(now_ms / 1000, UTC)


def _is_unknown(response: AWSResponse) -> bool:
    if response.status_code != 404:
        return False
    raw: MockRawResponse = response.raw
    return raw.getvalue() == b"Not yet implemented"
