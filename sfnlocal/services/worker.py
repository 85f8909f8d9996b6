"""A worker process as this process holds it: one execution environment of a version.

What the process writes goes to a file without a name, which both ends share: when the answer is
there, so is the log, also that of a process that was killed.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import sfnlocal
from sfnlocal.limits import LAMBDA_INIT_MS_MAX
from sfnlocal.ports import Json
from sfnlocal.services import handler_answer
from sfnlocal.services.environments import Request, Response
from sfnlocal.services.frames import receive, send
from sfnlocal.services.handler_environment import (
    code_folder,
    function_environment,
    import_folders,
)

# Nothing of the folder that it is started in may be imported before the function's own finder.
_FLAGS = ("-P", "-s", "-u", "-B")
_PROGRAM = (
    "import sys; folder = sys.argv.pop(); folder in sys.path or sys.path.append(folder); "
    "from sfnlocal.services.handler_worker import main; main()"
)
_SFNLOCAL = Path(sfnlocal.__file__).parent.parent
_EXIT_SECONDS = 0.5


class Worker:
    """The process starts at once; `start` or `invoke` wait until the handler is loaded. `usable`
    is false while a call runs, and for good once the process has ended."""

    def __init__(self, request: Request, endpoint_url: str) -> None:
        self.function = request.function
        self.version = request.version
        self.usable = True
        self._started = False
        self._log = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed in `end`
        self._process = subprocess.Popen(
            [sys.executable, *_FLAGS, "-c", _PROGRAM, str(_SFNLOCAL)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=code_folder(self.function),
            env=_environment(request, endpoint_url),
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._requests, self._answers = self._process.stdin, self._process.stdout
        start = {
            "handler": self.function.handler,
            "folders": [str(folder) for folder in import_folders(self.function)],
            "requestId": request.request_id,
        }
        self._send(start, b"")

    def start(self, request: Request) -> Response | None:
        """Waits for the cold start; a response only where it failed."""
        if self._started:
            return None
        # Where it takes longer, AWS begins again within the function's time-out; here it goes on.
        payload, failed = self._receive(request, LAMBDA_INIT_MS_MAX + request.timeout_ms)
        if failed:
            self.usable = False
            return self._response(payload, failed)
        self._started = True
        return None

    def invoke(self, request: Request) -> Response:
        failed_start = self.start(request)
        if failed_start is not None:
            return failed_start
        header = {
            "requestId": request.request_id,
            "functionArn": request.function_arn,
            "clientContext": request.client_context,
            "timeoutMs": request.timeout_ms,
        }
        self._send(header, request.event.encode())
        return self._response(*self._receive(request, request.timeout_ms))

    def _send(self, header: dict[str, Json], body: bytes) -> None:
        with suppress(BrokenPipeError):  # it has ended, and the answer will say so
            send(self._requests, header, body)

    def _receive(self, request: Request, limit_ms: int) -> tuple[Json, bool]:
        """The payload, and whether it describes an error."""
        self.usable = False
        if not self._answers_within(limit_ms):
            self.kill()
            return handler_answer.timed_out(request.timeout_ms, request.request_id), True
        answer = receive(self._answers)
        if answer is None:
            return handler_answer.process_ended(self._status(), request.request_id), True
        self.usable = True
        return json.loads(answer.body), answer.header["failed"]

    def _answers_within(self, limit_ms: int) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self._answers, selectors.EVENT_READ)
            return bool(selector.select(limit_ms / 1000))

    def _status(self) -> int:
        """The exit status, of a process that has closed its end."""
        try:
            return self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def _response(self, payload: Json, failed: bool) -> Response:
        self._log.seek(0)
        log = self._log.read().decode(errors="replace")
        self._log.seek(0)
        self._log.truncate()
        if failed:
            log += handler_answer.log_text(payload)
        return Response(payload, failed, 0, log)

    def kill(self) -> None:
        """Ends the process, and what it has started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        self.usable = False
        self.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            self._requests.close()
        self._answers.close()
        self._log.close()


def _environment(request: Request, endpoint_url: str) -> dict[str, str]:
    """No request may leave this machine, and no credentials of its user be read."""
    return {
        **function_environment(request.function, request.version),
        "AWS_ENDPOINT_URL": endpoint_url,
        # No resolver knows the host `sync-127.0.0.1`, where StartSyncExecution would go.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
