"""What a served session does otherwise: services are called with the session's lock open, and
what sfnlocal refuses fails the execution that asked for it, not the server.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from sfnlocal.driver.session import Session
from sfnlocal.driver.task_calls import TaskCalls
from sfnlocal.errors import SfnLocalError
from sfnlocal.interpreter import Execution
from sfnlocal.ports import InvokeTask, Json, TaskAnswer, TaskFailed, TaskPort, TaskResource
from sfnlocal.server.turns import Turns
from sfnlocal.services.environments import Environments, Request, Response
from sfnlocal.services.environments_in_process import InProcessEnvironments
from sfnlocal.services.environments_workers import WorkerEnvironments
from sfnlocal.services.functions import FunctionHost
from sfnlocal.services.handler_process import current_call
from sfnlocal.template import App

if TYPE_CHECKING:
    from sfnlocal.services.endpoints import Endpoints


class ServedEnvironments:
    """Runs functions in `environments` with the session's lock open; `in_parallel` where they may
    run at the same time."""

    def __init__(self, environments: Environments, turns: Turns, *, in_parallel: bool) -> None:
        self._environments = environments
        self._turns = turns
        self._one_at_a_time = nullcontext() if in_parallel else threading.Lock()
        self.concurrency_max = environments.concurrency_max

    def invoke(self, request: Request) -> Response:
        if current_call() is not None:
            # A handler calls a function: it waits here, inside its own call.
            return self._environments.invoke(request)
        with self._turns.released(), self._one_at_a_time:
            return self._environments.invoke(request)

    def start(self, request: Request) -> Response | None:
        return self._environments.start(request)

    def close(self) -> None:
        self._environments.close()


class ServedTasks:
    """Calls services with the session's lock open."""

    def __init__(self, tasks: TaskPort, turns: Turns) -> None:
        self._tasks = tasks
        self._turns = turns

    def invoke(self, task: InvokeTask, now_ms: int) -> TaskAnswer:
        with self._turns.released():
            return self._tasks.invoke(task, now_ms)

    def mistakes(self, resource: TaskResource, arguments: Json) -> list[str]:
        return self._tasks.mistakes(resource, arguments)


class ServedCalls(TaskCalls):
    """What sfnlocal refuses, or fails at, fails the execution that asked for it. With
    `machines_elsewhere` somebody else runs nested executions."""

    def __init__(self, session: Session, *, machines_elsewhere: bool) -> None:
        super().__init__(session)
        self._machines_elsewhere = machines_elsewhere

    def invoke(self, execution: Execution, task: InvokeTask) -> None:
        try:
            super().invoke(execution, task)
        except SfnLocalError as error:
            self._fail(execution, task, str(error))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self._fail(execution, task, f"sfnlocal is broken: {error!r}")

    def call(self, execution: Execution, task: InvokeTask) -> TaskAnswer | None:
        if task.resource.service == "states" and self._machines_elsewhere:
            return self._session.tasks.invoke(task, self._session.now_ms)
        return super().call(execution, task)

    def _fail(self, execution: Execution, task: InvokeTask, cause: str) -> None:
        """States.Runtime is what no Catcher takes: the execution ends, and says why."""
        self._session.feed(execution, TaskFailed(task.task_id, "States.Runtime", cause))


class ServedSession(Session):
    """`endpoints` are URLs of services that somebody else runs, by boto3 client name."""

    def __init__(
        self,
        app: App,
        turns: Turns,
        *,
        seed: int = 0,
        real_time: bool = False,
        endpoints: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        self._endpoints = _endpoints(endpoints, app.region) if endpoints else None
        self._workers = WorkerEnvironments() if real_time else None
        environments = ServedEnvironments(
            self._workers or InProcessEnvironments(), turns, in_parallel=real_time
        )
        functions = FunctionHost(app, seed=seed, environments=environments)
        super().__init__(app, seed=seed, real_time=real_time, functions=functions, **options)
        self.aws.guard = turns
        self.activities.attended = True
        self.tasks = ServedTasks(self.tasks, turns)
        turns.attach(self)

    def served_at(self, url: str) -> None:
        """Where functions in processes of their own find AWS: to be told before the first turn."""
        if self._workers is not None:
            self._workers.endpoint_url = url

    def _service_tasks(self) -> TaskPort:
        if self._endpoints is None:
            return super()._service_tasks()
        from sfnlocal.services.endpoints import EndpointTasks

        return EndpointTasks(self.aws, self.functions, self._endpoints, seed=self.seed)

    def _task_calls(self) -> TaskCalls:
        elsewhere = self._endpoints is not None and "stepfunctions" in self._endpoints
        return ServedCalls(self, machines_elsewhere=elsewhere)

    def s3(self) -> Any:
        endpoint = self._endpoints.client("s3") if self._endpoints else None
        return endpoint or super().s3()


def _endpoints(urls: Mapping[str, str], region: str) -> Endpoints:
    """Loaded here: few servers have any, and it imports boto3 and moto."""
    from sfnlocal.services.endpoints import Endpoints

    return Endpoints(urls, region)
