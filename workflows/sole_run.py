"""A run that has its target for itself: it takes the lease or is refused, and lets the target go at
its end.

What fails on the way is written to the audit, then the target is let go, then the net has it: a
failure leaves neither a lease nor an entry without its counterpart.
"""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.audit import Audit
from workflows.dead_letter import Net
from workflows.jsonata import is_true
from workflows.lease import Lease
from workflows.letter import FAILURE, failure_where


class SoleRun(Construct):
    """It begins with `take`, which goes on to `held` where another run has the target; it ends with
    `release`, which goes on to `ended`. `$failed` must be false at first."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        lease: Lease,
        audit: Audit,
        net: Net,
        action: str,
        held: sfn.State,
        ended: sfn.State,
    ) -> None:
        super().__init__(scope, construct_id)
        is_failed = sfn.Choice.jsonata(self, "IsFailed")
        self.take = lease.take(self, "TakeLease", held=held)
        self.release = lease.release(self, "ReleaseLease", then=is_failed)
        self.fail = audit.after(
            self, "WriteFailure", action=action, result="{'outcome': 'FAILED', 'why': $failure}"
        )

        net.catch(self.take)
        self.release.add_catch(net.start, assign={"failure": failure_where("$failed")})
        self.fail.add_catch(self.release)
        self.fail.next(self.release)
        is_failed.when(is_true("$failed"), net.start).otherwise(ended)

    def catch(
        self,
        *states: sfn.TaskStateBase | sfn.CustomState | sfn.Map,
        errors: Sequence[str] = ("States.ALL",),
    ) -> None:
        for state in states:
            state.add_catch(
                self.fail, errors=list(errors), assign={"failed": True, "failure": FAILURE}
            )
