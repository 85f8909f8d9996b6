"""What neither a request nor an answer shows is changed in moto itself, while a simulation runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from moto.core.base_backend import BackendDict
from moto.core.common_models import BaseModel
from moto.kms import models as kms_models
from moto.kms.utils import AbstractPrivateKey, generate_private_key
from moto.sqs.models import SQSBackend

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws


def _untracked(cls: type[BaseModel], *_: object, **__: object) -> BaseModel:
    """moto keeps every object it ever made, for its dashboard: memory would grow with each call."""
    return object.__new__(cls)


def _send_message(current: Callable[[], Aws]) -> Callable[..., None]:
    """What moto's buckets send to queues, which are not moto's, where a client asked them to."""

    def send(
        backend: SQSBackend,
        queue_name: str,
        message_body: str,
        *,
        message_attributes: dict[str, Any] | None = None,
        deduplication_id: str | None = None,
        group_id: str | None = None,
        **_: object,
    ) -> None:
        aws = current()
        url = aws.call("sqs", "GetQueueUrl", {"QueueName": queue_name})["QueueUrl"]
        given = {
            "QueueUrl": url,
            "MessageBody": message_body,
            "MessageAttributes": message_attributes,
            "MessageDeduplicationId": deduplication_id,
            "MessageGroupId": group_id,
        }
        params = {name: value for name, value in given.items() if value is not None}
        aws.call("sqs", "SendMessage", params)

    return send


def _private_key(key_spec: str) -> AbstractPrivateKey | None:
    """A symmetric key has none; moto makes an RSA key for it, which is most of what creating the
    first encrypted table takes."""
    return None if key_spec == "SYMMETRIC_DEFAULT" else generate_private_key(key_spec)


@contextmanager
def corrected_models(current: Callable[[], Aws]) -> Iterator[None]:
    """`current` is the Aws that answers now."""
    with (
        patch.object(BaseModel, "__new__", _untracked),
        patch.object(SQSBackend, "send_message", _send_message(current)),
        patch.object(kms_models, "generate_private_key", _private_key),
    ):
        yield
        _close_objects()


def forget_everything() -> None:
    """What all of moto's services hold."""
    _close_objects()
    BackendDict.reset()


def _close_objects() -> None:
    """moto closes the files of a bucket's latest versions only; the others would be complained of
    when they are collected."""
    s3 = sys.modules.get("moto.s3.models")
    if s3 is None:
        return
    for regions in s3.s3_backends.values():
        for backend in regions.values():
            for bucket in backend.buckets.values():
                for key in list(bucket.keys):
                    for version in bucket.keys.getlist(key):
                        if isinstance(version, s3.FakeKey):
                            version.dispose()
