"""64 clients that start 10,000 executions on one `sfnlocal serve`: none lost, none doubled."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.engine import chain
from benchmarks.measure import Row
from benchmarks.servers import OURS, client_of, installed, peak_mb, running

_CLIENTS = 64
_EXECUTIONS = 10_000
_UNIT = "executions"


def rows() -> list[Row]:
    with running(OURS, installed(OURS)) as (url, process, _):
        machine = client_of(url).create_state_machine(
            name="load",
            definition=json.dumps(chain(5)),
            roleArn="arn:aws:iam::123456789012:role/benchmark",
        )["stateMachineArn"]
        with ThreadPoolExecutor(_CLIENTS) as pool:
            started = _start(pool, url, machine, range(_EXECUTIONS // 2))
            half_mb = peak_mb(process)
            started += _start(pool, url, machine, range(_EXECUTIONS // 2, _EXECUTIONS))
        whole_mb = peak_mb(process)
        listed = _listed(url, machine)
    wrong = sum(listed.get(arn) != f'{{"number":{number}}}' for arn, number in started)
    arns = Counter(arn for arn, _ in started)
    detail = f"{whole_mb:.0f} MB against {half_mb:.0f} MB"
    return [
        Row(f"{_CLIENTS} clients, started but not listed as SUCCEEDED", wrong, 0, _UNIT),
        Row(f"{_CLIENTS} clients, started twice", _EXECUTIONS - len(arns), 0, _UNIT),
        Row(f"{_CLIENTS} clients, listed but not started", len(listed) - len(arns), 0, _UNIT),
        Row("memory, 10,000 kept executions against 5,000", whole_mb / half_mb, 2.0, "x", detail),
    ]


def _start(
    pool: ThreadPoolExecutor, url: str, machine: str, numbers: range
) -> list[tuple[str, int]]:
    """Each client's executions, as ARNs with their numbers."""

    def start(share: range) -> list[tuple[str, int]]:
        client = client_of(url)
        return [
            (
                client.start_execution(
                    stateMachineArn=machine, input=json.dumps({"number": number})
                )["executionArn"],
                number,
            )
            for number in share
        ]

    shares = [numbers[first::_CLIENTS] for first in range(_CLIENTS)]
    return [one for client in pool.map(start, shares) for one in client]


def _listed(url: str, machine: str) -> dict[str, str]:
    """The outputs of the executions that ListExecutions has as SUCCEEDED, by ARN."""
    client = client_of(url)
    pages: Any = client.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="SUCCEEDED"
    )
    return {
        one["executionArn"]: client.describe_execution(executionArn=one["executionArn"])["output"]
        for page in pages
        for one in page["executions"]
    }
