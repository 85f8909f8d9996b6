"""What an experiment is asked for: which function, which fault, at which rate, for how long, and
what is expected of it."""

from __future__ import annotations

from workflows.jsonata import EXECUTION_INPUT

KINDS = ("fail", "hang", "slow")
FIELDS = (
    "target",
    "kind",
    "rate",
    "minutes",
    "slowSeconds",
    "expect",
    "dryRun",
    "startedBy",
    "reason",
    # Who started the run, as the console shows it.
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
)
EXPECTED = ("alarm", "healed", "lettersMax")
# Shorter than any alarm sees; longer than a heal, its budget and the retries of an order take.
MINUTES_MIN = 5
MINUTES_MAX = 60

REQUEST = f"""$merge([
    {{'kind': 'fail', 'rate': 1, 'minutes': 15, 'slowSeconds': 5, 'expect': {{}}, 'dryRun': false}},
    {EXECUTION_INPUT}
    ])"""


def _number(field: str, least: float, most: float) -> str:
    value = f"$request.{field}"
    return f"""($type({value}) = 'number' ? $not({value} >= {least} and {value} <= {most}) : true)
        ? '{field} must be a number from {least} to {most}, not ' & $string({value})"""


# The first of these; empty where the request is good.
PROBLEM = f"""(
    $unknown := $keys({EXECUTION_INPUT})[$not($ in {list(FIELDS)})];
    $problems := [
        $count($unknown) > 0
            ? 'there is no field ' & $join($unknown, ', ') & '; there are {", ".join(FIELDS)}',
        $count($targets[target = $request.target]) = 0
            ? 'there is no target ' & $string($request.target)
                & '; there are ' & $join($targets.target, ', '),
        $not($request.kind in {list(KINDS)})
            ? 'there is no kind ' & $string($request.kind) & '; there are {", ".join(KINDS)}',
        {_number("rate", 0.01, 1)},
        {_number("minutes", MINUTES_MIN, MINUTES_MAX)},
        {_number("slowSeconds", 1, 60)},
        $type($request.dryRun) != 'boolean' ? 'dryRun must be true or false',
        $type($request.expect) != 'object'
            or $count($keys($request.expect)[$not($ in {list(EXPECTED)})]) > 0
            ? 'expect may have {", ".join(EXPECTED)}, and is ' & $string($request.expect)
    ];
    $count($problems) > 0 ? $problems[0] : ''
    )"""

# What is not expected may be as it is.
AS_EXPECTED = """(
    $expect := $request.expect;
    $request.dryRun or (
        ($exists($expect.alarm) ? $seen.alarm = $expect.alarm : true)
        and ($exists($expect.healed) ? $seen.healed = $expect.healed : true)
        and ($exists($expect.lettersMax) ? $seen.letters <= $expect.lettersMax : true)
    )
    )"""
