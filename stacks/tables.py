"""Tables: on demand, encrypted, restorable to any second of the last 35 days."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

STRING = dynamodb.AttributeType.STRING
NUMBER = dynamodb.AttributeType.NUMBER


def table(
    scope: Construct,
    construct_id: str,
    *,
    partition_key: str,
    sort_key: str | None = None,
    numeric_sort_key: str | None = None,
    expires_by: str | None = None,
    removal_policy: cdk.RemovalPolicy,
) -> dynamodb.Table:
    """A table whose partition key is a string; it has at most one of the two sort keys."""
    key, kind = (numeric_sort_key, NUMBER) if numeric_sort_key else (sort_key, STRING)
    return dynamodb.Table(
        scope,
        construct_id,
        partition_key=dynamodb.Attribute(name=partition_key, type=STRING),
        sort_key=dynamodb.Attribute(name=key, type=kind) if key else None,
        time_to_live_attribute=expires_by,
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        encryption=dynamodb.TableEncryption.AWS_MANAGED,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        removal_policy=removal_policy,
    )
