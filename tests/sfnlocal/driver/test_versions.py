"""Versions and aliases of the template, as start targets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sfnlocal.cli import main
from sfnlocal.cli.inventory import list_app
from sfnlocal.errors import InputError, NeedsAwsError, TemplateError
from sfnlocal.testing import LocalApp, load

TEMPLATE = Path(__file__).parent / "versions.yaml"
ORDER = "arn:aws:states:us-east-1:123456789012:stateMachine:order"


@pytest.fixture
def app() -> Iterator[LocalApp]:
    with load(TEMPLATE) as app:
        yield app


@pytest.mark.parametrize(
    ("text", "version", "alias"),
    [
        ("Order", "", ""),
        (f"{ORDER}:1", f"{ORDER}:1", ""),
        ("Second", f"{ORDER}:2", ""),
        ("Order:1", f"{ORDER}:1", ""),
        (f"{ORDER}:canary", f"{ORDER}:2", f"{ORDER}:canary"),
        ("canary", f"{ORDER}:2", f"{ORDER}:canary"),
        ("order:canary", f"{ORDER}:2", f"{ORDER}:canary"),
    ],
)
def test_a_version_or_alias_is_started_by_what_people_call_it(
    app: LocalApp, text: str, version: str, alias: str
) -> None:
    execution = app.run(text, {}).execution
    assert execution.output == "deployed"
    assert execution.state_machine_arn == ORDER
    assert (execution.version_arn, execution.alias_arn) == (version, alias)


@pytest.mark.parametrize("text", ["Order:3", "Order:other", f"{ORDER}:3", "other:live", "other"])
def test_an_unknown_one_is_answered_with_what_there_is(app: LocalApp, text: str) -> None:
    with pytest.raises(InputError, match=f"there is no state machine '{text}'"):
        app.start(text, {})


def test_an_alias_of_a_version_that_the_app_does_not_have(app: LocalApp) -> None:
    with pytest.raises(InputError, match="the alias leads to no version of the app"):
        app.start("lost", {})


def test_the_same_seed_draws_the_same_versions() -> None:
    drawn: list[list[str]] = []
    for seed in (1, 1, 2):
        with load(TEMPLATE, seed=seed) as app:
            runs = [app.start("live", {}, f"run-{number}") for number in range(60)]
            drawn.append([run.execution.version_arn for run in runs])
    assert drawn[0] == drawn[1] != drawn[2]
    assert 30 <= drawn[0].count(f"{ORDER}:1") <= 54


def test_the_version_does_not_depend_on_what_ran_before() -> None:
    drawn: set[str] = set()
    for earlier in range(5):
        with load(TEMPLATE) as app:
            for number in range(earlier):
                app.run("live", {}, f"earlier-{number}")
            drawn.add(app.run("live", {}, "one").execution.version_arn)
    assert len(drawn) == 1


def test_a_task_state_starts_an_alias(app: LocalApp) -> None:
    output = app.run("Parent", {}).execution.output
    assert (output["Output"], output["StateMachineAliasArn"]) == ("deployed", f"{ORDER}:canary")


def test_the_api_changes_where_the_templates_alias_leads(app: LocalApp) -> None:
    client = app.client("stepfunctions")
    client.update_state_machine_alias(
        stateMachineAliasArn=f"{ORDER}:canary",
        routingConfiguration=[{"stateMachineVersionArn": f"{ORDER}:1", "weight": 100}],
    )
    assert app.run("canary", {}).execution.version_arn == f"{ORDER}:1"
    client.delete_state_machine_alias(stateMachineAliasArn=f"{ORDER}:canary")
    with pytest.raises(InputError, match="was deleted"):
        app.start("canary", {})


def test_the_api_knows_the_templates_versions(app: LocalApp) -> None:
    client = app.client("stepfunctions")
    described = client.describe_state_machine(stateMachineArn=f"{ORDER}:1")
    assert (described["description"], described["status"]) == ("the first", "ACTIVE")
    definition = '{"StartAt": "Say", "States": {"Say": {"Type": "Pass", "End": true}}}'
    updated = client.update_state_machine(
        stateMachineArn=ORDER, definition=definition, publish=True
    )
    assert updated["stateMachineVersionArn"] == f"{ORDER}:3"
    assert app.run("Order:1", {}).execution.output == "deployed"
    assert app.run(f"{ORDER}:3", {}).execution.output == {}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("canary", "version 2, which the alias canary led to"), ("Order:1", "version 1")],
)
def test_run_takes_an_alias_and_says_the_version(
    name: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", name, "--app", str(TEMPLATE)]) == 0
    assert capsys.readouterr().out.splitlines()[2] == f"  {shown}"
    assert main(["run", name, "--app", str(TEMPLATE), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["stateMachineVersionArn"].startswith(ORDER)


def test_a_version_of_what_only_aws_knows_says_so(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    inline = "StateMachineName: order\n      Definition"
    stored = (
        "StateMachineName: order\n      DefinitionS3Location: {Bucket: b, Key: k}\n      Unused"
    )
    given = TEMPLATE.read_text().replace(
        "      RoleArn: arn:aws:iam::123456789012:role/order\n", ""
    )
    assert inline in given
    template.write_text(given.replace(inline, stored))
    with load(template) as app:
        for name in ("First", "canary", "Order:1", f"{ORDER}:1"):
            with pytest.raises(NeedsAwsError, match="s3://b/k"):
                app.start(name, {})
        with pytest.raises(NeedsAwsError, match="s3://b/k"):
            app.client("stepfunctions").start_execution(stateMachineArn=f"{ORDER}:1")


def test_the_list_shows_what_run_takes(app: LocalApp) -> None:
    shown = {entry.id: entry.name for entry in list_app(app.session.app).other}
    assert shown == {
        "First": "order:1",
        "Second": "order:2",
        "Live": "order:live",
        "Canary": "order:canary",
        "Lost": "order:lost",
    }


def test_weights_that_aws_refuses_are_refused(tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(TEMPLATE.read_text().replace("Weight: 70", "Weight: 60"))
    with pytest.raises(TemplateError, match="do not make 100"):
        load(template)
