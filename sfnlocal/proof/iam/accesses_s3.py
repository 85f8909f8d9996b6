"""What calls of S3 need permission for: actions are not called as operations, objects are apart
from buckets.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from sfnlocal.proof.iam.access import ANY, Access, Params
from sfnlocal.proof.iam.resource_names import Home

# Of objects; where the operation has another name than its permission.
_OBJECT_ACTIONS: Mapping[str, str] = {
    "HeadObject": "GetObject",
    "GetObject": "GetObject",
    "SelectObjectContent": "GetObject",
    "GetObjectTorrent": "GetObject",
    "PutObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
    "DeleteObject": "DeleteObject",
    "GetObjectAttributes": "GetObject",
}
# Of buckets.
_BUCKET_ACTIONS: Mapping[str, str] = {
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketCors": "GetBucketCORS",
    "PutBucketCors": "PutBucketCORS",
}
# A specific version of an object is a permission of its own.
_WITH_VERSION: Mapping[str, str] = {
    "GetObject": "GetObjectVersion",
    "DeleteObject": "DeleteObjectVersion",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectTagging": "PutObjectVersionTagging",
}
# Parameters that are condition keys.
_KEYS: Mapping[str, str] = {
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "ACL": "s3:x-amz-acl",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "StorageClass": "s3:x-amz-storage-class",
    "VersionId": "s3:versionid",
}


def read(home: Home, operation: str, params: Params) -> Iterable[Access]:
    if operation in ("CopyObject", "UploadPartCopy"):
        yield from _copy(home, params)
        return
    if "Bucket" not in params:
        action = "ListAllMyBuckets" if operation == "ListBuckets" else operation
        yield Access(f"s3:{action}", ANY)
        return
    bucket, keys = home.bucket_arn(params["Bucket"]), _keys(params)
    if operation == "DeleteObjects":
        for one in params.get("Delete", {}).get("Objects", []):
            action = "DeleteObjectVersion" if one.get("VersionId") else "DeleteObject"
            yield Access(f"s3:{action}", f"{bucket}/{one['Key']}", keys)
    elif "Key" in params:
        action = _OBJECT_ACTIONS.get(operation, operation)
        if params.get("VersionId"):
            action = _WITH_VERSION.get(action, action)
        resource = f"{bucket}/{params['Key']}"
        yield Access(f"s3:{action}", resource, keys)
        if operation == "PutObject" and params.get("Tagging"):
            yield Access("s3:PutObjectTagging", resource, keys)
    else:
        yield Access(f"s3:{_BUCKET_ACTIONS.get(operation, operation)}", bucket, keys)


def _copy(home: Home, params: Params) -> Iterable[Access]:
    source = params["CopySource"]
    if isinstance(source, dict):
        path = f"{source['Bucket']}/{source['Key']}"
    else:
        path = unquote(source).lstrip("/").partition("?versionId=")[0]
    keys = _keys(params)
    yield Access("s3:GetObject", home.bucket_arn(path), keys)
    yield Access("s3:PutObject", f"{home.bucket_arn(params['Bucket'])}/{params['Key']}", keys)


def _keys(params: Params) -> dict[str, tuple[str, ...]]:
    return {key: (str(params[name]),) for name, key in _KEYS.items() if name in params}
