"""The environment of each function of DeadLetters; imported by the stack at synth. The workflow
says which queue is read."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment


@dataclass(frozen=True, slots=True)
class ReceiveLettersEnvironment(Environment):
    """receive_letters is told its queue."""


@dataclass(frozen=True, slots=True)
class StartReplayEnvironment(Environment):
    """start_replay finds in the letter what it starts."""
