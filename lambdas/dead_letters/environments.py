"""The environment of each function of DeadLetters; imported by the stack at synth. The workflow
says which queue is read."""

from __future__ import annotations

from lambdas.environment import Environment


class ReceiveLettersEnvironment(Environment):
    """receive_letters is told its queue."""


class StartReplayEnvironment(Environment):
    """start_replay finds in the letter what it starts."""
