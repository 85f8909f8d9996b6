"""What an upgrade is asked for: the fields of its input, what they are when they are missing, what
is wrong with them, and the steps that follow from them."""

from __future__ import annotations

from workflows.jsonata import EXECUTION_INPUT

# Metrics tell of a call within two minutes; a bake that is shorter sees nothing.
# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics.html
METRICS_DELAY_SECONDS = 120
BAKE_SECONDS_MIN = METRICS_DELAY_SECONDS + 60
BAKE_SECONDS_MAX = 3_600
# Linear steps of less than 5 percent would make more than 20 of them.
STEP_PERCENT_MIN = 1
LINEAR_PERCENT_MIN = 5
STEPS_MAX = 20
ALARMS_MAX = 50

CANARY = "canary"
LINEAR = "linear"

DEFAULTS = f"""{{
    'strategy': '{CANARY}',
    'percent': 10,
    'bakeSeconds': 600,
    'alarms': [],
    'errorPointsMax': 5,
    'dryRun': false
    }}"""

FIELDS = (
    "target",
    "strategy",
    "percent",
    "bakeSeconds",
    "alarms",
    "errorPointsMax",
    "dryRun",
    "startedBy",
    "reason",
    # Who started the run, as the console shows it.
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
)


def _number(field: str, least: int, most: int) -> str:
    value = f"$request.{field}"
    return f"""(
        $type({value}) = 'number' ? $not({value} >= {least} and {value} <= {most}) : true
        ) ? '{field} must be a number from {least} to {most}, not ' & $string({value})"""


# The first of these; empty where the request is good.
PROBLEM = f"""(
    $unknown := $keys({EXECUTION_INPUT})[$not($ in {list(FIELDS)})];
    $linear := $request.strategy = '{LINEAR}';
    $problems := [
        $count($unknown) > 0
            ? 'there is no field ' & $join($unknown, ', ')
                & '; there are ' & $join({list(FIELDS)}, ', '),
        $not($exists($lookup($targets, $string($request.target))))
            ? 'there is no target ' & $string($request.target)
                & '; there are ' & $join($keys($targets), ', '),
        $not($request.strategy in ['{CANARY}', '{LINEAR}'])
            ? 'strategy must be {CANARY} or {LINEAR}, not ' & $string($request.strategy),
        $linear ? ({_number("percent", LINEAR_PERCENT_MIN, 100)})
            : ({_number("percent", STEP_PERCENT_MIN, 100)}),
        {_number("bakeSeconds", BAKE_SECONDS_MIN, BAKE_SECONDS_MAX)},
        {_number("errorPointsMax", 0, 100)},
        ($type($request.alarms) = 'array'
            ? $count($request.alarms) > {ALARMS_MAX}
                or $count($request.alarms[$type($) != 'string']) > 0
            : true
        ) ? 'alarms must be a list of at most {ALARMS_MAX} names',
        $type($request.dryRun) != 'boolean' ? 'dryRun must be true or false'
    ];
    $count($problems) > 0 ? $problems[0] : ''
    )"""

# Whole percents: a state machine's alias takes no other weights.
STEPS = f"""(
    $percent := $floor($request.percent);
    $request.strategy = '{CANARY}' ? ($percent < 100 ? [$percent, 100] : [100])
        : [[1..$ceil(100 / $percent)].($min([100, $ * $percent]))]
    )"""
