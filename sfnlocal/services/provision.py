"""Creates the template's resources in moto, under the names and ARNs that the app resolved.

Strategy: one function a resource type. Where CloudFormation's properties are named as the API's
parameters are, they are taken over by the operation's input shape; only differences are written
down here. All is created when its service is first called: most runs never look at their log
groups, and moto takes longer to load than they do.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeAlias

from botocore.exceptions import ClientError, ParamValidationError

from sfnlocal.errors import InputError
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.aws import Aws
from sfnlocal.services.buckets import create_bucket
from sfnlocal.services.fitted_call import call
from sfnlocal.template.resources import App, Resource

Create: TypeAlias = Callable[[Resource, Aws], None]


def provision(app: App, aws: Aws) -> None:
    """Have everything created that is known here, when it is needed."""
    for service, kinds in ON_FIRST_CALL.items():
        if app.of_type(*(resource_type for resource_type, _ in kinds)):
            aws.before_first_call(service, partial(_create_all, kinds, app, aws))
    for bucket in app.of_type("AWS::S3::Bucket"):
        # Each by itself: four requests that nobody needs who uses another.
        create = partial(_create, create_bucket, bucket, aws)
        aws.before_first_call("s3", create, partial(_concerns, bucket.name))


def _concerns(bucket: str, params: Mapping[str, Json]) -> bool:
    """Who names no bucket may mean any."""
    source = params.get("CopySource")
    return params.get("Bucket", bucket) == bucket or (source is not None and bucket in str(source))


def _create_all(kinds: Iterable[tuple[str, Create]], app: App, aws: Aws) -> None:
    for resource_type, create in kinds:
        for resource in app.of_type(resource_type):
            _create(create, resource, aws)


def _create(create: Create, resource: Resource, aws: Aws) -> None:
    """Raises InputError where AWS would refuse to create one."""
    try:
        create(resource, aws)
    except (ClientError, ParamValidationError) as error:
        raise InputError(f"it cannot be created: {error}", where=resource.where) from error


def _tags(resource: Resource) -> dict[str, str]:
    return {tag["Key"]: str(tag["Value"]) for tag in resource.properties.get("Tags", [])}


def _parameter(resource: Resource, aws: Aws) -> None:
    # A parameter may stand for a secret.
    aws.prepare("secretsmanager")
    properties = {"Type": "String", **resource.properties, "Name": resource.name}
    properties["Tags"] = [
        {"Key": key, "Value": value} for key, value in resource.properties.get("Tags", {}).items()
    ] or None
    call(aws, "ssm", "PutParameter", **properties)


def _secret(resource: Resource, aws: Aws) -> None:
    properties = dict(resource.properties)
    # The ARN ends in the name, a hyphen and six characters, which moto takes from this tag.
    properties["Name"], _, suffix = resource.arn.rpartition(":secret:")[2].rpartition("-")
    properties["Tags"] = [
        *properties.get("Tags", []),
        {"Key": "_custom_id_", "Value": suffix},
    ]
    generate = properties.pop("GenerateSecretString", None)
    if generate is not None:
        password = call(aws, "secretsmanager", "GetRandomPassword", **generate)["RandomPassword"]
        properties["SecretString"] = _generated(generate, password)
    call(aws, "secretsmanager", "CreateSecret", **properties)


def _generated(generate: Mapping[str, Json], password: str) -> str:
    if "GenerateStringKey" not in generate:
        return password
    template = json.loads(generate["SecretStringTemplate"])
    return json_text({**template, generate["GenerateStringKey"]: password})


def _log_group(resource: Resource, aws: Aws) -> None:
    call(aws, "logs", "CreateLogGroup", logGroupName=resource.name, tags=_tags(resource))
    days = resource.properties.get("RetentionInDays")
    if days:
        call(aws, "logs", "PutRetentionPolicy", logGroupName=resource.name, retentionInDays=days)


def _key(resource: Resource, aws: Aws) -> None:
    properties = dict(resource.properties)
    if "KeyPolicy" in properties:
        properties["Policy"] = properties.pop("KeyPolicy")
    properties["Tags"] = [
        {"TagKey": key, "TagValue": value} for key, value in _tags(resource).items()
    ]
    made = call(aws, "kms", "CreateKey", **properties)["KeyMetadata"]["KeyId"]
    # The API cannot choose a key's id. Loaded here: whoever has no keys does without moto.
    from moto.kms.models import kms_backends

    keys = kms_backends[aws.app.account][aws.app.region].keys
    key = keys.pop(made)
    key.id, key.arn = resource.name, resource.arn
    keys[key.id] = key


def _key_alias(resource: Resource, aws: Aws) -> None:
    call(aws, "kms", "CreateAlias", **resource.properties)


# By the service that they wait for, in this order.
ON_FIRST_CALL: Mapping[str, tuple[tuple[str, Create], ...]] = {
    "kms": (("AWS::KMS::Key", _key), ("AWS::KMS::Alias", _key_alias)),
    "logs": (("AWS::Logs::LogGroup", _log_group),),
    "secretsmanager": (("AWS::SecretsManager::Secret", _secret),),
    "ssm": (("AWS::SSM::Parameter", _parameter),),
}
