"""What retries add to the cost where each attempt of a Task state may fail.

Each attempt fails with the probability p, by an error that the first Retrier of the state takes
which tries again at all. With n for its MaxAttempts, another attempt is made with p, a second one
with p x p, up to n of them: p + p^2 + ... + p^n attempts more are to be expected. Each costs what
an attempt of this state cost in the run, and a state transition in a Standard workflow. What
happens after the last attempt has failed (probability p^(n+1)) is another path: run it to see.
"""

from __future__ import annotations

from collections import Counter

from sfnlocal.language import compile_definition
from sfnlocal.proof.cost import Cause, CostMeter
from sfnlocal.proof.cost_bill import Bill, bill_of
from sfnlocal.proof.cost_prices import Prices
from sfnlocal.proof.cost_usage import Item
from sfnlocal.proof.coverage_points import all_states


def expected_retries(rate: float, attempts_max: int) -> float:
    """p + p^2 + ... + p^n."""
    return sum(rate**attempt for attempt in range(1, attempts_max + 1))


def retries_bill(meter: CostMeter, prices: Prices, rate: float) -> Bill:
    """Of the attempts to be expected on top of those that were made."""
    retries: dict[int, dict[str, int]] = {}
    added: Counter[Item] = Counter()
    for visits in meter.visited.values():
        attempts: Counter[Cause] = Counter()
        for visit in visits:
            attempts[visit.cause] += visit.attempts
        for visit in visits:
            definition = visit.state_machine.definition
            if id(definition) not in retries:
                retries[id(definition)] = _retries_max(definition, visit.state_machine.type)
            more = expected_retries(rate, retries[id(definition)][visit.cause.state])
            for item, quantity in meter.usage.get(visit.cause, Counter()).items():
                share = quantity * more / attempts[visit.cause]
                added[item] += share  # type: ignore[assignment]
            if not visit.express:
                added["stateTransitions"] += more  # type: ignore[assignment]
    return bill_of(added, prices)


def _retries_max(definition: object, type: str) -> dict[str, int]:
    program = compile_definition(definition, type=type)
    return {
        state.name: next((one.max_attempts for one in state.retry if one.max_attempts), 0)
        for state, _ in all_states(program)
    }
