"""The server: a session, its driver and the HTTP front, from start to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from sfnlocal.driver.clock import VIRTUAL_START_MS
from sfnlocal.driver.mock_config import MockConfig
from sfnlocal.errors import InputError
from sfnlocal.ports import Json
from sfnlocal.server.api import StepFunctionsApi
from sfnlocal.server.gateway import Gateway
from sfnlocal.server.http import HttpServer
from sfnlocal.server.served import ServedSession
from sfnlocal.server.turns import Turns
from sfnlocal.services.environments_workers import WORKERS_MAX
from sfnlocal.template import App

# Requests of services other than Step Functions that are answered at the same time.
_POOL_THREADS_MAX = 32
# More than run at the same time: the others are throttled, and do not wait.
_CALLERS_MAX = WORKERS_MAX + 32
_GRACE_SECONDS = 3.0
# Where a server that is bound to every address is found.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}
# How long a thread may keep the interpreter while a request waits for it.
_SWITCH_SECONDS = 0.0005


@dataclass(frozen=True, slots=True)
class Settings:
    """Of the executions that have ended, the last `keep_ended` can be asked for. `endpoints` are
    URLs of services that somebody else runs, by boto3 client name; `trusted_keys` are the key sets
    of issuers of JSON Web Tokens."""

    host: str = "127.0.0.1"
    port: int = 8083
    virtual_time: bool = False
    auto_jump: bool = False
    seed: int = 0
    start_ms: int = VIRTUAL_START_MS
    keep_ended: int = 10_000
    jsonata: str = "jlens"
    mock_config: MockConfig | None = None
    wait_time_scale: float = 1.0
    endpoints: Mapping[str, str] = field(default_factory=dict)
    trusted_keys: Mapping[str, Json] = field(default_factory=dict)


def serve(app: App, settings: Settings, ready: Callable[[str], None]) -> None:
    """Until SIGINT or SIGTERM. `ready` is told the URL once requests are answered. InputError
    where the port cannot be had."""
    turns = Turns(virtual=settings.virtual_time, auto_jump=settings.auto_jump)
    session = ServedSession(
        app,
        turns,
        seed=settings.seed,
        start_ms=settings.start_ms,
        real_time=not settings.virtual_time,
        keep_ended=settings.keep_ended,
        jsonata=settings.jsonata,
        mock_config=settings.mock_config,
        wait_time_scale=settings.wait_time_scale,
        endpoints=settings.endpoints,
    )
    sys.setswitchinterval(_SWITCH_SECONDS)
    with session:
        session.aws.prepare_all()
        for issuer, keys in settings.trusted_keys.items():
            session.triggers.http_apis.trust(issuer, keys)
        api = StepFunctionsApi(session)
        api.install()
        # What is there now stays: the collector, which stops every request, need not look at it.
        gc.collect()
        gc.freeze()
        try:
            asyncio.run(_serve(session, api, turns, settings, ready))
        finally:
            turns.stop()


async def _serve(
    session: ServedSession,
    api: StepFunctionsApi,
    turns: Turns,
    settings: Settings,
    ready: Callable[[str], None],
) -> None:
    pool = ThreadPoolExecutor(_POOL_THREADS_MAX, "service")
    # Functions call services, and other functions, while their callers wait here.
    callers = ThreadPoolExecutor(_CALLERS_MAX, "lambda")
    gateway = Gateway(session, api, turns, pool, callers, settings.host)
    server = HttpServer(gateway.respond, gateway.refuse)
    try:
        port = await server.start(settings.host, settings.port)
    except OSError as error:
        pool.shutdown()
        callers.shutdown()
        raise InputError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
            where="--port",
            hint="end the program that has the port, or give another --port (0: any free one)",
        ) from None
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    session.served_at(_url(_LOOPBACK.get(settings.host, settings.host), port))
    turns.start()
    ready(_url(settings.host, port))
    for line in gateway.http_apis.urls(_url(_LOOPBACK.get(settings.host, settings.host), port)):
        print(line, flush=True)
    await stopped.wait()
    await server.stop(_GRACE_SECONDS)
    for one in (pool, callers):
        one.shutdown(wait=False, cancel_futures=True)


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
