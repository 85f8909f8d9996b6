"""What a heal is asked for: by a target's name, an alarm, a function's ARN, or a failed execution;
which target that is, and who comes back when another run has it."""

from __future__ import annotations

from workflows.jsonata import EXECUTION_INPUT, EXECUTION_NAME, is_true

ASKED_BY = ("target", "alarm", "functionArn", "executionArn")
FIELDS = (
    *ASKED_BY,
    "dryRun",
    "startedBy",
    "reason",
    # Who started the run, as the console shows it.
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
)

# The ARN of a failed asynchronous call has the alias at its end.
FOUND = f"""(
    $asked := {EXECUTION_INPUT};
    $found := $targets[
        target = $asked.target
        or alarm = $asked.alarm
        or ($type($asked.functionArn) = 'string'
            and functionArn = $join($split($asked.functionArn, ':')[[0..6]], ':'))
        or $failedState in states
    ];
    $count($found) > 0 ? $found[0] : null
    )"""

PROBLEM = f"""(
    $asked := {EXECUTION_INPUT};
    $unknown := $keys($asked)[$not($ in {list(FIELDS)})];
    $names := ' there are ' & $join($targets.target, ', ');
    $by := {list(ASKED_BY)}[$exists($lookup($asked, $))];
    $problems := [
        $count($unknown) > 0
            ? 'there is no field ' & $join($unknown, ', ')
                & '; there are ' & $join({list(FIELDS)}, ', '),
        $count($by) != 1 ? 'one of {", ".join(ASKED_BY)} must be given',
        $exists($asked.dryRun) and $type($asked.dryRun) != 'boolean'
            ? 'dryRun must be true or false',
        $exists($asked.executionArn) and $not($failedState in $targets.states)
            ? 'its last failed state ' & $failedState & ' calls no function that can be healed;'
                & $names,
        $count($targets[target = $asked.target or alarm = $asked.alarm
            or ($exists($asked.functionArn)
                and functionArn = $join($split($string($asked.functionArn), ':')[[0..6]], ':'))
            or $failedState in states]) = 0
            ? 'there is no ' & $string($lookup($asked, $by[0])) & ';' & $names
    ];
    $count($problems) > 0 ? $problems[0] : ''
    )"""

# Nobody repeats an event, so its heal comes back while another operation, such as an upgrade, has
# the function. One that is by hand is refused, and so is one that finds a heal at work.
RETURN_SECONDS = 120
RETURNS_MAX = 10
COMES_BACK = f"""$returns < {RETURNS_MAX}
    and $not($exists({EXECUTION_INPUT}.target)) and $not($dryRun)
    and $not($split($holder.heldBy, ':')[6] = $split($states.context.StateMachine.Id, ':')[6])"""

# The run that it stands for may have healed, and told nobody.
IS_REPLAY = is_true(f"$contains({EXECUTION_NAME}, /-replay-[0-9]+$/)")
