"""The program of a worker process: one execution environment of one function.

Requests come from the standard input and answers go to the standard output; both are moved out of
the handler's reach first, so that what it reads and prints breaks nothing. It imports little, since
that is the cold start of every function. The other end is `worker.py`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import IO, Any

from sfnlocal.services import handler_answer
from sfnlocal.services.frames import Message, receive, send
from sfnlocal.services.handler_answer import FunctionErrorAnswer
from sfnlocal.services.handler_context import LambdaContext
from sfnlocal.services.handler_start import Handler, LambdaFormatter, OwnModules, load_handler


def main() -> None:
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    # The standard error is the log.
    os.dup2(2, 1)
    serve(requests, answers)


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Loads the handler that the first message names, then answers events until `requests` ends.
    What ends the process ends this too: SystemExit is not caught."""
    start = receive(requests)
    if start is None:
        return
    environment = _Environment(start.header)
    try:
        handler = environment.load()
    except FunctionErrorAnswer as failed:
        _answer(answers, failed)
        return
    send(answers, {"failed": False}, b"null")
    while (message := receive(requests)) is not None:
        try:
            body = environment.call(handler, message)
        except FunctionErrorAnswer as failed:
            _answer(answers, failed)
        else:
            send(answers, {"failed": False}, body.encode())


def _answer(answers: IO[bytes], failed: FunctionErrorAnswer) -> None:
    send(answers, {"failed": True}, json.dumps(failed.payload).encode())


class _Environment:
    """`start` has handler, folders (the code's first) and requestId."""

    def __init__(self, start: dict[str, Any]) -> None:
        self.request_id: str = start["requestId"]
        self._handler: str = start["handler"]
        folders = [Path(folder) for folder in start["folders"]]
        self._folder = folders[0]
        finder = OwnModules(folders)
        sys.meta_path.insert(0, finder)
        sys.path += finder.path
        log_handler = logging.StreamHandler(sys.stdout)
        log_handler.setFormatter(LambdaFormatter(lambda: self.request_id))
        logging.getLogger().addHandler(log_handler)

    def load(self) -> Handler:
        try:
            return load_handler(self._handler)
        except Exception as error:
            raise FunctionErrorAnswer(
                handler_answer.cannot_load(error, self._handler, self.request_id, self._folder)
            ) from None

    def call(self, handler: Handler, message: Message) -> str:
        header = message.header
        self.request_id = header["requestId"]
        deadline_seconds = time.monotonic() + header["timeoutMs"] / 1000
        context = LambdaContext(
            request_id=self.request_id,
            invoked_function_arn=header["functionArn"],
            function_version=os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
            environment=os.environ,
            client_context=header["clientContext"],
            remaining_ms=lambda: max(round((deadline_seconds - time.monotonic()) * 1000), 0),
            write=lambda text: sys.stdout.write(text),
        )
        event = message.body.decode()
        return handler_answer.answer(handler, event, context, self.request_id, self._folder)
