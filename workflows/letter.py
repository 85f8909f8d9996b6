"""The dead letter: what it says about a failed run, as JSONata over facts of either net.

Inside the failed run the facts stand in its Context object; outside they are what
DescribeExecution answers. Both nets fill the same letter, so nobody who reads one has to know
which net caught it. See docs/decisions/0004-dead-letters.md for its fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, EXECUTION_NAME, jsonata

SCHEMA_VERSION = 1

# The letter has to fit a state's 262,144 bytes, also as a JSON string in the archive's item,
# where a byte can take two (`\"`), in a cause seven (`\\u0000`). URL encoding takes three bytes
# for each byte that JSON escapes or UTF-8 adds, so its length is an upper bound of both forms.
# For ordinary JSON it is 1.5 times the size: inputs above about 100 kB go to the bucket.
INLINE_INPUT_ENCODED_MAX = 160_000
CAUSE_CHARACTERS_MAX = 8_000


@dataclass(frozen=True, slots=True)
class FailedRun:
    """JSONata expressions for the facts about the run that failed.

    `state_machine` is an ARN, with the version as its eighth part where one was started.
    `replay_input` is what a replay gets where that is not the run's own input: what is left to do.
    """

    execution_arn: str
    execution_name: str
    state_machine: str
    input: str
    redrive_count: str
    start_time: str
    replay_input: str | None = None


THIS_RUN = FailedRun(
    execution_arn=EXECUTION_ARN,
    execution_name=EXECUTION_NAME,
    state_machine="$states.context.StateMachine.Id",
    input=EXECUTION_INPUT,
    redrive_count=(
        "($states.context.Execution.RedriveCount ? $states.context.Execution.RedriveCount : 0)"
    ),
    start_time="$states.context.Execution.StartTime",
)


def failure(*, state: str, error_output: str) -> str:
    """What failed, from the Context object's State and the error output of a Catch."""
    return jsonata(
        f"""{{
        'state': {state}.Name,
        'error': {error_output}.Error ? {error_output}.Error : 'States.TaskFailed',
        'cause': {error_output}.Cause
            ? $substring({error_output}.Cause, 0, {CAUSE_CHARACTERS_MAX}) : '',
        'attempts': {state}.RetryCount + 1,
        'failedAt': $now()
        }}"""
    )


# Assigned by each Catch, because in the dead-letter branch the Context object speaks of the
# branch's own states.
FAILURE = failure(state="$states.context.State", error_output="$states.errorOutput")

# A compensation that fails must not hide what it was to compensate.
COMPENSATION_FAILURE = jsonata(
    """$merge([$failure, {'compensationFailure': {
    'state': $states.context.State.Name,
    'error': $states.errorOutput.Error ? $states.errorOutput.Error : 'States.TaskFailed',
    'cause': $states.errorOutput.Cause ? $substring($states.errorOutput.Cause, 0, 500) : ''
    }}])"""
)


def failure_where(compensates: str) -> str:
    """What a state failed with that compensates only where the expression says so."""
    compensation, own = (
        one.removeprefix("{%").removesuffix("%}") for one in (COMPENSATION_FAILURE, FAILURE)
    )
    return jsonata(f"{compensates} ? {compensation} : {own}")


def input_is_large(run: FailedRun) -> str:
    """Whether the input could make the letter too large."""
    encoded = f"$encodeUrlComponent($string({run.input}))"
    return jsonata(f"$exists({run.input}) and $length({encoded}) > {INLINE_INPUT_ENCODED_MAX}")


def inline_input(run: FailedRun) -> str:
    """The input, or where it is read when the net could not read it either."""
    return jsonata(
        f"""$exists({run.input}) ? {{'input': {run.input}}}
        : {{'inputLocation': {{'executionArn': {run.execution_arn}}}}}"""
    )


def input_key(run: FailedRun) -> str:
    """The claim check's key: the input of a run never changes, so a repeated put is harmless."""
    return jsonata(f"$split({run.execution_arn}, ':')[6] & '/' & {run.execution_name} & '.json'")


def letter(run: FailedRun) -> str:
    """The whole letter; `$failure`, `$cause` and `$input` (as `input` or `inputLocation`) are
    variables. A replay is named after the first run, which is the correlation id of all."""
    replay_input = f"'replayInput': {run.replay_input}," if run.replay_input else ""
    return jsonata(
        f"""(
        $arn := $split({run.state_machine}, ':');
        $name := {run.execution_name};
        $first := $replace($name, /(-replay-[0-9]+)+$/, '');
        $merge([{{
            'schemaVersion': {SCHEMA_VERSION},
            'executionArn': {run.execution_arn},
            'executionName': $name,
            'stateMachineArn': $join($arn[[0..6]], ':'),
            'stateMachineVersion': $exists($arn[7]) ? $arn[7] : null,
            'state': $failure.state,
            'error': $failure.error,
            'cause': $cause,
            'attempts': $failure.attempts,
            'compensationFailure': $failure.compensationFailure,
            'correlationId': $first,
            'redriveCount': {run.redrive_count},
            'startTime': {run.start_time},
            'failedAt': $failure.failedAt,
            {replay_input}
            'replayOf': $first = $name ? null : $first
        }}, $input])
        )"""
    )
