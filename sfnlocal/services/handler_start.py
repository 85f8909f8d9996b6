"""The cold start of a Python handler, in whichever process it happens.

Imports little: a worker process imports this before the first line of the function's own code.
https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeAlias

# Clients of handlers in this process must be made by the botocore that `Aws` listens to.
SHARED_MODULES = frozenset(
    # The engine, too: what it imports while a handler calls a service is still its own, where the
    # code folder is its repository.
    {"boto3", "botocore", "s3transfer", "jmespath", __name__.partition(".")[0]}
)

Handler: TypeAlias = Callable[[Any, Any], Any]


class NoHandler(Exception):  # noqa: N818 - named as the fact that it is
    """The configured handler does not exist; `error_type` as Lambda names it."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def load_handler(handler: str) -> Handler:
    """Imports `module.attribute`, which runs the module's top level. Raises what importing raises,
    or NoHandler."""
    name, dot, attribute = handler.rpartition(".")
    if not dot:
        reason = "not enough values to unpack (expected 2, got 1)"
        raise NoHandler("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {reason}")
    name = name.replace("/", ".")
    module = importlib.import_module(name)
    if not hasattr(module, attribute):
        message = f"Handler '{attribute}' missing on module '{name}'"
        raise NoHandler("Runtime.HandlerNotFound", message)
    found: Handler = getattr(module, attribute)
    return found


class OwnModules(MetaPathFinder):
    """Finds the modules of the code folder and of layers before anything of this process. What is
    deployed stays as it is: a module is read and compiled once, however often it is loaded."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self.path = [str(folder) for folder in folders]
        self.names = frozenset().union(*map(_module_names, folders))
        self._compiled: dict[str, CodeType] = {}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self.names:
            return None
        spec = PathFinder.find_spec(fullname, self.path if path is None else path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Source(fullname, spec.loader.path, self._compiled)
        return spec

    def forget(self) -> None:
        """Read all modules anew when they are loaded next."""
        self._compiled.clear()


class _Source(SourceFileLoader):
    def __init__(self, fullname: str, path: str, compiled: dict[str, CodeType]) -> None:
        super().__init__(fullname, path)
        self._compiled = compiled

    def get_code(self, fullname: str) -> CodeType | None:
        code = self._compiled.get(self.path)
        if code is None:
            code = super().get_code(fullname)
            if code is not None:
                self._compiled[self.path] = code
        return code


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
