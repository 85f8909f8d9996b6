"""The DeadLetters machine: brings back what is in a dead-letter queue of the app, page by page, at
a rate, one run at a time on a queue.

Letters of workflows are replayed or redriven (letter_return.py); messages of consumers go back to
their queue (message_move.py). LIST and `dryRun` only tell. It has no dead letters of its own: what
it fails at stays in the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.dead_letters.payloads import ReceiveLettersEvent
from workflows.audit import Audit
from workflows.dead_letters_request import NAMES, PROBLEMS, QUEUE, REQUEST
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, is_true, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.lease import Lease
from workflows.letter_acts import ReturnPlaces
from workflows.letter_return import HIDDEN_SECONDS, LetterReturn
from workflows.machine import standard_machine
from workflows.message_move import MessageMove
from workflows.queue import Queue
from workflows.runs_by_queue import may_start_itself, start_for_each

MACHINE_TIME_OUT = cdk.Duration.hours(12)
# Longer than a page takes: each begins with the lease renewed.
LEASE_TIME = cdk.Duration.minutes(45)
PAGE_LETTERS = 10

TARGET = "'dead letters ' & $queue.name"

# By cause; without letters there is nothing to group.
CAUSES = """(
    $count($letters) = 0 ? [] : [$each($letters{cause: $}, function($group, $cause) {{
        'cause': $cause,
        'letters': $count($group),
        'oldest': $min($group.sentAt.$toMillis($)) ~> $fromMillis,
        'outcomes': $group{outcome: $count($)},
        'why': [$distinct($group.why)[$ != '']]
    }})]
    )"""
OUTCOMES = "$count($letters) = 0 ? {} : $letters{outcome: $count($)}"


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """A queue that the machine works on, by the name that operators know; `source` is the SQS queue
    whose dead letters it has."""

    name: str
    queue: Queue
    source: Queue | None = None


@dataclass(frozen=True, slots=True)
class DeadLettersFunctions:
    receive_letters: ThinFunction
    start_replay: ThinFunction


class DeadLetterOperations(Construct):
    """Its input is lambdas.dead_letters.payloads.DeadLettersInput."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        queues: Mapping[str, DeadLetterQueue],
        parking: str,
        places: ReturnPlaces,
        functions: DeadLettersFunctions,
        leases: dynamodb.ITable,
        entries: dynamodb.ITable,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._queues = queues
        lease = Lease(leases, TARGET, LEASE_TIME)
        audit = Audit(entries, TARGET)

        read_request = sfn.Pass.jsonata(
            self,
            "ReadRequest",
            assign={
                "queues": self._known(),
                "archives": places.archives.known(),
                "starts": list(places.starts),
                "request": jsonata(REQUEST),
                "parking": parking,
            },
            outputs={},
        )
        name_queues = sfn.Pass.jsonata(self, "NameQueues", assign={"names": jsonata(NAMES)})
        check_request = sfn.Pass.jsonata(
            self,
            "CheckRequest",
            assign={
                "problems": jsonata(PROBLEMS),
                "queue": jsonata(QUEUE),
                "letters": [],
                "move": {},
            },
        )
        is_valid = sfn.Choice.jsonata(self, "IsValid")
        invalid = sfn.Fail.jsonata(
            self, "Invalid", error="InvalidInput", cause=jsonata("$join($problems, '; ')")
        )
        start_each = start_for_each(self)

        held = sfn.Fail.jsonata(
            self,
            "Held",
            error="QueueIsHeld",
            cause=jsonata(
                """$holder.heldBy
                ? $queue.name & ' is held by ' & $holder.heldBy & ' until ' & $holder.heldUntil
                : $queue.name & ' was given back just now: start again'"""
            ),
        )
        take_lease = lease.take(self, "TakeLease", held=held)
        receive = lambda_task(
            self,
            "ReceiveLetters",
            function=functions.receive_letters,
            event=ReceiveLettersEvent(
                executionArn=value_of(EXECUTION_ARN),
                queueUrl=value_of("$queue.url"),
                wanted=value_of(f"$min([{PAGE_LETTERS}, $request.maxLetters - $count($letters)])"),
                hiddenSeconds=HIDDEN_SECONDS,
                maxTries=value_of("$request.maxTries"),
                seen=value_of("[$letters.messageId]"),
            ),
            outputs=jsonata("$states.result.Payload.letters"),
        )
        has_letters = sfn.Choice.jsonata(self, "HasLetters")
        letter_return = LetterReturn(
            self,
            "Letter",
            places=places,
            start_replay=functions.start_replay,
            audit=Audit(entries, TARGET, about="$letter.messageId"),
        )
        each_letter = sfn.Map.jsonata(
            self,
            "EachLetter",
            items=sfn.ProvideItems.jsonata(jsonata("$states.input")),
            max_concurrency=PAGE_LETTERS,
            assign={"letters": jsonata("$append($letters, $states.result)")},
            outputs=jsonata("{'page': $count($states.result)}"),
        ).item_processor(letter_return.start)
        are_more_wanted = sfn.Choice.jsonata(self, "AreMoreWanted")
        pace = sfn.Wait.jsonata(
            self,
            "Pace",
            time=sfn.WaitTime.seconds(
                jsonata("$ceil(60 * $states.input.page / $request.perMinute)")
            ),
        )
        renew_lease = lease.renew(self, "RenewLease")

        is_to_be_moved = sfn.Choice.jsonata(self, "IsToBeMoved")
        move = MessageMove(
            self,
            "Move",
            sources={one.queue.arn: one.source for one in queues.values() if one.source},
            audit=audit,
            hidden_seconds=HIDDEN_SECONDS,
        )

        finish = sfn.Choice.jsonata(self, "HasAllGoneWell")
        done = sfn.Succeed.jsonata(
            self,
            "Done",
            outputs={
                "queue": jsonata("$queue.name"),
                "action": jsonata("$request.action"),
                "dryRun": jsonata("$request.dryRun"),
                "letters": jsonata("$count($letters)"),
                "outcomes": jsonata(OUTCOMES),
                "causes": jsonata(CAUSES),
                "move": jsonata("$move"),
            },
        )
        some_failed = sfn.Fail.jsonata(
            self,
            "SomeFailed",
            error="LettersFailed",
            cause=jsonata(f"$substring($string({{'causes': {CAUSES}, 'move': $move}}), 0, 8000)"),
        )
        release = lease.release(self, "ReleaseLease", then=finish)
        failed = sfn.Fail.jsonata(
            self, "Failed", error=jsonata("$failure.error"), cause=jsonata("$failure.cause")
        )
        give_up = lease.release(self, "GiveUpLease", then=failed)
        give_up.add_catch(failed)
        for state in (receive, each_letter, renew_lease, *move.tasks):
            state.add_catch(
                give_up,
                assign={
                    "failure": {
                        "error": jsonata("$states.errorOutput.Error"),
                        "cause": jsonata("$string($states.errorOutput.Cause)"),
                    }
                },
            )

        story = (
            read_request.next(name_queues)
            .next(check_request)
            .next(
                is_valid.when(is_true("$count($problems) > 0"), invalid)
                .when(is_true("$count($names) > 1"), start_each)
                .otherwise(take_lease)
            )
        )
        take_lease.next(receive).next(
            has_letters.when(is_true("$count($states.input) > 0"), each_letter).otherwise(
                is_to_be_moved
            )
        )
        each_letter.next(
            are_more_wanted.when(
                is_true("$count($letters) < $request.maxLetters"),
                pace.next(renew_lease).next(receive),
            ).otherwise(is_to_be_moved)
        )
        is_to_be_moved.when(
            is_true("'TO_MOVE' in $letters.outcome"),
            move.start,
        ).otherwise(release)
        move.next(release)
        finish.when(
            is_true("'FAILED' in $letters.outcome or $move.Status in ['FAILED', 'CANCELLED']"),
            some_failed,
        ).otherwise(done)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        move.grant_to(self.machine)
        may_start_itself(self, self.machine)

    def _known(self) -> dict[str, dict[str, str]]:
        return {
            name: {
                "name": name,
                "url": one.queue.url,
                "arn": one.queue.arn,
                **({"source": one.source.name} if one.source else {}),
            }
            for name, one in self._queues.items()
        }
