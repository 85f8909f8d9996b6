"""How the definitions speak JSONata: text between `{% %}`, and the expressions used everywhere."""

from __future__ import annotations

import functools
from typing import Any

from aws_cdk import aws_stepfunctions as sfn

EXECUTION_ARN = "$states.context.Execution.Id"
EXECUTION_NAME = "$states.context.Execution.Name"
EXECUTION_INPUT = "$states.context.Execution.Input"


def jsonata(expression: str) -> str:
    """The expression as Step Functions wants it, its lines joined."""
    return "{% " + " ".join(line.strip() for line in expression.strip().splitlines()) + " %}"


@functools.cache
def is_true(expression: str) -> sfn.Condition:
    """A Choice's condition."""
    return sfn.Condition.jsonata(jsonata(expression))


def value_of(expression: str) -> Any:
    """The same where a payload's TypedDict asks for a list or a number: mypy checks the keys,
    the service the value."""
    return jsonata(expression)
