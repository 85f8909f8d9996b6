"""Named loggers of a function: its own, beside those of the packages that all functions share.

`logging` knows one table of loggers a process. The function's is put in its place for a call; what
was in either table before the last call is not looked through again.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeAlias

_Loggers: TypeAlias = dict[str, logging.Logger | logging.PlaceHolder]


class FunctionLoggers:
    """`handlers` are those of the function's root logger at first."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        self._handlers = handlers
        self._level = logging.WARNING
        self._loggers: _Loggers = {}
        # Both tables as they were when packages' loggers were last exchanged.
        self._process_had: _Loggers = {}
        self._function_had: _Loggers = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        root = logging.root
        handlers, level, loggers = root.handlers, root.level, root.manager.loggerDict
        if loggers != self._process_had:
            self._loggers = {**_of_packages(loggers), **self._loggers}
            self._process_had = dict(loggers)
        root.manager.loggerDict = self._loggers
        root.handlers = self._handlers
        _set_level(root, self._level)
        try:
            yield
        finally:
            self._handlers, self._level = root.handlers, root.level
            self._loggers = root.manager.loggerDict
            root.manager.loggerDict = loggers
            root.handlers = handlers
            _set_level(root, level)
            if self._loggers != self._function_had:
                # Packages that were imported meanwhile stay, and so do their loggers.
                loggers.update(_of_packages(self._loggers))
                self._function_had = dict(self._loggers)


def _set_level(logger: logging.Logger, level: int) -> None:
    if logger.level != level:  # setting it empties every logger's cache
        logger.setLevel(level)


def _of_packages(loggers: _Loggers) -> _Loggers:
    """Those that are named after what is imported and shared: the others are somebody's own."""
    return {name: one for name, one in loggers.items() if name.partition(".")[0] in sys.modules}
