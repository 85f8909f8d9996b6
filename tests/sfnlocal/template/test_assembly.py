from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.errors import AssemblyError, UnsupportedError
from sfnlocal.template.assembly import read_stacks

ORDERS = Path(__file__).parent / "assemblies" / "orders"


def write(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name.replace("__", ".")).write_text(text, "utf-8")
    return folder


def test_stacks_of_nested_assemblies_are_found() -> None:
    stacks = read_stacks(ORDERS)
    assert [(stack.name, stack.label) for stack in stacks] == [
        ("DataStack", "DataStack.template.json"),
        ("OrderStack", "OrderStack.template.json"),
        ("Prod-Jobs", "assembly-Prod/ProdJobsDB64F8DD.template.json"),
    ]


def test_a_concrete_environment_is_read_and_an_agnostic_one_is_none() -> None:
    environments = [(stack.account, stack.region) for stack in read_stacks(ORDERS)]
    assert environments == [(None, None), (None, None), ("210987654321", "eu-west-1")]


def test_a_stage_can_be_read_alone_with_the_assets_beside_it() -> None:
    [jobs] = read_stacks(ORDERS / "assembly-Prod")
    assert jobs.name == "Prod-Jobs"
    assert all(asset.path and asset.path.exists() for asset in jobs.assets.values())


def test_paths_come_from_the_metadata_and_keep_nested_stacks_apart() -> None:
    orders = read_stacks(ORDERS)[1]
    nested = orders.nested("N", "https://s3/x/" + _nested_key(), "here")
    assert orders.paths["Order702A5B72"] == "OrderStack/Order/Resource"
    assert "FulfilmentB5B164CA" not in orders.paths
    assert nested.paths["FulfilmentB5B164CA"] == "OrderStack/Warehouse/Fulfilment/Resource"
    assert "Order702A5B72" not in nested.paths


def _nested_key() -> str:
    orders = read_stacks(ORDERS)[1]
    return next(
        key
        for key, asset in orders.assets.items()
        if asset.path and asset.path.name.endswith(".nested.template.json")
    )


def test_a_missing_folder_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(AssemblyError) as caught:
        read_stacks(tmp_path / "cdk.out")
    assert caught.value.where == str(tmp_path / "cdk.out")
    assert "`cdk synth`" in caught.value.hint
    assert "`python app.py`" in caught.value.hint


def test_the_apps_own_folder_leads_to_its_assembly(tmp_path: Path) -> None:
    (tmp_path / "cdk.out").mkdir()
    write(tmp_path / "cdk.out", manifest__json={"artifacts": {}})
    with pytest.raises(AssemblyError) as caught:
        read_stacks(tmp_path)
    assert caught.value.hint == f"the cloud assembly is in {tmp_path / 'cdk.out'}"


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("{", "not JSON"),
        ([], "not a cloud assembly's manifest"),
        ({"artifacts": []}, "not a cloud assembly's manifest"),
        ({"artifacts": {}}, "the cloud assembly has no stacks"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, manifest: Any, message: str) -> None:
    write(tmp_path, manifest__json=manifest)
    with pytest.raises(AssemblyError, match=message):
        read_stacks(tmp_path)


def test_a_template_that_is_gone_is_named(tmp_path: Path) -> None:
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "Shop.template.json"},
    }
    write(tmp_path, manifest__json={"artifacts": {"Shop": artifact}})
    with pytest.raises(AssemblyError, match="the file is missing") as caught:
        read_stacks(tmp_path)
    assert caught.value.where == "Shop.template.json"


def test_metadata_may_stand_in_the_manifest_as_older_versions_write_it(tmp_path: Path) -> None:
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "Shop.template.json", "stackName": "shop-dev"},
        "metadata": {"/Shop/Group/Resource": [{"type": "aws:cdk:logicalId", "data": "Group1"}]},
    }
    template = {"Resources": {"Group1": {"Type": "AWS::Logs::LogGroup"}}}
    write(
        tmp_path,
        manifest__json={"artifacts": {"Shop": artifact}},
        Shop__template__json=template,
    )
    [shop] = read_stacks(tmp_path)
    assert (shop.name, shop.paths) == ("shop-dev", {"Group1": "Shop/Group/Resource"})


def test_a_template_file_is_an_assembly_of_one_stack(tmp_path: Path) -> None:
    write(tmp_path, shop__template__json={"Resources": {}})
    [shop] = read_stacks(tmp_path / "shop.template.json")
    assert (shop.name, shop.region) == ("shop", None)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ({"AWSTemplateFormatVersion": "2010-09-09"}, "it has no Resources"),
        ({"Resources": {"Queue": {"Properties": {}}}}, "not a resource: it has no Type"),
        ({"Resources": {"Queue": "AWS::SQS::Queue"}}, "not a resource: it has no Type"),
    ],
)
def test_a_template_that_is_none_is_refused(tmp_path: Path, template: Any, message: str) -> None:
    write(tmp_path, shop__json=template)
    with pytest.raises(AssemblyError, match=message):
        read_stacks(tmp_path / "shop.json")


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ({"Transform": "AWS::Serverless-2016-10-31", "Resources": {}}, "AWS::Serverless"),
        ({"Transform": ["AWS::LanguageExtensions", "My::Macro"], "Resources": {}}, "My::Macro"),
        ({"Resources": {"Fn::ForEach::Queues": []}}, "Fn::ForEach::Queues"),
    ],
)
def test_what_only_aws_can_expand_is_refused_by_name(
    tmp_path: Path, template: Any, name: str
) -> None:
    write(tmp_path, shop__json=template)
    with pytest.raises(UnsupportedError, match=name):
        read_stacks(tmp_path / "shop.json")


def test_an_asset_that_a_command_makes_has_no_path(tmp_path: Path) -> None:
    made = {
        "source": {"executable": ["./make-it"]},
        "destinations": {"here": {"objectKey": "made.zip"}},
    }
    assets = {"type": "cdk:asset-manifest", "properties": {"file": "Shop.assets.json"}}
    stack = {
        "type": "aws:cloudformation:stack",
        "properties": {"templateFile": "Shop.template.json"},
    }
    write(
        tmp_path,
        manifest__json={"artifacts": {"Shop.assets": assets, "Shop": stack}},
        Shop__assets__json={"files": {"made": made}},
        Shop__template__json={"Resources": {}},
    )
    [shop] = read_stacks(tmp_path)
    assert shop.assets["made.zip"].path is None
