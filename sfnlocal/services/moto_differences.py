"""Where moto is known to answer other than AWS, and what AWS answers; each is recorded or
documented. What only moto itself can do otherwise is in moto_models.py, and the differences that
nothing here can mend are in docs/fidelity.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sfnlocal.errors import ApiError

Parameters: TypeAlias = Mapping[str, Any]


def _secret_name_is_invalid(params: Parameters) -> ApiError | None:
    if re.fullmatch(r"[A-Za-z0-9/_+=.@!-]+", params.get("Name", "")):
        return None
    return ApiError(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
        "following: -/_+=.@!",
    )


# Requests that moto takes and AWS refuses, by client name and operation.
REFUSED: Mapping[tuple[str, str], Callable[[Parameters], ApiError | None]] = {
    ("secretsmanager", "CreateSecret"): _secret_name_is_invalid,
}


def _checksum_type(params: Parameters, response: dict[str, Any]) -> None:
    if "ChecksumCRC32" in response:
        response["ChecksumType"] = "FULL_OBJECT"
    _encrypted(params, response)


def _encrypted(params: Parameters, response: dict[str, Any]) -> None:
    """Since 2023 S3 encrypts what nobody else does.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""
    response.setdefault("ServerSideEncryption", "AES256")


# Answers that AWS gives with more or less in them, by client name and operation.
ANSWERS: Mapping[tuple[str, str], Callable[[Parameters, dict[str, Any]], None]] = {
    ("s3", "PutObject"): _checksum_type,
    **{("s3", operation): _encrypted for operation in ("GetObject", "HeadObject", "CopyObject")},
}


def refused(service: str, operation: str, params: Parameters) -> ApiError | None:
    check = REFUSED.get((service, operation))
    return None if check is None else check(params)


def correct(service: str, operation: str, params: Parameters, response: dict[str, Any]) -> None:
    """Changes the parsed response of a call that succeeded into AWS's."""
    change = ANSWERS.get((service, operation))
    if change is not None:
        change(params, response)
