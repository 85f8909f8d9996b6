"""The function host: calls the app's Lambda functions, and those that the Lambda API creates.

A call gives what Lambda's Invoke gives: a payload, and `function_error` "Unhandled" where the
payload describes an error. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sfnlocal.errors import ApiError, HandlerError
from sfnlocal.limits import LAMBDA_PAYLOAD_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services.deployed_functions import deployed_functions
from sfnlocal.services.environments import Environments, Request
from sfnlocal.services.environments_in_process import Abandoned, InProcessEnvironments
from sfnlocal.services.function_code import CodeArchives
from sfnlocal.services.function_concurrency import Concurrency
from sfnlocal.services.function_metrics import FunctionMetrics
from sfnlocal.services.function_registry import LATEST, Target
from sfnlocal.services.handler_process import HandlerClock, current_call, sleep_virtually
from sfnlocal.template.resources import App, Function

_THROTTLED = 429

__all__ = ["LATEST", "Abandoned", "FunctionHost", "Invocation"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """`payload` is the response, or the error's description where `function_error` is set.
    `elapsed_ms` is virtual time, `log` what the handler printed and logged."""

    payload: Json
    function_error: str | None
    elapsed_ms: int
    log: str
    executed_version: str
    request_id: str

    @property
    def payload_text(self) -> str:
        """The payload as the Python runtime writes it."""
        return json.dumps(self.payload, ensure_ascii=False)


class _StillClock:
    """Leaves the time of this process alone."""

    def take_over(self) -> None:
        pass

    def move_to(self, now_ms: int) -> None:
        pass


class FunctionHost:
    """`environments` are where functions run: in this process unless something else is given, and
    then calls may come from several threads. `clock` shows handlers their virtual time; `Aws` puts
    itself there, and the `metrics` that calls are counted in."""

    def __init__(
        self,
        app: App,
        clock: HandlerClock | None = None,
        *,
        seed: int = 0,
        real_time: bool = False,
        environments: Environments | None = None,
    ) -> None:
        self.clock: HandlerClock = clock or _StillClock()
        self.metrics: FunctionMetrics | None = None
        self.registry = deployed_functions(app, seed=seed)
        self.environments = environments or InProcessEnvironments(real_time=real_time)
        self.archives = CodeArchives()
        self._concurrency = Concurrency(self.environments.concurrency_max)
        self._rng = random.Random(f"{seed}/requests")
        self._rng_lock = threading.Lock()
        self._observers: list[Callable[[str, Invocation], None]] = []

    def observe(self, observer: Callable[[str, Invocation], None]) -> None:
        """Tell `observer` of each call that has ended: the function's name, and what came out."""
        self._observers.append(observer)

    def check(self) -> None:
        """The cold start of every function that runs here. HandlerError where one fails, which
        on AWS only its first call would tell."""
        for deployed in self.registry:
            if deployed.latest.function.code_folder is not None:
                self._check(Target(deployed, deployed.latest, deployed.arn))

    def _check(self, target: Target) -> None:
        function = target.version.function
        failed = self.environments.start(self._request(target, "{}", now_ms=0))
        if failed is not None:
            raise HandlerError(
                f"{failed.payload['errorType']}: {failed.payload['errorMessage']}",
                where=f"{function.resource.where} ({function.handler} in {function.code_folder})",
                hint="the first call would fail like this on AWS too",
            )

    def invoke(
        self,
        name_or_arn: str,
        payload: Json,
        *,
        now_ms: int,
        client_context: Mapping[str, Json] | None = None,
        qualifier: str | None = None,
        request_id: str | None = None,
    ) -> Invocation:
        """Call a function; `request_id` is that of an event, all of whose attempts share it. Raises
        ApiError for an unknown function and where Lambda would throttle, UnsupportedError for one
        whose code does not run here."""
        target = self.registry.resolve(name_or_arn, qualifier)
        event = json.dumps(payload)
        if len(event) > LAMBDA_PAYLOAD_BYTES_MAX:
            limit = f"{LAMBDA_PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation"
            raise ApiError("RequestTooLargeException", f"Request must be smaller than {limit}", 413)
        deployed, version, _ = target
        request = self._request(target, event, now_ms, client_context, request_id)
        reserved = deployed.reserved_concurrency
        metrics = self.metrics
        try:
            with self._concurrency.call(deployed.name, reserved, now_ms) as slot:
                response = self.environments.invoke(request)
                slot.until_ms = now_ms + response.elapsed_ms
        except ApiError as error:
            if metrics is not None and error.http_status == _THROTTLED:
                metrics.throttled(deployed.name, target.qualifier, version.number, now_ms)
            raise
        if metrics is not None:
            metrics.called(
                deployed.name,
                target.qualifier,
                version.number,
                failed=response.failed,
                elapsed_ms=response.elapsed_ms,
                concurrent=slot.concurrent,
                log=response.log,
                now_ms=now_ms,
            )
        answer = Invocation(
            payload=response.payload,
            function_error="Unhandled" if response.failed else None,
            elapsed_ms=response.elapsed_ms,
            log=response.log,
            executed_version=version.number,
            request_id=request.request_id,
        )
        for observer in self._observers:
            observer(deployed.name, answer)
        if answer.elapsed_ms and current_call() is not None:
            sleep_virtually(answer.elapsed_ms / 1000)
        return answer

    def _request(
        self,
        target: Target,
        event: str,
        now_ms: int,
        client_context: Mapping[str, Json] | None = None,
        request_id: str | None = None,
    ) -> Request:
        with self._rng_lock:
            request_id = request_id or str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
        return Request(
            function=target.version.function,
            version=target.version.number,
            function_arn=target.arn,
            request_id=request_id,
            event=event,
            client_context=client_context,
            now_ms=now_ms,
            clock=self.clock,
        )

    def find(self, name_or_arn: str, qualifier: str | None = None) -> Function:
        """Raises ApiError where there is no such function, version or alias."""
        return self.registry.locate(name_or_arn, qualifier).version.function

    @property
    def abandoned(self) -> list[Abandoned]:
        """Calls of handlers in this process that were ended by a time-out or Ctrl-C."""
        environments = self.environments
        return environments.abandoned if isinstance(environments, InProcessEnvironments) else []

    def close(self) -> None:
        self.environments.close()
        self.archives.close()
