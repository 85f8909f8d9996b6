"""Redrives: executions that did not succeed go on, each request once.

A request with a token that was used for the same execution within the last 15 minutes is answered
as it was then. https://docs.aws.amazon.com/step-functions/latest/apireference/API_RedriveExecution.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sfnlocal.driver.redrive import redrive_status
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.limits import REDRIVE_TOKEN_MS_MAX, REDRIVE_TOKENS_MAX
from sfnlocal.server.names import checked_arn
from sfnlocal.server.state_machines import StateMachineOperations

Params = dict[str, Any]


class _Redriven(NamedTuple):
    token: str
    redrive_ms: int


class RedriveOperations:
    def __init__(self, session: Session, machines: StateMachineOperations) -> None:
        self._session = session
        self._machines = machines
        self._redriven: dict[str, deque[_Redriven]] = {}

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Params]]:
        return {"RedriveExecution": self._redrive}

    def _redrive(self, params: Params) -> Params:
        arn = params["executionArn"]
        checked_arn(arn, "execution")
        execution = self._session.execution(arn)
        token = params.get("clientToken")
        redrive_ms = self._redriven_by(arn, token)
        if redrive_ms is None:
            if self._machines.is_deleted(execution.state_machine_arn):
                status = redrive_status(execution, self._session.now_ms, machine_deleted=True)
                raise ApiError("ExecutionNotRedrivable", status.reason)
            self._session.redrive_execution(arn)
            redrive_ms = self._session.now_ms
            if token is not None:
                known = self._redriven.setdefault(arn, deque(maxlen=REDRIVE_TOKENS_MAX))
                known.append(_Redriven(token, redrive_ms))
        return {"redriveDate": redrive_ms / 1000}

    def _redriven_by(self, arn: str, token: str | None) -> int | None:
        """When a request with this token did it."""
        since_ms = self._session.now_ms - REDRIVE_TOKEN_MS_MAX
        for redriven in self._redriven.get(arn, ()):
            if redriven.token == token and redriven.redrive_ms >= since_ms:
                return redriven.redrive_ms
        return None
