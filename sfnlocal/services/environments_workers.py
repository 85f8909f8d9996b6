"""Execution environments in worker processes: real time, calls in parallel.

A version's process starts at its first call and stays warm. Calls that come while it is busy get
further processes, as on AWS; more than `concurrency_max` at one moment are throttled, as beyond an
account's limit. Of the warm ones that nobody uses, the `idle_max` used last stay.
"""

from __future__ import annotations

import threading

from sfnlocal.services.environments import Request, Response, check_runs_here
from sfnlocal.services.worker import Worker

WORKERS_MAX = 64
_IDLE_MAX = 16


class WorkerEnvironments:
    """Functions find AWS at `endpoint_url`, which may be set until the first call."""

    def __init__(
        self,
        endpoint_url: str = "",
        *,
        concurrency_max: int = WORKERS_MAX,
        idle_max: int = _IDLE_MAX,
    ) -> None:
        self.endpoint_url = endpoint_url
        self.concurrency_max = concurrency_max
        self._idle_max = idle_max
        self._lock = threading.Lock()
        self._closed = False
        # Used last stands last.
        self._idle: list[Worker] = []
        self._busy: list[Worker] = []

    def start(self, request: Request) -> Response | None:
        worker = self._take(request)
        try:
            return worker.start(request)
        finally:
            self._give_back(worker)

    def invoke(self, request: Request) -> Response:
        worker = self._take(request)
        try:
            return worker.invoke(request)
        finally:
            self._give_back(worker)

    def _take(self, request: Request) -> Worker:
        check_runs_here(request.function)
        with self._lock:
            outdated = [worker for worker in self._idle if _is_outdated(worker, request)]
            self._idle = [worker for worker in self._idle if worker not in outdated]
            warm = [worker for worker in self._idle if _runs(worker, request)]
            if warm:
                self._idle.remove(warm[-1])
                self._busy.append(warm[-1])
        for worker in outdated:
            worker.end()
        if warm:
            return warm[-1]
        assert self.endpoint_url, "functions must not find AWS itself"
        started = Worker(request, self.endpoint_url)
        with self._lock:
            self._busy.append(started)
            if self._closed:
                started.kill()
        return started

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            self._busy.remove(worker)
            if worker.usable and not self._closed:
                self._idle.append(worker)
            ended = self._idle[: -self._idle_max]
            del self._idle[: -self._idle_max]
        if not worker.usable or self._closed:
            ended.append(worker)
        for one in ended:
            one.end()

    def close(self) -> None:
        """Ends every process. Calls that run end as those of a process that was killed."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            for worker in self._busy:
                worker.kill()
        for worker in idle:
            worker.end()


def _runs(worker: Worker, request: Request) -> bool:
    return worker.function is request.function and worker.version == request.version


def _is_outdated(worker: Worker, request: Request) -> bool:
    """Its code or configuration has changed since."""
    same = (worker.function.name, worker.version) == (request.function.name, request.version)
    return same and worker.function is not request.function
