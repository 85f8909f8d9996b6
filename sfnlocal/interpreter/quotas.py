"""Payloads, variables, errors and causes held against AWS's quotas.

What is over one fails with States.DataLimitExceeded. A bound of a size is good enough until it
passes the quota; only then is text made to count bytes. An error or a cause is cut instead: the
API's fields hold no more.
"""

from __future__ import annotations

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_bytes
from sfnlocal.limits import (
    ASSIGN_BYTES_MAX,
    CAUSE_CHARS_MAX,
    ERROR_CHARS_MAX,
    PAYLOAD_BYTES_MAX,
    VARIABLES_BYTES_MAX,
)
from sfnlocal.ports import Json

DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"


def too_large(what: str) -> str:
    return (
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of "
        "bytes service limit."
    )


def checked_input(value: Json, size: int, state: str) -> int:
    """The bound of the bytes of what a task or a branch is given. Raises StateError."""
    if size > PAYLOAD_BYTES_MAX:
        size = json_bytes(value)
        if size > PAYLOAD_BYTES_MAX:
            raise StateError(
                DATA_LIMIT_EXCEEDED,
                f"The state/task '{state}' has an input with a size exceeding the maximum number "
                "of bytes service limit.",
            )
    return size


def checked_assignment(
    variables: dict[str, Json], variable_bytes: int, assigned: dict[str, Json], size: int
) -> int:
    """The bound of the bytes of all variables after an assignment of `size`. Raises StateError."""
    if size > ASSIGN_BYTES_MAX:
        size = json_bytes(assigned)
        if size > ASSIGN_BYTES_MAX:
            raise StateError(
                DATA_LIMIT_EXCEEDED,
                f"The variables that are assigned have {size} bytes, and may have "
                f"{ASSIGN_BYTES_MAX}: {', '.join(assigned)}",
            )
    size += variable_bytes
    if size > VARIABLES_BYTES_MAX:
        size = json_bytes({**variables, **assigned})
        if size > VARIABLES_BYTES_MAX:
            raise StateError(
                DATA_LIMIT_EXCEEDED,
                f"All variables together have {size} bytes, and may have {VARIABLES_BYTES_MAX}.",
            )
    return size


def cut_error(error: str | None) -> str | None:
    return error if error is None else error[:ERROR_CHARS_MAX]


def cut_cause(cause: str | None) -> str | None:
    return cause if cause is None else cause[:CAUSE_CHARS_MAX]
