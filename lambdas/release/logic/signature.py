"""A webhook's signature: HMAC-SHA256 over the raw body, `sha256=<hex>` in the header
X-Hub-Signature-256. The body is signed as it came, so nothing of it is read before.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from __future__ import annotations

import hashlib
import hmac
import re

from lambdas.front.http import HttpEvent, Refusal

HEADER = "x-hub-signature-256"
_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")


def signature_of(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, body, hashlib.sha256).hexdigest()


def check_signature(event: HttpEvent, secret: bytes, body: bytes) -> str:
    """The signature; Refused with 401 where it is missing or another's. How much of it is right
    does not show in the time that this takes."""
    given = _SIGNATURE.fullmatch(str(event["headers"].get(HEADER, "")))
    if not given:
        raise Refusal(401, "SignatureMissing", f"the header {HEADER} has to be sha256=<hex>")
    expected = signature_of(secret, body)
    if not hmac.compare_digest(expected, given[1]):
        raise Refusal(401, "SignatureWrong", "the signature is not that of this body")
    return expected
