"""Where a request of the Lambda API has a function's code: in itself, in a bucket or in an image.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.limits import LAMBDA_ZIPPED_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services.function_code import CodeArchives
from sfnlocal.services.function_registry import Code

CODE_MEMBERS = frozenset({"ZipFile", "S3Bucket", "S3Key", "S3ObjectVersion", "ImageUri"})
# 50 MB as base64, in a request's JSON.
_REQUEST_BYTES_MAX = 69_905_067


class CodeSource:
    """`client` makes boto3 clients: S3's reads objects."""

    def __init__(self, archives: CodeArchives, client: Callable[[str], Any]) -> None:
        self._archives = archives
        self._client = client

    def read(self, source: Mapping[str, Json], operation: str) -> Code:
        """`source` has the members of a FunctionCode; `operation` is what asks. Raises ApiError,
        and UnsupportedError for other members."""
        unknown = sorted(source.keys() - CODE_MEMBERS)
        if unknown:
            raise UnsupportedError(f"code with {', '.join(unknown)} is not simulated")
        if "ImageUri" in source:
            return Code(None, image_uri=source["ImageUri"])
        if "ZipFile" in source:
            archive = _bytes(source["ZipFile"])
            if len(archive) > LAMBDA_ZIPPED_BYTES_MAX:
                limit = f"{_REQUEST_BYTES_MAX} bytes for the {operation} operation"
                message = f"Request must be smaller than {limit}"
                raise ApiError("RequestEntityTooLargeException", message, 413)
        elif "S3Bucket" in source and "S3Key" in source:
            archive = self._object(source)
        else:
            raise ApiError(
                "InvalidParameterValueException",
                "Please provide a source for function code.",
            )
        return self._archives.unpack(archive)

    def _object(self, source: Mapping[str, Json]) -> bytes:
        # S3's client is what loads botocore.
        from botocore.exceptions import ClientError

        asked = {"Bucket": source["S3Bucket"], "Key": source["S3Key"]}
        if "S3ObjectVersion" in source:
            asked["VersionId"] = source["S3ObjectVersion"]
        try:
            return _bytes(self._client("s3").get_object(**asked)["Body"])
        except ClientError as error:
            answer = error.response["Error"]
            message = (
                f"Error occurred while GetObject. S3 Error Code: {answer.get('Code')}. "
                f"S3 Error Message: {answer.get('Message')}"
            )
            raise ApiError("InvalidParameterValueException", message) from None


def _bytes(value: Json) -> bytes:
    return bytes(value.read() if hasattr(value, "read") else value)
