"""What neither a request nor an answer shows is changed in moto itself, while a simulation runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from moto.core.common_models import BaseModel
from moto.core.utils import unix_time_millis
from moto.kms import models as kms_models
from moto.kms.utils import AbstractPrivateKey, generate_private_key
from moto.sqs.exceptions import ReceiptHandleIsInvalid
from moto.sqs.models import Message, SQSBackend


def _untracked(cls: type[BaseModel], *_: object, **__: object) -> BaseModel:
    """moto keeps every object it ever made, for its dashboard: memory would grow with each call."""
    return object.__new__(cls)


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
    with (
        patch.object(BaseModel, "__new__", _untracked),
        patch.object(Message, "visible", property(_visible)),
        patch.object(SQSBackend, "change_message_visibility", _change_message_visibility),
        patch.object(kms_models, "generate_private_key", _private_key),
    ):
        yield
