from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from sfnlocal.template import App, Function

PYTHON = {"Runtime": "python3.14", "Handler": "app.handler"}
INLINE = {"ZipFile": "def handler(event, context):\n    return event\n"}


@pytest.fixture
def function(load: Callable[..., App]) -> Callable[..., Function]:
    """Loads one function with these properties."""

    def function(parameters: dict[str, str] | None = None, **properties: Any) -> Function:
        resources = {"Fn": {"Type": "AWS::Lambda::Function", "Properties": properties}}
        return load(resources, parameters).functions[0]

    return function


def test_lambdas_defaults_hold(function: Callable[..., Function]) -> None:
    found = function(Code=INLINE, **PYTHON)
    assert (found.timeout_seconds, found.memory_mb, found.environment) == (3, 128, {})
    assert (found.name, found.handler, found.runtime) == ("Orders-Fn", "app.handler", "python3.14")
    assert found.refusal == ""


def test_what_is_configured_is_read(function: Callable[..., Function]) -> None:
    variables = {"REGION": {"Ref": "AWS::Region"}, "LIMIT": 3, "ON": True}
    found = function(
        Code=INLINE, Timeout="20", MemorySize=256, Environment={"Variables": variables}, **PYTHON
    )
    assert (found.timeout_seconds, found.memory_mb) == (20, 256)
    assert found.environment == {"REGION": "us-east-1", "LIMIT": "3", "ON": "true"}


def test_inline_code_becomes_a_module_named_index(function: Callable[..., Function]) -> None:
    found = function(Code=INLINE, **PYTHON)
    assert found.code_folder
    assert (found.code_folder / "index.py").read_text("utf-8") == INLINE["ZipFile"]


def test_a_template_may_name_a_folder_of_code(
    function: Callable[..., Function], tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    assert function(Code="./src", **PYTHON).code_folder == tmp_path / "src"


def test_a_zip_file_is_unpacked(function: Callable[..., Function], tmp_path: Path) -> None:
    with ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr("package/app.py", "x = 1\n")
    found = function(Code="code.zip", **PYTHON)
    assert found.code_folder
    assert (found.code_folder / "package" / "app.py").read_text("utf-8") == "x = 1\n"


@pytest.mark.parametrize(
    ("properties", "refusal"),
    [
        ({"PackageType": "Image", "Code": {"ImageUri": "x"}}, "container images are not run here"),
        ({"Runtime": "nodejs22.x"}, "functions of the runtime nodejs22.x are not run here"),
        ({}, r"functions of the runtime \(none\) are not run here"),
        ({**PYTHON, "Code": {"S3Bucket": "b", "S3Key": "k.zip"}}, "its code is in s3://b/k.zip"),
        ({**PYTHON}, "it has no code"),
        ({**PYTHON, "Code": "./gone"}, "its code is missing: .*gone"),
        ({**PYTHON, "Code": INLINE, "Timeout": "soon"}, "Timeout: not a number: 'soon'"),
        ({**PYTHON, "Code": INLINE, "Environment": []}, "its environment has no variables"),
        (
            {**PYTHON, "Code": INLINE, "Environment": {"Variables": {"A": ["x"]}}},
            r"Variables/A: a text is needed, not \[\"x\"\]",
        ),
    ],
)
def test_a_function_that_cannot_run_here_says_why(
    properties: dict[str, Any], refusal: str, function: Callable[..., Function]
) -> None:
    found = function(**properties)
    assert found.code_folder is None
    assert re.search(refusal, found.refusal), found.refusal


def test_a_secret_refuses_the_function_until_its_value_is_given(
    function: Callable[..., Function],
) -> None:
    variables = {"KEY": "{{resolve:secretsmanager:payment-key}}"}
    properties = {**PYTHON, "Code": INLINE, "Environment": {"Variables": variables}}
    refused = function(**properties)
    assert "{{resolve:secretsmanager:payment-key}} is not known without AWS" in refused.refusal
    assert refused.runtime == "python3.14"
    given = function({"resolve:secretsmanager:payment-key": "k-1"}, **properties)
    assert given.environment == {"KEY": "k-1"}


def test_a_runtime_that_only_aws_knows_refuses_the_function(
    function: Callable[..., Function],
) -> None:
    found = function(Runtime="{{resolve:ssm:/runtime}}", Handler="a.b", Code=INLINE)
    assert found.runtime == ""
    assert "/runtime is not known without AWS" in found.refusal
