"""Requests with a presigned URL of S3, carried out: whoever has the URL gets or puts the object.

The simulation answers, and tells who listens to S3's calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from sfnlocal.errors import UnsupportedError
from sfnlocal.services.aws import Aws
from sfnlocal.services.presigned_urls import (
    PresignedError,
    PresignedUrl,
    bucket_and_key,
    check_presigned,
)
from sfnlocal.triggers.http_messages import HttpResponse

_SIGNING = re.compile(
    r"(?:X-Amz-(?!Meta)|x-amz-security-token$|AWSAccessKeyId|Signature|Expires).*"
)
# Of one connection, or counted anew.
_NOT_FORWARDED = frozenset({"connection", "transfer-encoding", "content-length", "host"})


def answer_presigned(
    aws: Aws,
    presigned: PresignedUrl,
    method: str,
    headers: Mapping[str, str],
    body: bytes,
    secret_of: Callable[[str], str | None],
) -> HttpResponse:
    """`headers` are in lower case."""
    try:
        check_presigned(presigned, method, headers, aws.now_ms, secret_of)
    except PresignedError as error:
        return HttpResponse(error.status, {"content-type": "application/xml"}, error.body)
    bucket, key = bucket_and_key(presigned.url)
    response = _simulated(aws, method, _plain_url(aws, presigned.url, bucket, key), headers, body)
    shown = {
        name.lower(): str(value)
        for name, value in response.headers.items()
        if name.lower() not in _NOT_FORWARDED or (method == "HEAD" and name != "connection")
    }
    return HttpResponse(response.status_code, shown, response.content)


def _simulated(aws: Aws, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
    # Loaded here: botocore takes longer than most runs.
    from botocore.awsrequest import AWSPreparedRequest
    from botocore.compat import HTTPHeaders

    sent: Any = HTTPHeaders()
    for name, value in headers.items():
        if name not in _NOT_FORWARDED:
            sent[name] = value
    # The simulation takes whatever is signed, and nothing that is not.
    sent["authorization"] = "AWS4-HMAC-SHA256 Credential=local/20260101/r/s3/aws4_request"
    response = aws.simulate("s3", AWSPreparedRequest(method, url, sent, body, stream_output=False))
    if response is None:
        raise UnsupportedError(f"{method} {url} is not simulated")
    return response


def _plain_url(aws: Aws, url: str, bucket: str, key: str) -> str:
    """Without what signs it."""
    kept = [part for part in urlsplit(url).query.split("&") if part and not _SIGNING.match(part)]
    query = f"?{'&'.join(kept)}" if kept else ""
    return f"https://s3.{aws.app.region}.amazonaws.com/{bucket}/{key}{query}"
