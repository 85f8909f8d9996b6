"""boto3 in this process, for one Aws: who imports this loads it.

Strategy: botocore calls the same built-in handlers for every client that anybody in this process
makes. While started, ours stand first among them: a call of a routed service never leaves
botocore, everything else goes to moto under one lock (it is not thread-safe), which is loaded then;
and what neither answers is refused by name. Time is frozen, except in real time.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import botocore.handlers
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError, ReadTimeoutError
from botocore.model import OperationModel, ServiceModel

from sfnlocal.errors import AnsweredError, ApiError, InputError, LostAnswerError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services import moto_differences
from sfnlocal.services.client_answers import error_response, metadata, parsed
from sfnlocal.services.client_hooks import Hook, hooked, without_moto
from sfnlocal.services.kept_clients import KeptClients
from sfnlocal.services.routed_clients import RoutedClient
from sfnlocal.services.service_models import service_models

if TYPE_CHECKING:
    import time_machine

    from sfnlocal.services.aws import Aws
    from sfnlocal.services.moto_backend import MotoBackend

# Of signature versions: of URLs and forms that are signed for others.
_PRESIGNED = ("-query", "-presign-post")
_PARAMETERS = "sfnlocal_parameters"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_NOT_SIMULATED = "mock the states that call it, or answer it with Session.aws.route()"
_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


class Simulation:
    """Runs from the moment at which it is made until `stop`; one at a time."""

    def __init__(self, aws: Aws, *, seed: int, real_time: bool) -> None:
        handlers: list[Any] = botocore.handlers.BUILTIN_HANDLERS
        if any(isinstance(getattr(one[1], "__self__", None), Simulation) for one in handlers):
            raise InputError(
                "another session is running in this process",
                hint="leave its `with` block, or call its stop(), first",
            )
        self._aws = aws
        self._seed = seed
        self._clients: dict[str, Any] = {}
        self._request_ids = random.Random(f"{seed}/aws")
        self._time: time_machine.Traveller | None = None
        self._shown_ms = 0
        self._backend: MotoBackend | None = None
        with ExitStack() as undo:
            undo.enter_context(hooked(self._hooks()))
            undo.enter_context(patch.dict(os.environ, _CREDENTIALS))
            if not real_time:
                self._freeze(undo)
            self._session = self._new_session()
            # Handlers that call boto3.client() get this one.
            undo.enter_context(patch.object(boto3, "DEFAULT_SESSION", self._session))
            undo.callback(self._stop_moto)
            self._undo = undo.pop_all()

    def stop(self) -> None:
        self._undo.close()

    def serve(self, aws: Aws, *, seed: int) -> None:
        """From here on answer for another Aws, as if it had just been made."""
        self._aws = aws
        self._seed = seed
        self._request_ids = random.Random(f"{seed}/aws")
        if self._backend is not None:
            self._backend.forget(seed=seed)
        self.move_to(aws.now_ms)

    def _hooks(self) -> list[Hook]:
        return [
            ("creating-client-class", self._make_routed),
            ("before-parameter-build", self._keep_parameters),
            ("before-call", self._answer_here),
            ("before-send", self._answer_simulated),
            ("after-call", self._answered),
            ("choose-signer.s3", self._expect_requests),
        ]

    def _moto(self) -> MotoBackend:
        """To be called with the lock."""
        if self._backend is None:
            from sfnlocal.services.moto_backend import MotoBackend

            without_moto()
            self._backend = MotoBackend(lambda: self._aws, seed=self._seed)
        return self._backend

    def _stop_moto(self) -> None:
        if self._backend is not None:
            self._backend.stop()

    def _freeze(self, undo: ExitStack) -> None:
        # It imports pytest where that is installed: 90 ms that a server in real time is spared.
        import time_machine

        self._shown_ms = self._aws.now_ms
        moment = datetime.fromtimestamp(self._shown_ms / 1000, UTC)
        travel = time_machine.travel(moment, tick=False)
        self._time = travel.start()
        undo.callback(travel.stop)

    def _new_session(self) -> KeptClients:
        core = botocore.session.Session()
        core.register_component("data_loader", service_models())
        return KeptClients(
            lambda service: self._route_of(service) is not None,
            aws_access_key_id="local",
            aws_secret_access_key="local",
            aws_session_token="local",
            region_name=self._aws.app.region,
            botocore_session=core,
        )

    def move_to(self, now_ms: int) -> None:
        if self._time is not None and now_ms != self._shown_ms:
            # `move_to` sets the time zone anew.
            self._time.shift(timedelta(milliseconds=now_ms - self._shown_ms))
            self._shown_ms = now_ms

    def client(self, service: str) -> Any:
        """A boto3 client, made once. It does not retry: in frozen time nothing gets better."""
        client = self._clients.get(service)
        if client is None:
            config = Config(
                retries={"total_max_attempts": 1}, response_checksum_validation="when_required"
            )
            client = self._clients[service] = self._session.new_client(service, config)
        return client

    def call(self, service: str, operation: str, params: dict[str, Json]) -> dict[str, Json]:
        """One call through boto3. Raises ApiError."""
        try:
            response: dict[str, Json] = self.client(service)._make_api_call(operation, params)
        except ClientError as error:
            answered = error.response
            raise ApiError(
                answered["Error"]["Code"],
                answered["Error"]["Message"],
                answered["ResponseMetadata"]["HTTPStatusCode"],
            ) from None
        except ParamValidationError as error:
            raise ApiError("ValidationException", str(error)) from None
        except ReadTimeoutError as error:
            raise ApiError("RequestTimeout", str(error), 500) from None
        return response

    def answer(
        self, service: str, request: AWSPreparedRequest, event_name: str = ""
    ) -> AWSResponse | None:
        """moto's response, as MotoBackend gives it."""
        with self._aws.lock:
            return self._moto().answer(service, request, event_name)

    # Hooks, called by botocore

    def _make_routed(
        self, class_attributes: dict[str, Any], base_classes: list[type], **_: Any
    ) -> None:
        class_attributes["route_of"] = staticmethod(self._route_of)
        base_classes.insert(0, RoutedClient)

    def _keep_parameters(
        self, params: dict[str, Any], model: OperationModel, context: dict[str, Any], **_: Any
    ) -> None:
        context[_PARAMETERS] = dict(params)

    def _answer_here(
        self, model: OperationModel, context: dict[str, Any], **_: Any
    ) -> tuple[AWSResponse, dict[str, Any]] | None:
        """Answers for a routed service, and refuses what moto would not."""
        service, params = model.service_model, context[_PARAMETERS]
        name = service.service_name
        self._aws.prepare(name, params)
        request_id = str(uuid.UUID(int=self._request_ids.getrandbits(128), version=4))
        status, answer = 200, dict[str, Any]()
        try:
            self._aws.before_call(name, model.name, params)
            route = self._route_of(service)
            if route is None:
                refused = moto_differences.refused(name, model.name, params)
                if refused is None:
                    return None
                raise refused
            answer = parsed(self._aws.answer(route, model.name, params), model.output_shape)
            answer["ResponseMetadata"] = metadata(status, request_id)
        except AnsweredError as answered:
            answer = {**answered.answer, "ResponseMetadata": metadata(status, request_id)}
        except ApiError as error:
            status, answer = error.http_status, error_response(error, request_id)
        return AWSResponse("", status, HTTPHeaders(), _NoBody()), answer

    def _route_of(self, service: ServiceModel) -> str | None:
        names = service.service_name, service.endpoint_prefix
        return next(filter(self._aws.is_routed, names), None)

    def _answer_simulated(
        self, event_name: str, request: AWSPreparedRequest, **_: Any
    ) -> AWSResponse | None:
        host = urlsplit(request.url).hostname or ""
        if host in _LOOPBACK:
            return None
        called = ":".join(event_name.split(".")[1:])
        response = self.answer(called, request, event_name)
        if response is None:
            raise UnsupportedError(
                f"{called} is not simulated, and {host} is not called",
                hint=_NOT_SIMULATED,
            )
        return response

    def _expect_requests(self, signature_version: object = None, **_: object) -> None:
        """What is signed for others may be sent without a client: moto hears that too."""
        if not str(signature_version).endswith(_PRESIGNED):
            return
        with self._aws.lock:
            self._moto()
        self._aws.prepare("s3")

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
        if not failed:
            moto_differences.correct(service, model.name, params, parsed)
            self._aws.tell(service, model.name, params, parsed)
            try:
                self._aws.after_call(service, model.name, params)
            except LostAnswerError as lost:
                # What a client says that has waited for long enough.
                raise ReadTimeoutError(endpoint_url=service, error=lost) from None


class _NoBody:
    def stream(self, **_: object) -> Iterator[bytes]:
        return iter(())
