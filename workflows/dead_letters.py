"""The DeadLetters machine: brings back what is in a dead-letter queue of the app, page by page, at
a rate, one run at a time on a queue.

Letters of workflows are replayed or redriven (letter_return.py); messages of consumers go back to
their queue by a message move task, which works from the dead-letter queue of an SQS queue only.
LIST and `dryRun` only tell. It has no dead letters of its own: what it fails at stays in the queue.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from lambdas.dead_letters.payloads import ReceiveLettersEvent
from workflows.audit import Audit
from workflows.function import ThinFunction
from workflows.jsonata import EXECUTION_ARN, jsonata, value_of
from workflows.lambda_task import lambda_task
from workflows.lease import Lease
from workflows.letter_return import HIDDEN_SECONDS, LetterReturn, ReturnPlaces, when
from workflows.machine import standard_machine
from workflows.retry_policy import SQS_SDK_FAULTS, STEP_FUNCTIONS_FAULTS, TIME_OUTS, retry

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
MACHINE_TIME_OUT = cdk.Duration.hours(12)
# Longer than a page takes: each begins with the lease renewed.
LEASE_TIME = cdk.Duration.minutes(45)
PAGE_LETTERS = 10
MOVE_POLL_SECONDS = 30
MOVE_ALREADY_RUNS = "Sqs.UnsupportedOperationException"

ALL = "ALL"
ACTIONS = ["LIST", "AUTO", "REPLAY", "REDRIVE", "MOVE"]
# Of each number: its default, the least and the most.
NUMBERS = {
    "maxLetters": (100, 1, 200),
    "perMinute": (60, 1, 600),
    "maxTries": (3, 1, 20),
    "waitMinutes": (5, 0, 15),
}
TEXTS = ["cause", "startedBy", "reason"]

FIELDS = [
    *("queue", "action", "dryRun", *NUMBERS, *TEXTS),
    # Who started the run, as the console shows it.
    "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID",
]

TARGET = "'dead letters ' & $queue.name"

DEFAULTS = ", ".join(f"'{name}': {least[0]}" for name, least in NUMBERS.items())
REQUEST = f"""(
    $given := $states.context.Execution.Input;
    $dryRun := $given.dryRun = true or $given.action = 'LIST';
    $action := $given.action in [{", ".join(f"'{one}'" for one in ACTIONS[1:])}]
        ? $given.action : 'AUTO';
    $merge([{{{DEFAULTS}}}, $given, {{'dryRun': $dryRun, 'action': $action}}])
    )"""
# What is wrong with the input, one sentence each.
PROBLEMS = f"""(
    $given := $states.context.Execution.Input;
    $queue := $count($names) = 1 ? $lookup($queues, $names[0]);
    $action := $exists($given.action) ? $given.action : 'AUTO';
    [
        $keys($given)[$not($ in {FIELDS})]
            .($ & ' is no field of this input'),
        $count($names) = 0 ? 'queue: name one, several in a list, or {ALL}' : [],
        $names.($exists($lookup($queues, $)) ? []
            : 'queue: there is no ' & $ & '; there are '
                & $join($append('{ALL}', $queues.*.name), ', ')),
        $action in {ACTIONS} ? []
            : 'action: there is no ' & $string($action) & '; there are {", ".join(ACTIONS)}',
        $exists($given.dryRun) and $type($given.dryRun) != 'boolean'
            ? 'dryRun must be true or false' : [],
        {TEXTS}.(
            $exists($lookup($given, $)) and $type($lookup($given, $)) != 'string'
                ? $ & ' must be a text' : []
        ),
        [{", ".join(f"['{n}', {least}, {most}]" for n, (_, least, most) in NUMBERS.items())}]
            .(
                $name := $[0];
                $value := $lookup($given, $name);
                $exists($value) and ($type($value) != 'number' or $value != $floor($value)
                    or $value < $[1] or $value > $[2])
                ? $name & ' must be a whole number from ' & $[1] & ' to ' & $[2] : []
            ),
        $action = 'MOVE' and $exists($queue) and $not($exists($queue.source))
            ? 'action: MOVE needs a queue that is the dead-letter queue of an SQS queue; '
                & $queue.name & ' is none: its letters are replayed or redriven' : [],
        $action in ['REPLAY', 'REDRIVE'] and $exists($queue.source)
            ? 'action: ' & $action & ' needs letters of a workflow; the messages of '
                & $queue.name & ' are those of ' & $queue.source & ': MOVE them' : []
    ]
    )"""
# The queues that the input names, and the one where it names one.
NAMES = f"""(
    $given := $states.context.Execution.Input.queue;
    $given = '{ALL}' ? [$queues.*.name] : $type($given) = 'array' ? $given
    : $exists($given) ? [$string($given)] : []
    )"""
QUEUE = "$count($names) = 1 and $exists($lookup($queues, $names[0])) ? $lookup($queues, $names[0])"
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
    queue: sqs.IQueue
    source: sqs.IQueue | None = None


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
            assign={"queues": self._known(), "request": jsonata(REQUEST), "parking": parking},
            outputs={},
        )
        name_queues = sfn.Pass.jsonata(self, "NameQueues", assign={"names": jsonata(NAMES)})
        check_request = sfn.Pass.jsonata(
            self,
            "CheckRequest",
            assign={
                "problems": jsonata(PROBLEMS),
                "queue": jsonata(f"{QUEUE} : {{}}"),
                "letters": [],
                "move": {},
            },
        )
        is_valid = sfn.Choice.jsonata(self, "IsValid")
        invalid = sfn.Fail.jsonata(
            self, "Invalid", error="InvalidInput", cause=jsonata("$join($problems, '; ')")
        )
        start_each = self._start_each()

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
        wait_until_visible = sfn.Wait.jsonata(
            self,
            "WaitUntilVisible",
            time=sfn.WaitTime.duration(cdk.Duration.seconds(HIDDEN_SECONDS)),
        )
        tell_before_move = audit.before(
            self,
            "TellBeforeMove",
            action="'MOVE'",
            saw="{'from': $queue.name, 'to': $queue.source, 'letters': $count($letters)}",
            undo="'aws sqs cancel-message-move-task --task-handle (see list-message-move-tasks)'",
        )
        start_move = self._start_move()
        wait_for_move = sfn.Wait.jsonata(
            self,
            "WaitForMove",
            time=sfn.WaitTime.duration(cdk.Duration.seconds(MOVE_POLL_SECONDS)),
        )
        read_move = self._read_move()
        has_move_ended = sfn.Choice.jsonata(self, "HasMoveEnded")
        tell_after_move = audit.after(self, "TellAfterMove", action="'MOVE'", result="$move")

        # An attempt before this one lost its answer, or somebody moves them by hand.
        start_move.add_catch(wait_for_move, errors=[MOVE_ALREADY_RUNS], outputs=jsonata("{}"))

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
        for state in (
            *(receive, each_letter, renew_lease),
            *(tell_before_move, start_move, read_move, tell_after_move),
        ):
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
                is_valid.when(when("$count($problems) > 0"), invalid)
                .when(when("$count($names) > 1"), start_each)
                .otherwise(take_lease)
            )
        )
        take_lease.next(receive).next(
            has_letters.when(when("$count($states.input) > 0"), each_letter).otherwise(
                is_to_be_moved
            )
        )
        each_letter.next(
            are_more_wanted.when(
                when("$count($letters) < $request.maxLetters"),
                pace.next(renew_lease).next(receive),
            ).otherwise(is_to_be_moved)
        )
        is_to_be_moved.when(
            when("'TO_MOVE' in $letters.outcome"),
            wait_until_visible.next(tell_before_move).next(start_move).next(wait_for_move),
        ).otherwise(release)
        wait_for_move.next(read_move).next(
            has_move_ended.when(when("$move.Status = 'RUNNING'"), wait_for_move).otherwise(
                tell_after_move.next(release)
            )
        )
        finish.when(
            when("'FAILED' in $letters.outcome or $move.Status in ['FAILED', 'CANCELLED']"),
            some_failed,
        ).otherwise(done)

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        self._grant_moves()
        iam.Policy(
            self,
            "StartEachPolicy",
            roles=[self.machine.role],
            statements=[
                iam.PolicyStatement(
                    actions=["states:StartExecution"], resources=[self.machine.state_machine_arn]
                )
            ],
        )

    def _known(self) -> dict[str, dict[str, str]]:
        return {
            name: {
                "name": name,
                "url": one.queue.queue_url,
                "arn": one.queue.queue_arn,
                **({"source": one.source.node.id} if one.source else {}),
            }
            for name, one in self._queues.items()
        }

    def _start_each(self) -> sfn.Map:
        """A run of its own for each queue. Raw: the machine cannot name itself while it is made."""
        start = sfn.CustomState(
            self,
            "StartForQueue",
            state_json={
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution",
                "Arguments": {
                    "StateMachineArn": jsonata("$states.context.StateMachine.Id"),
                    "Input": jsonata(
                        """$merge([$states.context.Execution.Input, {
                        'queue': $states.input,
                        'AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID': $states.context.Execution.Id
                        }])"""
                    ),
                },
                "TimeoutSeconds": 30,
                "Output": {
                    "queue": jsonata("$states.input"),
                    "executionArn": jsonata("$states.result.ExecutionArn"),
                },
            },
        )
        retry(start, STEP_FUNCTIONS_FAULTS, TIME_OUTS)
        return sfn.Map.jsonata(
            self,
            "StartForEach",
            items=sfn.ProvideItems.jsonata(jsonata("$names")),
            max_concurrency=1,
        ).item_processor(start)

    def _start_move(self) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "StartMove",
            service="sqs",
            action="startMessageMoveTask",
            iam_action="sqs:StartMessageMoveTask",
            iam_resources=self._movable(),
            parameters={
                "SourceArn": jsonata("$queue.arn"),
                "MaxNumberOfMessagesPerSecond": jsonata("$ceil($request.perMinute / 60)"),
            },
            task_timeout=TIME_OUT,
            outputs={},
        )
        retry(task, SQS_SDK_FAULTS, TIME_OUTS)
        return task

    def _read_move(self) -> tasks.CallAwsService:
        task = tasks.CallAwsService.jsonata(
            self,
            "ReadMove",
            service="sqs",
            action="listMessageMoveTasks",
            iam_action="sqs:ListMessageMoveTasks",
            iam_resources=self._movable(),
            parameters={"SourceArn": jsonata("$queue.arn"), "MaxResults": 1},
            task_timeout=TIME_OUT,
            assign={"move": jsonata("$states.result.Results[0]")},
            outputs={},
        )
        retry(task, SQS_SDK_FAULTS, TIME_OUTS)
        return task

    def _movable(self) -> list[str]:
        return [one.queue.queue_arn for one in self._queues.values() if one.source]

    def _grant_moves(self) -> None:
        """A move task acts as who starts it.
        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
        """
        sources = [one.source for one in self._queues.values() if one.source]
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:GetQueueAttributes"],
                resources=self._movable(),
            )
        )
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["sqs:SendMessage"], resources=[queue.queue_arn for queue in sources]
            )
        )
