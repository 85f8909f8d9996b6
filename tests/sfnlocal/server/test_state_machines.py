"""State machines over the API: https://docs.aws.amazon.com/step-functions/latest/apireference/"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sfnlocal.server.conftest import ROLE, STATES_ARN, ApiFaultError, Server

PASS: dict[str, Any] = {"Done": {"Type": "Pass", "End": True}}
WAIT: dict[str, Any] = {
    "Ask": {
        "Type": "Task",
        "Resource": f"{STATES_ARN}:activity:work",
        "End": True,
    }
}
OTHER: dict[str, Any] = {"Other": {"Type": "Succeed"}}


def text(states: dict[str, Any]) -> str:
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def test_a_created_state_machine_is_described_as_it_was_given(server: Server) -> None:
    arn = server.create("described", PASS)
    assert arn == f"{STATES_ARN}:stateMachine:described"
    description = server.call("DescribeStateMachine", stateMachineArn=arn)
    created = description.pop("creationDate")
    assert isinstance(created, float)
    assert description == {
        "stateMachineArn": arn,
        "name": "described",
        "status": "ACTIVE",
        "definition": text(PASS),
        "roleArn": ROLE,
        "type": "STANDARD",
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    hidden = server.call("DescribeStateMachine", stateMachineArn=arn, includedData="METADATA_ONLY")
    assert hidden["definition"] == "{}"


def test_the_templates_state_machine_is_there_with_its_settings(server: Server) -> None:
    arn = f"{STATES_ARN}:stateMachine:doubled"
    description = server.call("DescribeStateMachine", stateMachineArn=arn)
    assert description["loggingConfiguration"] == {"level": "ERROR", "includeExecutionData": True}
    assert description["tracingConfiguration"] == {"enabled": True}
    tags = server.call("ListTagsForResource", resourceArn=arn)["tags"]
    assert tags == [{"key": "team", "value": "orders"}]
    execution = server.start(arn, input='{"number": 21}')
    server.advance(1)
    assert json.loads(server.describe(execution)["output"]) == {"number": 42}


def test_creating_the_same_again_changes_nothing(server: Server) -> None:
    first = server.call("CreateStateMachine", name="same", definition=text(PASS), roleArn=ROLE)
    again = server.call(
        "CreateStateMachine",
        name="same",
        definition=text(PASS),
        roleArn="arn:aws:iam::123456789012:role/other",
        tags=[{"key": "a", "value": "b"}],
    )
    assert again == first
    arn = first["stateMachineArn"]
    assert server.call("DescribeStateMachine", stateMachineArn=arn)["roleArn"] == ROLE
    assert server.call("ListTagsForResource", resourceArn=arn)["tags"] == []


@pytest.mark.parametrize(
    "change",
    [
        {"definition": text(OTHER)},
        {"type": "EXPRESS"},
        {"tracingConfiguration": {"enabled": True}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_creating_another_with_a_name_that_is_taken_is_refused(
    server: Server, change: dict[str, Any]
) -> None:
    arn = server.create("taken", PASS)
    given = {"name": "taken", "definition": text(PASS), "roleArn": ROLE, **change}
    with pytest.raises(ApiFaultError, match="State Machine Already Exists") as fault:
        server.call("CreateStateMachine", **given)
    assert fault.value.code == "StateMachineAlreadyExists"
    assert fault.value.message == f"State Machine Already Exists: '{arn}'"


REFUSED = [
    ("InvalidName", {"name": "a b"}, "Invalid Name: 'a b'"),
    ("InvalidArn", {"roleArn": "me"}, "Invalid Arn: 'Invalid ARN prefix: me'"),
    (
        "InvalidDefinition",
        {"definition": " "},
        (
            "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: "
            "Definition must be a valid JSON object'"
        ),
    ),
    (
        "InvalidLoggingConfiguration",
        {"loggingConfiguration": {"level": "ALL"}},
        "Invalid Logging Configuration: Must specify exactly one Log Destination.",
    ),
    (
        "InvalidLoggingConfiguration",
        {
            "loggingConfiguration": {
                "level": "ALL",
                "destinations": [
                    {
                        "cloudWatchLogsLogGroup": {
                            "logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:no:*"
                        }
                    }
                ],
            }
        },
        "Invalid Logging Configuration: Log Destination not found.",
    ),
    (
        "ValidationException",
        {"versionDescription": "first"},
        "Version description can only be set when publish is true",
    ),
]


@pytest.mark.parametrize(("code", "change", "message"), REFUSED)
def test_a_bad_state_machine_is_refused(
    server: Server, code: str, change: dict[str, Any], message: str
) -> None:
    given = {"name": "refused", "definition": text(PASS), "roleArn": ROLE, **change}
    with pytest.raises(ApiFaultError) as fault:
        server.call("CreateStateMachine", **given)
    assert (fault.value.status, fault.value.code) == (400, code)
    assert fault.value.message == message
    with pytest.raises(ApiFaultError, match="StateMachineDoesNotExist"):
        server.call("DescribeStateMachine", stateMachineArn=f"{STATES_ARN}:stateMachine:refused")


def test_too_many_tags_create_nothing(server: Server) -> None:
    tags = [{"key": str(number), "value": ""} for number in range(51)]
    with pytest.raises(ApiFaultError, match="TooManyTags"):
        server.create("tagged-too-much", PASS, tags=tags)
    with pytest.raises(ApiFaultError, match="StateMachineDoesNotExist"):
        server.call(
            "DescribeStateMachine", stateMachineArn=f"{STATES_ARN}:stateMachine:tagged-too-much"
        )


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        (
            "CreateStateMachine",
            {"name": "p", "encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}},
        ),
        ("DeleteStateMachine", {"stateMachineArn": f"{STATES_ARN}:stateMachine:doubled:1"}),
    ],
)
def test_what_is_not_served_is_refused_by_name(
    server: Server, operation: str, params: dict[str, Any]
) -> None:
    if operation == "CreateStateMachine":
        params = {"definition": text(PASS), "roleArn": ROLE, **params}
    with pytest.raises(ApiFaultError) as fault:
        server.call(operation, **params)
    assert (fault.value.status, fault.value.code) == (501, "NotSupportedBySfnlocal")


def test_an_update_is_for_executions_that_start_after_it(server: Server) -> None:
    arn = server.create("updated", WAIT)
    before = server.start(arn)
    updated = server.call("UpdateStateMachine", stateMachineArn=arn, definition=text(OTHER))
    after = server.start(arn)
    for execution, definition in ((before, WAIT), (after, OTHER)):
        description = server.call("DescribeStateMachineForExecution", executionArn=execution)
        assert json.loads(description["definition"])["States"] == definition
    assert (
        server.call("DescribeStateMachine", stateMachineArn=arn)["revisionId"]
        == (updated["revisionId"])
    )
    assert server.describe(before)["status"] == "RUNNING"
    assert server.describe(after)["status"] == "SUCCEEDED"
    server.call("StopExecution", executionArn=before)


def test_an_update_changes_what_it_names_only(server: Server) -> None:
    arn = server.create("partly", PASS)
    server.call("UpdateStateMachine", stateMachineArn=arn, tracingConfiguration={"enabled": True})
    description = server.call("DescribeStateMachine", stateMachineArn=arn)
    assert description["definition"] == text(PASS)
    assert description["tracingConfiguration"] == {"enabled": True}
    with pytest.raises(ApiFaultError, match="MissingRequiredParameter"):
        server.call("UpdateStateMachine", stateMachineArn=arn)
    with pytest.raises(ApiFaultError, match="InvalidDefinition"):
        server.call("UpdateStateMachine", stateMachineArn=arn, definition='{"States": {}}')
    assert server.call("DescribeStateMachine", stateMachineArn=arn)["definition"] == text(PASS)


def test_a_deleted_state_machine_lets_its_executions_end(server: Server) -> None:
    arn = server.create("deleted", WAIT)
    execution = server.start(arn)
    server.call("DeleteStateMachine", stateMachineArn=arn)
    assert server.call("DescribeStateMachine", stateMachineArn=arn)["status"] == "DELETING"
    with pytest.raises(ApiFaultError, match="StateMachineDeleting"):
        server.start(arn)
    task = server.call("GetActivityTask", activityArn=f"{STATES_ARN}:activity:work")
    server.call("SendTaskSuccess", taskToken=task["taskToken"], output="1")
    server.advance(0)
    assert server.describe(execution)["status"] == "SUCCEEDED"
    with pytest.raises(ApiFaultError, match="StateMachineDoesNotExist"):
        server.call("DescribeStateMachine", stateMachineArn=arn)
    assert server.call("DeleteStateMachine", stateMachineArn=arn) == {}


def test_state_machines_are_listed_page_by_page(server: Server) -> None:
    created = {server.create(f"listed-{number}", PASS) for number in range(5)}
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = server.call("ListStateMachines", maxResults=2, **token)
        assert len(page["stateMachines"]) <= 2
        found += [machine["stateMachineArn"] for machine in page["stateMachines"]]
        if "nextToken" not in page:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(found) == len(set(found))
    assert created <= set(found)
    with pytest.raises(ApiFaultError, match="InvalidToken"):
        server.call("ListStateMachines", nextToken="never-given")


def test_tags_are_added_replaced_and_taken_away(server: Server) -> None:
    arn = server.create("tagged", PASS, tags=[{"key": "a", "value": "1"}])
    server.call(
        "TagResource",
        resourceArn=arn,
        tags=[{"key": "b", "value": "2"}, {"key": "a", "value": "3"}],
    )
    tags = server.call("ListTagsForResource", resourceArn=arn)["tags"]
    assert tags == [{"key": "a", "value": "3"}, {"key": "b", "value": "2"}]
    server.call("UntagResource", resourceArn=arn, tagKeys=["a", "none"])
    tags = server.call("ListTagsForResource", resourceArn=arn)["tags"]
    assert tags == [{"key": "b", "value": "2"}]
    with pytest.raises(ApiFaultError, match="Resource not found"):
        server.call("TagResource", resourceArn=f"{arn}:1", tags=[])


def test_a_definition_is_validated_without_creating_anything(server: Server) -> None:
    valid = server.call("ValidateStateMachineDefinition", definition=text(PASS))
    assert valid == {"result": "OK", "diagnostics": [], "truncated": False}
    broken = {"A": {"Type": "Pass"}, "B": {"Type": "Pass"}}
    found = server.call("ValidateStateMachineDefinition", definition=text(broken))
    assert found["result"] == "FAIL"
    assert len(found["diagnostics"]) > 1
    assert {one["severity"] for one in found["diagnostics"]} == {"ERROR"}
    first = server.call("ValidateStateMachineDefinition", definition=text(broken), maxResults=1)
    assert first["diagnostics"] == found["diagnostics"][:1]
    assert first["truncated"] is True


def test_warnings_are_given_to_who_asks_for_them(server: Server) -> None:
    static = text({"A": {"Type": "Pass", "Result": "$.order", "End": True}})
    silent = server.call("ValidateStateMachineDefinition", definition=static)
    assert silent == {"result": "OK", "diagnostics": [], "truncated": False}
    told = server.call("ValidateStateMachineDefinition", definition=static, severity="WARNING")
    assert told["result"] == "OK"
    assert [one["code"] for one in told["diagnostics"]] == ["PASS_RESULT_IS_STATIC"]
