"""What can be healed: functions behind an alias, and for each the call that shows whether a version
of it works.

A canary runs in production, so its event does nothing: it asks for what does not exist, or is
refused. `answers` are the errors that a working version refuses it with; with these, and with those
of what stands behind the function, a version is not at fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import aws_cloudwatch as cloudwatch

from workflows.function import ThinFunction
from workflows.upgrade_target import function_target


@dataclass(frozen=True, slots=True)
class HealTarget:
    """`states` are the states of the watched machine that call the function; `dead_letters` is the
    queue in which its failures end, by the name that DeadLetters knows."""

    function: ThinFunction
    alarm: cloudwatch.IAlarm
    canary: Mapping[str, Any]
    answers: tuple[str, ...]
    states: tuple[str, ...]
    dead_letters: str

    @property
    def name(self) -> str:
        return self.function.name

    def described(self) -> dict[str, Any]:
        return {
            **function_target(self.function),
            "target": self.name,
            "functionArn": self.function.arn,
            "alarm": self.alarm.alarm_name,
            "canary": dict(self.canary),
            "answers": list(self.answers),
            "states": list(self.states),
            "deadLetters": self.dead_letters,
        }
