"""Modules, environment and cold starts are a function's own."""

from __future__ import annotations

import gc
import json
import logging
import sys
import time
from collections.abc import Callable
from types import ModuleType

import pytest

from sfnlocal.services.functions import FunctionHost

from .conftest import FUNCTION_ARN, NOW_MS, Functions, make_app

Host = Callable[..., FunctionHost]


def test_modules_of_one_name_in_two_functions_stay_apart(functions: Functions, host: Host) -> None:
    source = "import logic\ndef handler(event, context):\n    return logic.NAME"
    for name in "ab":
        functions.add(name, source, files={"logic.py": f"NAME = {name!r}"})
    made = host()
    answers = [made.invoke(name, {}, now_ms=NOW_MS).payload for name in "abab"]
    assert answers == ["a", "b", "a", "b"]


def test_a_module_of_this_process_does_not_hide_the_functions_own(
    functions: Functions, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = ModuleType("logic")
    monkeypatch.setitem(sys.modules, "logic", ours)
    functions.add(
        "f",
        "import logic\ndef handler(event, context):\n    return logic.NAME",
        files={"logic.py": "NAME = 'own'"},
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload == "own"
    assert sys.modules["logic"] is ours


def test_modules_are_imported_once_and_lazily_too(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import pkg.count\n"
        "def handler(event, context):\n"
        "    import pkg.late\n"
        "    pkg.count.CALLS.append(1)\n"
        "    return len(pkg.count.CALLS), len(pkg.late.IMPORTS)",
        files={
            "pkg/__init__.py": "",
            "pkg/count.py": "CALLS = []",
            "pkg/late.py": "import pkg.count\nIMPORTS = [1]",
        },
    )
    made = host()
    assert [made.invoke("f", {}, now_ms=NOW_MS).payload for _ in range(3)] == [
        [1, 1],
        [2, 1],
        [3, 1],
    ]
    assert "pkg" not in sys.modules


def test_a_failed_cold_start_is_made_again(functions: Functions, host: Host) -> None:
    functions.add("f", "import logic\ndef handler(event, context):\n    return 1")
    made = host()
    assert made.invoke("f", {}, now_ms=NOW_MS).function_error == "Unhandled"
    (functions.folder / "f" / "logic.py").write_text("")
    second = FunctionHost(make_app(functions=tuple(functions.made)))
    assert second.invoke("f", {}, now_ms=NOW_MS).payload == 1
    second.close()


def test_a_broken_module_is_read_again(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import logic\ndef handler(event, context):\n    return logic.ONE",
        files={"logic.py": "1 +"},
    )
    made = host()
    failed = made.invoke("f", {}, now_ms=NOW_MS).payload
    (functions.folder / "f" / "logic.py").write_text("ONE = 1")
    answer = made.invoke("f", {}, now_ms=NOW_MS).payload
    assert (failed["errorType"], answer) == ("Runtime.UserCodeSyntaxError", 1)


def test_a_new_sandbox_has_the_deployed_code_and_nothing_of_the_last_one(
    functions: Functions, host: Host
) -> None:
    functions.add(
        "f",
        "import logging, os, sys\n"
        "import pkg.count\n"
        "def handler(event, context):\n"
        "    pkg.count.CALLS.append(1)\n"
        "    kept = len(pkg.count.CALLS), os.environ.get('SEEN'), logging.getLogger('own').level\n"
        "    os.environ['SEEN'] = 'x'\n"
        "    logging.getLogger('own').setLevel(7)\n"
        "    return kept if not event else sys.exit(1)",
        files={"pkg/__init__.py": "", "pkg/count.py": "CALLS = []"},
    )
    made = host()
    warm = [made.invoke("f", event, now_ms=NOW_MS).payload for event in (0, 0)]
    assert warm == [[1, None, 0], [2, "x", 7]]
    ended = made.invoke("f", 1, now_ms=NOW_MS).payload
    assert ended["errorType"] == "Runtime.ExitError"
    (functions.folder / "f" / "pkg" / "count.py").write_text("CALLS = ['not deployed']")
    assert made.invoke("f", 0, now_ms=NOW_MS).payload == [1, None, 0]


def test_installed_packages_win_over_bundled_copies(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import boto3, dateutil, bundled\n"
        "def handler(event, context):\n"
        "    return [hasattr(boto3, 'BUNDLED'), hasattr(dateutil, 'BUNDLED'), bundled.BUNDLED]",
        files={
            "boto3.py": "BUNDLED = 1",
            "dateutil/__init__.py": "BUNDLED = 1",
            "dateutil-1.dist-info/RECORD": "dateutil/__init__.py,,\n",
            "bundled/__init__.py": "BUNDLED = True",
            "bundled-1.dist-info/RECORD": "bundled/__init__.py,,\n",
        },
    )
    answer = host().invoke("f", {}, now_ms=NOW_MS)
    sys.modules.pop("bundled", None)
    assert answer.payload == [False, False, True]


def test_the_environment_is_lambdas_and_the_functions(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import os\nfrom os import environ\n"
        "def handler(event, context):\n"
        "    os.environ['SEEN'] = os.environ.get('SEEN', '') + 'x'\n"
        "    return {**environ, 'cwd': os.getcwd(), 'getenv': os.getenv('STAGE')}",
        environment={"STAGE": "dev"},
    )
    made = host()
    made.invoke("f", {}, now_ms=NOW_MS)
    seen = made.invoke("f", {}, now_ms=NOW_MS).payload
    folder = str((functions.folder / "f").resolve())
    expected = {
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/f",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.14",
        "LAMBDA_TASK_ROOT": folder,
        "_HANDLER": "app.handler",
        "TZ": ":UTC",
        "STAGE": "dev",
        "getenv": "dev",
        "SEEN": "xx",
        "cwd": folder,
    }
    assert {name: seen.get(name) for name in expected} == expected
    assert "HOME" not in seen


def test_an_environment_value_that_is_no_text_is_refused_as_by_os_environ(
    functions: Functions, host: Host
) -> None:
    functions.add("f", "import os\ndef handler(event, context):\n    os.environ['A'] = 1")
    payload = host().invoke("f", {}, now_ms=NOW_MS).payload
    assert payload["errorMessage"] == "str expected, not int"


def test_a_handler_may_stand_in_a_folder_of_the_code(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        handler="pkg/deep.handler",
        files={"pkg/deep.py": "def handler(event, context):\n    return __name__"},
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload == "pkg.deep"


def test_no_bytecode_is_written_next_to_the_code(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context): ...")
    host().invoke("f", {}, now_ms=NOW_MS)
    assert [entry.name for entry in (functions.folder / "f").iterdir()] == ["app.py"]


def test_modules_of_a_layer_are_the_functions_own(functions: Functions, host: Host) -> None:
    layer = functions.folder / "layer"
    (layer / "python").mkdir(parents=True)
    (layer / "python" / "shared.py").write_text("NAME = 'of the layer'")
    functions.add(
        "f",
        "import shared\ndef handler(event, context):\n    return shared.NAME",
        layer_folders=(layer,),
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload == "of the layer"
    assert "shared" not in sys.modules


def test_functions_run_in_utc(
    functions: Functions, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    functions.add("f", "import time\ndef handler(event, context):\n    return time.localtime(0)[3]")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        hours = host().invoke("f", {}, now_ms=NOW_MS).payload, time.localtime(0)[3]
    time.tzset()
    assert hours == (0, 9)


def test_powertools_work(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "from aws_lambda_powertools import Logger, Metrics\n"
        "from aws_lambda_powertools.metrics import MetricUnit\n"
        "logger, metrics = Logger(), Metrics()\n"
        "@logger.inject_lambda_context\n"
        "@metrics.log_metrics\n"
        "def handler(event, context):\n"
        "    logger.info('charged')\n"
        "    metrics.add_metric('Charges', MetricUnit.Count, 1)\n",
        environment={"POWERTOOLS_SERVICE_NAME": "orders", "POWERTOOLS_METRICS_NAMESPACE": "Shop"},
    )
    made = host()
    for _ in range(2):
        answer = made.invoke("f", {}, now_ms=NOW_MS)
        assert answer.function_error is None, answer.payload
        assert '"message":"charged"' in answer.log
        assert f'"function_arn":"{FUNCTION_ARN}f"' in answer.log
        assert '"Charges":[1.0]' in answer.log


def test_loggers_of_one_name_are_each_function_s_own(functions: Functions, host: Host) -> None:
    theirs = logging.getLogger("orders")
    theirs.addHandler(logging.NullHandler())
    for name in "ab":
        source = (
            "from aws_lambda_powertools import Logger\n"
            "LOGGER = Logger(service='orders')\n"
            "@LOGGER.inject_lambda_context\n"
            "def handler(event, context):\n"
            f"    LOGGER.info('in {name}')"
        )
        functions.add(name, source)
    made = host()
    logs = [made.invoke(name, {}, now_ms=NOW_MS).log for name in "ab"]
    assert [json.loads(log)["function_name"] for log in logs] == ["a", "b"]
    assert logging.getLogger("orders") is theirs
    assert [type(one) for one in theirs.handlers] == [logging.NullHandler]


def test_how_often_garbage_is_looked_for_is_this_process_s(
    functions: Functions, host: Host
) -> None:
    functions.add(
        "f",
        "import gc\n"
        "gc.set_threshold(12_345)\n"
        "def handler(event, context):\n"
        "    gc.set_threshold(12_345)",
    )
    before = gc.get_threshold()
    host().invoke("f", {}, now_ms=NOW_MS)
    assert gc.get_threshold() == before


def test_loggers_of_packages_are_shared(functions: Functions, host: Host) -> None:
    functions.add(
        "f",
        "import logging\n"
        "import botocore.hooks\n"
        "def handler(event, context):\n"
        "    return logging.getLogger('botocore.hooks') is botocore.hooks.logger",
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload is True


def test_the_engine_is_the_same_inside_a_call(functions: Functions, host: Host) -> None:
    """A code folder that holds the engine too does not bring a second one."""
    functions.add(
        "f",
        "import sfnlocal.errors\ndef handler(event, context):\n    return id(sfnlocal.errors)",
        files={"sfnlocal/__init__.py": "", "sfnlocal/errors.py": ""},
    )
    assert host().invoke("f", {}, now_ms=NOW_MS).payload == id(sys.modules["sfnlocal.errors"])
