"""Resource policies of all kinds, and the condition keys that requests have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.ports import Caller
from sfnlocal.proof.iam.access import Access
from sfnlocal.proof.iam.condition_keys import RequestContext
from sfnlocal.proof.iam.grants import missing_grant
from sfnlocal.proof.iam.matching import UnknownKeyError
from sfnlocal.proof.iam.policies import Principal
from sfnlocal.proof.iam.resource_names import Home
from sfnlocal.proof.iam.resource_policies import LOG_GROUPS, ResourcePolicies
from sfnlocal.proof.iam.roles import load_roles
from sfnlocal.template import load_app
from tests.sfnlocal.proof.iam.apps import ACCOUNT, allow, document, queue, role, role_arn

EVENTS = {"Service": "events.amazonaws.com"}
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:t"
BUS = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/orders"
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:s-AbCdEf"
NOW_MS = 1_767_225_600_000


def home(folder: Path, resources: Any) -> Home:
    path = folder / "app.template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return Home(load_app(path))


def policy(action: str, resource: str = "*") -> Any:
    return document({**allow(action, resource), "Principal": EVENTS})


@pytest.mark.parametrize(
    ("kind", "properties", "arn", "action"),
    [
        (
            "AWS::SNS::TopicPolicy",
            {"Topics": [TOPIC], "PolicyDocument": policy("sns:Publish")},
            TOPIC,
            "sns:Publish",
        ),
        (
            "AWS::S3::BucketPolicy",
            {"Bucket": "items", "PolicyDocument": policy("s3:PutObject")},
            "arn:aws:s3:::items/a/b",
            "s3:PutObject",
        ),
        (
            "AWS::SecretsManager::ResourcePolicy",
            {"SecretId": SECRET, "ResourcePolicy": policy("secretsmanager:*")},
            SECRET,
            "secretsmanager:*",
        ),
        (
            "AWS::Logs::ResourcePolicy",
            {"PolicyName": "p", "PolicyDocument": json.dumps(policy("logs:PutLogEvents"))},
            LOG_GROUPS,
            "logs:PutLogEvents",
        ),
        (
            "AWS::Events::EventBusPolicy",
            {
                "EventBusName": "orders",
                "StatementId": "s",
                "Action": "events:PutEvents",
                "Principal": "*",
                "Condition": {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o"},
            },
            BUS,
            "events:PutEvents",
        ),
        (
            "AWS::Events::EventBusPolicy",
            {
                "EventBusName": "orders",
                "StatementId": "s",
                "Statement": {
                    **allow("events:PutEvents", BUS),
                    "Principal": {"AWS": "999999999999"},
                },
            },
            BUS,
            "events:PutEvents",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("AWS::") else "",
)
def test_a_policy_is_its_resources(
    tmp_path: Path, kind: str, properties: Any, arn: str, action: str
) -> None:
    resources = {"P": {"Type": kind, "Properties": properties}}
    statements = ResourcePolicies(home(tmp_path, resources)).of(arn)
    assert statements is not None
    assert [one.actions for one in statements] == [(action,)]
    assert "#/Resources/P" in statements[0].where


def test_a_key_without_a_policy_has_the_default_one(tmp_path: Path) -> None:
    at_home = home(tmp_path, {"K": {"Type": "AWS::KMS::Key", "Properties": {}}})
    statements = ResourcePolicies(at_home).of(at_home.app.of_type("AWS::KMS::Key")[0].arn)
    assert statements is not None
    assert statements[0].principals == (("AWS", f"arn:aws:iam::{ACCOUNT}:root"),)


# Condition keys

FUNCTION = Caller("lambda.amazonaws.com", "arn:function", role_arn("r"))
RULE = Caller("events.amazonaws.com", "arn:rule")


def context(folder: Path, caller: Caller) -> RequestContext:
    resources = {
        "Q": queue(Tags=[{"Key": "Team", "Value": "shop"}]),
        "R": role("r", "lambda", Tags=[{"Key": "Stage", "Value": "dev"}]),
    }
    at_home = home(folder, resources)
    own = load_roles(at_home.app).get(caller.role_arn or "")
    principal = Principal(ACCOUNT, service=caller.service)
    if own is not None:
        principal = Principal(ACCOUNT, own.arn, "arn:session")
    arn = at_home.app.of_type("AWS::SQS::Queue")[0].arn
    access = Access("sqs:SendMessage", arn, {"s3:prefix": ("home/",)})
    return RequestContext(at_home, caller, principal, own, access, NOW_MS)


@pytest.mark.parametrize(
    ("key", "of_role", "of_service"),
    [
        ("aws:SourceArn", None, ["arn:rule"]),
        ("aws:SourceAccount", None, [ACCOUNT]),
        ("aws:PrincipalArn", [role_arn("r")], None),
        ("aws:PrincipalAccount", [ACCOUNT], None),
        ("aws:PrincipalType", ["AssumedRole"], None),
        ("aws:PrincipalIsAWSService", ["false"], ["true"]),
        ("aws:PrincipalServiceName", None, ["events.amazonaws.com"]),
        ("aws:PrincipalTag/stage", ["dev"], None),
        ("aws:ResourceTag/Team", ["shop"], ["shop"]),
        ("aws:ResourceTag/Other", None, None),
        ("aws:ResourceAccount", [ACCOUNT], [ACCOUNT]),
        ("aws:RequestedRegion", ["us-east-1"], ["us-east-1"]),
        ("aws:SecureTransport", ["true"], ["true"]),
        ("aws:CurrentTime", ["2026-01-01T00:00:00.000Z"], ["2026-01-01T00:00:00.000Z"]),
        ("aws:EpochTime", ["1767225600"], ["1767225600"]),
        ("aws:username", None, None),
        ("lambda:SourceFunctionArn", ["arn:function"], None),
        ("s3:prefix", ["home/"], ["home/"]),
        ("s3:delimiter", None, None),
    ],
)
def test_a_condition_key_has_its_value(
    tmp_path: Path, key: str, of_role: Any, of_service: Any
) -> None:
    for caller, expected in ((FUNCTION, of_role), (RULE, of_service)):
        values = context(tmp_path, caller).values(key)
        assert (None if values is None else list(values)) == expected


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "aws:SourceIp", "aws:userid", "ec2:Owner"])
def test_a_key_that_only_aws_knows_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(UnknownKeyError) as unknown:
        context(tmp_path, FUNCTION).values(key)
    assert unknown.value.key == key.lower()


def test_a_role_that_does_not_trust_is_told_how_it_would(tmp_path: Path) -> None:
    at_home = home(tmp_path, {"R": role("r", "lambda")})
    grant = missing_grant("states.amazonaws.com", "sts:AssumeRole", role_arn("r"), at_home)
    assert grant.startswith(
        'iam.Role(..., assumed_by=iam.ServicePrincipal("states.amazonaws.com"))'
    )
