"""moto's own parts that are replaced while a session runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError
from moto.sqs.models import SQSBackend

from sfnlocal.services.aws import Aws

Start = Callable[..., Aws]


@pytest.mark.parametrize(
    ("spec", "usage", "algorithm"),
    [
        ("RSA_2048", "SIGN_VERIFY", "RSASSA_PSS_SHA_256"),
        ("ECC_NIST_P256", "SIGN_VERIFY", "ECDSA_SHA_256"),
    ],
)
def test_an_asymmetric_key_signs(started: Start, spec: str, usage: str, algorithm: str) -> None:
    kms = started().client("kms")
    key = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
    signed = kms.sign(KeyId=key, Message=b"x", SigningAlgorithm=algorithm)
    verified = kms.verify(
        KeyId=key, Message=b"x", SigningAlgorithm=algorithm, Signature=signed["Signature"]
    )
    assert verified["SignatureValid"]


def test_a_symmetric_key_encrypts_and_does_not_sign(started: Start) -> None:
    kms = started().client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    encrypted = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=encrypted)["Plaintext"] == b"x"
    with pytest.raises(ClientError, match="SIGN_VERIFY"):
        kms.sign(KeyId=key, Message=b"x", SigningAlgorithm="RSASSA_PSS_SHA_256")


def test_afterwards_moto_is_as_it_was(started: Start) -> None:
    aws = started()
    aws.call("kms", "ListKeys", {})
    during = SQSBackend.send_message
    aws.stop()
    assert SQSBackend.send_message is not during
