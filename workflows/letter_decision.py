"""What DeadLetters decides about one message, as JSONata over what it has seen.

A letter's own run decides, then the runs of its replays in their order, the first that has not
failed. A replay that is there, or that the archive knows of, is never joined by a redrive.
https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from __future__ import annotations

from workflows.letter_archive import REPLAYED

# What is to be done with a letter, by what became of its run, or of the replay that is in the
# archive.
DECISION = f"""(
    $ended := $states.result.Status in ['FAILED', 'TIMED_OUT', 'ABORTED'];
    $caught := $letter.caught or $archived.status = '{REPLAYED}';
    $replay := $count($letter.replays) > 0 ? 'REPLAY' : 'PARK';
    $redrive := $states.result.RedriveStatus != 'REDRIVABLE' ? 'LEAVE'
        : $states.result.RedriveCount >= $request.maxTries ? 'PARK' : 'REDRIVE';
    $states.result.Status = 'SUCCEEDED' ? 'DELETE'
    : $not($ended) ? 'LEAVE'
    : $request.action = 'REPLAY' ? $replay
    : $request.action = 'REDRIVE' ? ($caught ? 'LEAVE' : $redrive)
    : $caught or $redrive = 'LEAVE' ? $replay : $redrive
    )"""
WHY = f"""(
    $states.result.Status in ['RUNNING', 'PENDING_REDRIVE']
    ? 'its run is ' & $states.result.Status
    : $archived.status = '{REPLAYED}'
    ? 'it was replayed as ' & $states.result.Name & ', which is ' & $states.result.Status
    : $letter.caught ? 'a Catch led it to Fail, where a redrive would only fail again: replay it'
    : $states.result.RedriveStatusReason ? $states.result.RedriveStatusReason : ''
    )"""
# Whether one of its replays is there already.
MAY_BE_REPLAYED = "$todo in ['REPLAY', 'REDRIVE'] and $count($letter.replays) > 0"
DECISION_AFTER_REPLAY = """(
    $states.result.Status = 'SUCCEEDED' ? 'DELETE'
    : $states.result.Status in ['RUNNING', 'PENDING_REDRIVE'] or $request.action = 'REDRIVE'
    ? 'LEAVE'
    : $try + 1 < $count($letter.replays) ? 'REPLAY' : 'PARK'
    )"""
REPLAY_ARN = (
    "$replace($letter.stateMachineArn, ':stateMachine:', ':execution:')"
    " & ':' & $letter.replays[$try]"
)
UNDO = f"""$lookup({{
    'REPLAY': 'aws stepfunctions stop-execution --execution-arn ' & {REPLAY_ARN},
    'REDRIVE': 'aws stepfunctions stop-execution --execution-arn ' & $letter.executionArn,
    'PARK': 'start DeadLetters with the queue ' & $parking & ' and more maxTries',
    'DELETE': 'none is needed: ' & $run.arn & ' has done the work'
    }}, $todo)"""
OUTCOME = """(
    $request.dryRun and $not($todo in ['LEAVE', 'FAILED']) ? 'WOULD_' & $todo
    : $todo in ['REPLAY', 'REDRIVE'] and $run.status in ['FAILED', 'TIMED_OUT', 'ABORTED']
    ? 'FAILED_AGAIN'
    : $lookup({
        'DELETE': 'DONE', 'PARK': 'PARKED', 'MOVE': 'TO_MOVE', 'LEAVE': 'LEFT',
        'REPLAY': 'STARTED', 'REDRIVE': 'STARTED', 'FAILED': 'FAILED'
    }, $todo)
    )"""
