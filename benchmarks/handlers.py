"""What a cold start pays: CPU time of importing each handler, against the AWS clients that it makes
made by `boto3.client` alone.

Other work on the machine slows a process by a tenth and more, but two that run one after the other
alike. So each import has a run of its own clients beside it, and the median of these pairs counts:
of nine pairs of the same line it is 1.00 +- 0.02.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import Row
from sfnlocal.template import load_app

_ASSEMBLY = Path("cdk.out")
_GOAL = 1.1
_PAIRS = 5
# A ratio this near to the goal is measured by more pairs.
_NEAR = 0.05
_PAIRS_NEAR = 15
# The end of the process is no part of a cold start, and takes a quarter of its time.
_TIMED = "{}\nimport time; print(time.process_time())"
_CLIENTS = "import boto3\nfor service in {!r}:\n    boto3.client(service)"
_HANDLER = "import importlib; importlib.import_module({!r})"
_WATCHED = """\
import importlib, json, sys
import botocore.session
services = []
class Session(botocore.session.Session):
    def create_client(self, service_name, *arguments, **options):
        services.append(service_name)
        return super().create_client(service_name, *arguments, **options)
botocore.session.Session = Session
importlib.import_module({!r})
print(json.dumps(services))
"""
# In a process of its own: the watched one has loaded botocore.
_LOADS_BOTO3 = "import importlib, sys; importlib.import_module({!r}); print('boto3' in sys.modules)"


def rows() -> list[Row]:
    handlers: dict[str, tuple[tuple[str, ...], Mapping[str, str]]] = {}
    idle: list[str] = []
    for function in {one.handler: one for one in load_app(_ASSEMBLY).functions}.values():
        if function.code_folder is None:
            continue
        module = function.handler.rpartition(".")[0]
        # As Lambda sets it.
        environment = {**function.environment, "AWS_LAMBDA_FUNCTION_NAME": function.name}
        services = tuple(json.loads(_run(_WATCHED.format(module), environment)))
        if services:
            handlers[module] = services, environment
        elif _run(_LOADS_BOTO3.format(module), environment) == "True":
            idle.append(module)
    ratios = {module: _ratio(module, *of) for module, of in handlers.items()}
    slowest = max(ratios, key=lambda module: ratios[module])
    return [
        Row(
            "the slowest import of a handler that calls AWS",
            ratios[slowest],
            _GOAL,
            "x boto3",
            f"{slowest}; {sum(one <= _GOAL for one in ratios.values())} of {len(ratios)} meet it",
        ),
        Row("handlers that load boto3 for nothing", len(idle), 0, "", ", ".join(idle)),
    ]


def _ratio(module: str, services: tuple[str, ...], environment: Mapping[str, str]) -> float:
    pairs = [_pair(module, services, environment) for _ in range(_PAIRS)]
    if statistics.median(pairs) > _GOAL - _NEAR:
        pairs += [_pair(module, services, environment) for _ in range(_PAIRS_NEAR - _PAIRS)]
    return statistics.median(pairs)


def _pair(module: str, services: tuple[str, ...], environment: Mapping[str, str]) -> float:
    handler_s = float(_run(_TIMED.format(_HANDLER.format(module)), environment))
    clients_s = float(_run(_TIMED.format(_CLIENTS.format(services)), environment))
    return handler_s / clients_s


def _run(code: str, environment: Mapping[str, str]) -> str:
    """What a new process prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
