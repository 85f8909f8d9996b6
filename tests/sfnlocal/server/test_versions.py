"""Versions of state machines, and what an execution of one tells of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sfnlocal.server.conftest import ROLE, STATES_ARN, ApiFaultError, Server


def text(result: str, **fields: Any) -> str:
    states = {"Say": {"Type": "Pass", "Result": result, "End": True, **fields}}
    return json.dumps({"StartAt": "Say", "States": states})


WAITS = json.dumps(
    {
        "StartAt": "Ask",
        "States": {"Ask": {"Type": "Task", "Resource": f"{STATES_ARN}:activity:work", "End": True}},
    }
)


def published(server: Server, name: str, definition: str, **params: Any) -> str:
    arn: str = server.call(
        "CreateStateMachine",
        name=name,
        definition=definition,
        roleArn=ROLE,
        publish=True,
        **params,
    )["stateMachineVersionArn"]
    return arn


def listed(server: Server, arn: str) -> list[str]:
    versions = server.call("ListStateMachineVersions", stateMachineArn=arn)
    return [version["stateMachineVersionArn"] for version in versions["stateMachineVersions"]]


def test_boto3_publishes_starts_and_deletes_a_version(server: Server) -> None:
    client = server.client()
    created = client.create_state_machine(
        name="life", definition=text("first"), roleArn=ROLE, publish=True, versionDescription="one"
    )
    arn, version = created["stateMachineArn"], created["stateMachineVersionArn"]
    assert version == f"{arn}:1"
    updated = client.update_state_machine(stateMachineArn=arn, definition=text("second"))
    again = client.publish_state_machine_version(
        stateMachineArn=arn, revisionId=updated["revisionId"], description="two"
    )
    assert again["stateMachineVersionArn"] == f"{arn}:2"
    assert client.describe_state_machine(stateMachineArn=version)["description"] == "one"
    execution = client.start_execution(stateMachineArn=version)["executionArn"]
    described = client.describe_execution(executionArn=execution)
    assert described["output"] == '"first"'
    assert (described["stateMachineArn"], described["stateMachineVersionArn"]) == (arn, version)
    assert "stateMachineAliasArn" not in described
    client.delete_state_machine_version(stateMachineVersionArn=version)
    with pytest.raises(ClientError) as fault:
        client.start_execution(stateMachineArn=version)
    assert fault.value.response["Error"] == {
        "Code": "StateMachineDoesNotExist",
        "Message": f"State Machine Does Not Exist: '{version}'",
    }
    assert client.describe_execution(executionArn=execution)["stateMachineVersionArn"] == version


def test_a_version_stays_as_it_was_published(server: Server) -> None:
    version = published(server, "kept", text("first"))
    arn = version.rpartition(":")[0]
    server.call("UpdateStateMachine", stateMachineArn=arn, definition=text("second"))
    assert server.describe(server.start(version))["output"] == '"first"'
    assert server.describe(server.start(arn))["output"] == '"second"'
    described = server.call("DescribeStateMachine", stateMachineArn=version)
    assert described["definition"] == text("first")
    assert "revisionId" not in described
    assert "description" not in described


def test_a_version_tells_its_revision(server: Server) -> None:
    arn = server.create("revised", {"Say": {"Type": "Pass", "End": True}})
    updated = server.call(
        "UpdateStateMachine", stateMachineArn=arn, definition=text("second"), publish=True
    )
    version, revision = updated["stateMachineVersionArn"], updated["revisionId"]
    server.call("UpdateStateMachine", stateMachineArn=arn, definition=text("third"))
    execution = server.start(version)
    assert server.call("DescribeStateMachine", stateMachineArn=version)["revisionId"] == revision
    of_execution = server.call("DescribeStateMachineForExecution", executionArn=execution)
    assert (of_execution["stateMachineArn"], of_execution["revisionId"]) == (arn, revision)
    assert of_execution["definition"] == text("second")


def test_a_revision_is_published_once(server: Server) -> None:
    version = published(server, "once", text("first"))
    arn = version.rpartition(":")[0]
    again = server.call("PublishStateMachineVersion", stateMachineArn=arn, description="other")
    assert again["stateMachineVersionArn"] == version
    unchanged = server.call(
        "UpdateStateMachine", stateMachineArn=arn, definition=text("first"), publish=True
    )
    assert unchanged["stateMachineVersionArn"] == version
    assert "revisionId" not in unchanged
    assert listed(server, arn) == [version]


def test_a_number_is_never_given_twice(server: Server) -> None:
    version = published(server, "numbers", text("first"))
    arn = version.rpartition(":")[0]
    for _ in range(2):
        server.call("DeleteStateMachineVersion", stateMachineVersionArn=version)
    assert listed(server, arn) == []
    again = server.call("PublishStateMachineVersion", stateMachineArn=arn)
    assert again["stateMachineVersionArn"] == f"{arn}:2"


def test_creating_it_again_gives_the_same_version(server: Server) -> None:
    version = published(server, "again", text("first"), versionDescription="one")
    assert published(server, "again", text("first"), versionDescription="one") == version
    for differently in ({"versionDescription": "two", "publish": True}, {}):
        with pytest.raises(ApiFaultError, match="StateMachineAlreadyExists"):
            server.call(
                "CreateStateMachine",
                name="again",
                definition=text("first"),
                roleArn=ROLE,
                **differently,
            )


def test_only_the_revision_that_is_meant_is_published(server: Server) -> None:
    arn = server.create("meant", {"Say": {"Type": "Pass", "End": True}})
    first = server.call("PublishStateMachineVersion", stateMachineArn=arn, revisionId="INITIAL")
    assert first["stateMachineVersionArn"] == f"{arn}:1"
    updated = server.call("UpdateStateMachine", stateMachineArn=arn, definition=text("second"))
    with pytest.raises(ApiFaultError) as fault:
        server.call("PublishStateMachineVersion", stateMachineArn=arn, revisionId="INITIAL")
    assert (fault.value.status, fault.value.code) == (409, "ConflictException")
    second = server.call(
        "PublishStateMachineVersion", stateMachineArn=arn, revisionId=updated["revisionId"]
    )
    assert second["stateMachineVersionArn"] == f"{arn}:2"


def test_versions_are_listed_the_newest_first_in_pages(server: Server) -> None:
    arn = published(server, "pages", text("0")).rpartition(":")[0]
    for number in range(1, 4):
        server.call(
            "UpdateStateMachine", stateMachineArn=arn, definition=text(str(number)), publish=True
        )
    first = server.call("ListStateMachineVersions", stateMachineArn=arn, maxResults=3)
    second = server.call(
        "ListStateMachineVersions", stateMachineArn=arn, nextToken=first["nextToken"]
    )
    numbers = [
        version["stateMachineVersionArn"].rpartition(":")[2]
        for page in (first, second)
        for version in page["stateMachineVersions"]
    ]
    assert numbers == ["4", "3", "2", "1"]
    assert "nextToken" not in second


def test_executions_are_listed_by_the_version_that_started_them(server: Server) -> None:
    version = published(server, "told-apart", text("first"))
    arn = version.rpartition(":")[0]
    by_machine, by_version = server.start(arn), server.start(version)
    of_version = server.call("ListExecutions", stateMachineArn=version)["executions"]
    assert [one["executionArn"] for one in of_version] == [by_version]
    assert of_version[0]["stateMachineVersionArn"] == version
    of_machine = server.call("ListExecutions", stateMachineArn=arn)["executions"]
    assert [one["executionArn"] for one in of_machine] == [by_version, by_machine]
    assert "stateMachineVersionArn" not in of_machine[1]
    assert server.call("ListExecutions", stateMachineArn=version, statusFilter="FAILED") == {
        "executions": []
    }


def test_the_history_and_the_context_object_of_a_version(server: Server) -> None:
    """The Context object's Id is the state machine's ARN: no documentation says otherwise."""
    definition = text("", Result=None, Parameters={"id.$": "$$.StateMachine.Id"}).replace(
        '"Result": null, ', ""
    )
    version = published(server, "in-context", definition)
    execution = server.start(version)
    assert json.loads(server.describe(execution)["output"]) == {"id": version.rpartition(":")[0]}
    history = server.call("GetExecutionHistory", executionArn=execution)["events"]
    assert history[0]["executionStartedEventDetails"]["stateMachineVersionArn"] == version


def test_a_deleted_machine_takes_its_versions_with_it(server: Server) -> None:
    version = published(server, "gone", WAITS)
    arn = version.rpartition(":")[0]
    running = server.start(version)
    server.call("DeleteStateMachine", stateMachineArn=arn)
    for operation, name in (
        ("StartExecution", version),
        ("PublishStateMachineVersion", arn),
    ):
        with pytest.raises(ApiFaultError, match="StateMachineDeleting"):
            server.call(operation, stateMachineArn=name)
    server.call("StopExecution", executionArn=running)
    with pytest.raises(ApiFaultError, match="StateMachineDoesNotExist"):
        server.call("DescribeStateMachine", stateMachineArn=version)
    assert published(server, "gone", text("second")) == version
    assert listed(server, arn) == [version]


def test_an_express_version_runs(server: Server) -> None:
    version = published(server, "quick", text("first"), type="EXPRESS")
    answer = server.call("StartSyncExecution", stateMachineArn=version)
    assert (answer["output"], answer["stateMachineArn"]) == ('"first"', version.rpartition(":")[0])


@pytest.mark.parametrize(
    ("operation", "params", "code"),
    [
        ("DeleteStateMachineVersion", {"stateMachineVersionArn": "none"}, "InvalidArn"),
        (
            "DeleteStateMachineVersion",
            {"stateMachineVersionArn": f"{STATES_ARN}:stateMachine:m"},
            "InvalidArn",
        ),
        (
            "PublishStateMachineVersion",
            {"stateMachineArn": f"{STATES_ARN}:stateMachine:none"},
            "StateMachineDoesNotExist",
        ),
        (
            "DescribeStateMachine",
            {"stateMachineArn": f"{STATES_ARN}:stateMachine:none:1"},
            "StateMachineDoesNotExist",
        ),
        ("ListStateMachineVersions", {"stateMachineArn": "none"}, "InvalidArn"),
    ],
)
def test_what_is_no_version_is_refused(
    server: Server, operation: str, params: dict[str, str], code: str
) -> None:
    with pytest.raises(ApiFaultError) as fault:
        server.call(operation, **params)
    assert (fault.value.status, fault.value.code) == (400, code)


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("UpdateStateMachine", {"definition": "{}"}),
        ("DeleteStateMachine", {}),
        ("PublishStateMachineVersion", {}),
    ],
)
def test_what_aws_does_not_tell_of_versions_is_refused_by_name(
    server: Server, operation: str, params: dict[str, str]
) -> None:
    version = published(server, f"untold-{operation}", text("first"))
    with pytest.raises(ApiFaultError) as fault:
        server.call(operation, stateMachineArn=version, **params)
    assert (fault.value.status, fault.value.code) == (501, "NotSupportedBySfnlocal")
