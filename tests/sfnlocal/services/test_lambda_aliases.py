"""Aliases, permissions, tags and reserved concurrency of the Lambda API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import ApiError, NeedsAwsError, UnsupportedError
from sfnlocal.services.aws import Aws
from sfnlocal.services.functions import FunctionHost
from sfnlocal.template.properties import PartlyResolved
from sfnlocal.template.resources import Resource

from .conftest import ACCOUNT, FUNCTION_ARN, NOW_MS, Functions, alias, version

Start = Callable[..., Aws]
Host = Callable[..., FunctionHost]
ARN = FUNCTION_ARN + "f"


@pytest.fixture
def client(started: Start, functions: Functions, host: Host) -> Any:
    """Of a function with two versions."""
    functions.add("f", "def handler(event, context):\n    return context.invoked_function_arn")
    return started(functions=host(version("f", "1"), version("f", "2"))).client("lambda")


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer["Error"]["Code"], status, answer["Error"]["Message"]


def described(answer: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in answer.items() if key not in ("ResponseMetadata", "RevisionId")
    }


def shares(weight: float, number: str = "2") -> dict[str, Any]:
    return {"AdditionalVersionWeights": {number: weight}}


def executed(client: Any, name: str, times: int = 1) -> list[str]:
    return [client.invoke(FunctionName=name)["ExecutedVersion"] for _ in range(times)]


def test_an_alias_leads_to_its_version_until_it_is_changed(client: Any) -> None:
    created = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert described(created) == {
        "AliasArn": f"{ARN}:live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "",
    }
    answer = client.invoke(FunctionName=f"{ARN}:live")
    assert json.loads(answer["Payload"].read()) == f"{ARN}:live"
    assert answer["ExecutedVersion"] == "1"
    changed = client.update_alias(
        FunctionName="f", Name="live", FunctionVersion="2", Description="new"
    )
    assert executed(client, "f:live") == ["2"]
    got = client.get_alias(FunctionName="f", Name="live")
    assert (
        described(got)
        == described(changed)
        == {
            **described(created),
            "FunctionVersion": "2",
            "Description": "new",
        }
    )
    assert got["RevisionId"] != created["RevisionId"]
    again = {"FunctionName": "f", "Name": "live", "RevisionId": created["RevisionId"]}
    assert refusal(client.update_alias, **again)[0] == "PreconditionFailedException"
    client.delete_alias(FunctionName="f", Name="live")
    assert refusal(client.get_alias, FunctionName="f", Name="live") == (
        "ResourceNotFoundException",
        404,
        f"Cannot find alias arn: {ARN}:live",
    )


def test_a_share_of_the_calls_goes_to_the_second_version(client: Any) -> None:
    client.create_alias(
        FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=shares(0.25)
    )
    got = client.get_alias(FunctionName="f", Name="live")
    assert got["RoutingConfig"] == shares(0.25)
    assert client.get_function_configuration(FunctionName="f:live")["Version"] == "1"
    assert 15 <= executed(client, "f:live", 100).count("2") <= 35
    client.update_alias(FunctionName="f", Name="live", RoutingConfig=shares(1))
    assert executed(client, "f:live", 5) == ["2"] * 5
    client.update_alias(FunctionName="f", Name="live", RoutingConfig={})
    assert executed(client, "f:live", 5) == ["1"] * 5
    assert "RoutingConfig" not in client.get_alias(FunctionName="f", Name="live")


def test_routes_follow_from_the_seed(functions: Functions, host: Host) -> None:
    functions.add("f", "def handler(event, context): ...")
    routing = [{"FunctionVersion": "2", "FunctionWeight": 0.5}]
    resources = (
        version("f", "1"),
        version("f", "2"),
        alias("f", "live", "1", RoutingConfig={"AdditionalVersionWeights": routing}),
    )
    runs = []
    for seed in (1, 1, 2):
        made = host(*resources, seed=seed)
        calls = [made.invoke("f:live", {}, now_ms=NOW_MS) for _ in range(20)]
        runs.append([call.executed_version for call in calls])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {"1", "2"}


REFUSED = [
    ({"FunctionVersion": "9"}, "ResourceNotFoundException", f"Function not found: {ARN}:9"),
    (
        {"RoutingConfig": shares(0.5, "9")},
        "ResourceNotFoundException",
        f"Function not found: {ARN}:9",
    ),
    (
        {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1, "$LATEST": 0.1}}},
        "InvalidParameterValueException",
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
    ),
    (
        {"RoutingConfig": shares(0.5, "1")},
        "InvalidParameterValueException",
        (
            "Invalid function version 1. Function version 1 is already included in routing "
            "configuration."
        ),
    ),
    (
        {"FunctionVersion": "$LATEST", "RoutingConfig": shares(0.5)},
        "InvalidParameterValueException",
        "$LATEST is not supported for an alias pointing to more than 1 version",
    ),
    (
        {"RoutingConfig": shares(1.5)},
        "InvalidParameterValueException",
        "The weight of a version must be a number from 0.0 to 1.0.",
    ),
]


@pytest.mark.parametrize(("params", "code", "message"), REFUSED)
def test_aliases_that_lead_nowhere_are_refused(
    client: Any, params: dict[str, Any], code: str, message: str
) -> None:
    said = refusal(
        client.create_alias, **{"FunctionName": "f", "Name": "a", "FunctionVersion": "1", **params}
    )
    assert (said[0], said[2]) == (code, message)


def test_alias_names_are_taken_once_and_listed_by_version(client: Any) -> None:
    for name, number in (("b", "1"), ("a", "1"), ("c", "2")):
        client.create_alias(FunctionName="f", Name=name, FunctionVersion=number)
    asked = {"FunctionName": "f", "Name": "a", "FunctionVersion": "1"}
    assert refusal(client.create_alias, **asked) == (
        "ResourceConflictException",
        409,
        f"Alias already exists: {ARN}:a",
    )
    listed = client.list_aliases(FunctionName="f", FunctionVersion="1")["Aliases"]
    assert [one["Name"] for one in listed] == ["a", "b"]
    assert len(client.list_aliases(FunctionName="f")["Aliases"]) == 3


def test_an_alias_of_the_template_that_only_aws_can_resolve_is_refused_when_called(
    functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context): ...")
    error = NeedsAwsError("only AWS knows it")
    arn = f"{ARN}:live"
    properties = PartlyResolved({}, {"FunctionVersion": error})
    unknown = Resource("stack", "A", "AWS::Lambda::Alias", "A", arn, arn, properties, "where")
    made = host(unknown)
    with pytest.raises(NeedsAwsError, match="only AWS knows it"):
        made.invoke("f:live", {}, now_ms=NOW_MS)
    assert made.invoke("f", {}, now_ms=NOW_MS).payload is None


# Reserved concurrency


def test_no_reserved_concurrency_throttles_every_call(client: Any) -> None:
    assert "ReservedConcurrentExecutions" not in client.get_function_concurrency(FunctionName="f")
    reserve = {"FunctionName": "f", "ReservedConcurrentExecutions": 0}
    assert client.put_function_concurrency(**reserve)["ReservedConcurrentExecutions"] == 0
    assert refusal(client.invoke, FunctionName="f") == (
        "TooManyRequestsException",
        429,
        "Rate Exceeded.",
    )
    got = client.get_function_concurrency(FunctionName="f")
    assert got["ReservedConcurrentExecutions"] == 0
    client.delete_function_concurrency(FunctionName="f")
    assert executed(client, "f") == ["$LATEST"]


def test_the_account_keeps_some_concurrency_for_the_others(client: Any) -> None:
    reserve = {"FunctionName": "f", "ReservedConcurrentExecutions": 901}
    assert refusal(client.put_function_concurrency, **reserve)[::2] == (
        "InvalidParameterValueException",
        (
            "Specified ReservedConcurrentExecutions for function decreases account's "
            "UnreservedConcurrentExecution below its minimum value of [100]."
        ),
    )
    client.put_function_concurrency(**{**reserve, "ReservedConcurrentExecutions": 900})


def test_calls_overlap_in_virtual_time_as_long_as_handlers_sleep(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "import time\ndef handler(event, context):\n    time.sleep(event)")
    made = host()
    client = started(functions=made).client("lambda")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    made.invoke("f", 2, now_ms=NOW_MS)
    with pytest.raises(ApiError, match="Rate Exceeded"):
        made.invoke("f", 0, now_ms=NOW_MS + 1999)
    for _ in range(2):
        made.invoke("f", 0, now_ms=NOW_MS + 2000)


# Permissions and tags


def test_permissions_are_kept_as_policies_of_function_and_alias(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    asked = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    given = [
        (
            {"Principal": "events.amazonaws.com", "SourceArn": "arn:aws:events:::rule/r"},
            {"Service": "events.amazonaws.com"},
            {"ArnLike": {"AWS:SourceArn": "arn:aws:events:::rule/r"}},
        ),
        (
            {"Principal": "123456789012", "SourceAccount": "123456789012"},
            {"AWS": "arn:aws:iam::123456789012:root"},
            {"StringEquals": {"AWS:SourceAccount": "123456789012"}},
        ),
        ({"Principal": "*"}, "*", None),
        (
            {"Principal": "arn:aws:iam::123456789012:role/r"},
            {"AWS": "arn:aws:iam::123456789012:role/r"},
            None,
        ),
    ]
    statements = []
    for index, (params, principal, condition) in enumerate(given):
        answer = client.add_permission(**asked, StatementId=f"s{index}", **params)
        statement = json.loads(answer["Statement"])
        assert (statement["Principal"], statement.get("Condition")) == (principal, condition)
        statements.append(statement)
    assert statements[0]["Resource"] == ARN
    policy = client.get_policy(FunctionName="f")
    assert json.loads(policy["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": statements,
    }
    taken = {**asked, "StatementId": "s0", "Principal": "*"}
    assert refusal(client.add_permission, **taken)[:2] == ("ResourceConflictException", 409)
    answer = client.add_permission(**{**taken, "Qualifier": "live"})
    assert json.loads(answer["Statement"])["Resource"] == f"{ARN}:live"
    stale = {"FunctionName": "f", "StatementId": "s0", "RevisionId": "old"}
    assert refusal(client.remove_permission, **stale)[0] == "PreconditionFailedException"
    client.remove_permission(FunctionName="f", StatementId="s0", RevisionId=policy["RevisionId"])
    gone = {"FunctionName": "f", "StatementId": "s0"}
    assert refusal(client.remove_permission, **gone) == (
        "ResourceNotFoundException",
        404,
        "Statement s0 is not found in resource policy.",
    )


def test_a_function_without_permissions_has_no_policy(client: Any) -> None:
    assert refusal(client.get_policy, FunctionName="f") == (
        "ResourceNotFoundException",
        404,
        "The resource you requested does not exist.",
    )


def test_tags_are_put_taken_and_listed(client: Any) -> None:
    client.tag_resource(Resource=ARN, Tags={"a": "1", "b": "2"})
    client.untag_resource(Resource=ARN, TagKeys=["a", "c"])
    assert client.list_tags(Resource=ARN)["Tags"] == {"b": "2"}
    assert client.get_function(FunctionName="f")["Tags"] == {"b": "2"}
    assert refusal(client.list_tags, Resource=f"{ARN}:1")[0] == "InvalidParameterValueException"
    mapping = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:event-source-mapping:{'0' * 8}-0000-0000-0000-"
    with pytest.raises(UnsupportedError, match="only those of functions"):
        client.list_tags(Resource=mapping + "0" * 12)
