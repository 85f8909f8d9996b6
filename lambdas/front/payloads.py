"""The message in a queue of executions that are to be started."""

from __future__ import annotations

from typing import TypedDict


class StartMessage(TypedDict):
    """`name` is the execution's: the same message never starts a second one."""

    name: str
    input: object
