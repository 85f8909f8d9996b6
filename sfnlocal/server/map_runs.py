"""Map Runs: described, listed, and their limits changed while they run.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeMapRun.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.interpreter.map_run import MapRun
from sfnlocal.server.names import checked_arn
from sfnlocal.server.paging import page

Params = dict[str, Any]

_COUNTS = {
    "running": "RUNNING",
    "succeeded": "SUCCEEDED",
    "failed": "FAILED",
    "timedOut": "TIMED_OUT",
    "aborted": "ABORTED",
}


class MapRunOperations:
    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Params]]:
        return {
            "DescribeMapRun": self._describe,
            "ListMapRuns": self._list,
            "UpdateMapRun": self._update,
        }

    def _run(self, params: Params) -> MapRun:
        checked_arn(params["mapRunArn"], "mapRun")
        return self._session.map_runs.find(params["mapRunArn"])

    def _describe(self, params: Params) -> Params:
        run = self._run(params)
        waiting = run.waiting if run.status == "RUNNING" else ()
        lost = self._session.map_runs.not_redrivable(run)
        again = run.pending_redrive
        answer = {
            "mapRunArn": run.arn,
            "executionArn": run.execution_arn,
            "status": run.status,
            **_dates(run),
            "maxConcurrency": run.max_concurrency,
            "toleratedFailureCount": run.tolerated_count or 0,
            "toleratedFailurePercentage": run.tolerated_percentage or 0.0,
            "itemCounts": _counts(
                run,
                run.item_counts,
                sum(one.items for one in waiting),
                sum(one.items for one in again),
                sum(one.item_count for one in lost),
            ),
            "executionCounts": _counts(
                run, run.execution_counts, len(waiting), len(again), len(lost)
            ),
            "redriveCount": run.redrive_count,
        }
        if run.redrive_ms is not None:
            answer["redriveDate"] = run.redrive_ms / 1000
        return answer

    def _list(self, params: Params) -> Params:
        arn = params["executionArn"]
        checked_arn(arn, "execution")
        execution = self._session.execution(arn)
        return page(
            "mapRuns",
            reversed(self._session.map_runs.of_execution(arn)),
            params,
            key=lambda run: run.arn,
            shown=lambda run: {
                "executionArn": arn,
                "mapRunArn": run.arn,
                "stateMachineArn": execution.state_machine_arn,
                **_dates(run),
            },
        )

    def _update(self, params: Params) -> Params:
        run = self._run(params)
        if run.status != "RUNNING":
            message = f"Map Run is {run.status} and cannot be updated"
            raise ApiError("ValidationException", message)
        self._session.map_runs.update(
            run,
            params.get("maxConcurrency"),
            params.get("toleratedFailureCount"),
            params.get("toleratedFailurePercentage"),
        )
        return {}


def _dates(run: MapRun) -> Params:
    dates: Params = {"startDate": run.start_ms / 1000}
    if run.stop_ms is not None:
        dates["stopDate"] = run.stop_ms / 1000
    return dates


def _counts(
    run: MapRun, counts: Mapping[str, int], pending: int, pending_redrive: int, not_redrivable: int
) -> Params:
    shown = {"pending": pending, **{name: counts[status] for name, status in _COUNTS.items()}}
    shown["total"] = sum(shown.values()) + pending_redrive
    exported = run.export is not None and run.status == "SUCCEEDED"
    shown["resultsWritten"] = shown["total"] if exported else 0
    shown["failuresNotRedrivable"] = not_redrivable
    shown["pendingRedrive"] = pending_redrive
    return shown
