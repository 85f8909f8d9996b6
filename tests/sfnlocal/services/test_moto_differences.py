"""moto's own parts that are replaced while a session runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import requests
from botocore.exceptions import ClientError
from moto.sqs.models import SQSBackend

from sfnlocal.services.aws import Aws
from sfnlocal.services.provision import provision

from .conftest import NOW_MS, make_app, resource

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


def test_what_is_signed_for_s3_is_heard_without_a_client() -> None:
    # Such a request names no account: it is for moto's own.
    app = replace(make_app(resource("AWS::S3::Bucket", "files")), account="123456789012")
    with Aws(app, now_ms=NOW_MS) as aws:
        provision(app, aws)
        s3 = aws.client("s3")
        url = s3.generate_presigned_url("put_object", Params={"Bucket": "files", "Key": "a"})
        assert requests.put(url, data=b"x", timeout=1).status_code == 200
        assert s3.get_object(Bucket="files", Key="a")["Body"].read() == b"x"
