"""What AWS asks for a transition and for a function's time: dated, from prices.json.

The context `prices` replaces single ones, for another region or a contract of one's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from constructs import Node

PRICES = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class Prices:
    """In units of `currency`; free tiers are not taken off."""

    as_of: str
    region: str
    currency: str
    standard_transition: float
    express_request: float
    express_gb_second: float
    lambda_request: float
    lambda_arm_gb_second: float

    @classmethod
    def from_context(cls, node: Node) -> Prices:
        values = json.loads(PRICES.read_text(encoding="utf-8"))
        other = node.try_get_context("prices") or {}
        values |= json.loads(other) if isinstance(other, str) else other
        return cls(
            as_of=str(values["asOf"]),
            region=str(values["region"]),
            currency=str(values["currency"]),
            standard_transition=float(values["standardTransition"]),
            express_request=float(values["expressRequest"]),
            express_gb_second=float(values["expressGbSecond"]),
            lambda_request=float(values["lambdaRequest"]),
            lambda_arm_gb_second=float(values["lambdaArmGbSecond"]),
        )
