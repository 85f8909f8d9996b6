"""Sessions for thousands of runs: each one is new, and what cannot differ is made once.

Loaded handlers, compiled definitions and boto3's clients go from one session to the next; queues,
tables, executions, tokens, seeds and time do not. So a run does not know what ran before it, but
for what handlers keep in their modules, as a warm Lambda sandbox does. Alarms are left out: they
only watch, and evaluating dozens of them each minute takes longer than the workflow.
"""

from __future__ import annotations

import gc
from dataclasses import replace
from types import TracebackType

from sfnlocal.driver.session import Session
from sfnlocal.services.environments_in_process import Abandoned, InProcessEnvironments
from sfnlocal.services.functions import FunctionHost
from sfnlocal.template import App

_WATCHING = frozenset({"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"})
# A handler that takes longer hangs: sleeps and waits take no real time.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
HANDLER_WALL_MS = 10_000
# Sessions after which most is loaded that any will need.
_SETTLED = frozenset({8, 64, 512})
# A session leaves some thousand objects in cycles; Python looks for such after 700.
_GARBAGE_OBJECTS = 50_000


class Worlds:
    """One session at a time. Use it as a context manager."""

    def __init__(self, app: App, *, seed: int = 0, handler_wall_ms: int = HANDLER_WALL_MS) -> None:
        resources = tuple(one for one in app.resources if one.type not in _WATCHING)
        self.app = replace(app, resources=resources)
        self.seed = seed
        self._environments = InProcessEnvironments(wall_limit_ms=handler_wall_ms)
        self._session: Session | None = None
        self._opened = 0
        self._thresholds = gc.get_threshold()

    def __enter__(self) -> Worlds:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.__exit__(kind, error, traceback)
            self._session = None
            gc.unfreeze()
            gc.set_threshold(*self._thresholds)

    def open(self) -> Session:
        """A new session; the one before is over."""
        self._environments.end_abandoned()
        functions = FunctionHost(self.app, seed=self.seed, environments=self._environments)
        session = Session(self.app, seed=self.seed, functions=functions)
        last, self._session = self._session, session
        if last is None:
            gc.set_threshold(_GARBAGE_OBJECTS)
        else:
            last.map_runs.close()
            session.machines.share(last.machines)
            last.aws.hand_over(session.aws)
        session.__enter__()
        session.aws.take_over()
        self._opened += 1
        if self._opened in _SETTLED:
            # What is loaded by now stays: looking through it again and again for garbage takes
            # a tenth of the time.
            gc.collect()
            gc.freeze()
        return session

    def abandoned(self) -> list[Abandoned]:
        """The calls of this session's handlers that were ended from outside."""
        return self._environments.abandoned
