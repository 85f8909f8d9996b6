"""What the release build of a stage needs to know, read from the context once and checked there."""

from __future__ import annotations

from dataclasses import dataclass

from constructs import Node

from lambdas.environment import SecretArn, ServiceAddress
from stacks.stage import Stage, StageError


@dataclass(frozen=True, slots=True)
class ReleaseSettings:
    """Context keys: `sourceHost`, the address of its API (https://api.github.com), and
    `sourceHostToken`, the whole ARN of the secret with a token that may write commit statuses. In
    dev there is neither: what would be told is recorded."""

    source_host: ServiceAddress
    source_host_token: SecretArn

    @classmethod
    def from_context(cls, node: Node, stage: Stage) -> ReleaseSettings | None:
        """None where the stage names no host."""
        host = node.try_get_context("sourceHost")
        token = node.try_get_context("sourceHostToken")
        if stage.has_sandbox or not (host or token):
            return None
        if not (str(host).startswith("https://") and str(token).startswith("arn:")):
            raise StageError(
                "the context sourceHost (an https URL) goes with sourceHostToken (the ARN of a "
                f"secret), unlike {host!r} and {token!r}"
            )
        return cls(ServiceAddress(str(host)), SecretArn(str(token)))
