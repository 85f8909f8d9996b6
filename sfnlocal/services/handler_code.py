"""A function's code as this process holds it: modules, environment, root logger and cold start.

Strategy: `os.environ`, `sys.path`, `sys.modules`, the standard streams, the root logger's
handlers and the working directory are swapped for the call and put back after it. Modules of the
code folder live in the function's own table, so that `logic.py` of two functions stay apart;
boto3 and every package that is installed here are shared with this process.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections import UserDict
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, cast

from sfnlocal.arns import parse_arn
from sfnlocal.template.resources import Function

# Clients must be made by the botocore that `Aws` listens to.
SHARED_MODULES = frozenset({"boto3", "botocore", "s3transfer", "jmespath"})


class NoHandler(Exception):  # noqa: N818 - named as the fact that it is
    """The configured handler does not exist; `error_type` as Lambda names it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class Environment(UserDict[str, str]):
    """`os.environ` of one function: refuses what `os.environ` refuses."""

    def __setitem__(self, key: str, item: str) -> None:
        for text in (key, item):
            if not isinstance(text, str):
                raise TypeError(f"str expected, not {type(text).__name__}")
        super().__setitem__(key, item)


class OwnModules(MetaPathFinder):
    """Finds the top-level modules of the code folder and of layers before anything of this
    process."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.path = [str(folder) for folder in folders]
        self.names = frozenset().union(*map(_module_names, folders))

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if path is None and fullname in self.names:
            return PathFinder.find_spec(fullname, self.path, target)
        return None


def _module_names(folder: Path) -> frozenset[str]:
    names = {
        entry.name.partition(".")[0]
        for entry in folder.iterdir()
        if entry.suffix in (".py", ".so", ".pyc") or entry.is_dir()
    }
    installed: set[str] = set()
    for record in folder.glob("*.dist-info/RECORD"):
        for line in record.read_text(encoding="utf-8").splitlines():
            installed.add(line.partition("/")[0].partition(",")[0].removesuffix(".py"))
    own = {name for name in names - installed if name.isidentifier()}
    return frozenset(own - SHARED_MODULES - sys.stdlib_module_names)


class LambdaFormatter(logging.Formatter):
    """The line that Lambda's Python runtime writes for a log record."""

    converter = staticmethod(time.gmtime)

    def __init__(self, request_id: Callable[[], str]) -> None:
        super().__init__(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
        )
        self.datefmt = "%Y-%m-%dT%H:%M:%S"
        self._request_id = request_id

    def format(self, record: logging.LogRecord) -> str:
        record.aws_request_id = self._request_id()
        return super().format(record)


class HandlerCode:
    """`stream` is what the function prints to; `request_id` names the call that logs."""

    def __init__(self, function: Function, stream: TextIO, request_id: Callable[[], str]) -> None:
        assert function.code_folder is not None
        self.function = function
        self.folder = function.code_folder.resolve()
        self.environment = Environment(_environment(function, self.folder))
        self.loaded = False
        self.handler: Callable[[Any, Any], Any] = _not_loaded
        self._stream = stream
        layers = [folder.resolve() / "python" for folder in function.layer_folders]
        self._finder = OwnModules([self.folder, *(one for one in layers if one.is_dir())])
        self._modules: dict[str, ModuleType] = {}
        log_handler = logging.StreamHandler(stream)
        log_handler.setFormatter(LambdaFormatter(request_id))
        self._log_handlers: list[logging.Handler] = [log_handler]
        self._log_level = logging.WARNING

    def load(self) -> None:
        """The cold start: imports the handler's module, which runs its top level. Raises what
        importing raises, or NoHandler."""
        handler = self.function.handler
        name, dot, attribute = handler.rpartition(".")
        if not dot:
            reason = "not enough values to unpack (expected 2, got 1)"
            raise NoHandler("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {reason}")
        name = name.replace("/", ".")
        try:
            module = importlib.import_module(name)
        except BaseException:
            self._take_own_modules()
            raise
        if not hasattr(module, attribute):
            self._take_own_modules()
            message = f"Handler '{attribute}' missing on module '{name}'"
            raise NoHandler("Runtime.HandlerNotFound", message)
        self.handler = getattr(module, attribute)
        self.loaded = True

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Makes this process the function's for one call."""
        root = logging.getLogger()
        environment, path, folder = os.environ, sys.path, Path.cwd()
        streams = sys.stdout, sys.stderr
        log_handlers, log_level = root.handlers, root.level
        write_bytecode = sys.dont_write_bytecode
        hidden = self._take_own_modules()
        sys.modules.update(self._modules)
        count = len(sys.modules)
        os.environ = cast("os._Environ[str]", self.environment)  # noqa: B003 - swapped, not cleared
        sys.path = [*path, *self._finder.path]
        sys.meta_path.insert(0, self._finder)
        sys.stdout = sys.stderr = self._stream
        sys.dont_write_bytecode = True
        root.handlers = self._log_handlers
        _set_level(root, self._log_level)
        os.chdir(self.folder)
        try:
            with _utc(environment):
                yield
        finally:
            os.chdir(folder)
            self._log_handlers, self._log_level = root.handlers, root.level
            root.handlers = log_handlers
            _set_level(root, log_level)
            sys.dont_write_bytecode = write_bytecode
            sys.stdout, sys.stderr = streams
            sys.meta_path.remove(self._finder)
            sys.path = path
            os.environ = environment  # noqa: B003 - swapped, not cleared
            if len(sys.modules) == count:
                for name in self._modules:
                    sys.modules.pop(name, None)
            else:
                self._modules = self._take_own_modules()
            sys.modules.update(hidden)

    def _take_own_modules(self) -> dict[str, ModuleType]:
        """Removes from this process what is, or is named like, a module of the code folder."""
        own = self._finder.names
        if not any(name in sys.modules for name in own):
            return {}
        names = [name for name in sys.modules if name.partition(".")[0] in own]
        return {name: sys.modules.pop(name) for name in names}


def _set_level(logger: logging.Logger, level: int) -> None:
    if logger.level != level:  # setting it empties every logger's cache
        logger.setLevel(level)


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


def _environment(function: Function, folder: Path) -> dict[str, str]:
    region = parse_arn(function.arn).region
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(folder),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[$LATEST]{function.name}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        **function.environment,
    }
