"""How the definitions speak JSONPath: a path, a variable or an intrinsic function as a value."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_stepfunctions as sfn

EXECUTION_ARN = "$$.Execution.Id"
EXECUTION_NAME = "$$.Execution.Name"


def value_at(path: str) -> Any:
    """The value that Step Functions reads there when the state runs; `Any`, as in jsonata.py."""
    return sfn.JsonPath.string_at(path)


def is_text(path: str) -> sfn.Condition:
    """Whether there is a text; a missing value is no error then."""
    return sfn.Condition.and_(sfn.Condition.is_present(path), sfn.Condition.is_string(path))


def is_number(path: str) -> sfn.Condition:
    return sfn.Condition.and_(sfn.Condition.is_present(path), sfn.Condition.is_numeric(path))
