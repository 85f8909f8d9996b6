"""How Lambda calls a Python handler, and what it answers."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sfnlocal.errors import ApiError, HandlerError, UnsupportedError
from sfnlocal.limits import LAMBDA_PAYLOAD_BYTES_MAX
from sfnlocal.services.environments_in_process import InProcessEnvironments
from sfnlocal.services.functions import FunctionHost

from .conftest import FUNCTION_ARN, NOW_MS, Functions, alias, version

Host = Callable[..., FunctionHost]


def test_the_handlers_value_is_the_payload(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context):\n    return {'got': event}")
    answer = host().invoke("f", {"a": [1, None]}, now_ms=NOW_MS)
    assert (answer.payload, answer.function_error) == ({"got": {"a": [1, None]}}, None)
    assert (answer.executed_version, answer.elapsed_ms) == ("$LATEST", 0)


def test_a_function_is_found_by_name_arn_and_qualified_arn(
    functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    return context.invoked_function_arn")
    made = host(version("f", "7"), alias("f", "live", "7"))
    assert made.invoke("f", {}, now_ms=NOW_MS).payload == FUNCTION_ARN + "f"
    assert made.invoke(FUNCTION_ARN + "f", {}, now_ms=NOW_MS).payload == FUNCTION_ARN + "f"
    answer = made.invoke(FUNCTION_ARN + "f:live", {}, now_ms=NOW_MS)
    assert (answer.payload, answer.executed_version) == (FUNCTION_ARN + "f:live", "7")


@pytest.mark.parametrize("asked", ["g", "f:old", FUNCTION_ARN + "g", FUNCTION_ARN + "f:old"])
def test_an_unknown_function_version_or_alias_is_not_found(
    functions: Functions, host: Host, asked: str
) -> None:
    functions.add("f", "def handler(event, context): ...")
    with pytest.raises(ApiError, match=f"Function not found: {FUNCTION_ARN}") as caught:
        host().invoke(asked, {}, now_ms=NOW_MS)
    assert (caught.value.aws_code, caught.value.http_status) == ("ResourceNotFoundException", 404)


def test_a_function_that_does_not_run_here_is_refused_by_name(
    functions: Functions, host: Host
) -> None:
    functions.add("f", code_folder=None, refusal="its code is a container image")
    with pytest.raises(UnsupportedError, match="function f does not run here: its code is a cont"):
        host().invoke("f", {}, now_ms=NOW_MS)


def test_the_event_is_a_fresh_copy(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context):\n    event['a'].append(2)")
    event: dict[str, Any] = {"a": [1]}
    host().invoke("f", event, now_ms=NOW_MS)
    assert event == {"a": [1]}


ERRORS = [
    (
        "an exception",
        "def handler(event, context):\n    raise KeyError('sku')",
        "KeyError",
        "'sku'",
        ["  File \"/var/task/app.py\", line 2, in handler\n    raise KeyError('sku')\n"],
    ),
    (
        "a value that JSON cannot carry",
        "def handler(event, context):\n    return {1, 2}",
        "Runtime.MarshalError",
        "Unable to marshal response: Object of type set is not JSON serializable",
        [],
    ),
    (
        "a missing module",
        "import not_there",
        "Runtime.ImportModuleError",
        "Unable to import module 'app': No module named 'not_there'",
        [],
    ),
    (
        "a missing attribute",
        "x = 1",
        "Runtime.HandlerNotFound",
        "Handler 'handler' missing on module 'app'",
        [],
    ),
    (
        "bad syntax",
        "def handler(:",
        "Runtime.UserCodeSyntaxError",
        "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ['  File "/var/task/app.py" Line 1\n    def handler(:'],
    ),
]


@pytest.mark.parametrize(
    ("source", "error_type", "message", "trace"),
    [case[1:] for case in ERRORS],
    ids=[case[0] for case in ERRORS],
)
def test_an_error_is_described_as_the_runtime_describes_it(
    functions: Functions, host: Host, source: str, error_type: str, message: str, trace: list[str]
) -> None:
    functions.add("f", source)
    answer = host().invoke("f", {}, now_ms=NOW_MS)
    assert answer.function_error == "Unhandled"
    assert answer.payload == {
        "errorMessage": message,
        "errorType": error_type,
        "requestId": answer.request_id,
        "stackTrace": trace,
    }
    assert f"[ERROR] {error_type}: {message}" in answer.log


def test_a_handler_name_without_a_module_is_malformed(functions: Functions, host: Host) -> None:
    functions.add("f", "x = 1", handler="app")
    payload = host().invoke("f", {}, now_ms=NOW_MS).payload
    assert payload["errorType"] == "Runtime.MalformedHandlerName"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("3", "Runtime exited with error: exit status 3"),
        ("'no'", "Runtime exited with error: exit status 1"),
        ("0", "Runtime exited without providing a reason"),
    ],
)
def test_sys_exit_ends_the_runtime(
    functions: Functions, host: Host, code: str, reason: str
) -> None:
    functions.add("f", f"import sys\ndef handler(event, context):\n    sys.exit({code})")
    answer = host().invoke("f", {}, now_ms=NOW_MS)
    assert answer.payload == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {reason}",
    }


def test_a_response_over_the_limit_is_an_error(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context):\n    return 'x' * event")
    made = host()
    fits = LAMBDA_PAYLOAD_BYTES_MAX - 2
    assert made.invoke("f", fits, now_ms=NOW_MS).function_error is None
    assert made.invoke("f", fits + 1, now_ms=NOW_MS).payload == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        "(6291556 bytes).",
    }


def test_an_event_over_the_limit_is_refused(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context): ...")
    with pytest.raises(ApiError) as caught:
        host().invoke("f", "x" * LAMBDA_PAYLOAD_BYTES_MAX, now_ms=NOW_MS)
    assert (caught.value.aws_code, caught.value.http_status) == ("RequestTooLargeException", 413)


def test_a_decimal_is_answered_as_a_number(functions: Functions, host: Host) -> None:
    functions.add(
        "f", "from decimal import Decimal\ndef handler(event, context):\n    return Decimal('1.5')"
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload == float(Decimal("1.5"))


def test_sleep_moves_the_calls_clock_and_nothing_else(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import time\nfrom time import sleep\n"
        "def handler(event, context):\n"
        "    before = time.monotonic()\n"
        "    time.sleep(0.5); sleep(1)\n"
        "    left = context.get_remaining_time_in_millis()\n"
        "    return left, time.monotonic() - before >= 1.5",
    )
    seen: list[int] = []

    class Clock:
        def take_over(self) -> None:
            seen.append(0)

        def move_to(self, now_ms: int) -> None:
            seen.append(now_ms - NOW_MS)

    answer = host(clock=Clock()).invoke("f", {}, now_ms=NOW_MS)
    assert (answer.payload, answer.elapsed_ms) == ([1500, True], 1500)
    assert seen == [0, 0, 500, 1500, 0]


def test_a_negative_sleep_is_refused_as_by_time(functions: Functions, host: Host) -> None:
    functions.add("f", "import time\ndef handler(event, context):\n    time.sleep(-1)")
    payload = host().invoke("f", {}, now_ms=NOW_MS).payload
    assert payload["errorMessage"] == "sleep length must be non-negative"


def test_a_deadline_loop_on_a_monotonic_clock_ends(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import time\n"
        "def handler(event, context):\n"
        "    turns, started, deadline = 0, time.perf_counter(), time.monotonic() + 2\n"
        "    while time.monotonic() < deadline:\n"
        "        turns += 1\n        time.sleep(0.5)\n"
        "    return turns <= 4, time.perf_counter() - started > 1.9",
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload == [True, True]


def test_a_call_ends_at_its_virtual_time_out_where_it_stands(
    functions: Functions, host: Host
) -> None:
    functions.add(
        "f",
        "import time\ncalls = []\n"
        "def handler(event, context):\n"
        "    calls.append(1)\n"
        "    if event: return len(calls)\n"
        "    try:\n        time.sleep(2); time.sleep(1)\n"
        "    finally:\n        print('must not go on')",
    )
    made = host()
    assert made.invoke("f", True, now_ms=NOW_MS).payload == 1
    answer = made.invoke("f", False, now_ms=NOW_MS)
    assert answer.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 3.00 seconds",
    }
    assert (answer.function_error, answer.elapsed_ms) == ("Unhandled", 3000)
    assert "must not go on" not in answer.log
    [abandoned] = made.abandoned
    assert abandoned.thread == f"f {answer.request_id}"
    assert "time.sleep(2); time.sleep(1)" in abandoned.stack
    assert made.invoke("f", True, now_ms=NOW_MS).payload == 1, "the next call is a cold start"


@pytest.mark.parametrize("clinging", ["finally", "except BaseException"])
def test_a_call_that_stood_still_ends_with_its_world(
    functions: Functions, host: Host, capfd: pytest.CaptureFixture[str], clinging: str
) -> None:
    functions.add(
        "f",
        "import time\n"
        "def handler(event, context):\n"
        "    try:\n        time.sleep(60)\n"
        f"    {clinging}:\n        print('gone on')",
    )
    environments = InProcessEnvironments()
    made = host(environments=environments)
    made.invoke("f", {}, now_ms=NOW_MS)
    [abandoned] = made.abandoned
    assert abandoned.running.is_alive()
    environments.end_abandoned()
    assert not abandoned.running.is_alive()
    assert made.abandoned == []
    assert capfd.readouterr() == ("", "")


def test_a_call_ends_at_the_limit_of_real_time(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import threading\ndef handler(event, context):\n    threading.Event().wait()",
        timeout_seconds=900,
    )
    made = host(environments=InProcessEnvironments(wall_limit_ms=20))
    answer = made.invoke("f", {}, now_ms=NOW_MS)
    assert answer.payload["errorType"] == "Sandbox.Timedout"
    assert answer.payload["errorMessage"].endswith("Task timed out after 900.00 seconds")
    assert answer.elapsed_ms == 900_000
    assert "threading.Event().wait()" in made.abandoned[0].stack


def test_ctrl_c_gets_through_and_leaves_the_call_behind(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import signal, threading\n"
        "def handler(event, context):\n"
        "    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)\n"
        "    threading.Event().wait()",
    )
    made, environment = host(), os.environ
    with pytest.raises(KeyboardInterrupt):
        made.invoke("f", {}, now_ms=NOW_MS)
    assert len(made.abandoned) == 1
    assert os.environ is environment


def test_what_a_handler_prints_and_logs_goes_to_its_log(
    functions: Functions, host: Host, capfd: pytest.CaptureFixture[str]
) -> None:
    functions.add(
        "f",
        "import logging, sys, threading\n"
        "logger = logging.getLogger()\nlogger.setLevel('INFO')\n"
        "def handler(event, context):\n"
        "    print('out'); print('err', file=sys.stderr); context.log('ctx\\n')\n"
        "    logger.info('told %s', 1)\n"
        "    thread = threading.Thread(target=print, args=['thread'])\n"
        "    thread.start(); thread.join()",
    )
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    made = host()
    made.invoke("f", {}, now_ms=NOW_MS)
    lines = made.invoke("f", {}, now_ms=NOW_MS).log.splitlines()
    assert lines[:3] == ["out", "err", "ctx"]
    assert lines[3].startswith("[INFO]\t")
    assert lines[3].endswith("\ttold 1")
    assert lines[4:] == ["thread"]
    assert (list(root.handlers), root.level) == before
    assert capfd.readouterr() == ("", "")


def test_the_context_has_what_lambdas_has(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "def handler(event, context):\n"
        "    values = {k: v for k, v in vars(context).items() if isinstance(v, str)}\n"
        "    client = context.client_context\n"
        "    return {**values, 'custom': client.custom, 'title': client.client.app_title,\n"
        "            'identity': context.identity.cognito_identity_id,\n"
        "            'left': context.get_remaining_time_in_millis()}",
    )
    answer = host().invoke(
        "f", {}, now_ms=NOW_MS, client_context={"custom": {"a": 1}, "client": {"app_title": "T"}}
    )
    assert answer.payload == {
        "aws_request_id": answer.request_id,
        "invoked_function_arn": FUNCTION_ARN + "f",
        "function_name": "f",
        "function_version": "$LATEST",
        "memory_limit_in_mb": "256",
        "log_group_name": "/aws/lambda/f",
        "log_stream_name": "local/[$LATEST]f",
        "custom": {"a": 1},
        "title": "T",
        "identity": None,
        "left": 3000,
    }


def test_request_ids_follow_from_the_seed(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context): ...")
    ids = [host(seed=seed).invoke("f", {}, now_ms=NOW_MS).request_id for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_check_reports_a_function_whose_cold_start_fails(functions: Functions, host: Host) -> None:
    functions.add("good", "def handler(event, context): ...")
    functions.add("elsewhere", code_folder=None, refusal="an image")
    made = host()
    made.check()
    functions.add("bad", "import not_there")
    with pytest.raises(HandlerError, match=r"Runtime\.ImportModuleError: Unable") as caught:
        host().check()
    assert "bad" in caught.value.where


def test_observers_are_told_of_each_call(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context):\n    return 1")
    made, told = host(), []
    made.observe(lambda name, answer: told.append((name, answer.payload)))
    made.invoke("f", {}, now_ms=NOW_MS)
    assert told == [("f", 1)]


def test_idle_threads_are_used_again_and_end_with_the_host(
    functions: Functions, host: Host
) -> None:
    functions.add(
        "f", "import threading\ndef handler(event, context):\n    return threading.get_ident()"
    )
    made = host()
    first, second = (made.invoke("f", {}, now_ms=NOW_MS).payload for _ in range(2))
    assert first == second
    made.close()
    assert first not in {thread.ident for thread in threading.enumerate()}


def test_the_process_is_as_before_after_a_call(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context): ...", environment={"STAGE": "dev"})
    state = (os.environ, sys.path, sys.stdout, sys.stderr, os.getcwd(), set(sys.modules))  # noqa: PTH109
    host().invoke("f", {}, now_ms=NOW_MS)
    assert state == (os.environ, sys.path, sys.stdout, sys.stderr, os.getcwd(), set(sys.modules))  # noqa: PTH109
    assert "STAGE" not in os.environ
