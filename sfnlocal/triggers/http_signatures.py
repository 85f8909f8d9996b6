"""Signature Version 4, checked: is a request signed by credentials that are known here?

botocore computes what the signature should be. A request that was signed more than five minutes
ago is refused; one from the future is not: the clock of who signs may be a real one.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sfnlocal.triggers.http_messages import HttpRequest, Identity

_AGE_MS_MAX = 5 * 60_000
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request,\s*SignedHeaders=(?P<names>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class SignatureError(ValueError):
    """The request is not signed, or not rightly."""


@dataclass(frozen=True, slots=True)
class Credentials:
    secret_key: str
    identity: Identity


def signer(
    request: HttpRequest, known: Mapping[str, Credentials], region: str, now_ms: int
) -> Credentials:
    """Who signed it for `execute-api`. Raises SignatureError."""
    match = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    date = request.headers.get("x-amz-date", "")
    if match is None or match["service"] != "execute-api" or match["region"] != region:
        raise SignatureError("the request is not signed for this API")
    found = known.get(match["key"])
    if found is None:
        raise SignatureError(f"the access key {match['key']} is not known")
    if not date.startswith(match["day"]) or now_ms - signed_at_ms(date) > _AGE_MS_MAX:
        raise SignatureError("the signature has expired")
    expected = _signature(request, match["names"].split(";"), match["key"], found, region, date)
    if not hmac.compare_digest(expected, match["signature"]):
        raise SignatureError("the signature does not match")
    return found


def signed_at_ms(date: str) -> int:
    """Of `20260101T000000Z`. Raises SignatureError."""
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("the date is none") from None
    return round(at.timestamp() * 1000)


def _signature(
    request: HttpRequest,
    names: list[str],
    access_key: str,
    credentials: Credentials,
    region: str,
    date: str,
) -> str:
    # Loaded here: botocore takes longer than most runs.
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as Signing

    signed = {
        name: request.host if name == "host" else request.headers.get(name, "") for name in names
    }
    query = f"?{request.query}" if request.query else ""
    url = f"https://{request.host}{request.prefix}{request.path}{query}"
    sent = AWSRequest(request.method, url, headers=signed, data=request.body)
    sent.context["timestamp"] = date
    auth = SigV4Auth(Signing(access_key, credentials.secret_key), "execute-api", region)
    canonical = auth.canonical_request(sent)
    return auth.signature(auth.string_to_sign(sent, canonical), sent)
