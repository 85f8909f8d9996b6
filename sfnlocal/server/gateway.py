"""Where a request goes: to Step Functions, to Lambda, to another service's simulation, or to the
server itself.

The service is the one that the signature is for, so one endpoint serves all of them:
AWS_ENDPOINT_URL is all that a program needs. A page in a browser cannot get here: requests that
name a foreign Host or Origin are refused.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import random
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor, Future
from urllib.parse import unquote, urlsplit

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, SfnLocalError
from sfnlocal.server.api import StepFunctionsApi
from sfnlocal.server.executions import Answer, Params
from sfnlocal.server.http import Request, Response
from sfnlocal.server.http_endpoints import ApiRequest, HttpEndpoints
from sfnlocal.server.queue_polls import answered
from sfnlocal.server.turns import Turns
from sfnlocal.services.presigned_urls import PresignedUrl
from sfnlocal.timestamps import iso_time
from sfnlocal.triggers.timeline_text import timeline_data

_JSON = "application/x-amz-json-1.0"
# KEY/DATE/REGION/SERVICE/aws4_request, in a header or the query.
_SCOPE = re.compile(r"Credential=[^/,\s&]+/\d+/[^/,\s&]*/([\w-]+)/aws4_request")
# GetActivityTask holds a request for so long.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetActivityTask.html
LONG_POLL_SECONDS = 60.0

# Until the year 9999.
_SECONDS_MAX = 253_402_300_799

_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
_FAULT_TYPE = "com.amazonaws.swf.service.v2.model"
_CORAL = "com.amazon.coral"
_FAULT_TYPES = {
    "UnknownOperationException": f"{_CORAL}.service#UnknownOperationException",
    "SerializationException": f"{_CORAL}.service#SerializationException",
    "ValidationException": f"{_CORAL}.validate#ValidationException",
}


class Gateway:
    """`host` is what the server is bound to; `respond` is what it answers with. Requests for Lambda
    are carried out by `callers`, those for other services by `pool`."""

    def __init__(
        self,
        session: Session,
        api: StepFunctionsApi,
        turns: Turns,
        pool: Executor,
        callers: Executor,
        host: str,
    ) -> None:
        self._session = session
        self._api = api
        self._turns = turns
        self._pool = pool
        self._callers = callers
        self._host = host
        self.http_apis = HttpEndpoints(session, callers)
        self._ids = random.Random(f"{session.seed}/requests")
        self._own: Mapping[tuple[str, str], Callable[[Request], Params | Future[int]]] = {
            ("GET", "/_sfnlocal/health"): self._health,
            ("GET", "/_sfnlocal/clock"): self._clock,
            ("POST", "/_sfnlocal/clock"): self._advance,
            ("GET", "/_sfnlocal/timeline"): self._timeline,
        }

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        try:
            self._check_host(request.headers)
            asked = self.http_apis.asked(request)
            if asked is not None:
                return self._http_api(asked, request)
            self._check_origin(request.headers)
            presigned = self.http_apis.presigned(request)
            if presigned is not None:
                return self._presigned(presigned, request)
            path = request.target.partition("?")[0]
            if path.startswith("/_sfnlocal/"):
                return self._own_answer(request, path)
            target = request.headers.get("x-amz-target", "")
            prefix, _, operation = target.partition(".")
            if prefix == self._api.model.target_prefix:
                return self._step_functions(operation, request)
            service = _signed_service(request)
            if service is None or service == "states":
                raise ApiError("UnknownOperationException", "")
            return self._elsewhere(service, request)
        except SfnLocalError as error:
            return self._error(error)

    def refuse(self, status: int, message: str) -> Response:
        """The response to a request that cannot be read."""
        return self._fault("RequestRefused", f"sfnlocal: {message}", status)

    # Who may ask

    def _check_host(self, headers: Mapping[str, str]) -> None:
        host = headers.get("host")
        if host is None or not self._is_ours(f"//{host}"):
            raise ApiError("AccessDeniedException", f"foreign Host header: {host!r}", 403)

    def _check_origin(self, headers: Mapping[str, str]) -> None:
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin):
            raise ApiError("AccessDeniedException", f"foreign Origin header: {origin!r}", 403)

    def _is_ours(self, url: str) -> bool:
        try:
            name = urlsplit(url).hostname or ""
        except ValueError:
            return False
        # botocore puts a prefix before the host of some operations.
        name = name.removeprefix("sync-")
        if name == self._host or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        # A name can be made to point here, a number cannot.
        return address.is_loopback or self._host in ("0.0.0.0", "::", "")

    # HTTP APIs

    async def _http_api(self, asked: ApiRequest, request: Request) -> Response:
        try:
            if not self.http_apis.allows(asked, request.headers.get("origin", "")):
                self._check_origin(request.headers)
            return await self.http_apis.answer(asked, request)
        except SfnLocalError as error:
            return self._error(error)

    async def _presigned(self, presigned: PresignedUrl, request: Request) -> Response:
        try:
            return await self.http_apis.answer_presigned(presigned, request)
        except SfnLocalError as error:
            return self._error(error)

    # Step Functions

    def _step_functions(self, operation: str, request: Request) -> Response | Awaitable[Response]:
        answer = self._begin(operation, request.body)
        if isinstance(answer, dict):
            return self._json(answer)
        waiting = asyncio.wrap_future(answer)
        if operation == "GetActivityTask":
            return self._long_poll(waiting)
        return self._later(waiting)

    def _begin(self, operation: str, body: bytes) -> Answer:
        try:
            params = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            raise ApiError("SerializationException", "") from None
        if not isinstance(params, dict):
            raise ApiError(
                "SerializationException", "Start of structure or map expected at the top level."
            )
        with self._turns:
            return self._api.begin(operation, params)

    async def _long_poll(self, task: asyncio.Future[Params]) -> Response:
        try:
            async with asyncio.timeout(LONG_POLL_SECONDS):
                return self._json(await task)
        except TimeoutError:
            return self._json({"taskToken": None})

    async def _later(self, answer: asyncio.Future[Params]) -> Response:
        try:
            return self._json(await answer)
        except SfnLocalError as error:
            return self._error(error)

    # Others

    async def _elsewhere(self, service: str, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        try:
            pool = self._callers if service == "lambda" else self._pool
            answer = await loop.run_in_executor(pool, self._answer, service, request)
            response = answer if isinstance(answer, Response) else await answered(answer)
            headers = {"x-amzn-requestid": self._new_request_id(), **response.headers}
            return Response(response.status, response.body, headers)
        except SfnLocalError as error:
            if service == "lambda" or "x-amz-target" in request.headers:
                return self._error(error)
            from sfnlocal.server.simulated import xml_fault

            return xml_fault(service, error)

    def _answer(self, service: str, request: Request) -> Response | Future[Response]:
        """On a thread of a pool. Loaded here: it imports botocore, which Step Functions' own
        requests do without."""
        from sfnlocal.server.wires import client_name

        client = client_name(service)
        if self._session.aws.is_routed(client):
            from sfnlocal.server.routed import routed_answer

            return routed_answer(self._session.aws, client, request)
        from sfnlocal.server.simulated import SimulatedServices

        return SimulatedServices(self._session).answer(service, request)

    # The server itself

    def _own_answer(self, request: Request, path: str) -> Response | Awaitable[Response]:
        answer = self._own.get((request.method, path))
        if answer is None:
            raise ApiError("UnknownOperationException", f"no {request.method} {path} here", 404)
        result = answer(request)
        if isinstance(result, dict):
            return self._json(result)
        return self._clock_later(asyncio.wrap_future(result))

    def _health(self, request: Request) -> Params:
        return {"status": "ready", "virtualTime": self._turns.virtual}

    def _clock(self, request: Request) -> Params:
        return {"now": iso_time(self._session.now_ms)}

    def _timeline(self, request: Request) -> Params:
        with self._turns:
            entries = timeline_data(self._session.aws.timeline, self._session.app)
        return {"timeline": entries}

    def _advance(self, request: Request) -> Future[int]:
        """Body: {"seconds": N} or {"to": epoch milliseconds}. Answered when it is that late."""
        try:
            wanted = json.loads(request.body)
        except (ValueError, RecursionError):
            wanted = None
        match wanted:
            case {"seconds": int() | float() as seconds} if 0 <= seconds <= _SECONDS_MAX:
                return self._turns.advance(round(seconds * 1000))
            case {"to": int() as until_ms} if 0 <= until_ms <= _SECONDS_MAX * 1000:
                return self._turns.advance_to(until_ms)
        message = 'the body is {"seconds": N} or {"to": epoch milliseconds}'
        raise ApiError("ValidationException", message)

    async def _clock_later(self, reached: asyncio.Future[int]) -> Response:
        return self._json({"now": iso_time(await reached)})

    # Responses

    def _json(self, answer: Params) -> Response:
        return self._response(200, answer)

    def _error(self, error: SfnLocalError) -> Response:
        if isinstance(error, ApiError):
            return self._fault(error.aws_code, error.message, error.http_status)
        return self._fault("NotSupportedBySfnlocal", str(error), 501)

    def _fault(self, code: str, message: str, status: int) -> Response:
        fault_type = _FAULT_TYPES.get(code, f"{_FAULT_TYPE}#{code}")
        return self._response(status, {"__type": fault_type, "message": message})

    def _response(self, status: int, answer: Params) -> Response:
        headers = {"x-amzn-requestid": self._new_request_id(), "content-type": _JSON}
        # Escaped, so that it can be sent whatever it holds.
        return Response(status, _encode(answer).encode("ascii"), headers)

    def _new_request_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))


def _signed_service(request: Request) -> str | None:
    """The service that a request is signed for."""
    found = _SCOPE.search(request.headers.get("authorization", ""))
    if found is None:
        query = request.target.partition("?")[2]
        found = _SCOPE.search(unquote(query))
    return None if found is None else found[1]
