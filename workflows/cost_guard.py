"""The CostGuard machine: stops what starts far more often than it may or than is usual, and gives
it back when a person says so.

What starts the target is turned off first, so that nothing more is queued up; then its function
gets no concurrency. What was before is remembered in a table, and told with the way back. One run
works on a target at a time; a run that finds nothing makes one call.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.audit import Audit
from workflows.cost_measure import (
    WHY,
    WINDOW_END_MS,
    WINDOW_START_MS,
    read_counts,
    read_usual,
)
from workflows.cost_request import ACTION, CHECK, PROBLEM, RESTORE
from workflows.cost_switch import CostSwitches
from workflows.cost_target import MAPPING, SCHEDULE, CostTarget
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, is_true, jsonata
from workflows.lease import Lease
from workflows.letter import FAILURE
from workflows.machine import standard_machine
from workflows.retry_policy import DYNAMODB_FAULTS, SNS_FAULTS, TIME_OUTS, retry

TIME_OUT = sfn.Timeout.duration(cdk.Duration.seconds(30))
MACHINE_TIME_OUT = cdk.Duration.minutes(14)
STOPPED_KEY = "target"

STOPPED = "STOPPED"
RESTORED = "RESTORED"
REFUSED = "REFUSED"

text = tasks.DynamoAttributeValue.from_string


class CostGuard(Construct):
    """`stopped` is the table of what was before; `budgets` are those that differ, by target."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[CostTarget],
        budgets: Mapping[str, Mapping[str, int]],
        stopped: dynamodb.ITable,
        leases: dynamodb.ITable,
        audits: dynamodb.ITable,
        people: sns.ITopic,
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, construct_id)
        self._stopped = stopped
        lease = Lease(leases, "'cost of ' & $target.name", MACHINE_TIME_OUT)
        audit = Audit(audits, "'cost of ' & $target.name")
        switches = CostSwitches(self, targets)

        # Which targets

        begin = sfn.Pass.jsonata(
            self,
            "Begin",
            assign={
                "targets": [one.described(budgets.get(one.name, {})) for one in targets],
                "windowStart": jsonata(WINDOW_START_MS),
                "windowEnd": jsonata(WINDOW_END_MS),
                "action": jsonata(ACTION),
                "dryRun": jsonata(f"{EXECUTION_INPUT}.dryRun = true"),
                "outcomes": [],
                "failed": False,
            },
        )
        check_request = sfn.Pass.jsonata(
            self,
            "CheckRequest",
            assign={
                "problem": jsonata(PROBLEM),
                "why": jsonata("'asked for by a person'"),
                "queue": jsonata(f"[$targets[name = {EXECUTION_INPUT}.target]]"),
            },
        )
        what_is_asked = sfn.Choice.jsonata(self, "WhatIsAsked")
        refused = sfn.Succeed.jsonata(
            self, "Refused", outputs=jsonata(f"{{'outcome': '{REFUSED}', 'reason': $problem}}")
        )
        count = read_counts(self, "ReadCounts", targets)
        is_target_left = sfn.Choice.jsonata(self, "IsTargetLeft")
        next_target = sfn.Pass.jsonata(
            self,
            "NextTarget",
            assign={
                "target": jsonata("$queue[0]"),
                "queue": jsonata("[$filter($queue, function($one, $number) { $number > 0 })]"),
                "concurrency": -1,
            },
        )
        who_asks = sfn.Choice.jsonata(self, "WhoAsks")
        usual = read_usual(self, "ReadUsual")
        judge = sfn.Pass.jsonata(self, "Judge", assign={"why": jsonata(WHY)})
        is_breach = sfn.Choice.jsonata(self, "IsBreach")

        # What is on, and what to do

        held = self._told(
            "HeldByAnother",
            f"'{REFUSED}'",
            "'being worked on by ' & $holder.heldBy & ' until ' & $holder.heldUntil",
        )
        take_lease = lease.take(self, "TakeLease", held=held)
        read_stopped = self._read_stopped()
        how_started = sfn.Choice.jsonata(self, "HowStarted")
        has_function = sfn.Choice.jsonata(self, "HasFunction")
        remember_what_was = sfn.Pass.jsonata(self, "WhatWas", assign={"was": jsonata(WAS)})
        plan = sfn.Pass.jsonata(
            self, "Plan", assign={"wanted": jsonata(WANTED), "wayBack": jsonata(WAY_BACK)}
        )
        what_to_do = sfn.Choice.jsonata(self, "WhatToDo")
        nothing = self._told("NothingToDo", NOTHING, "$why")
        would = self._told("WouldDo", "$action = 'CHECK' ? 'WOULD_STOP' : 'WOULD_RESTORE'", "$why")

        # Doing it

        write_before = audit.before(
            self,
            "WriteBefore",
            action="$action",
            saw="{'why': $why, 'isOn': $isOn, 'concurrency': $concurrency, 'target': $target}",
            undo="$wayBack",
        )
        which_way = sfn.Choice.jsonata(self, "WhichWay")
        remember = self._remember()
        set_starter = sfn.Choice.jsonata(self, "SetStarter")
        starter_set = sfn.Choice.jsonata(self, "StarterSet")
        set_concurrency = sfn.Choice.jsonata(self, "SetConcurrency")
        concurrency_set = sfn.Choice.jsonata(self, "ConcurrencySet")
        forget = self._forget()
        write_after = audit.after(
            self, "WriteAfter", action="$action", result="{'wanted': $wanted, 'was': $was}"
        )
        tell = tasks.SnsPublish.jsonata(
            self,
            "Tell",
            topic=people,
            subject=jsonata(f"{DONE} & ': ' & $target.name"),
            message=sfn.TaskInput.from_text(jsonata(TOLD)),
            task_timeout=TIME_OUT,
        )
        retry(tell, SNS_FAULTS, TIME_OUTS)
        done = self._told("Done", DONE, "$why")

        # The end of it

        is_failed = sfn.Choice.jsonata(self, "IsFailed")
        failed = sfn.Fail.jsonata(
            self, "Failed", error=jsonata("$failure.error"), cause=jsonata("$failure.cause")
        )
        ended = sfn.Succeed.jsonata(
            self, "Ended", outputs=jsonata("{'outcome': 'CHECKED', 'targets': $outcomes}")
        )
        release_lease = lease.release(self, "ReleaseLease", then=is_target_left)

        # How they follow

        for task in (count, usual, take_lease, release_lease):
            task.add_catch(failed, assign={"failure": FAILURE})
        for step in (
            read_stopped,
            *switches.all(),
            write_before,
            remember,
            forget,
            write_after,
            tell,
        ):
            # The targets after it are looked at all the same.
            step.add_catch(release_lease, assign={"failed": True, "failure": FAILURE})

        restores = is_true(f"$action = '{RESTORE}'")
        for told in (nothing, would, done):
            told.next(release_lease)
        write_after.next(tell).next(done)
        forget.next(write_after)
        remember.next(set_starter)
        starter_set.when(restores, forget).otherwise(set_concurrency)
        concurrency_set.when(restores, set_starter).otherwise(write_after)
        set_starter.when(is_true("$isOn = $wanted.isOn"), starter_set).when(
            is_kind(MAPPING), switches.set_mapping.next(starter_set)
        ).when(is_kind(SCHEDULE), switches.set_schedule.next(starter_set)).when(
            is_true("$wanted.isOn"), switches.enable_rule.next(starter_set)
        ).otherwise(switches.disable_rule.next(starter_set))
        set_concurrency.when(is_true("$concurrency = $wanted.concurrency"), concurrency_set).when(
            is_true("$wanted.concurrency = -1"), switches.delete_concurrency.next(concurrency_set)
        ).otherwise(switches.put_concurrency.next(concurrency_set))
        which_way.when(restores, set_concurrency).otherwise(remember)
        write_before.next(which_way)
        what_to_do.when(is_true(NOTHING_TO_DO), nothing).when(is_true("$dryRun"), would).otherwise(
            write_before
        )
        remember_what_was.next(plan).next(what_to_do)
        has_function.when(is_true("$target.function = ''"), remember_what_was).otherwise(
            switches.read_concurrency.next(remember_what_was)
        )
        how_started.when(is_kind(MAPPING), switches.read_mapping.next(has_function)).when(
            is_kind(SCHEDULE), switches.read_schedule.next(has_function)
        ).otherwise(switches.read_rule.next(has_function))
        held.next(is_target_left)
        take_lease.next(read_stopped).next(how_started)
        is_breach.when(is_true("$why = ''"), is_target_left).otherwise(take_lease)
        who_asks.when(restores, take_lease).otherwise(usual.next(judge).next(is_breach))
        is_target_left.when(is_true("$count($queue) > 0"), next_target.next(who_asks)).otherwise(
            is_failed.when(is_true("$failed"), failed).otherwise(ended)
        )
        story = begin.next(check_request).next(
            what_is_asked.when(is_true("$problem != ''"), refused)
            .when(restores, next_target)
            .otherwise(count.next(is_target_left))
        )

        self.machine = standard_machine(
            self,
            construct_id,
            chain=story,
            time_out=MACHINE_TIME_OUT,
            removal_policy=removal_policy,
        )
        switches.grant_to(self.machine)

    def _told(self, state: str, outcome: str, reason: str) -> sfn.Pass:
        """A Pass that notes what came of `$target`."""
        return sfn.Pass.jsonata(
            self,
            state,
            assign={
                "outcomes": jsonata(
                    f"""$append($outcomes, [{{
                    'target': $target.name, 'outcome': {outcome}, 'reason': {reason}
                    }}])"""
                )
            },
        )

    def _read_stopped(self) -> tasks.DynamoGetItem:
        task = tasks.DynamoGetItem.jsonata(
            self,
            "ReadStopped",
            table=self._stopped,
            key=KEY,
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "stopped": jsonata(
                    """$exists($states.result.Item) ? {
                    'isOn': $states.result.Item.starter.S = 'ON',
                    'by': $states.result.Item.stoppedBy.S,
                    'concurrency': $number($states.result.Item.concurrency.N)
                    } : {}"""
                )
            },
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def _remember(self) -> tasks.DynamoPutItem:
        task = tasks.DynamoPutItem.jsonata(
            self,
            "Remember",
            table=self._stopped,
            item={
                **KEY,
                "starter": text(jsonata("$was.isOn ? 'ON' : 'OFF'")),
                "concurrency": tasks.DynamoAttributeValue.number_from_string(
                    jsonata("$string($was.concurrency)")
                ),
                "stoppedAt": text(jsonata("$now()")),
                "stoppedBy": text(jsonata(EXECUTION_ARN)),
                "reason": text(jsonata("$why")),
                "wayBack": text(jsonata("$wayBack")),
            },
            # A run that is redriven late must not forget what others have remembered meanwhile.
            condition_expression=(
                "attribute_not_exists(stoppedBy) OR stoppedBy = :me OR stoppedBy = :seen"
            ),
            expression_attribute_values={
                ":me": text(jsonata(EXECUTION_ARN)),
                ":seen": text(jsonata(f"{IS_REMEMBERED} ? $stopped.by : 'nobody'")),
            },
            task_timeout=TIME_OUT,
            assign={},
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def _forget(self) -> tasks.DynamoDeleteItem:
        task = tasks.DynamoDeleteItem.jsonata(
            self, "Forget", table=self._stopped, key=KEY, task_timeout=TIME_OUT, assign={}
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task


KEY = {STOPPED_KEY: text(jsonata("$target.name"))}
IS_REMEMBERED = "$exists($stopped.isOn)"
DONE = f"($action = '{RESTORE}' ? '{RESTORED}' : '{STOPPED}')"

# What is on now was before; what is off already was turned off by an earlier run, or by others.
WAS = f"""$action = '{RESTORE}' ? $stopped : {{
    'isOn': $isOn or ({IS_REMEMBERED} and $stopped.isOn),
    'concurrency': $concurrency = 0 and {IS_REMEMBERED} ? $stopped.concurrency : $concurrency
    }}"""
# What somebody has given back by hand meanwhile stays as it is.
WANTED = f"""{{
    'isOn': $action = '{RESTORE}' ? $isOn or $was.isOn = true : false,
    'concurrency': $target.function = '' ? -1
        : $action = '{CHECK}' ? 0
        : $concurrency = 0 and {IS_REMEMBERED} ? $was.concurrency : $concurrency
    }}"""
NOTHING_TO_DO = f"""$action = '{RESTORE}' ? $not({IS_REMEMBERED})
    : $isOn = $wanted.isOn and $concurrency = $wanted.concurrency"""
NOTHING = f"($action = '{RESTORE}' ? 'NOT_STOPPED' : 'ALREADY_STOPPED')"

WAY_BACK = f"""$action = '{RESTORE}' ? '' :
    'aws stepfunctions start-execution --state-machine-arn ' & $states.context.StateMachine.Id
    & " --input '" & $string({{'action': '{RESTORE}', 'target': $target.name}}) & "'"
    """

TOLD = f"""{DONE} & ': ' & $target.name & '\n\n' & $why & '.\n'
    & 'What starts it: ' & $target.starterArn & ', ' & ($wanted.isOn ? 'on' : 'off') & '\n'
    & ($target.function = '' ? '' : 'Reserved concurrency of ' & $target.function & ': '
        & ($wanted.concurrency = -1 ? 'none' : $string($wanted.concurrency)) & ', before '
        & ($concurrency = -1 ? 'none' : $string($concurrency)) & '\n')
    & ($wayBack = '' ? '' : 'The way back: ' & $wayBack & '\n')
    & 'Run: ' & {EXECUTION_ARN}"""


def is_kind(kind: str) -> sfn.Condition:
    return is_true(f"$target.kind = '{kind}'")
