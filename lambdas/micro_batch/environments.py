"""The environment of each function of the micro-process batch; imported by the stacks at synth."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.environment import Environment, ServiceAddress


@dataclass(frozen=True, slots=True)
class ScoreLineEnvironment(Environment):
    """score_line asks the score service."""

    score_service: ServiceAddress


@dataclass(frozen=True, slots=True)
class CollectFailedEnvironment(Environment):
    """collect_failed reads and writes where its event says."""
