"""What differs between stages, read from the context once and checked there."""

from __future__ import annotations

from dataclasses import dataclass

import aws_cdk as cdk
from constructs import Node

DEVELOPMENT = "dev"


class StageError(ValueError):
    """The context does not say what a stage needs."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Context keys: `stage`, `paymentProviderFunction` (the name of the function that charges
    cards; the sandbox brings one in dev)."""

    name: str
    payment_provider_function: str
    removal_policy: cdk.RemovalPolicy
    restock_wait: cdk.Duration

    @property
    def has_sandbox(self) -> bool:
        return self.name == DEVELOPMENT

    @classmethod
    def from_context(cls, node: Node) -> Stage:
        name = str(node.try_get_context("stage") or DEVELOPMENT)
        development = name == DEVELOPMENT
        # The stacks of a stage know the provider by this name only, so that neither needs the
        # other's deployment to be first.
        provider = node.try_get_context("paymentProviderFunction")
        if development:
            provider = provider or f"orders-{name}-payment-provider"
        if not provider:
            raise StageError(
                f"stage {name} needs the context paymentProviderFunction: "
                "the name of the function that charges cards"
            )
        return cls(
            name=name,
            payment_provider_function=str(provider),
            removal_policy=(cdk.RemovalPolicy.DESTROY if development else cdk.RemovalPolicy.RETAIN),
            restock_wait=cdk.Duration.minutes(5) if development else cdk.Duration.days(1),
        )
