"""Presigned URLs of S3: is one in time, and signed for what it asks?

Both forms are read: Signature Version 4 (`X-Amz-Expires`, seconds from `X-Amz-Date`) and Version 2
(`Expires`, which boto3 still makes in us-east-1). Time is virtual. A signature is checked where the
access key is known; botocore computes what it should be.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sfnlocal.timestamps import instant

_SECONDS_MAX = 7 * 24 * 3600
_BUCKET_HOST = re.compile(r"(?P<bucket>.+)\.(?:s3[.-].*amazonaws\.com(?:\.cn)?|localhost)")


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """`version` is that of its signature, 4 or 2."""

    url: str
    query: Mapping[str, str]
    version: int

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def access_key(self) -> str:
        if self.version == 2:
            return self.query["AWSAccessKeyId"]
        return self.query.get("X-Amz-Credential", "").partition("/")[0]


class PresignedError(Exception):
    """S3's answer to a URL that it does not take."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(code, message)
        self.status = status
        parts = {"Code": code, "Message": message, **more}
        inner = "".join(
            f"<{name}>{escape(text, quote=False)}</{name}>"
            for name, text in ((name.replace("_", "-"), text) for name, text in parts.items())
        )
        declaration = '<?xml version="1.0" encoding="UTF-8"?>'
        self.body = f"{declaration}\n<Error>{inner}</Error>".encode()


def read_presigned(url: str) -> PresignedUrl | None:
    """None where the URL is not presigned."""
    query = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    if "X-Amz-Signature" in query and "/s3/" in query.get("X-Amz-Credential", ""):
        return PresignedUrl(url, query, 4)
    if {"AWSAccessKeyId", "Signature", "Expires"} <= query.keys():
        return PresignedUrl(url, query, 2)
    return None


def bucket_and_key(url: str) -> tuple[str, str]:
    """From `bucket.s3.REGION.amazonaws.com/key`, or `HOST/bucket/key`."""
    parts = urlsplit(url)
    match = _BUCKET_HOST.fullmatch(parts.hostname or "")
    if match is not None:
        return match["bucket"], parts.path.removeprefix("/")
    bucket, _, key = parts.path.removeprefix("/").partition("/")
    return bucket, key


def check_presigned(
    presigned: PresignedUrl,
    method: str,
    headers: Mapping[str, str],
    now_ms: int,
    secret_of: Callable[[str], str | None],
) -> None:
    """`headers` are in lower case. Raises PresignedError."""
    read = {4: _expiry_4, 2: _expiry_2}[presigned.version]
    expires_ms, more = read(presigned.query)
    if now_ms >= expires_ms:
        told = {"Expires": instant(expires_ms), "ServerTime": instant(now_ms)}
        raise PresignedError(403, "AccessDenied", "Request has expired", **more, **told)
    secret = secret_of(presigned.access_key)
    if secret is None:
        return
    sign = {4: _signature_4, 2: _signature_2}[presigned.version]
    name = {4: "X-Amz-Signature", 2: "Signature"}[presigned.version]
    if not hmac.compare_digest(sign(presigned, method, headers, secret), presigned.query[name]):
        raise PresignedError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."
            " Check your key and signing method.",
            AWSAccessKeyId=presigned.access_key,
        )


def _expiry_4(query: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    seconds, date = query.get("X-Amz-Expires", ""), query.get("X-Amz-Date", "")
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise _malformed("X-Amz-Date must be in the ISO8601 Long Format") from None
    if not re.fullmatch(r"\d+", seconds):
        raise _malformed("X-Amz-Expires should be a number")
    if int(seconds) > _SECONDS_MAX:
        raise _malformed(
            f"X-Amz-Expires must be less than a week (in seconds) that is {_SECONDS_MAX}"
        )
    return round(at.timestamp() + int(seconds)) * 1000, {"X_Amz_Expires": seconds}


def _malformed(message: str) -> PresignedError:
    return PresignedError(400, "AuthorizationQueryParametersError", message)


def _expiry_2(query: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    expires = query["Expires"]
    if not re.fullmatch(r"\d{1,11}", expires):
        raise PresignedError(403, "AccessDenied", "Invalid date (should be seconds since epoch)")
    return int(expires) * 1000, {}


def _signature_4(
    presigned: PresignedUrl, method: str, headers: Mapping[str, str], secret: str
) -> str:
    # Loaded here: botocore takes longer than most runs.
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    query = presigned.query
    names = query.get("X-Amz-SignedHeaders", "host").split(";")
    signed = {name: headers.get(name, "") for name in names}
    url = re.sub(r"&?X-Amz-Signature=[^&]*", "", presigned.url).replace("?&", "?")
    request = AWSRequest(method, url, headers=signed)
    request.context["timestamp"] = query["X-Amz-Date"]
    scope = query["X-Amz-Credential"].split("/")
    region = scope[2] if len(scope) > 2 else ""
    auth = S3SigV4QueryAuth(Credentials(presigned.access_key, secret), "s3", region)
    canonical = auth.canonical_request(request)
    computed: str = auth.signature(auth.string_to_sign(request, canonical), request)
    return computed


def _signature_2(
    presigned: PresignedUrl, method: str, headers: Mapping[str, str], secret: str
) -> str:
    from botocore.auth import HmacV1QueryAuth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    query = presigned.query
    own = ("AWSAccessKeyId", "Signature", "Expires")
    rest = "&".join(
        part
        for part in urlsplit(presigned.url).query.split("&")
        if part.partition("=")[0] not in own
    )
    parts = urlsplit(presigned.url)._replace(query=rest)
    bucket, _ = bucket_and_key(presigned.url)
    path = parts.path if _BUCKET_HOST.fullmatch(parts.hostname or "") is None else ""
    signed: Any = HTTPHeaders()
    for name in ("content-md5", "content-type"):
        if name in headers:
            signed[name] = headers[name]
    for name, value in {**headers, **query}.items():
        if name.lower().startswith("x-amz-"):
            signed[name] = value

    class Signing(HmacV1QueryAuth):
        def _get_date(self) -> str:
            return query["Expires"]

    auth = Signing(Credentials(presigned.access_key, secret))
    computed: str = auth.get_signature(
        method, parts, signed, auth_path=path or f"/{bucket}{parts.path}"
    )
    return computed
