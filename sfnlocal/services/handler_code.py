"""A function's code as this process holds it: modules, environment, loggers and cold start.

Strategy: `os.environ`, `sys.path`, `sys.modules`, the standard streams, the root logger's
handlers, the named loggers, the garbage collector's thresholds and the working directory are
swapped for the call and put back after it. Modules of the code folder live in the function's own
table, so that `logic.py` of two functions stay apart, and so do loggers of one name; boto3 and
every package that is installed here are shared with this process, with their loggers.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections import UserDict
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import TextIO, cast

from sfnlocal.services.handler_environment import (
    code_folder,
    function_environment,
    import_folders,
)
from sfnlocal.services.handler_loggers import FunctionLoggers
from sfnlocal.services.handler_process import Sandbox
from sfnlocal.services.handler_start import Handler, LambdaFormatter, OwnModules, load_handler
from sfnlocal.template.resources import Function


class Environment(UserDict[str, str]):
    """`os.environ` of one function: refuses what `os.environ` refuses."""

    def __setitem__(self, key: str, item: str) -> None:
        for text in (key, item):
            if not isinstance(text, str):
                raise TypeError(f"str expected, not {type(text).__name__}")
        super().__setitem__(key, item)


class HandlerCode:
    """`stream` is what the function prints to; `request_id` names the call that logs. `modules`
    are given where the sandbox before this one knows them."""

    def __init__(
        self,
        function: Function,
        version: str,
        stream: TextIO,
        request_id: Callable[[], str],
        modules: OwnModules | None = None,
    ) -> None:
        self.function = function
        self.version = version
        self.folder = code_folder(function)
        self._task_root = str(self.folder)
        self.environment = Environment(function_environment(function, version))
        self.sandbox = Sandbox()
        self.loaded = False
        self.handler: Handler = _not_loaded
        self._stream = stream
        self._request_id = request_id
        self._finder = modules or OwnModules(import_folders(function))
        self._modules: dict[str, ModuleType] = {}
        self._own: list[str] = []
        self._seen = (0, "")
        log_handler = logging.StreamHandler(stream)
        log_handler.setFormatter(LambdaFormatter(request_id))
        self._loggers = FunctionLoggers([log_handler])

    def renewed(self) -> HandlerCode:
        """A new sandbox of the same version: it has its code, and nothing that it kept."""
        return HandlerCode(
            self.function, self.version, self._stream, self._request_id, self._finder
        )

    def load(self) -> None:
        """The cold start. Raises what `load_handler` raises."""
        try:
            self.handler = load_handler(self.function.handler)
        except BaseException:
            self._take_own_modules()
            self._finder.forget()
            raise
        self.loaded = True

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Makes this process the function's for one call."""
        environment, path, folder = os.environ, sys.path, os.getcwd()  # noqa: PTH109 - in each call
        streams = sys.stdout, sys.stderr
        write_bytecode, thresholds = sys.dont_write_bytecode, gc.get_threshold()
        hidden = self._take_own_modules()
        try:
            with self._loggers.entered():
                sys.modules.update(self._modules)
                count = len(sys.modules)
                os.environ = cast("os._Environ[str]", self.environment)  # noqa: B003 - swapped
                sys.path = [*path, *self._finder.path]
                sys.meta_path.insert(0, self._finder)
                sys.stdout = sys.stderr = self._stream
                sys.dont_write_bytecode = True
                os.chdir(self._task_root)
                try:
                    with _utc(environment):
                        yield
                finally:
                    os.chdir(folder)
                    sys.dont_write_bytecode = write_bytecode
                    gc.set_threshold(*thresholds)
                    sys.stdout, sys.stderr = streams
                    sys.meta_path.remove(self._finder)
                    sys.path = path
                    os.environ = environment  # noqa: B003 - swapped
                    self._keep_own_modules(count)
        finally:
            sys.modules.update(hidden)

    def _keep_own_modules(self, count: int) -> None:
        """They leave this process until the next call. There are more of them only where there are
        not as many modules as the call began with."""
        if len(sys.modules) == count:
            for name in self._modules:
                sys.modules.pop(name, None)
        else:
            self._modules = self._take_own_modules()

    def _take_own_modules(self) -> dict[str, ModuleType]:
        """Removes from this process what is, or is named like, a module of the code folder."""
        if sys.modules.keys().isdisjoint(self._finder.names):
            return {}
        return {name: sys.modules.pop(name) for name in self._own_names()}

    def _own_names(self) -> list[str]:
        """Looked up among a thousand modules only when some were added or taken away."""
        seen = len(sys.modules), next(reversed(sys.modules))
        if seen != self._seen:
            own = self._finder.names
            # A call that is left behind may still import.
            self._own = [name for name in [*sys.modules] if name.partition(".")[0] in own]
            self._seen = seen
        return self._own


@contextmanager
def _utc(environment: MutableMapping[str, str]) -> Iterator[None]:
    """Functions run in UTC, wherever this machine is."""
    if time.tzname[0] == "UTC" or not hasattr(time, "tzset"):
        yield
        return
    kept = environment.get("TZ")
    environment["TZ"] = "UTC"
    time.tzset()
    try:
        yield
    finally:
        del environment["TZ"]
        if kept is not None:
            environment["TZ"] = kept
        time.tzset()


def _not_loaded(event: object, context: object) -> object:
    raise AssertionError("called before load()")
