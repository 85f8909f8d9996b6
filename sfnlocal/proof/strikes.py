"""When a plan's fault happens: at which of the attempts and calls that a run passes."""

from __future__ import annotations

from sfnlocal.interpreter import Execution
from sfnlocal.interpreter.execution import Frame
from sfnlocal.ports import Json, ServiceCall
from sfnlocal.proof.results import Plan, Site


class Strikes:
    """Of one plan. `happened` counts how often its fault did; `hit` is the execution that it
    happened to."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.happened = 0
        self.hit: Execution | None = None
        self._queue: Json = None

    def at_state(self, site: Site, frame: Frame) -> bool:
        plan = self.plan
        wanted = plan.site
        if wanted.kind != "state" or (site.owner, site.name) != (wanted.owner, wanted.name):
            return False
        if plan.persistence == "for-ever":
            return site.ordinal >= wanted.ordinal
        if site.ordinal != wanted.ordinal:
            return False
        if plan.persistence == "once":
            return self.happened == 0
        return not _is_last_retry(frame)

    def at_call(self, site: Site, call: ServiceCall, frame: Frame | None) -> bool:
        """`frame` is that of the Task state whose service makes the call."""
        plan = self.plan
        wanted = plan.site
        if wanted.kind != "call" or (site.owner, site.name) != (wanted.owner, wanted.name):
            return False
        if plan.persistence == "once":
            return site.ordinal == wanted.ordinal
        if site.ordinal < wanted.ordinal:
            return False
        # One queue is down, and not the dead-letter queue behind it: that were two faults.
        queue = call.params.get("QueueUrl")
        if site.ordinal == wanted.ordinal:
            self._queue = queue
        if queue != self._queue:
            return False
        if plan.persistence == "for-ever" or frame is None:
            return True
        return not _is_last_retry(frame)


def _is_last_retry(frame: Frame) -> bool:
    """Has a Retrier of the state no attempt left?"""
    return any(
        count and count >= retrier.max_attempts
        for count, retrier in zip(frame.retries or (), frame.step.state.retry, strict=False)
    )
