from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import DefinitionError, NeedsAwsError, TemplateError
from sfnlocal.template import App, find_state_machine

DEFINITION = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}


def machine(**properties: Any) -> dict[str, Any]:
    return {"Order": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}


def test_a_definition_is_joined_from_parts(load: Callable[..., App]) -> None:
    parts = ['{"StartAt":"', {"Ref": "AWS::Region"}, '"}']
    [order] = load(machine(DefinitionString={"Fn::Join": ["", parts]})).state_machines
    assert order.definition == {"StartAt": "us-east-1"}
    assert (order.name, order.type, order.role_arn) == ("Orders-Order", "STANDARD", "")


def test_a_definition_may_be_an_object(load: Callable[..., App]) -> None:
    definition = {"StartAt": {"Ref": "AWS::Region"}, "TimeoutSeconds": 5}
    [order] = load(machine(Definition=definition, StateMachineType="EXPRESS")).state_machines
    assert order.definition == {"StartAt": "us-east-1", "TimeoutSeconds": 5}
    assert order.type == "EXPRESS"


@pytest.mark.parametrize("place", ["DefinitionString", "Definition", "DefinitionS3Location"])
def test_substitutions_are_made_wherever_the_definition_stands(
    place: str, load: Callable[..., App], tmp_path: Path
) -> None:
    definition = {"StartAt": "${First}", "Comment": "${Unknown} ${First}"}
    (tmp_path / "order.asl.json").write_text(json.dumps(definition), "utf-8")
    values: dict[str, Any] = {
        "DefinitionString": json.dumps(definition),
        "Definition": definition,
        "DefinitionS3Location": "order.asl.json",
    }
    properties = {
        place: values[place],
        "DefinitionSubstitutions": {"First": {"Ref": "AWS::Region"}},
    }
    [order] = load(machine(**properties)).state_machines
    assert order.definition == {"StartAt": "us-east-1", "Comment": "${Unknown} us-east-1"}


def test_a_substitution_may_stand_for_a_number(load: Callable[..., App]) -> None:
    text = '{"TimeoutSeconds": ${Limit}}'
    properties = {"DefinitionString": text, "DefinitionSubstitutions": {"Limit": 30}}
    [order] = load(machine(**properties)).state_machines
    assert order.definition == {"TimeoutSeconds": 30}


def test_a_definition_file_may_be_yaml(load: Callable[..., App], tmp_path: Path) -> None:
    (tmp_path / "order.asl.yaml").write_text("StartAt: ${First}\n", "utf-8")
    properties = {
        "DefinitionS3Location": "order.asl.yaml",
        "DefinitionSubstitutions": {"First": "A"},
    }
    [order] = load(machine(**properties)).state_machines
    assert order.definition == {"StartAt": "A"}


def test_a_definition_that_is_no_json_is_refused_with_line_and_column(
    load: Callable[..., App],
) -> None:
    with pytest.raises(DefinitionError) as caught:
        load(machine(DefinitionString='{\n  "StartAt": A}'))
    assert caught.value.where == (
        "Orders.template.json#/Resources/Order/Properties/DefinitionString"
    )
    assert "line 2 column 14" in caught.value.message


def test_nan_is_no_json(load: Callable[..., App]) -> None:
    with pytest.raises(DefinitionError, match="NaN is no JSON value"):
        load(machine(DefinitionString='{"TimeoutSeconds": NaN}'))


def test_a_yaml_definition_that_is_none_is_refused(
    load: Callable[..., App], tmp_path: Path
) -> None:
    (tmp_path / "order.yaml").write_text("a: [", "utf-8")
    with pytest.raises(DefinitionError, match="not YAML") as caught:
        load(machine(DefinitionS3Location="order.yaml"))
    assert caught.value.where == "order.yaml"


def test_a_definition_string_must_be_text(load: Callable[..., App]) -> None:
    with pytest.raises(DefinitionError, match="DefinitionString must be a text"):
        load(machine(DefinitionString=DEFINITION))


def test_a_machine_without_a_definition_is_refused(load: Callable[..., App]) -> None:
    with pytest.raises(DefinitionError, match="the state machine has no Definition") as caught:
        load(machine(RoleArn="r"))
    assert caught.value.where == "Orders.template.json#/Resources/Order/Properties"


def test_a_definition_in_s3_is_not_on_this_machine(load: Callable[..., App]) -> None:
    app = load(machine(DefinitionS3Location={"Bucket": "b", "Key": "k.json"}))
    with pytest.raises(NeedsAwsError, match=r"the definition is in s3://b/k\.json") as caught:
        find_state_machine(app, "Order")
    assert "DefinitionBody.from_file" in caught.value.hint


def test_a_missing_definition_file_is_named(load: Callable[..., App]) -> None:
    with pytest.raises(TemplateError, match=r"gone\.json cannot be read"):
        load(machine(DefinitionS3Location="gone.json"))


def test_a_machine_with_a_part_that_only_aws_knows_raises_when_it_is_to_run(
    load: Callable[..., App],
) -> None:
    resources = machine(DefinitionString={"Fn::Sub": '{"StartAt": "${Thing.Secret}"}'})
    app = load({**resources, "Thing": {"Type": "Custom::Thing"}})
    assert app.state_machines == ()
    with pytest.raises(NeedsAwsError, match="the attribute Secret of Thing") as caught:
        find_state_machine(app, "Order")
    assert list(app.refused.values()) == [caught.value]
    assert caught.value.hint == (
        "give its value: load_app(..., parameters={'Thing.Secret': '...'})"
    )


def test_an_attribute_that_only_aws_knows_can_be_given(load: Callable[..., App]) -> None:
    resources = machine(DefinitionString={"Fn::Sub": '{"StartAt": "${Thing.Secret}"}'})
    given = {"Thing.Secret": "A"}
    [order] = load({**resources, "Thing": {"Type": "Custom::Thing"}}, given).state_machines
    assert order.definition == {"StartAt": "A"}


def test_a_role_that_only_aws_knows_does_not_stop_the_machine(load: Callable[..., App]) -> None:
    resources = machine(Definition=DEFINITION, RoleArn={"Fn::GetAtt": ["Thing", "Arn"]})
    app = load({**resources, "Thing": {"Type": "Custom::Thing"}})
    assert app.state_machines[0].role_arn == ""
    assert len(app.problems) == 1
