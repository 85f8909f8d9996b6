"""The audit of operations: one entry before each action and one after it, in one table for all.

An entry says who (the run, and who started it for what reason), what (target, action), what it saw
or what came of it, and how to undo it. Its key follows from the state's entry time, so that a
retry writes the same entry again; nothing here changes or deletes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.attribute_values import text
from workflows.durations import timeout
from workflows.jsonata import EXECUTION_ARN, EXECUTION_INPUT, EXECUTION_NAME, jsonata
from workflows.retry_policy import DYNAMODB_FAULTS, TIME_OUTS, retry

# The table's keys. `entry` begins with the time: a target's entries are read in their order.
KEY = "target"
SORT_KEY = "entry"
BEFORE = "BEFORE"
AFTER = "AFTER"
# Of the 400 kB that an item may have.
DETAIL_CHARACTERS_MAX = 50_000

TIME_OUT = timeout(30)


@dataclass(frozen=True, slots=True)
class Audit:
    """`target` is the JSONata expression that names what is acted on, `about` one for the part of
    it (a message of a queue), where several are acted on at once. The execution's input may have
    `startedBy` and `reason`."""

    table: dynamodb.ITable
    target: str
    about: str = "''"

    def before(
        self, scope: Construct, state: str, *, action: str, saw: str, undo: str = "''"
    ) -> tasks.DynamoPutItem:
        """A Task that says what is about to be done. `action`, `saw` (any value) and `undo` (the
        command that takes it back) are JSONata expressions; the state's input is its output."""
        return self._entry(scope, state, action, BEFORE, saw, {"undo": text(jsonata(undo))})

    def after(
        self, scope: Construct, state: str, *, action: str, result: str
    ) -> tasks.DynamoPutItem:
        """A Task that says what came of it: `result` is a JSONata expression of any value."""
        return self._entry(scope, state, action, AFTER, result, {})

    def _entry(
        self,
        scope: Construct,
        state: str,
        action: str,
        phase: str,
        detail: str,
        more: Mapping[str, tasks.DynamoAttributeValue],
    ) -> tasks.DynamoPutItem:
        entered = "$states.context.State.EnteredTime"
        task = tasks.DynamoPutItem.jsonata(
            scope,
            state,
            table=self.table,
            item={
                KEY: text(jsonata(self.target)),
                SORT_KEY: text(
                    jsonata(
                        f"{entered} & ' ' & {EXECUTION_NAME} & ' {state} ' & ({action})"
                        f" & ' ' & {self.about}"
                    )
                ),
                "at": text(jsonata(entered)),
                "phase": text(phase),
                "action": text(jsonata(action)),
                "detail": text(
                    jsonata(f"$substring($string({detail}), 0, {DETAIL_CHARACTERS_MAX})")
                ),
                "executionArn": text(jsonata(EXECUTION_ARN)),
                "startedBy": text(_of_input("startedBy")),
                "reason": text(_of_input("reason")),
                **more,
            },
            task_timeout=TIME_OUT,
            outputs=jsonata("$states.input"),
        )
        retry(task, DYNAMODB_FAULTS, TIME_OUTS)
        return task


def _of_input(field: str) -> str:
    told = f"{EXECUTION_INPUT}.{field}"
    return jsonata(f"$exists({told}) ? $string({told}) : ''")
