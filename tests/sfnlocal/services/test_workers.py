"""Functions in processes of their own, and how those end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import ApiError, HandlerError, UnsupportedError
from sfnlocal.services.environments_workers import WorkerEnvironments
from sfnlocal.services.functions import FunctionHost

from .conftest import FUNCTION_ARN, NOW_MS, Functions, alias, version

Host = Callable[..., FunctionHost]


def workers(host: Host, *resources: Any, **options: Any) -> FunctionHost:
    return host(*resources, environments=WorkerEnvironments("http://127.0.0.1:9", **options))


def test_a_process_stays_warm_and_has_what_lambda_gives(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import os, sys, logic\n"
        "calls = []\n"
        "def handler(event, context):\n"
        "    calls.append(1)\n"
        "    assert sys.stdin.read() == ''\n"
        "    return {\n"
        "        'event': event, 'calls': len(calls), 'logic': logic.NAME, 'cwd': os.getcwd(),\n"
        "        'pid': os.getpid(), 'arn': context.invoked_function_arn,\n"
        "        'version': context.function_version, 'custom': context.client_context.custom,\n"
        "        'left': 0 < context.get_remaining_time_in_millis() <= 3000,\n"
        "        'environment': dict(os.environ)}",
        files={"logic.py": "NAME = 'own'"},
        environment={"STAGE": "dev"},
    )
    made = workers(host, version("f", "7"), alias("f", "live", "7"))
    context = {"custom": {"a": 1}}
    answers = [
        made.invoke("f:live", {"n": "ü"}, now_ms=NOW_MS, client_context=context) for _ in "12"
    ]
    first, second = (answer.payload for answer in answers)
    assert answers[0].elapsed_ms == 0
    assert (second["calls"], second["pid"]) == (2, first["pid"])
    assert first["pid"] != os.getpid()
    environment = first.pop("environment")
    del first["pid"]
    assert first == {
        "event": {"n": "ü"},
        "calls": 1,
        "logic": "own",
        "cwd": str((functions.folder / "f").resolve()),
        "arn": FUNCTION_ARN + "f:live",
        "version": "7",
        "custom": {"a": 1},
        "left": True,
    }
    expected = {
        "STAGE": "dev",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_CONFIG_FILE": os.devnull,
    }
    assert expected.items() <= environment.items()
    assert "HOME" not in environment


def test_all_that_is_written_goes_to_the_log_of_its_call(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import logging, os, subprocess, sys\n"
        "print('cold')\n"
        "def handler(event, context):\n"
        "    print('out'); print('err', file=sys.stderr); context.log('ctx\\n')\n"
        "    os.write(1, b'raw\\n'); subprocess.run(['echo', 'child'])\n"
        "    logging.warning('told %s', 1)\n"
        "    raise KeyError('sku')",
    )
    made = workers(host)
    first, second = (made.invoke("f", {}, now_ms=NOW_MS) for _ in "12")
    assert first.log.startswith("cold\nout\n")
    lines = second.log.splitlines()
    assert lines[:5] == ["out", "err", "ctx", "raw", "child"]
    assert lines[5].startswith("[WARNING]\t")
    assert lines[5].endswith(f"\t{second.request_id}\ttold 1")
    assert lines[6] == "[ERROR] KeyError: 'sku'"
    assert second.payload == {
        "errorMessage": "'sku'",
        "errorType": "KeyError",
        "requestId": second.request_id,
        "stackTrace": [
            "  File \"/var/task/app.py\", line 7, in handler\n    raise KeyError('sku')\n"
        ],
    }


ENDS = [
    ("os._exit(0)", "Runtime exited without providing a reason"),
    ("os._exit(7)", "Runtime exited with error: exit status 7"),
    ("sys.exit('no')", "Runtime exited with error: exit status 1"),
    (
        "os.kill(os.getpid(), signal.SIGSEGV)",
        "Runtime exited with error: signal: segmentation fault",
    ),
    ("os.closerange(3, 99); threading.Event().wait()", "Runtime exited with error: signal: killed"),
]


@pytest.mark.parametrize(("end", "reason"), ENDS, ids=[end[0] for end in ENDS])
def test_a_process_that_ends_is_an_exit_error_and_the_next_call_is_cold(
    functions: Functions, host: Host, end: str, reason: str
) -> None:
    functions.add(
        "f",
        "import os, signal, sys, threading\n"
        "calls = []\n"
        "def handler(event, context):\n"
        "    calls.append(1)\n"
        f"    if event:\n        print('last words')\n        {end}\n"
        "    return len(calls)",
    )
    made = workers(host)
    assert made.invoke("f", False, now_ms=NOW_MS).payload == 1
    answer = made.invoke("f", True, now_ms=NOW_MS)
    assert (answer.function_error, answer.payload) == (
        "Unhandled",
        {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: {answer.request_id} Error: {reason}",
        },
    )
    assert answer.log.startswith("last words\n")
    assert made.invoke("f", False, now_ms=NOW_MS).payload == 1


def test_a_call_is_killed_at_its_time_out_with_all_it_started(
    functions: Functions, host: Host, tmp_path: Path
) -> None:
    functions.add(
        "f",
        "import os, subprocess, threading\n"
        "def handler(event, context):\n"
        "    fifo = os.open(event, os.O_WRONLY)\n"
        "    subprocess.Popen(['sleep', '60'], pass_fds=[fifo])\n"
        "    print('waiting'); threading.Event().wait()",
        timeout_seconds=0.1,
    )
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    answer = workers(host).invoke("f", str(fifo), now_ms=NOW_MS)
    assert answer.payload == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {answer.request_id} Error: Task timed out after 0.10 seconds",
    }
    assert answer.log.startswith("waiting\n")
    assert os.read(reader, 1) == b"", "nobody holds the other end any more"
    os.close(reader)


LOADS = [
    ("import not_there", "Runtime.ImportModuleError", "Unable to import module 'app': No module"),
    ("raise SystemExit(2)", "Runtime.ExitError", "Runtime exited with error: exit status 2"),
]


@pytest.mark.parametrize(("source", "error_type", "message"), LOADS)
def test_a_cold_start_that_fails_is_told_by_the_call_and_by_check(
    functions: Functions, host: Host, source: str, error_type: str, message: str
) -> None:
    functions.add("f", source)
    made = workers(host)
    payload = made.invoke("f", {}, now_ms=NOW_MS).payload
    assert payload["errorType"] == error_type
    assert message in payload["errorMessage"]
    with pytest.raises(HandlerError, match=error_type):
        made.check()


def test_check_leaves_the_process_warm(functions: Functions, host: Host) -> None:
    functions.add("f", "print('cold')\ndef handler(event, context):\n    print('warm')")
    made = workers(host)
    made.check()
    assert made.invoke("f", {}, now_ms=NOW_MS).log == "cold\nwarm\n"
    made.check()


@contextmanager
def pipes(folder: Path) -> Iterator[tuple[str, str]]:
    paths = [folder / "one", folder / "two"]
    for path in paths:
        os.mkfifo(path)
    yield str(paths[0]), str(paths[1])


def test_calls_at_one_moment_get_a_process_each(
    functions: Functions, host: Host, tmp_path: Path
) -> None:
    functions.add(
        "f",
        "import os\n"
        "def handler(event, context):\n"
        "    # Opening a pipe waits for the other end.\n"
        "    with open(event['pipe'], event['mode']):\n        return os.getpid()",
    )
    made = workers(host, idle_max=1)
    with pipes(tmp_path) as (pipe, _), ThreadPoolExecutor() as pool:
        calls = [
            pool.submit(made.invoke, "f", {"pipe": pipe, "mode": mode}, now_ms=NOW_MS)
            for mode in "rw"
        ]
        pids = {call.result().payload for call in calls}
    assert len(pids) == 2


def test_more_calls_than_allowed_at_one_moment_are_throttled(
    functions: Functions, host: Host, tmp_path: Path
) -> None:
    functions.add(
        "f",
        "def handler(event, context):\n"
        "    with open(event['began'], 'w'): pass\n"
        "    with open(event['release']): return 'done'",
    )
    made = workers(host, concurrency_max=1)
    with pipes(tmp_path) as (began, release), ThreadPoolExecutor() as pool:
        event = {"began": began, "release": release}
        call = pool.submit(made.invoke, "f", event, now_ms=NOW_MS)
        with Path(began).open(), pytest.raises(ApiError, match="Rate Exceeded") as caught:
            made.invoke("f", event, now_ms=NOW_MS)
        with Path(release).open("w"):
            assert call.result().payload == "done"
    assert (caught.value.aws_code, caught.value.http_status) == ("TooManyRequestsException", 429)


def test_a_process_of_older_code_ends(functions: Functions, host: Host) -> None:
    functions.add("f", "import os\ndef handler(event, context):\n    return os.getpid()")
    made = workers(host)
    first = made.invoke("f", {}, now_ms=NOW_MS).payload
    deployed = made.registry.get("f")
    function = replace(deployed.latest.function, environment={"STAGE": "prod"})
    deployed.latest = replace(deployed.latest, function=function)
    assert made.invoke("f", {}, now_ms=NOW_MS).payload != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_closing_ends_calls_that_run(functions: Functions, host: Host, tmp_path: Path) -> None:
    functions.add(
        "f",
        "import threading\n"
        "def handler(event, context):\n"
        "    with open(event, 'w'): pass\n"
        "    threading.Event().wait()",
        timeout_seconds=900,
    )
    made = workers(host)
    with pipes(tmp_path) as (began, _), ThreadPoolExecutor() as pool:
        call = pool.submit(made.invoke, "f", began, now_ms=NOW_MS)
        with Path(began).open():
            made.close()
        assert call.result().payload["errorMessage"].endswith("signal: killed")


def test_code_that_does_not_run_here_is_refused_by_name(functions: Functions, host: Host) -> None:
    functions.add("f", code_folder=None, refusal="its code is a container image")
    with pytest.raises(UnsupportedError, match="function f does not run here"):
        workers(host).invoke("f", {}, now_ms=NOW_MS)
