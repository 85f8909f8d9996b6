"""Evaluating one of the definitions' JSONata expressions, as a state would."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from sfnlocal.language.jsonata import compile_jsonata

NOW_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


@dataclass(frozen=True)
class Frame:
    variables: dict[str, Any]
    context_object: dict[str, Any]
    now_ms: int = NOW_MS
    rng: random.Random = field(default_factory=lambda: random.Random(0))

    def context(self) -> dict[str, Any]:
        return self.context_object


def evaluate(
    text: str,
    *,
    context: dict[str, Any] | None = None,
    states: dict[str, Any] | None = None,
    **variables: Any,
) -> Any:
    """The value of `{% expression %}`; `states` are the other members of `$states`."""
    assert text.startswith("{%")
    assert text.endswith("%}")
    expression = compile_jsonata(text[2:-2], field="Output")
    return expression.evaluate(states or {}, Frame(variables, context or {}))
