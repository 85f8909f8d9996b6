"""Wildcards in a role's resources are acknowledged one by one, each with its reason, where they
come from: cdk-nag goes on to report any other."""

from __future__ import annotations

import json

import aws_cdk as cdk
from constructs import IConstruct

# How a text holds what only a deployment knows; to ask the CDK is a call to Node.js.
# https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
_TOKEN = "${Token["


def acknowledge_wildcard(scope: IConstruct, resource: str, reason: str) -> None:
    """Acknowledge cdk-nag's IAM5 for one resource in the policies below `scope`."""
    name = finding_name(cdk.Stack.of(scope).resolve(resource)) if _TOKEN in resource else resource
    cdk.Validations.of(scope).acknowledge(
        cdk.Acknowledgment(id=f"AwsSolutions-IAM5[Resource::{name}]", reason=reason)
    )


def finding_name(resource: object) -> str:
    """A resolved ARN as cdk-nag writes it in the id of a finding."""
    match resource:
        case str():
            return resource
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::ImportValue": str(name)}:
            return name
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, [*parts]]}:
            return str(separator).join(finding_name(part) for part in parts)
        case _:
            return json.dumps(resource, separators=(",", ":"))
