"""What a client may send: every bad request has an answer, and it is never our fault."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sfnlocal.server.conftest import MODEL, STATES_ARN, ApiFaultError, Server

OPERATIONS = list(MODEL.operation_names)
VALID = {
    "string": "a",
    "integer": 1,
    "long": 1,
    "float": 1.5,
    "boolean": True,
    "timestamp": 1,
}
WRONG = {"string": 1, "integer": "1", "long": "1", "float": "1", "boolean": "true", "list": {}}


def input_of(operation: str) -> StructureShape:
    shape = MODEL.operation_model(operation).input_shape
    assert shape is not None
    return shape


def valid(shape: Shape) -> Any:
    match shape:
        case StructureShape():
            return {name: valid(shape.members[name]) for name in shape.required_members}
        case ListShape():
            return [valid(shape.member)]
        case MapShape():
            return {"a": valid(shape.value)}
    if shape.name.endswith("Arn") and shape.type_name == "string":
        return f"{STATES_ARN}:stateMachine:none"
    allowed: list[str] = getattr(shape, "enum", [])
    return allowed[0] if allowed else VALID[shape.type_name]


def bad_requests() -> Iterator[tuple[str, Any, str, str]]:
    """Operation, parameters, the code that they are refused with, and a part of the message."""
    for operation in OPERATIONS:
        shape = input_of(operation)
        given = valid(shape)
        for name in shape.required_members:
            yield (
                operation,
                {key: value for key, value in given.items() if key != name},
                "ValidationException",
                f"Value null at '{name}' failed to satisfy constraint: Member must not be null",
            )
        for name, member in shape.members.items():
            wrong = WRONG.get(member.type_name, 1)
            yield operation, {**given, name: wrong}, "SerializationException", ""
            metadata = member.metadata
            if member.type_name == "string" and "max" in metadata:
                length = metadata["max"]
                if length < 10_000:
                    yield (
                        operation,
                        {**given, name: "a" * (length + 1)},
                        "ValidationException",
                        f"Member must have length less than or equal to {length}",
                    )
            if member.type_name == "integer" and "max" in metadata:
                yield (
                    operation,
                    {**given, name: metadata["max"] + 1},
                    "ValidationException",
                    f"Member must have value less than or equal to {metadata['max']}",
                )
            if getattr(member, "enum", None):
                yield (
                    operation,
                    {**given, name: "NO"},
                    "ValidationException",
                    "Member must satisfy enum value set",
                )


def served(server: Server) -> set[str]:
    return {operation for operation in OPERATIONS if server.post(operation, b"{}").status != 501}


def test_what_the_model_forbids_is_refused_in_awss_words(server: Server) -> None:
    known = served(server)
    assert len(known) == 37
    checked = 0
    for operation, params, code, message in bad_requests():
        answered = server.post(operation, json.dumps(params).encode())
        if operation not in known:
            assert (answered.status, answered.code) == (501, "NotSupportedBySfnlocal")
            continue
        assert (answered.status, answered.code) == (400, code), (operation, params)
        assert message in answered.json["message"]
        checked += 1
    assert checked > 100


def test_all_that_is_wrong_is_told_at_once(server: Server) -> None:
    with pytest.raises(ApiFaultError) as fault:
        server.call("CreateStateMachine", name="", type="FAST", tags=[{"key": ""}, None])
    assert fault.value.message == (
        "6 validation errors detected: "
        "Value null at 'definition' failed to satisfy constraint: Member must not be null; "
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null; "
        "Value '' at 'name' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value 'FAST' at 'type' failed to satisfy constraint: "
        "Member must satisfy enum value set: [STANDARD, EXPRESS]; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value null at 'tags.2.member' failed to satisfy constraint: Member must not be null"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
MEMBERS = sorted({name for one in OPERATIONS for name in input_of(one).members})


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    operation=st.sampled_from([one for one in OPERATIONS if one != "GetActivityTask"]),
    params=st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=5),
)
def test_no_request_is_our_fault(server: Server, operation: str, params: dict[str, Any]) -> None:
    answered = server.post(operation, json.dumps(params).encode())
    assert answered.status in (200, 400, 501)
    assert isinstance(answered.json, dict)


@pytest.mark.parametrize(
    ("target", "body", "code"),
    [
        ("AWSStepFunctions.Fly", b"{}", "UnknownOperationException"),
        ("AWSStepFunctions.", b"{}", "UnknownOperationException"),
        ("Other.StartExecution", b"{}", "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
        ("AWSStepFunctions.ListStateMachines", b"{", "SerializationException"),
        ("AWSStepFunctions.ListStateMachines", b"[]", "SerializationException"),
        ("AWSStepFunctions.ListStateMachines", b"\xff", "SerializationException"),
        ("AWSStepFunctions.ListStateMachines", b"[" * 100_000, "SerializationException"),
        ("AWSStepFunctions.ListStateMachines", b'{"a":' * 50_000, "SerializationException"),
    ],
)
def test_what_is_no_request_is_refused(server: Server, target: str, body: bytes, code: str) -> None:
    answered = server.request("POST", "/", body, {"X-Amz-Target": target})
    assert (answered.status, answered.code) == (400, code)
    assert answered.headers["content-type"] == "application/x-amz-json-1.0"
    assert answered.headers["x-amzn-requestid"]


# Who may ask


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1"}, 200),
        ({"Host": "localhost:8083"}, 200),
        ({"Host": "[::1]:8083"}, 200),
        ({"Host": "sync-localhost"}, 200),
        ({"Host": "states.localhost"}, 200),
        ({"Host": "localhost", "Origin": "http://localhost:3000"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": "localhost.evil.example:8083"}, 403),
        ({"Host": "10.0.0.1"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "localhost", "Origin": "http://evil.example"}, 403),
        ({"Host": "localhost", "Origin": "null"}, 403),
    ],
)
def test_a_foreign_page_cannot_ask(server: Server, headers: dict[str, str], status: int) -> None:
    assert server.request("GET", "/_sfnlocal/health", b"", headers).status == status


# HTTP


def raw(server: Server, data: bytes, *, end: bool = False) -> bytes:
    """All that comes back until the server closes the connection, or says nothing more."""
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(data)
        if end:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


HEALTH = b"GET /_sfnlocal/health HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", b"400"),
        (b"HELLO\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"400"),
        (HEALTH + b"bad header\r\n\r\n", b"400"),
        (HEALTH + b"Content-Length: nine\r\n\r\n", b"400"),
        (HEALTH + b"Content-Length: -1\r\n\r\n", b"400"),
        (HEALTH + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (HEALTH + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", b"400"),
        (HEALTH + b"Content-Length: 99999999999\r\n\r\n", b"413"),
        (HEALTH + b"A: " + b"a" * 100_000 + b"\r\n\r\n", b"431"),
        (HEALTH + b"A: " + b"a" * 1_000_000, b"431"),
        (b"GET /" + b"a" * 1_000_000, b"431"),
        (HEALTH + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", b"400"),
        (b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n", b"403"),
    ],
)
def test_what_is_no_http_is_answered_and_the_connection_ends(
    server: Server, data: bytes, status: bytes
) -> None:
    assert raw(server, data).split()[1] == status


def test_a_client_that_goes_away_in_the_middle_harms_nobody(server: Server) -> None:
    assert raw(server, HEALTH + b"Content-Length: 10\r\n\r\nhalf", end=True) == b""
    assert raw(server, HEALTH, end=True) == b""
    assert server.request("GET", "/_sfnlocal/health").json["status"] == "ready"


def test_requests_sent_ahead_are_answered_in_their_order(server: Server) -> None:
    paths = [b"health", b"no", b"clock"]
    data = b"".join(
        b"GET /_sfnlocal/" + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" for path in paths
    )
    answer = raw(server, data + HEALTH + b"Connection: close\r\n\r\n")
    statuses = re.findall(rb"HTTP/1.1 (\d+)", answer)
    assert statuses == [b"200", b"404", b"200", b"200"]


def test_a_client_that_asks_may_send_its_body(server: Server) -> None:
    data = HEALTH.replace(b"GET", b"POST").replace(b"health", b"clock")
    data += b"Expect: 100-continue\r\nContent-Length: 14\r\nConnection: close\r\n\r\n"
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(data)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(b'{"seconds": 0}')
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK")
