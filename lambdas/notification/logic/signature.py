"""Signed callbacks: HMAC-SHA256 over the time and the raw body, `t=1767225600,v1=<hex>` in the
header X-Callback-Signature. A signature is good for five minutes, and once: whoever listens in can
repeat nothing. A provider that tries again signs again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.front.http import HttpEvent, Refusal

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from lambdas.environment import TableName

HEADER = "x-callback-signature"
GOOD_FOR_S = 300
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signature_of(secret: bytes, signed_s: int, body: bytes) -> str:
    return hmac.new(secret, b"%d." % signed_s + body, hashlib.sha256).hexdigest()


def check_signature(event: HttpEvent, secret: bytes, now_s: int) -> str:
    """The signature; Refused with 401 where it is missing, old or another's. How much of it is
    right does not show in the time that this takes."""
    text = event.get("body") or ""
    body = base64.b64decode(text) if event["isBase64Encoded"] else text.encode()
    given = _SIGNATURE.fullmatch(str(event["headers"].get(HEADER, "")))
    if not given:
        raise Refusal(401, "SignatureMissing", f"the header {HEADER} has to be t=<time>,v1=<hex>")
    expected = signature_of(secret, int(given[1]), body)
    if not hmac.compare_digest(expected, given[2]):
        raise Refusal(401, "SignatureWrong", "the signature is not that of this body")
    if abs(now_s - int(given[1])) > GOOD_FOR_S:
        raise Refusal(401, "SignatureOld", f"a signature is good for {GOOD_FOR_S} seconds")
    return expected


@contextmanager
def used_once(
    dynamodb: DynamoDBClient, table: TableName, signature: str, now_s: int
) -> Iterator[None]:
    """Refused with 409 where the signature was used before; free again where the body fails."""
    key = {"signature": {"S": signature}}
    try:
        dynamodb.put_item(
            TableName=table,
            # Kept until it could not be used anyway, whichever way the clocks differ.
            Item={**key, "expiration": {"N": str(now_s + 2 * GOOD_FOR_S)}},
            ConditionExpression="attribute_not_exists(signature)",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        raise Refusal(409, "SignatureUsed", "this callback came before") from error
    try:
        yield
    except BaseException:
        dynamodb.delete_item(TableName=table, Key=key)
        raise
