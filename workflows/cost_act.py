"""What the cost guard does about one target: look, plan, remember, turn one switch after the other,
and tell.

Each switch is looked at again right before it is turned; where somebody else has turned one since
the plan was made, the plan is made anew. Whatever fails is written down, and the target let go.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from workflows.audit import Audit
from workflows.cost_look import CostLook
from workflows.cost_memory import CostMemory
from workflows.cost_plan import (
    DONE,
    GONE,
    IS_AS_SEEN,
    IS_CONCURRENCY_NEXT,
    IS_GONE,
    IS_NOTHING_TO_DO,
    IS_STARTER_NEXT,
    NOTHING,
    SEEN,
    TOLD,
    WANTED,
    WAS,
    WAY_BACK,
    WOULD,
)
from workflows.cost_request import RESTORE
from workflows.cost_switch import CONCURRENCY, STARTER, CostSwitches
from workflows.cost_target import CostTarget
from workflows.dead_letter import CONDITION_FAILED
from workflows.durations import timeout
from workflows.jsonata import is_true, jsonata
from workflows.lease import HELD_BY, Lease
from workflows.letter import FAILURE
from workflows.retry_policy import SNS_FAULTS, TIME_OUTS, retry

TIME_OUT = timeout(30)
# Others turn the same switches: it plans anew so often.
PLANS_MAX = 3
PLAN = "PLAN"

REFUSED = "REFUSED"
ABANDONED = "ABANDONED"
RESTORES = is_true(f"$action = '{RESTORE}'")

# Of each target, at first.
FRESH = {"concurrency": -1, "phase": PLAN, "plans": 1, "acted": False, "gone": ""}


class CostAct(Construct):
    """On `$target`, for the reason that `$why` is. It ends with one more of `$outcomes`, or with
    `$failed` and `$failure`; then `ended` follows. `lost` follows with a `$failure` where it cannot
    even take or give back the lease."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        targets: Sequence[CostTarget],
        stopped: dynamodb.ITable,
        lease: Lease,
        audit: Audit,
        people: sns.ITopic,
        ended: sfn.State,
        lost: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        memory = CostMemory(self, stopped)

        # What becomes of one

        held = self._ends_as("HeldByAnother", f"'{REFUSED}'", HELD_BY)
        nothing = self._ends_as("NothingToDo", NOTHING, "$why")
        would = self._ends_as("WouldDo", WOULD, "$why")
        gone = self._ends_as("Gone", f"'{REFUSED}'", GONE)
        abandon = self._ends_as(
            "Abandon", f"'{ABANDONED}'", "$why & '; but somebody else turns the same switches'"
        )
        write_after = audit.after(
            self,
            "WriteAfter",
            action="$action",
            result="{'outcome': $outcome, 'wanted': $wanted, 'was': $was, 'is': $seen}",
        )
        tell = tasks.SnsPublish.jsonata(
            self,
            "Tell",
            topic=people,
            subject=jsonata("$outcome & ': ' & $target.name"),
            message=sfn.TaskInput.from_text(jsonata(TOLD)),
            task_timeout=TIME_OUT,
        )
        retry(tell, SNS_FAULTS, TIME_OUTS)
        note = sfn.Pass.jsonata(
            self,
            "Note",
            assign={
                "outcomes": jsonata(
                    """$append($outcomes, [{
                    'target': $target.name, 'outcome': $outcome, 'reason': $why
                    }])"""
                )
            },
        )
        write_failure = audit.after(
            self,
            "WriteFailure",
            action="$action",
            result="{'outcome': 'FAILED', 'why': $failure}",
        )
        release_lease = lease.release(self, "ReleaseLease", then=ended)

        # What is done

        self.start = take_lease = lease.take(self, "TakeLease", held=held)
        read_stopped = memory.read()
        what_is_seen = sfn.Choice.jsonata(self, "WhatIsSeen")
        look = CostLook(self, "Look", targets=targets, looked=what_is_seen)
        keep_what_was = sfn.Pass.jsonata(
            self, "WhatWas", assign={"was": jsonata(WAS), "seen": jsonata(SEEN)}
        )
        plan = sfn.Pass.jsonata(
            self,
            "Plan",
            assign={
                "wanted": jsonata(WANTED),
                "wayBack": jsonata(WAY_BACK),
                "outcome": jsonata(DONE),
            },
        )
        what_to_do = sfn.Choice.jsonata(self, "WhatToDo")
        write_before = audit.before(
            self,
            "WriteBefore",
            action="$action",
            saw="{'why': $why, 'is': $seen, 'wanted': $wanted, 'target': $target}",
            undo="$wayBack",
        )
        which_way = sfn.Choice.jsonata(self, "WhichWay")
        remember = memory.remember()
        next_switch = sfn.Choice.jsonata(self, "NextSwitch")
        self.switches = switches = CostSwitches(
            self, "Switches", targets=targets, turned=next_switch
        )
        plan_again = sfn.Pass.jsonata(
            self,
            "PlanAgain",
            assign={"phase": PLAN, "plans": jsonata("$plans + 1"), "gone": ""},
        )
        forget = memory.forget()

        # How they follow

        take_lease.next(read_stopped).next(look.start)
        what_is_seen.when(is_true(f"$phase = '{PLAN}'"), keep_what_was.next(plan)).when(
            is_true(IS_AS_SEEN), switches.start
        ).when(is_true(f"$plans < {PLANS_MAX}"), plan_again.next(read_stopped)).otherwise(abandon)
        plan.next(what_to_do)
        what_to_do.when(is_true(IS_GONE), gone).when(is_true(IS_NOTHING_TO_DO), nothing).when(
            is_true("$dryRun"), would
        ).otherwise(write_before.next(which_way))
        which_way.when(RESTORES, next_switch).otherwise(remember.next(next_switch))
        next_switch.when(
            is_true(IS_STARTER_NEXT), look.start, assign={"phase": STARTER, "gone": ""}
        ).when(
            is_true(IS_CONCURRENCY_NEXT), look.start, assign={"phase": CONCURRENCY, "gone": ""}
        ).when(RESTORES, forget).otherwise(write_after)

        forget.next(write_after)
        abandon.next(write_after)
        write_after.next(tell)
        gone.next(tell)
        tell.next(note)
        for told in (held, nothing, would):
            told.next(note)
        note.next(release_lease)

        for write in (remember, forget):
            write.add_catch(abandon, errors=[CONDITION_FAILED])
        # The targets after it are looked at all the same.
        for step in (
            *(read_stopped, *look.tasks, write_before, remember),
            *(*switches.tasks, forget, write_after, tell),
        ):
            step.add_catch(write_failure, assign={"failed": True, "failure": FAILURE})
        write_failure.add_catch(release_lease)
        write_failure.next(release_lease)
        for task in (take_lease, release_lease):
            task.add_catch(lost, assign={"failure": FAILURE})

    def _ends_as(self, state: str, outcome: str, reason: str) -> sfn.Pass:
        """A Pass that says what becomes of `$target`."""
        return sfn.Pass.jsonata(
            self, state, assign={"outcome": jsonata(outcome), "why": jsonata(reason)}
        )
