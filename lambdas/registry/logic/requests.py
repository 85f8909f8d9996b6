"""The bodies of the registry's requests: how large, and what fits."""

from __future__ import annotations

from typing import Any, cast

import fastjsonschema

from lambdas.front.http import Refusal

BODY_BYTES_MAX = 16_384
SERVICE_NAME = "^[a-z][a-z0-9-]{1,62}$"


def checked(check: Any, body: object, name: str) -> dict[str, Any]:
    """The body, which `name` stands for in the message of a refusal."""
    try:
        check(body, name_prefix=name)
    except fastjsonschema.JsonSchemaValueException as error:
        raise Refusal(400, f"{name.capitalize()}Invalid", error.message) from error
    return cast("dict[str, Any]", body)
