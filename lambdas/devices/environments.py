"""The environment of the HTTP route's function; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment, QueueUrl


@dataclass(frozen=True, slots=True)
class AcceptReadingEnvironment(Environment):
    """accept_reading leaves readings in the queue that the topic rule uses too."""

    device_queue: QueueUrl
