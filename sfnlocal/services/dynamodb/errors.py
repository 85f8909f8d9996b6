"""The errors that DynamoDB answers with, in its words.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json

CONDITION_FAILED = "The conditional request failed"


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def invalid_values(message: str) -> ApiError:
    return invalid(f"One or more parameter values were invalid: {message}")


def constraint(name: str, value: object, wanted: str) -> ApiError:
    """A parameter that does not even get as far as the table."""
    place = name[:1].lower() + name[1:]
    shown = "null" if value is None else f"'{value}'"
    return invalid(
        f"1 validation error detected: Value {shown} at '{place}' failed to satisfy constraint: "
        f"Member must {wanted}"
    )


def missing(name: str) -> ApiError:
    return constraint(name, None, "not be null")


def choice(name: str, value: object, allowed: Sequence[str]) -> ApiError:
    return constraint(name, value, f"satisfy enum value set: [{', '.join(allowed)}]")


def no_such_table(name: str | None = None) -> ApiError:
    """Item operations do not name the table, table operations do."""
    suffix = "" if name is None else f": Table: {name} not found"
    return ApiError("ResourceNotFoundException", f"Requested resource not found{suffix}")


def condition_failed(members: Mapping[str, Json]) -> ApiError:
    return ApiError("ConditionalCheckFailedException", CONDITION_FAILED, members=members)
