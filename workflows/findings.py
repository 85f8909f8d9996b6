"""Findings of cdk-nag that are no faults are acknowledged one by one, each with its reason, where
they come from: above all wildcards in a role's resources. cdk-nag goes on to report any other."""

from __future__ import annotations

import json
import os

import aws_cdk as cdk
from constructs import IConstruct

# How a text holds what only a deployment knows; to ask the CDK is a call to Node.js.
# https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
_TOKEN = "${Token["


def acknowledge(scope: IConstruct, finding: str, reason: str) -> None:
    """Acknowledge one finding below `scope`."""
    if _is_validated():
        cdk.Validations.of(scope).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


def acknowledge_wildcard(scope: IConstruct, resource: str, reason: str) -> None:
    """Acknowledge cdk-nag's IAM5 for one resource in the policies below `scope`."""
    if not _is_validated():
        return
    name = finding_name(cdk.Stack.of(scope).resolve(resource)) if _TOKEN in resource else resource
    acknowledge(scope, f"AwsSolutions-IAM5[Resource::{name}]", reason)


def _is_validated() -> bool:
    """Where the CDK validates nothing, nobody reads what was acknowledged."""
    return os.environ.get("CDK_VALIDATION") != "false"


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
