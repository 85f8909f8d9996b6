"""Where moto is known to answer other than AWS, and what AWS answers; each is recorded or
documented. The differences that nothing here can mend are in docs/fidelity.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import patch

from moto.core.utils import unix_time_millis
from moto.kms import models as kms_models
from moto.kms.utils import AbstractPrivateKey, generate_private_key
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, SQSBackend

from sfnlocal.errors import ApiError

Parameters: TypeAlias = Mapping[str, Any]


def _message_body_is_empty(params: Parameters) -> ApiError | None:
    if params.get("MessageBody"):
        return None
    return ApiError("MissingParameter", "The request must contain the parameter MessageBody.")


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
    ("sqs", "SendMessage"): _message_body_is_empty,
    ("secretsmanager", "CreateSecret"): _secret_name_is_invalid,
}


@dataclass(frozen=True, slots=True)
class Error:
    code: str
    message: str


# Errors that AWS words otherwise, by client name and moto's message.
ERRORS: Mapping[tuple[str, str], Error] = {
    ("sns", "Endpoint does not exist"): Error("NotFound", "Topic does not exist"),
    ("sns", "The request must contain the parameter MessageGroupId."): Error(
        "InvalidParameter",
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics",
    ),
}


def _uncount(params: Parameters, response: dict[str, Any]) -> None:
    """moto always tells the consumed capacity; DynamoDB only where it is asked to."""
    if params.get("ReturnConsumedCapacity", "NONE") == "NONE":
        response.pop("ConsumedCapacity", None)


def _checksum_type(params: Parameters, response: dict[str, Any]) -> None:
    if "ChecksumCRC32" in response:
        response["ChecksumType"] = "FULL_OBJECT"
    _encrypted(params, response)


def _encrypted(params: Parameters, response: dict[str, Any]) -> None:
    """Since 2023 S3 encrypts what nobody else does.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html"""
    response.setdefault("ServerSideEncryption", "AES256")


_COUNTED = (
    "GetItem",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Scan",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
)
# Answers that AWS gives with more or less in them, by client name and operation.
ANSWERS: Mapping[tuple[str, str], Callable[[Parameters, dict[str, Any]], None]] = {
    **{("dynamodb", operation): _uncount for operation in _COUNTED},
    ("s3", "PutObject"): _checksum_type,
    **{("s3", operation): _encrypted for operation in ("GetObject", "HeadObject", "CopyObject")},
}


def _visible(message: Message) -> bool:
    """From the moment on at which the visibility time-out ends; moto: only after it."""
    return unix_time_millis() >= message.visible_at


def _change_message_visibility(
    backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int
) -> None:
    """A message may be hidden for 12 hours after its receipt; moto: after it was sent."""
    queue = backend.get_queue(queue_name)
    for message in queue._messages:
        if message.had_receipt_handle(receipt_handle):
            message.change_visibility(visibility_timeout)
            if message.visible:
                queue.pending_messages.discard(message)
            return
    raise ReceiptHandleIsInvalid


def _private_key(key_spec: str) -> AbstractPrivateKey | None:
    """A symmetric key has none; moto makes an RSA key for it, which is most of what creating the
    first encrypted table takes."""
    return None if key_spec == "SYMMETRIC_DEFAULT" else generate_private_key(key_spec)


@contextmanager
def corrected_models() -> Iterator[None]:
    """What neither a request nor an answer shows is changed in moto itself, for so long."""
    with (
        patch.object(Message, "visible", property(_visible)),
        patch.object(SQSBackend, "change_message_visibility", _change_message_visibility),
        patch.object(kms_models, "generate_private_key", _private_key),
    ):
        yield


def refused(service: str, operation: str, params: Parameters) -> ApiError | None:
    check = REFUSED.get((service, operation))
    return None if check is None else check(params)


def correct(
    service: str, operation: str, params: Parameters, response: dict[str, Any], failed: bool
) -> None:
    """Changes the parsed response into AWS's."""
    if failed:
        error = response.get("Error", {})
        known = ERRORS.get((service, error.get("Message", "")))
        if known is not None:
            error["Code"], error["Message"] = known.code, known.message
        return
    change = ANSWERS.get((service, operation))
    if change is not None:
        change(params, response)
