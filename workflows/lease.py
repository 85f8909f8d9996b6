"""A lock with a lease: one run at a time works on a target (a queue, a function), and one that dies
holds it no longer than the lease.

Taking, renewing and giving back are conditional writes of one DynamoDB item, and the holder is the
run itself: a retry, a lost answer or a redrive finds its own lease. Who comes second is told who
holds the target until when. A lease lasts as long as its machine may run; a run that is redriven
after that has to renew it before it acts.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html
"""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import text
from workflows.dead_letter import CONDITION_FAILED
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

# The key of the table of leases.
KEY = "target"
TIME_OUT = timeout(30)

# Another run has taken the target since: what this one does from here on it does blindly.
LEASE_LOST = CONDITION_FAILED

# What who comes second is told.
HELD_BY = """(
    $exists($holder.heldBy)
    ? $holder.target & ' is being worked on by ' & $holder.heldBy & ' until ' & $holder.heldUntil
    : $holder.target & ' was being worked on by another run just now: start again'
    )"""


@dataclass(frozen=True, slots=True)
class Lease:
    """`target` is the JSONata expression that names what is locked, such as
    `'function ' & $name`; `time` is at least the machine's time-out."""

    table: dynamodb.ITable
    target: str
    time: cdk.Duration

    def take(self, scope: Construct, state: str, *, held: sfn.State) -> tasks.DynamoUpdateItem:
        """A Task that takes the lease. Where another run has it, `held` follows, with `$holder` as
        {target, heldBy, heldUntil}; both are missing when it was given back just then, or when who
        holds it cannot be read: who comes second is refused all the same."""
        task = self.renew(scope, state)
        read_holder = tasks.DynamoGetItem.jsonata(
            scope,
            f"{state}Holder",
            table=self.table,
            key=self._key(),
            consistent_read=True,
            task_timeout=TIME_OUT,
            assign={
                "holder": jsonata(
                    f"""{{
                    'target': {self.target},
                    'heldBy': $states.result.Item.heldBy.S,
                    'heldUntil': $states.result.Item.heldUntil.S
                    }}"""
                )
            },
            outputs=jsonata("$states.input"),
        )
        retry(read_holder, DYNAMODB_FAULTS, TIME_OUTS)
        read_holder.add_catch(
            held,
            assign={"holder": jsonata(f"{{'target': {self.target}}}")},
            outputs=jsonata("$states.input"),
        )
        task.add_catch(read_holder, errors=[CONDITION_FAILED], outputs=jsonata("$states.input"))
        read_holder.next(held)
        return task

    def renew(self, scope: Construct, state: str) -> tasks.DynamoUpdateItem:
        """A Task that begins the lease anew; LEASE_LOST where another run has taken the target."""
        task = tasks.DynamoUpdateItem.jsonata(
            scope,
            state,
            table=self.table,
            key=self._key(),
            update_expression="SET heldBy = :me, heldSince = :now, heldUntil = :until",
            condition_expression=(
                "attribute_not_exists(heldBy) OR heldBy = :me OR heldUntil < :now"
            ),
            expression_attribute_values={
                ":me": text(jsonata(EXECUTION_ARN)),
                ":now": text(jsonata("$now()")),
                ":until": text(
                    jsonata(f"$fromMillis($millis() + {int(self.time.to_milliseconds())})")
                ),
            },
            task_timeout=TIME_OUT,
            outputs=jsonata("$states.input"),
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task

    def release(self, scope: Construct, state: str, *, then: sfn.State) -> tasks.DynamoDeleteItem:
        """A Task that gives the lease back and goes on to `then`, also where it was lost."""
        task = tasks.DynamoDeleteItem.jsonata(
            scope,
            state,
            table=self.table,
            key=self._key(),
            condition_expression="heldBy = :me",
            expression_attribute_values={":me": text(jsonata(EXECUTION_ARN))},
            task_timeout=TIME_OUT,
            outputs=jsonata("$states.input"),
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        task.add_catch(then, errors=[CONDITION_FAILED], outputs=jsonata("$states.input"))
        task.next(then)
        return task

    def _key(self) -> dict[str, tasks.DynamoAttributeValue]:
        return {KEY: text(jsonata(self.target))}
