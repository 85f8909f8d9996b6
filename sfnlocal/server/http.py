"""HTTP/1.1 on one thread: requests read whole, answered one after the other on each connection.

httptools (llhttp) parses; this module keeps the limits. A request that is malformed, too large or
does not arrive in time is answered with an error and its connection closed. It looks at
no wall clock: the process's time may be virtual, and jump.
"""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias

import httptools

HEADER_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024
CONNECTIONS_MAX = 1000
# A request arrives within this time; S3 uploads are what takes long.
REQUEST_SECONDS_MAX = 60.0
# A client that sends nothing, or takes nothing, for so long is gone.
SILENCE_SECONDS_MAX = 15.0
IDLE_SECONDS_MAX = 120.0
LINGER_SECONDS_MAX = 2.0


@dataclass(slots=True)
class Request:
    """Header names are in lower case; of a header that is there twice, the last one counts."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


Respond: TypeAlias = Callable[[Request], "Response | Awaitable[Response]"]
# Makes the response to a request that cannot be read, from a status and a message.
Refuse: TypeAlias = Callable[[int, str], Response]


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Connection(asyncio.Protocol):
    """One client. Requests that it sends ahead wait their turn."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False
        self._refused: _RefusedError | None = None
        self._began = 0.0
        self._reset()

    def _reset(self) -> None:
        self._reading = self._has_headers = False
        self._target = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = self._unread_bytes = 0
        self._body: list[bytes] = []
        self._body_bytes = 0

    # asyncio's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.connections.add(self)
        self._expect_within(IDLE_SECONDS_MAX)
        if len(self._server.connections) > CONNECTIONS_MAX:
            self._refuse(503, "too many connections")

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self._server.connections.discard(self)
        self._stop_timer()
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            self._parser.feed_data(data)
            if self._reading and not self._has_headers:
                self._unread_bytes += len(data)
                self._check_header(self._unread_bytes)
        except _RefusedError as refused:
            self._refuse(refused.status, refused.message)
        except httptools.HttpParserUpgrade:
            self._refuse(400, "the protocol cannot be changed")
        except httptools.HttpParserError as error:
            if self._refused is not None:
                self._refuse(self._refused.status, self._refused.message)
            else:
                self._refuse(400, f"not HTTP: {error}")
        self._answer_next()
        if self._reading and not self._closing:
            left = self._began + REQUEST_SECONDS_MAX - self._loop.time()
            self._expect_within(max(0.0, min(SILENCE_SECONDS_MAX, left)))

    def pause_writing(self) -> None:
        self._expect_within(SILENCE_SECONDS_MAX)

    def resume_writing(self) -> None:
        self._stop_timer()
        if self._closing:
            self._close()

    # httptools' calls: what is raised in them arrives as HttpParserCallbackError

    def on_message_begin(self) -> None:
        self._reset()
        self._reading = True
        self._began = self._loop.time()

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        self._check_header(self._header_bytes)
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def _check_header(self, header_bytes: int) -> None:
        if header_bytes > HEADER_BYTES_MAX:
            self._fail(431, f"the header has more than {HEADER_BYTES_MAX} bytes")

    def on_headers_complete(self) -> None:
        self._has_headers = True
        self._check_header(len(self._target))
        length = self._headers.get("content-length", "0")
        if length.isdecimal() and int(length) > BODY_BYTES_MAX:
            self._too_large()
        if self._headers.get("expect", "").lower() == "100-continue" and not self._task:
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > BODY_BYTES_MAX:
            self._too_large()
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._stop_timer()
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._target.decode("latin-1"),
            self._headers,
            b"".join(self._body),
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._reset()

    def _too_large(self) -> None:
        self._fail(413, f"the body has more than {BODY_BYTES_MAX} bytes")

    def _fail(self, status: int, message: str) -> None:
        self._refused = _RefusedError(status, message)
        raise self._refused

    # Answering

    def _answer_next(self) -> None:
        if self._task is not None or not self._waiting:
            return
        request, keep_alive = self._waiting.popleft()
        try:
            response = self._server.respond(request)
        except Exception:
            response = self._broken()
        if isinstance(response, Response):
            self._answered(request, response, keep_alive)
            return
        if self._transport is not None:
            self._transport.pause_reading()
        self._task = self._loop.create_task(self._answer_later(request, response, keep_alive))

    async def _answer_later(
        self, request: Request, pending: Awaitable[Response], keep_alive: bool
    ) -> None:
        try:
            response = await pending
        except asyncio.CancelledError:
            return
        except Exception:
            response = self._broken()
        self._task = None
        if self._transport is not None:
            self._transport.resume_reading()
        self._answered(request, response, keep_alive)

    def _broken(self) -> Response:
        traceback.print_exc()
        return self._server.refuse(500, "sfnlocal is broken: its own output says where")

    def _answered(self, request: Request, response: Response, keep_alive: bool) -> None:
        keep_alive = keep_alive and not self._server.stopping
        self._write(_bytes(response, request.method, keep_alive))
        if not keep_alive:
            self._close()
        elif self._waiting:
            self._loop.call_soon(self._answer_next)
        elif not self._reading:
            self._expect_within(IDLE_SECONDS_MAX)

    def _refuse(self, status: int, message: str) -> None:
        """Answer what cannot be read. The client is heard out for a while: closed at once, the
        connection would be reset before the answer is read."""
        if self._task is not None or self._transport is None:
            self._close()
            return
        response = self._server.refuse(status, message)
        self._write(_bytes(response, "POST", keep_alive=False))
        self._closing = True
        self._waiting.clear()
        self._transport.write_eof()
        self._expect_within(LINGER_SECONDS_MAX)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _close(self) -> None:
        self._closing = True
        self._waiting.clear()
        if self._transport is not None and self._task is None:
            self._transport.close()
            self._expect_within(SILENCE_SECONDS_MAX)

    def finish(self) -> asyncio.Task[None] | None:
        """The server stops: an idle connection ends now, a busy one when it has answered."""
        if self._task is None:
            self._close()
        return self._task

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # Time

    def _expect_within(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(seconds, self._waited_too_long)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _waited_too_long(self) -> None:
        self._timer = None
        if self._reading and not self._closing:
            self._refuse(408, "the request did not arrive in time")
        elif self._transport is not None:
            self._transport.abort()


def _bytes(response: Response, method: str, keep_alive: bool) -> bytes:
    status = response.status
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    lines += [f"set-cookie: {cookie}" for cookie in response.cookies]
    bodiless = method == "HEAD" or status in (204, 304)
    if not (bodiless and any(name.lower() == "content-length" for name in response.headers)):
        lines.append(f"content-length: {len(response.body)}")
    if not keep_alive:
        lines.append("connection: close")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return head if bodiless else head + response.body


class HttpServer:
    """`respond` answers on the event loop's thread: at once, or with something to wait for."""

    def __init__(self, respond: Respond, refuse: Refuse) -> None:
        self.respond = respond
        self.refuse = refuse
        self.connections: set[Connection] = set()
        self.stopping = False
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """The port that it listens on. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=512)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self, grace_seconds: float) -> None:
        """Take no more requests, answer those that are here, then end every connection."""
        assert self._server is not None
        self.stopping = True
        self._server.close()
        tasks = [task for one in list(self.connections) if (task := one.finish()) is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_seconds)
        # What was written is sent before a connection ends.
        await asyncio.sleep(0)
        for connection in list(self.connections):
            connection.abort()
