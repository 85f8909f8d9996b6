"""Creates a bucket in moto from AWS::S3::Bucket, whose properties are settings of their own in the
API. Sessions that follow each other get a copy of the first one's: of the thousands of a proof many
need a bucket, and the requests take as long as a plan.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.fitted_call import call
from sfnlocal.template.resources import Resource

# What a bucket's property is set with: operation, its parameter, from the property's value.
_BUCKET_SETTINGS: Mapping[str, tuple[str, str, Callable[[Json], Json]]] = {
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", lambda v: v),
    "LifecycleConfiguration": (
        "PutBucketLifecycleConfiguration",
        "LifecycleConfiguration",
        lambda v: {"Rules": [_lifecycle_rule(rule) for rule in v["Rules"]]},
    ),
    "CorsConfiguration": (
        "PutBucketCors",
        "CORSConfiguration",
        lambda v: {"CORSRules": v["CorsRules"]},
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock",
        "PublicAccessBlockConfiguration",
        lambda v: v,
    ),
}
_DEFAULT_ENCRYPTION = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
}


def create_bucket(resource: Resource, aws: Aws) -> None:
    kept = aws.kept.get(resource)
    if kept is None:
        _create(resource, aws)
    # Loaded here: whoever has no buckets does without moto.
    from moto.moto_api._internal import mock_random
    from moto.s3.models import s3_backends

    account, partition, name = aws.app.account, aws.app.partition, resource.name
    buckets = s3_backends[account][partition].buckets
    if kept is None:
        aws.kept[resource] = copy.deepcopy(buckets[name])
    else:
        buckets[name] = copy.deepcopy(kept)
        s3_backends.bucket_accounts[name] = partition, account
    # Whether it was made or copied: the ids that moto makes from here on are the same.
    mock_random.seed(f"{aws.seed}/{name}")


def _create(resource: Resource, aws: Aws) -> None:
    properties, name = resource.properties, resource.name
    location = None
    if aws.app.region != "us-east-1":
        location = {"LocationConstraint": aws.app.region}
    call(aws, "s3", "CreateBucket", Bucket=name, CreateBucketConfiguration=location)
    for key, (operation, parameter, change) in _BUCKET_SETTINGS.items():
        if key in properties:
            call(aws, "s3", operation, Bucket=name, **{parameter: change(properties[key])})
    encryption = _DEFAULT_ENCRYPTION
    if "BucketEncryption" in properties:
        rules = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        encryption = {
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}
                for rule in rules
            ]
        }
    call(
        aws,
        "s3",
        "PutBucketEncryption",
        Bucket=name,
        ServerSideEncryptionConfiguration=encryption,
    )


def _lifecycle_rule(rule: Mapping[str, Json]) -> dict[str, Json]:
    """CloudFormation writes the rule's parts flat."""
    expiration = {
        api: rule[name]
        for name, api in (
            ("ExpirationInDays", "Days"),
            ("ExpirationDate", "Date"),
            ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
        )
        if name in rule
    }
    changed: dict[str, Json] = {
        "ID": rule.get("Id"),
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
        "Transitions": [
            {
                "Days": one.get("TransitionInDays"),
                "Date": one.get("TransitionDate"),
                "StorageClass": one["StorageClass"],
            }
            for one in rule.get("Transitions", [])
        ]
        or None,
    }
    if "NoncurrentVersionExpirationInDays" in rule:
        days = rule["NoncurrentVersionExpirationInDays"]
        changed["NoncurrentVersionExpiration"] = {"NoncurrentDays": days}
    if expiration:
        changed["Expiration"] = expiration
    return changed
