"""The proof of the order workflow: what an execution and a session cost on one core, and how long
all of it takes on two. CPU time: other work on the machine does not count."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import Row
from sfnlocal.proof.results import PlanResult
from sfnlocal.proof.worlds import Worlds
from sfnlocal.template import load_app
from sfnlocal.testing.proving import open_world, proof_runner

_ASSEMBLY = Path("cdk.out")
_PROOF = Path("tests/proofs/order.py")
# Evenly spread over all plans.
_PLANS = 100
_SESSIONS = 30
_CORES = 2
_EXECUTION_MS = 1000 / 300


def rows() -> list[Row]:
    return [*_proof_rows(), _session_row()]


def _proof_rows() -> list[Row]:
    with proof_runner(load_app(_ASSEMBLY), _PROOF) as runner:
        every = runner.plans()
        plans = every[:: max(1, len(every) // _PLANS)]
        runner.run(plans[0])
        results: list[PlanResult] = []
        spent_ms = _cpu_ms(lambda: results.extend(map(runner.run, plans)))
    executions = sum(result.executions for result in results)
    per_second = f"{executions / spent_ms * 1000:.0f} executions a second, faults and IAM on"
    whole_s = spent_ms / len(plans) * len(every) / _CORES / 1000
    return [
        Row("an execution in a proof", spent_ms / executions, _EXECUTION_MS, "ms CPU", per_second),
        Row("the proof of Order on two cores", whole_s, 20, "s CPU", f"{len(every)} plans"),
    ]


def _session_row() -> Row:
    """Each plan has a session of the whole app."""
    with Worlds(load_app(_ASSEMBLY)) as worlds:
        open_world(worlds.open())

        def open_all() -> None:
            for _ in range(_SESSIONS):
                open_world(worlds.open())

        spent_ms = _cpu_ms(open_all) / _SESSIONS
    return Row("a session of the whole app in a proof", spent_ms, 15, "ms CPU")


def _cpu_ms(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000
