"""Where functions run: what the function host asks of it.

Lambda calls the sandbox of a version an execution environment. Two kinds exist here: this process
(virtual time, one call after the other) and worker processes (real time, in parallel).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.handler_process import HandlerClock
from sfnlocal.template.resources import Function


@dataclass(frozen=True, slots=True)
class Request:
    """One call. `event` is JSON text, `function_arn` the ARN that was asked for, `version` what
    runs. `clock` shows the handler its time."""

    function: Function
    version: str
    function_arn: str
    request_id: str
    event: str
    client_context: Mapping[str, Json] | None
    now_ms: int
    clock: HandlerClock

    @property
    def timeout_ms(self) -> int:
        return self.function.timeout_seconds * 1000


@dataclass(frozen=True, slots=True)
class Response:
    """`payload` describes an error where `failed`. `elapsed_ms` is virtual time: 0 where the time
    has really passed. `log` is what the handler wrote."""

    payload: Json
    failed: bool
    elapsed_ms: int
    log: str


class Environments(Protocol):
    """Runs calls. A version whose function is not the one of the last call starts cold: its code
    or configuration has changed. Raises UnsupportedError for code that does not run here.
    `concurrency_max` is for all functions without a reserved concurrency together."""

    concurrency_max: int

    def invoke(self, request: Request) -> Response: ...

    def start(self, request: Request) -> Response | None:
        """The cold start alone; a response only where it failed."""

    def close(self) -> None: ...


def check_runs_here(function: Function) -> None:
    if function.code_folder is None:
        raise UnsupportedError(
            f"function {function.name} does not run here: {function.refusal}",
            where=function.resource.where,
            hint="mock the states that call it",
        )
