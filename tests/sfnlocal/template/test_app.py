from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import NeedsAwsError, TemplateError
from sfnlocal.template import App, load_app

ORDERS = Path(__file__).parent / "assemblies" / "orders"
QUEUE = {"Type": "AWS::SQS::Queue"}
THING = {"Type": "Custom::Thing"}
SECRET = "{{resolve:secretsmanager:name}}"


@pytest.fixture(scope="module")
def orders() -> App:
    return load_app(ORDERS)


def test_references_cross_stacks_and_nested_stacks(orders: App) -> None:
    machines = {machine.resource.path: machine for machine in orders.state_machines}
    order = machines["OrderStack/Order"].definition["States"]
    fulfilment = machines["OrderStack/Warehouse/Fulfilment"]
    [queue] = orders.of_type("AWS::SQS::Queue")
    [alias] = orders.of_type("AWS::Lambda::Alias")
    function = next(function for function in orders.functions if function.handler)
    states = fulfilment.definition["States"]
    assert order["ReserveStock"]["Arguments"]["FunctionName"] == alias.arn
    assert order["ReserveStock"]["Resource"] == "arn:aws:states:::lambda:invoke"
    assert order["Fulfil"]["Arguments"]["StateMachineArn"] == fulfilment.arn
    assert states["Send"]["Arguments"]["QueueUrl"] == queue.name
    assert states["Pack"]["Arguments"]["FunctionName"] == function.arn
    assert alias.arn == f"{function.arn}:live"


def test_a_function_has_its_code_layers_and_environment(orders: App) -> None:
    reserve = next(f for f in orders.functions if f.resource.path == "OrderStack/Reserve")
    [table] = orders.of_type("AWS::DynamoDB::Table")
    [queue] = orders.of_type("AWS::SQS::Queue")
    assert reserve.code_folder
    assert (reserve.code_folder / "app.py").is_file()
    assert reserve.environment == {"TABLE": table.name, "QUEUE": queue.name}
    assert (reserve.timeout_seconds, reserve.memory_mb) == (20, 256)
    assert re.fullmatch(r"arn:aws:lambda:.*:AWSLambdaPowertoolsPythonV3-.*", reserve.layers[0])
    [own] = reserve.layer_folders
    assert (own / "python" / "greeting.py").is_file()


def test_a_definition_file_is_an_asset_with_substitutions(orders: App) -> None:
    quick = next(m for m in orders.state_machines if m.resource.path == "OrderStack/Quick")
    reserve = next(f for f in orders.functions if f.resource.path == "OrderStack/Reserve")
    assert quick.type == "EXPRESS"
    assert quick.definition["States"]["Reserve"]["Resource"] == reserve.arn


def test_a_secret_is_a_problem_of_one_function_only(orders: App) -> None:
    refused = [function for function in orders.functions if function.refusal]
    assert [function.resource.path for function in refused] == ["OrderStack/Paid"]
    assert "{{resolve:secretsmanager:payment-key:SecretString:::}}" in orders.problems[0]


def test_stacks_keep_their_own_environment_and_the_app_has_one(orders: App) -> None:
    assert (orders.account, orders.region) == ("123456789012", "us-east-1")
    nightly = next(m for m in orders.state_machines if m.resource.path == "Prod/Jobs/Nightly")
    assert ":eu-west-1:210987654321:" in nightly.arn
    assert "the stack Prod-Jobs is for 210987654321/eu-west-1" in orders.problems[-1]


def test_a_concrete_environment_wins_over_the_arguments() -> None:
    app = load_app(ORDERS / "assembly-Prod", account="111111111111", region="us-west-2")
    assert (app.account, app.region, app.problems) == ("210987654321", "eu-west-1", ())


def test_arguments_are_for_stacks_that_name_no_environment() -> None:
    app = load_app(ORDERS, account="111111111111", region="eu-north-1")
    assert app.state_machines[0].arn.startswith("arn:aws:states:eu-north-1:111111111111:")


def test_loading_twice_gives_the_same_names(orders: App) -> None:
    again = load_app(ORDERS)
    assert [(r.name, r.arn) for r in again.resources] == [(r.name, r.arn) for r in orders.resources]


def test_outputs_are_named_as_the_cdk_prints_them(orders: App) -> None:
    assert orders.outputs["OrderStack.OrderArn"] == orders.state_machines[0].arn


def test_reading_a_property_that_only_aws_knows_raises(load: Callable[..., App]) -> None:
    app = load({"Queue": {**QUEUE, "Properties": {"KmsMasterKeyId": SECRET, "DelaySeconds": 5}}})
    properties = app.resources[0].properties
    assert properties["DelaySeconds"] == 5
    assert sorted(properties) == ["DelaySeconds", "KmsMasterKeyId"]
    assert len(properties) == 2
    assert "KmsMasterKeyId" in properties
    with pytest.raises(NeedsAwsError, match="is not known without AWS"):
        properties.get("KmsMasterKeyId")
    [problem] = app.problems
    assert problem == (
        "Orders.template.json#/Resources/Queue/Properties/KmsMasterKeyId: the dynamic reference "
        "{{resolve:secretsmanager:name}} is not known without AWS"
    )


def test_a_queue_whose_name_only_aws_knows_raises(load: Callable[..., App]) -> None:
    with pytest.raises(NeedsAwsError):
        load({"Queue": {**QUEUE, "Properties": {"QueueName": SECRET}}})


def test_a_role_whose_name_only_aws_knows_has_no_name(load: Callable[..., App]) -> None:
    app = load({"Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": SECRET}}})
    assert (app.resources[0].name, app.resources[0].arn) == ("", "")
    assert len(app.problems) == 1


def test_an_output_that_only_aws_knows_is_left_out(load: Callable[..., App]) -> None:
    outputs = {"Key": {"Value": SECRET}, "Url": {"Value": {"Ref": "Queue"}}}
    app = load({"Queue": QUEUE}, Outputs=outputs)
    assert list(app.outputs) == ["Orders.Url"]
    assert len(app.problems) == 1


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        (
            {"Queue": {**QUEUE, "Properties": {"Tags": [{"Ref": "Nobody"}]}}},
            "Nobody is neither a parameter nor a resource",
        ),
        ({"Queue": {**QUEUE, "DependsOn": "Nobody"}}, "there is no resource Nobody"),
        ({"Queue": {**QUEUE, "Condition": "Nobody"}}, "there is no condition Nobody"),
    ],
)
def test_a_mistake_in_the_template_raises_at_once(
    resources: dict[str, Any], message: str, load: Callable[..., App]
) -> None:
    with pytest.raises(TemplateError, match=message):
        load(resources)


@pytest.mark.parametrize(
    "resources",
    [
        {
            "A": {**THING, "Properties": {"Other": {"Ref": "B"}}},
            "B": {**THING, "Properties": {"Other": {"Fn::GetAtt": ["C", "TopicArn"]}}},
            "C": {"Type": "AWS::SNS::Topic", "DependsOn": ["A"]},
        },
        {"A": {**THING, "Properties": {"Self": {"Ref": "A"}}}},
    ],
)
def test_resources_that_wait_for_each_other_are_refused(
    resources: dict[str, Any], load: Callable[..., App]
) -> None:
    with pytest.raises(TemplateError, match=r"circular dependency between resources: .*A"):
        load(resources)


def test_resources_whose_condition_is_false_are_not_there(load: Callable[..., App]) -> None:
    app = load(
        {"Queue": {**QUEUE, "Condition": "Never"}, "Other": QUEUE},
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
    )
    assert [resource.logical_id for resource in app.resources] == ["Other"]


def test_the_cdks_own_metadata_is_no_resource(load: Callable[..., App]) -> None:
    assert load({"CDKMetadata": {"Type": "AWS::CDK::Metadata"}}).resources == ()


def test_two_resources_with_one_arn_are_refused(load: Callable[..., App]) -> None:
    named = {**QUEUE, "Properties": {"QueueName": "orders"}}
    with pytest.raises(TemplateError, match="A and B are both arn:aws:sqs:") as caught:
        load({"A": named, "B": named})
    assert "one stage" in caught.value.hint


def test_a_yaml_template_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(
        """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Order:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: !Sub '{"StartAt": "${Queue.QueueName}"}'
""",
        "utf-8",
    )
    app = load_app(tmp_path / "shop.yaml")
    assert app.state_machines[0].definition == {"StartAt": "shop-Queue"}
    assert app.folder == tmp_path


def test_a_nested_template_may_be_a_local_file(load: Callable[..., App], tmp_path: Path) -> None:
    (tmp_path / "nested.yaml").write_text(
        """
Parameters: {Url: {Type: String}, Stage: {Type: String, Default: dev}}
Resources:
  Value: {Type: AWS::SSM::Parameter, Properties: {Name: !Sub "/${Stage}/url", Value: !Ref Url}}
""",
        "utf-8",
    )
    properties = {"TemplateURL": "./nested.yaml", "Parameters": {"Url": {"Ref": "Queue"}}}
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": properties}
    app = load({"Queue": QUEUE, "Nested": nested})
    [value] = app.of_type("AWS::SSM::Parameter")
    assert (value.stack, value.name) == ("Orders-Nested", "/dev/url")
    assert (
        value.properties["Value"] == "https://sqs.us-east-1.amazonaws.com/123456789012/Orders-Queue"
    )


def test_a_nested_template_that_is_gone_is_named(load: Callable[..., App]) -> None:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "gone.json"}}
    with pytest.raises(TemplateError, match=r"the template gone\.json is not in the assembly"):
        load({"Nested": nested})


def test_loading_needs_neither_boto3_nor_yaml() -> None:
    """Each would cost more time than all the rest."""
    program = (
        "import sys, pathlib, sfnlocal.template as t; t.load_app(pathlib.Path(sys.argv[1])); "
        "print(sorted({'boto3', 'botocore', 'yaml'} & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(ORDERS)], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "[]"
