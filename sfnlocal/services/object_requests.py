"""Which S3 call an HTTP request was, as far as it changed objects or asked for events: what boto3
of this process says of its calls, requests from elsewhere say by method and path.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree

from sfnlocal.ports import Json

# Operation, parameters, response: the parts that listeners look at.
Call: TypeAlias = tuple[str, dict[str, Json], dict[str, Json]]

_NAMESPACE = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def object_call(
    method: str, url: str, body: bytes, headers: Mapping[str, str], answered: Mapping[str, str]
) -> Call | None:
    """Of a request that succeeded, `https://HOST/BUCKET/KEY`; `answered` are the response's
    headers. None for a request that changed nothing of the kind."""
    parts = urlsplit(url)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    query = parse_qs(parts.query, keep_blank_values=True).keys()
    params: dict[str, Json] = {"Bucket": bucket}
    if not key:
        if method == "PUT" and "notification" in query:
            asked = b"EventBridgeConfiguration" in body
            wanted: Json = {"EventBridgeConfiguration": {}} if asked else {}
            params["NotificationConfiguration"] = wanted
            return "PutBucketNotificationConfiguration", params, {}
        if method == "POST" and "delete" in query:
            return "DeleteObjects", params, {"Deleted": _deleted(body)}
        return None
    operation = _operation(method, query, headers)
    if operation is None:
        return None
    version = answered.get("x-amz-version-id")
    return operation, {**params, "Key": key}, {"VersionId": version} if version else {}


def _operation(method: str, query: Iterable[str], headers: Mapping[str, str]) -> str | None:
    # A signature in the query is none, nor is what SDKs add for the log.
    subresources = {
        name for name in query if name != "x-id" and not name.lower().startswith("x-amz-")
    }
    if method == "PUT" and not subresources:
        return "CopyObject" if "x-amz-copy-source" in headers else "PutObject"
    if method == "POST" and "uploadId" in subresources:
        return "CompleteMultipartUpload"
    if method == "DELETE" and not subresources - {"versionId"}:
        return "DeleteObject"
    return None


def _deleted(body: bytes) -> list[dict[str, Json]]:
    """The keys that were to be deleted."""
    root = ElementTree.fromstring(body)
    namespace = _NAMESPACE if root.tag.startswith(_NAMESPACE) else ""
    return [{"Key": key.text} for key in root.iter(f"{namespace}Key")]
