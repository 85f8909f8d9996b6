"""What DeadLetters does with one message: look at what became of its work, decide, tell, act, tell.

It decides by what is there and not by what it remembers, so it can be repeated at any point: the
names of replays follow from their letter's, and the first that has not failed decides
(letter_decision.py). A message is deleted only when the run that brings its work back has SUCCEEDED
and its letter is marked REPLAYED (letter_archive.py), or when a copy of it is in the queue of
parked letters.
"""

from __future__ import annotations

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.dead_letters.payloads import LETTER, LOST_START, MESSAGE
from workflows.audit import Audit
from workflows.function import ThinFunction
from workflows.jsonata import is_true, jsonata
from workflows.letter_acts import LetterActs, ReturnPlaces
from workflows.letter_archive import (
    CHANGED_MEANWHILE,
    IS_KNOWN,
    NOTHING_SEEN,
    WAS_FOUND,
)
from workflows.letter_decision import (
    DECISION,
    DECISION_AFTER_REPLAY,
    MAY_BE_REPLAYED,
    OUTCOME,
    REPLAY_ARN,
    UNDO,
    WHY,
)

NEVER_RUN = "Sfn.ExecutionDoesNotExistException"

# As long as a page may take to be looked at; who waits for a run hides its message again.
HIDDEN_SECONDS = 120
POLL_SECONDS_MAX = 60


class LetterReturn(Construct):
    """`start` is the first state for one received letter, its input. It reads the variables
    `$request` (the machine's input, defaults filled in), `$queue` (name, url), `$parking`,
    `$archives` and `$starts`."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        places: ReturnPlaces,
        start_replay: ThinFunction,
        audit: Audit,
    ) -> None:
        super().__init__(scope, construct_id)
        acts = LetterActs(self, places, start_replay)
        acts.acknowledge_for(scope)

        look_at = sfn.Pass.jsonata(
            self,
            "LookAt",
            assign={
                "letter": jsonata("$states.input"),
                "archived": NOTHING_SEEN,
                "run": {"arn": jsonata("$states.input.executionArn"), "status": ""},
                "try": 0,
                "todo": "LEAVE",
                "why": jsonata("$states.input.why"),
                "polls": 0,
                "waitUntil": jsonata("$millis() + $request.waitMinutes * 60000"),
            },
            outputs={},
        )
        what_is_it = sfn.Choice.jsonata(self, "WhatIsIt")
        read_archive = places.archives.read(self, "ReadArchive")
        read_run = acts.describe(
            "ReadRun",
            "$run.arn",
            {"todo": jsonata(DECISION), "why": jsonata(WHY)},
        )
        may_be_replayed = sfn.Choice.jsonata(self, "MayBeReplayed")
        find_replay = acts.describe(
            "FindReplay",
            REPLAY_ARN,
            {
                "todo": jsonata(DECISION_AFTER_REPLAY),
                "why": jsonata("$states.result.Name & ' is ' & $states.result.Status"),
            },
        )
        is_another_to_be_tried = sfn.Choice.jsonata(self, "IsAnotherToBeTried")
        read_moves = places.moved.read(self, "ReadMoves")
        is_to_be_done = sfn.Choice.jsonata(self, "IsToBeDone")
        count_move = places.moved.count(self, "CountMove")
        tell_before = audit.before(
            self,
            "TellBefore",
            action="$todo",
            saw="""{'messageId': $letter.messageId, 'cause': $letter.cause,
                'execution': $letter.executionArn, 'run': $run, 'tries': $try}""",
            undo=UNDO,
        )
        act = sfn.Choice.jsonata(self, "Act")
        replay = acts.replay("StartReplay")
        redrive = acts.redrive("Redrive")
        wait_for_run = sfn.Wait.jsonata(
            self,
            "WaitForRun",
            time=sfn.WaitTime.seconds(
                jsonata(f"$min([5 * $power(2, $polls), {POLL_SECONDS_MAX}])")
            ),
        )
        stay_hidden = acts.hide("StayHidden", HIDDEN_SECONDS)
        poll_run = acts.describe("PollRun", "$run.arn", {"polls": jsonata("$polls + 1")})
        is_waited_for = sfn.Choice.jsonata(self, "IsWaitedFor")
        park = acts.park("Park")
        mark_replayed = places.archives.mark_replayed(self, "MarkReplayed")
        delete = acts.delete("Delete")
        tell_after = audit.after(self, "TellAfter", action="$todo", result="{'run': $run}")
        is_work_back = sfn.Choice.jsonata(self, "IsWorkBack")
        told = sfn.Pass.jsonata(
            self,
            "Told",
            outputs={
                "messageId": jsonata("$letter.messageId"),
                "cause": jsonata("$letter.cause"),
                "sentAt": jsonata("$letter.sentAt"),
                "outcome": jsonata(OUTCOME),
                "run": jsonata("$run"),
                "why": jsonata("$todo in ['LEAVE', 'FAILED'] ? $why : ''"),
            },
        )

        find_replay.add_catch(is_to_be_done, errors=[NEVER_RUN])
        mark_replayed.add_catch(
            tell_after,
            errors=[CHANGED_MEANWHILE],
            assign={"todo": "LEAVE", "why": "somebody else brings it back: look again"},
        )
        for task in (
            *(read_archive, read_run, find_replay, read_moves, count_move, tell_before),
            *(replay, redrive, stay_hidden, poll_run, park, mark_replayed, delete),
        ):
            # One letter's failure is told, and the others are handled. What was done and cannot be
            # told ends the run: nothing more is done unheard.
            task.add_catch(
                told,
                assign={
                    "todo": "FAILED",
                    "why": jsonata(
                        "$states.context.State.Name & ': ' & $states.errorOutput.Error & ' '"
                        " & $substring($states.errorOutput.Cause, 0, 200)"
                    ),
                },
            )

        look_at.next(
            what_is_it.when(
                is_true("$exists($request.cause) and $request.cause != $letter.cause"),
                told,
                assign={"why": "of another cause"},
            )
            .when(
                # A replay that fails at once leaves a letter of its own: that is the next run's.
                is_true(
                    "$toMillis($letter.sentAt) >= $toMillis($states.context.Execution.StartTime)"
                ),
                told,
                assign={"why": "came after this run had begun"},
            )
            .when(is_true(f"$letter.kind = '{LETTER}' and {IS_KNOWN}"), read_archive)
            .when(
                is_true(f"$letter.kind = '{LETTER}'"),
                told,
                assign={"why": jsonata("'this app has no ' & $letter.stateMachineArn")},
            )
            .when(is_true(f"$letter.kind = '{MESSAGE}'"), read_moves)
            .when(
                # Nobody can look at a run of an Express machine.
                is_true(
                    f"$letter.kind = '{LOST_START}' and $not($letter.stateMachineArn in $starts)"
                ),
                told,
                assign={
                    "why": jsonata(
                        "'this app has no Standard workflow ' & $letter.stateMachineArn"
                        " & ': start it by hand'"
                    )
                },
            )
            .when(
                is_true(f"$letter.kind = '{LOST_START}' and $request.action != 'REDRIVE'"),
                find_replay,
                assign={"todo": "REPLAY"},
            )
            .otherwise(told)
        )
        read_archive.next(read_run).next(
            may_be_replayed.when(is_true(MAY_BE_REPLAYED), find_replay).otherwise(is_to_be_done)
        )
        find_replay.next(
            is_another_to_be_tried.when(
                is_true("$todo = 'REPLAY'"), find_replay, assign={"try": jsonata("$try + 1")}
            ).otherwise(is_to_be_done)
        )
        read_moves.next(is_to_be_done)
        is_to_be_done.when(
            is_true("$todo = 'PARK' and $queue.name = $parking"),
            told,
            assign={"todo": "LEAVE", "why": "tried too often: give more maxTries"},
        ).when(is_true("$request.dryRun or $todo = 'LEAVE'"), told).when(
            is_true("$todo = 'MOVE'"), count_move.next(told)
        ).otherwise(tell_before)
        tell_before.next(
            act.when(is_true("$todo = 'REPLAY'"), replay)
            .when(is_true("$todo = 'REDRIVE'"), redrive)
            .when(is_true("$todo = 'PARK'"), park)
            .when(is_true(WAS_FOUND), mark_replayed)
            .otherwise(delete)
        )
        replay.next(wait_for_run)
        redrive.next(wait_for_run)
        wait_for_run.next(stay_hidden).next(poll_run).next(
            is_waited_for.when(
                is_true("$run.status in ['RUNNING', 'PENDING_REDRIVE'] and $millis() < $waitUntil"),
                wait_for_run,
            ).otherwise(tell_after)
        )
        mark_replayed.next(delete)
        park.next(delete).next(tell_after)
        tell_after.next(
            is_work_back.when(
                is_true("$todo in ['REPLAY', 'REDRIVE'] and $run.status = 'SUCCEEDED'"),
                tell_before,
                assign={"todo": "DELETE"},
            ).otherwise(told)
        )
        self.start: sfn.State = look_at
