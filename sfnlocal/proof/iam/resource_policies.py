"""Policies of resources by ARN: those of the template, and what is changed of them while it runs.

A policy that an API call sets takes the place of the template's, as it does on AWS.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias

from sfnlocal.ports import Json
from sfnlocal.proof.iam.decision import Statements
from sfnlocal.proof.iam.policies import Statement, parse_policy
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.services.lambda_permissions import permission_statement
from sfnlocal.template.resources import Resource

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

# A resource's ARN, and a policy of it.
Found: TypeAlias = tuple[str, dict[str, Json]]


class ResourcePolicies:
    """`version` grows with every change: decisions made before may be others now."""

    def __init__(self, home: Home) -> None:
        self.version = 0
        self._aws: Aws | None = None
        self._home = home
        self._of_template: dict[str, tuple[Statement, ...]] = {}
        # Of the Lambda API: by function ARN and Sid.
        self._permissions: dict[tuple[str, str], tuple[Statement, ...]] = {}
        for resource in home.app.resources:
            if resource.type in _READERS:
                self._load(resource)
        self._by_arn = dict(self._of_template)

    def watch(self, aws: Aws) -> None:
        """From here on, an app that has just been deployed."""
        self._aws = aws
        if self.version:
            self._by_arn = dict(self._of_template)
            self._permissions.clear()
            self.version += 1
        aws.observe(self._observed)

    def of(self, arn: str) -> Statements | None:
        """An object's are its bucket's. None: it has none."""
        statements = self._by_arn.get(arn, ())
        if not statements and ":s3:::" in arn:
            statements = self._by_arn.get(arn.partition("/")[0], ())
        if self._permissions:
            of_api = (one for (of, _), one in self._permissions.items() if of == arn)
            statements = (*statements, *chain.from_iterable(of_api))
        return statements or None

    def _load(self, resource: Resource) -> None:
        read, pointer = _READERS[resource.type]
        where = f"{resource.where}/Properties/{pointer}" if pointer else resource.where
        for arn, document in read(resource, self._home):
            kept = self._of_template.get(arn, ()) if resource.type in _ADDED_UP else ()
            self._of_template[arn] = (*kept, *parse_policy(document, where, "resource"))

    def _observed(
        self, service: str, operation: str, params: dict[str, Json], answer: dict[str, Json]
    ) -> None:
        if service == "lambda" and operation in ("AddPermission", "RemovePermission"):
            self._permission_changed(params, answer)
            self.version += 1
        change = _CHANGES.get((service, operation))
        if change is None:
            return
        arn, document = change(self._home, self._aws, params)
        where = f"the policy that {operation} gave to {arn}"
        self._by_arn[arn] = parse_policy(document, where, "resource")
        self.version += 1

    def _permission_changed(self, params: Mapping[str, Json], answer: Mapping[str, Json]) -> None:
        arn = self._home.function_arn(params["FunctionName"], params.get("Qualifier"))
        key = arn, params["StatementId"]
        if "Statement" not in answer:
            self._permissions.pop(key, None)
            return
        document = {"Version": _VERSION, "Statement": [json.loads(answer["Statement"])]}
        where = f"the permission {key[1]} that AddPermission gave to {arn}"
        self._permissions[key] = parse_policy(document, where, "resource")


def _queue_policy(resource: Resource, home: Home) -> Iterator[Found]:
    for url in resource.properties["Queues"]:
        yield home.queue_arn(url), resource.properties["PolicyDocument"]


def _topic_policy(resource: Resource, home: Home) -> Iterator[Found]:
    for arn in resource.properties["Topics"]:
        yield arn, resource.properties["PolicyDocument"]


def _bucket_policy(resource: Resource, home: Home) -> Iterator[Found]:
    bucket = home.bucket_arn(resource.properties["Bucket"])
    yield bucket, resource.properties["PolicyDocument"]


def _key_policy(resource: Resource, home: Home) -> Iterator[Found]:
    policy = resource.properties.get("KeyPolicy")
    yield resource.arn, policy or default_key_policy(home)


def default_key_policy(home: Home) -> dict[str, Json]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:{home.partition}:iam::{home.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": _VERSION, "Statement": [statement]}


def _secret_policy(resource: Resource, home: Home) -> Iterator[Found]:
    secret = home.secret_arn(resource.properties["SecretId"])
    yield secret, resource.properties["ResourcePolicy"]


def _log_policy(resource: Resource, home: Home) -> Iterator[Found]:
    """It is the account's, and names the log groups."""
    yield LOG_GROUPS, _parsed(resource.properties["PolicyDocument"])


def _bus_policy(resource: Resource, home: Home) -> Iterator[Found]:
    properties = resource.properties
    arn = home.arn("events", f"event-bus/{properties.get('EventBusName', 'default')}")
    statement = properties.get("Statement")
    if statement is None:
        principal, condition = properties["Principal"], properties.get("Condition")
        account = f"arn:{home.partition}:iam::{principal}:root"
        statement = {
            "Effect": "Allow",
            "Principal": "*" if principal == "*" else {"AWS": account},
            "Action": properties["Action"],
            "Resource": arn,
        }
        if condition:
            statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    yield arn, {"Version": _VERSION, "Statement": [statement]}


def _permission(resource: Resource, home: Home) -> Iterator[Found]:
    properties = {"StatementId": resource.logical_id, **resource.properties}
    arn = home.function_arn(properties["FunctionName"])
    yield arn, {"Version": _VERSION, "Statement": [permission_statement(properties, arn)]}


_VERSION = "2012-10-17"
# What stands for all log groups: their policies are the account's.
LOG_GROUPS = "logs"
# How the resource says it, and in which property.
_READERS: Mapping[str, tuple[Callable[[Resource, Home], Iterator[Found]], str]] = {
    "AWS::SQS::QueuePolicy": (_queue_policy, "PolicyDocument"),
    "AWS::SNS::TopicPolicy": (_topic_policy, "PolicyDocument"),
    "AWS::S3::BucketPolicy": (_bucket_policy, "PolicyDocument"),
    "AWS::KMS::Key": (_key_policy, "KeyPolicy"),
    "AWS::SecretsManager::ResourcePolicy": (_secret_policy, "ResourcePolicy"),
    "AWS::Logs::ResourcePolicy": (_log_policy, "PolicyDocument"),
    "AWS::Events::EventBusPolicy": (_bus_policy, ""),
    "AWS::Lambda::Permission": (_permission, ""),
}
# Of these, each resource adds a statement or a policy; of the others the last one holds.
_ADDED_UP = frozenset(
    {"AWS::Lambda::Permission", "AWS::Events::EventBusPolicy", "AWS::Logs::ResourcePolicy"}
)


def _parsed(document: Json) -> dict[str, Json]:
    """JSON text or an object; empty where the policy is taken away."""
    if isinstance(document, str):
        document = json.loads(document) if document else {}
    assert isinstance(document, dict)
    return document


def _queue_changed(home: Home, aws: Aws, params: Mapping[str, Json]) -> Found:
    asked: dict[str, Json] = {"QueueUrl": params["QueueUrl"], "AttributeNames": ["Policy"]}
    attributes = aws.answer("sqs", "GetQueueAttributes", asked).get("Attributes", {})
    return home.queue_arn(params["QueueUrl"]), _parsed(attributes.get("Policy", ""))


def _topic_changed(home: Home, aws: Aws, params: Mapping[str, Json]) -> Found:
    attributes = aws.answer("sns", "GetTopicAttributes", {"TopicArn": params["TopicArn"]})
    return params["TopicArn"], _parsed(attributes["Attributes"]["Policy"])


def _bucket_changed(home: Home, aws: Aws, params: Mapping[str, Json]) -> Found:
    return home.bucket_arn(params["Bucket"]), _parsed(params.get("Policy", ""))


def _key_changed(home: Home, aws: Aws, params: Mapping[str, Json]) -> Found:
    return home.key_arn(params["KeyId"]), _parsed(params["Policy"])


def _secret_changed(home: Home, aws: Aws, params: Mapping[str, Json]) -> Found:
    return home.secret_arn(params["SecretId"]), _parsed(params.get("ResourcePolicy", ""))


_CHANGES: Mapping[tuple[str, str], Callable[[Home, Any, Mapping[str, Json]], Found]] = {
    ("sqs", "SetQueueAttributes"): _queue_changed,
    ("sqs", "AddPermission"): _queue_changed,
    ("sqs", "RemovePermission"): _queue_changed,
    ("sns", "SetTopicAttributes"): _topic_changed,
    ("sns", "AddPermission"): _topic_changed,
    ("sns", "RemovePermission"): _topic_changed,
    ("s3", "PutBucketPolicy"): _bucket_changed,
    ("s3", "DeleteBucketPolicy"): _bucket_changed,
    ("kms", "PutKeyPolicy"): _key_changed,
    ("secretsmanager", "PutResourcePolicy"): _secret_changed,
    ("secretsmanager", "DeleteResourcePolicy"): _secret_changed,
}
