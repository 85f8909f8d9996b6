"""The environment of the HTTP route's function; imported by the stacks at synth."""

from __future__ import annotations

from lambdas.environment import Environment, QueueUrl


class AcceptReadingEnvironment(Environment):
    """accept_reading leaves readings in the queue that the topic rule uses too."""

    device_queue: QueueUrl
