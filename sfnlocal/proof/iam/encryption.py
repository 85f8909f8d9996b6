"""Customer managed keys: what a caller needs of a key, since the resource is encrypted with it.

Services use the key in the name of who calls them; AWS's own keys (`alias/aws/sqs`) let everybody
in the account do so. DynamoDB reads with its table's key for the caller.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
https://docs.aws.amazon.com/kms/latest/developerguide/services-dynamodb.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from sfnlocal.proof.iam.access import Access, Params
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.template.resources import Resource

# The key of a resource of the template: id, ARN or alias, empty where it has none.
KeyOf: TypeAlias = Callable[[Resource], str]

_WRITE = ("kms:GenerateDataKey", "kms:Decrypt")
_READ = ("kms:Decrypt",)


def key_accesses(
    service: str, operation: str, params: Params, accesses: Iterable[Access], home: Home
) -> Iterable[Access]:
    needed = _NEEDED.get(service)
    if needed is None or not (home.has_keys or "SSEKMSKeyId" in params):
        return
    key_of, actions = needed
    for access in accesses:
        wanted = actions.get(access.action)
        if wanted is None:
            continue
        resource = _resource(access.resource, home)
        given = str(params.get("SSEKMSKeyId") or "") if service == "s3" else ""
        key = given or (key_of(resource) if resource is not None else "")
        arn = home.key_arn(key) if key else ""
        if arn:
            keys = {"kms:viaservice": (f"{service}.{home.region}.amazonaws.com",)}
            for action in wanted:
                yield Access(action, arn, keys)


def _resource(arn: str, home: Home) -> Resource | None:
    """An object's is its bucket, an index's its table."""
    found = home.resource(arn)
    if found is None and ":s3:::" in arn:
        return home.resource(arn.partition("/")[0])
    return home.resource(arn.partition("/index/")[0]) if found is None else found


def _property(name: str) -> KeyOf:
    return lambda resource: str(resource.properties.get(name) or "")


def _bucket_key(resource: Resource) -> str:
    encryption = resource.properties.get("BucketEncryption") or {}
    for rule in encryption.get("ServerSideEncryptionConfiguration", []):
        default = rule.get("ServerSideEncryptionByDefault", {})
        if str(default.get("SSEAlgorithm", "")).startswith("aws:kms"):
            return str(default.get("KMSMasterKeyID", ""))
    return ""


def _table_key(resource: Resource) -> str:
    specification = resource.properties.get("SSESpecification") or {}
    return str(specification.get("KMSMasterKeyId", ""))


_NEEDED: Mapping[str, tuple[KeyOf, Mapping[str, tuple[str, ...]]]] = {
    "sqs": (
        _property("KmsMasterKeyId"),
        {"sqs:SendMessage": _WRITE, "sqs:ReceiveMessage": _READ},
    ),
    "sns": (_property("KmsMasterKeyId"), {"sns:Publish": _WRITE}),
    "s3": (_bucket_key, {"s3:PutObject": ("kms:GenerateDataKey",), "s3:GetObject": _READ}),
    "secretsmanager": (
        _property("KmsKeyId"),
        {
            "secretsmanager:GetSecretValue": _READ,
            "secretsmanager:PutSecretValue": _WRITE,
            "secretsmanager:UpdateSecret": _WRITE,
        },
    ),
    "dynamodb": (
        _table_key,
        {
            f"dynamodb:{action}": _READ
            for action in (
                "GetItem",
                "PutItem",
                "UpdateItem",
                "DeleteItem",
                "Query",
                "Scan",
                "BatchGetItem",
                "BatchWriteItem",
                "ConditionCheckItem",
            )
        },
    ),
}
