"""Aliases of state machines: where they lead, and what may be done with them."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.sfnlocal.server.conftest import ROLE, STATES_ARN, ApiFaultError, Server

MISSING = "Request references a resource that does not exist."


def text(result: str) -> str:
    states = {"Say": {"Type": "Pass", "Result": result, "End": True}}
    return json.dumps({"StartAt": "Say", "States": states})


def routes(*given: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": version, "weight": weight} for version, weight in given]


@pytest.fixture
def versions(server: Server, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Two versions of a state machine of this test's own: they say `one` and `two`."""
    name = re.sub(r"\W", "-", request.node.name)[-80:]
    created = server.call(
        "CreateStateMachine", name=name, definition=text("one"), roleArn=ROLE, publish=True
    )
    updated = server.call(
        "UpdateStateMachine",
        stateMachineArn=created["stateMachineArn"],
        definition=text("two"),
        publish=True,
    )
    return created["stateMachineVersionArn"], updated["stateMachineVersionArn"]


def create(server: Server, name: str, *given: tuple[str, int], **params: Any) -> str:
    arn: str = server.call(
        "CreateStateMachineAlias", name=name, routingConfiguration=routes(*given), **params
    )["stateMachineAliasArn"]
    return arn


def test_boto3_uses_an_alias_for_its_whole_life(server: Server, versions: tuple[str, str]) -> None:
    client = server.client()
    machine = versions[0].rpartition(":")[0]
    alias = client.create_state_machine_alias(
        name="live", routingConfiguration=routes((versions[0], 100)), description="first"
    )["stateMachineAliasArn"]
    assert alias == f"{machine}:live"
    execution = client.start_execution(stateMachineArn=alias)["executionArn"]
    assert execution.rpartition(":")[0] == machine.replace("stateMachine", "execution")
    client.update_state_machine_alias(
        stateMachineAliasArn=alias, routingConfiguration=routes((versions[1], 100))
    )
    described = client.describe_state_machine_alias(stateMachineAliasArn=alias)
    assert described["routingConfiguration"] == routes((versions[1], 100))
    assert (described["name"], described["description"]) == ("live", "first")
    before = client.describe_execution(executionArn=execution)
    after = client.describe_execution(
        executionArn=client.start_execution(stateMachineArn=alias)["executionArn"]
    )
    for run, version, output in ((before, versions[0], "one"), (after, versions[1], "two")):
        assert json.loads(run["output"]) == output
        assert run["stateMachineArn"] == machine
        assert run["stateMachineVersionArn"] == version
        assert run["stateMachineAliasArn"] == alias
    found = client.list_executions(stateMachineArn=alias)["executions"]
    assert [one["stateMachineVersionArn"] for one in found] == [versions[1], versions[0]]
    client.delete_state_machine_alias(stateMachineAliasArn=alias)
    assert client.list_state_machine_aliases(stateMachineArn=machine)["stateMachineAliases"] == []
    for version in versions:
        client.delete_state_machine_version(stateMachineVersionArn=version)


def test_weights_are_followed(server: Server, versions: tuple[str, str]) -> None:
    alias = create(server, "split", (versions[0], 80), (versions[1], 20))
    for number in range(200):
        server.start(alias, name=f"run-{number}")
    counts = [
        len(server.call("ListExecutions", stateMachineArn=version, maxResults=1000)["executions"])
        for version in versions
    ]
    # Two hundred draws of 20 %: 99.99 % of all seeds lie within.
    assert sum(counts) == 200
    assert 18 <= counts[1] <= 64


def test_a_weight_of_nothing_gets_nothing(server: Server, versions: tuple[str, str]) -> None:
    alias = create(server, "all-or-none", (versions[0], 0), (versions[1], 100))
    outputs = {server.describe(server.start(alias))["output"] for _ in range(20)}
    assert outputs == {'"two"'}


def test_the_history_names_the_alias(server: Server, versions: tuple[str, str]) -> None:
    alias = create(server, "live", (versions[0], 100))
    history = server.call("GetExecutionHistory", executionArn=server.start(alias))["events"]
    started = history[0]["executionStartedEventDetails"]
    assert (started["stateMachineAliasArn"], started["stateMachineVersionArn"]) == (
        alias,
        versions[0],
    )


def test_executions_of_a_version_include_those_of_its_alias(
    server: Server, versions: tuple[str, str]
) -> None:
    alias = create(server, "live", (versions[0], 100))
    by_alias, by_version = server.start(alias), server.start(versions[0])
    of_version = server.call("ListExecutions", stateMachineArn=versions[0])["executions"]
    assert [one["executionArn"] for one in of_version] == [by_version, by_alias]
    of_alias = server.call("ListExecutions", stateMachineArn=alias)["executions"]
    assert [one["executionArn"] for one in of_alias] == [by_alias]


def test_an_alias_is_created_once(server: Server, versions: tuple[str, str]) -> None:
    alias = create(server, "live", (versions[0], 100), description="d")
    assert create(server, "live", (versions[0], 100), description="d") == alias
    for given, description in (([(versions[0], 100)], "e"), ([(versions[1], 100)], "d")):
        with pytest.raises(ApiFaultError) as fault:
            create(server, "live", *given, description=description)
        assert (fault.value.status, fault.value.code) == (409, "ConflictException")


def test_a_version_that_an_alias_names_stays(server: Server, versions: tuple[str, str]) -> None:
    for name in ("blue", "green"):
        create(server, name, (versions[0], 100))
    with pytest.raises(ApiFaultError) as fault:
        server.call("DeleteStateMachineVersion", stateMachineVersionArn=versions[0])
    assert (fault.value.status, fault.value.code) == (409, "ConflictException")
    assert fault.value.message == (
        "Version to be deleted must not be referenced by an alias. Current list of aliases "
        "referencing this version: [blue, green]"
    )
    server.call("DeleteStateMachineVersion", stateMachineVersionArn=versions[1])


def test_aliases_of_a_machine_and_of_a_version(server: Server, versions: tuple[str, str]) -> None:
    machine = versions[0].rpartition(":")[0]
    blue = create(server, "blue", (versions[0], 100))
    green = create(server, "green", (versions[0], 50), (versions[1], 50))

    def listed(arn: str) -> list[str]:
        found = server.call("ListStateMachineAliases", stateMachineArn=arn)
        return [alias["stateMachineAliasArn"] for alias in found["stateMachineAliases"]]

    assert listed(machine) == [blue, green]
    assert listed(versions[0]) == [blue, green]
    assert listed(versions[1]) == [green]
    with pytest.raises(ApiFaultError, match="StateMachineDoesNotExist"):
        listed(f"{STATES_ARN}:stateMachine:none")


def test_a_description_alone_can_be_changed(server: Server, versions: tuple[str, str]) -> None:
    alias = create(server, "live", (versions[0], 100))
    server.advance(5)
    server.call("UpdateStateMachineAlias", stateMachineAliasArn=alias, description="new")
    described = server.call("DescribeStateMachineAlias", stateMachineAliasArn=alias)
    assert described["description"] == "new"
    assert described["updateDate"] - described["creationDate"] == pytest.approx(5)


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ((50,), "ValidationException"),
        ((60, 60), "ValidationException"),
        ((), "ValidationException"),
        ((30, 30, 40), "ValidationException"),
        ((101,), "ValidationException"),
    ],
)
def test_weights_make_a_hundred(
    server: Server, versions: tuple[str, str], weights: tuple[int, ...], code: str
) -> None:
    given = list(zip((*versions, versions[0]), weights, strict=False))
    with pytest.raises(ApiFaultError) as fault:
        create(server, "wrong", *given)
    assert (fault.value.status, fault.value.code) == (400, code)


def test_what_an_alias_cannot_lead_to(server: Server, versions: tuple[str, str]) -> None:
    other = server.call(
        "CreateStateMachine",
        name="another",
        definition=text("other"),
        roleArn=ROLE,
        publish=True,
    )["stateMachineVersionArn"]
    machine = versions[0].rpartition(":")[0]
    alias = create(server, "live", (versions[0], 100))
    for given, code in (
        ([(versions[0], 50), (versions[0], 50)], "ValidationException"),
        ([(versions[0], 50), (other, 50)], "ValidationException"),
        ([(f"{machine}:9", 100)], "ResourceNotFound"),
        ([(machine, 100)], "InvalidArn"),
    ):
        with pytest.raises(ApiFaultError, match=code):
            create(server, "wrong", *given)
    with pytest.raises(ApiFaultError, match="ValidationException"):
        server.call(
            "UpdateStateMachineAlias",
            stateMachineAliasArn=alias,
            routingConfiguration=routes((other, 100)),
        )
    with pytest.raises(ApiFaultError, match="ValidationException"):
        server.call("UpdateStateMachineAlias", stateMachineAliasArn=alias)


@pytest.mark.parametrize("name", ["12", "a b", "", "x" * 81])
def test_a_name_that_is_refused(server: Server, versions: tuple[str, str], name: str) -> None:
    with pytest.raises(ApiFaultError, match="ValidationException"):
        create(server, name, (versions[0], 100))


@pytest.mark.parametrize(
    "operation",
    ["UpdateStateMachineAlias", "DescribeStateMachineAlias", "DeleteStateMachineAlias"],
)
def test_an_alias_that_does_not_exist(server: Server, operation: str) -> None:
    with pytest.raises(ApiFaultError) as fault:
        server.call(operation, stateMachineAliasArn=f"{STATES_ARN}:stateMachine:doubled:none")
    assert (fault.value.code, fault.value.message) == ("ResourceNotFound", MISSING)


def test_an_alias_has_no_definition_of_its_own(server: Server, versions: tuple[str, str]) -> None:
    alias = create(server, "live", (versions[0], 100))
    with pytest.raises(ApiFaultError, match="NotSupportedBySfnlocal"):
        server.call("DescribeStateMachine", stateMachineArn=alias)


def test_a_machine_has_a_hundred_aliases(server: Server, versions: tuple[str, str]) -> None:
    for number in range(100):
        create(server, f"alias-{number}", (versions[0], 100))
    with pytest.raises(ApiFaultError) as fault:
        create(server, "one-more", (versions[0], 100))
    assert (fault.value.status, fault.value.code) == (402, "ServiceQuotaExceededException")
    assert create(server, "alias-7", (versions[0], 100)).endswith(":alias-7")


@pytest.mark.parametrize("qualifier", ["1", "live"])
def test_a_task_state_starts_a_version_or_an_alias(
    server: Server, versions: tuple[str, str], qualifier: str
) -> None:
    create(server, "live", (versions[0], 100))
    machine = versions[0].rpartition(":")[0]
    parent = server.create(
        f"parent-{machine.rpartition(':')[2]}",
        {
            "Start": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {"StateMachineArn": f"{machine}:{qualifier}"},
                "End": True,
            }
        },
    )
    execution = server.start(parent)
    server.advance(0)
    output = json.loads(server.describe(execution)["output"])
    assert output["Output"] == "one"
    assert output["StateMachineVersionArn"] == versions[0]
    assert output.get("StateMachineAliasArn") == (
        f"{machine}:live" if qualifier == "live" else None
    )
