"""The port to the score service: one request, one time-out, and errors told apart."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.environment import ServiceAddress
from lambdas.micro_batch.errors import (
    CompanyUnknown,
    ScoreServiceRefused,
    ScoreServiceUnavailable,
)
from lambdas.micro_batch.logic.score_function import FunctionScoreService
from lambdas.micro_batch.logic.score_service import HttpScoreService, score_service


@contextmanager
def serving(status: int, body: str) -> Iterator[tuple[str, list[str]]]:
    """A server that gives one answer: its address, and the paths that were asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/", paths
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_score_is_one_request() -> None:
    with serving(200, '{"companyId": "c/1", "score": 612}') as (address, paths):
        assert score_service(ServiceAddress(address)).score("c/1") == 612
    assert paths == ["/v1/companies/c%2F1/score"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, "", CompanyUnknown),
        (429, "", ScoreServiceUnavailable),
        (500, "", ScoreServiceUnavailable),
        (503, "", ScoreServiceUnavailable),
        (401, "", ScoreServiceRefused),
        (400, "", ScoreServiceRefused),
        (200, "<html>", ScoreServiceUnavailable),
        (200, '{"score": "high"}', ScoreServiceUnavailable),
        (200, "\xff", ScoreServiceUnavailable),
    ],
)
def test_an_answer_without_a_score_is_told_by_its_status(
    status: int, body: str, error: type[Exception]
) -> None:
    with serving(status, body) as (address, paths), pytest.raises(error):
        HttpScoreService(address).score("c-1")
    assert len(paths) == 1


def test_a_service_that_does_not_listen_is_unavailable() -> None:
    with serving(200, "") as (address, _):
        pass
    with pytest.raises(ScoreServiceUnavailable, match="refused"):
        HttpScoreService(address).score("c-1")


def test_a_service_that_does_not_answer_is_unavailable_after_the_time_out() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        service = HttpScoreService(f"http://127.0.0.1:{port}", timeout_seconds=0.05)
        with pytest.raises(ScoreServiceUnavailable, match="timed out"):
            service.score("c-1")


class Client:
    """Lambda, with one answer or one error."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        assert (FunctionName, json.loads(Payload)) == ("scores", {"companyId": "c-1"})
        if isinstance(self._answer, Exception):
            raise self._answer
        return {"Payload": io.BytesIO(json.dumps(self._answer).encode())}


def client_error(status: int) -> ClientError:
    answer: Any = {"Error": {"Code": "X"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Invoke")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"errorType": "UnknownCompanyError"}, CompanyUnknown),
        ({"errorType": "ScoreOutageError"}, ScoreServiceUnavailable),
        (None, ScoreServiceUnavailable),
        (client_error(429), ScoreServiceUnavailable),
        (client_error(503), ScoreServiceUnavailable),
        (client_error(403), ScoreServiceRefused),
        (ReadTimeoutError(endpoint_url="https://lambda"), ScoreServiceUnavailable),
    ],
)
def test_the_sandboxs_function_fails_in_the_same_words(
    answer: object, error: type[Exception]
) -> None:
    client: Any = Client(answer)
    with pytest.raises(error):
        FunctionScoreService("scores", client).score("c-1")


def test_the_sandboxs_function_answers_a_score() -> None:
    client: Any = Client({"companyId": "c-1", "score": 612})
    assert FunctionScoreService("scores", client).score("c-1") == 612
