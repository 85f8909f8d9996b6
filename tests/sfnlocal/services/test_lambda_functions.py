"""Functions that the Lambda API makes, changes, publishes and deletes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.services import function_code, lambda_code
from sfnlocal.services.aws import Aws
from sfnlocal.services.function_registry import Code
from sfnlocal.services.functions import FunctionHost

from .conftest import ACCOUNT, FUNCTION_ARN, Functions, alias, resource, version

Start = Callable[..., Aws]
Host = Callable[..., FunctionHost]
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def archive(source: str = "def handler(event, context):\n    return event", **files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        for name, text in {"app.py": source, **files}.items():
            opened.writestr(zipfile.ZipInfo(name), text)
    return data.getvalue()


def answering(value: Any) -> bytes:
    return archive(f"def handler(event, context):\n    return {value!r}")


@pytest.fixture
def lambda_host(host: Host) -> FunctionHost:
    return host()


@pytest.fixture
def client(started: Start, lambda_host: FunctionHost) -> Any:
    return started(functions=lambda_host).client("lambda")


def create(client: Any, name: str = "f", code: bytes | None = None, **more: Any) -> Any:
    params = {
        "Runtime": "python3.14",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": archive() if code is None else code},
        **more,
    }
    kept = {key: value for key, value in params.items() if value is not None}
    return client.create_function(FunctionName=name, **kept)


def called(client: Any, name: str = "f", **more: Any) -> Any:
    answer = client.invoke(FunctionName=name, Payload=b'{"a": 1}', **more)
    return json.loads(answer["Payload"].read()), answer["ExecutedVersion"]


def refusal(call: Callable[..., Any], *args: Any, **params: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    answer = caught.value.response
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    return answer["Error"]["Code"], status, answer["Error"]["Message"]


def test_a_created_function_is_active_described_and_called(client: Any) -> None:
    code = archive()
    created = create(
        client, Environment={"Variables": {"STAGE": "dev"}}, Timeout=7, Tags={"team": "orders"}
    )
    del created["ResponseMetadata"]
    revision = created.pop("RevisionId")
    assert created == {
        "FunctionName": "f",
        "FunctionArn": FUNCTION_ARN + "f",
        "Runtime": "python3.14",
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": len(code),
        "CodeSha256": created["CodeSha256"],
        "Description": "",
        "Timeout": 7,
        "MemorySize": 128,
        "LastModified": "2026-01-01T00:00:00.000+0000",
        "Version": "$LATEST",
        "Environment": {"Variables": {"STAGE": "dev"}},
        "TracingConfig": {"Mode": "PassThrough"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
    }
    got = client.get_function(FunctionName="f")
    assert got["Configuration"] == {**created, "RevisionId": revision}
    assert got["Tags"] == {"team": "orders"}
    assert got["Code"]["Location"].startswith("file:///")
    assert called(client) == ({"a": 1}, "$LATEST")


@pytest.mark.parametrize("name", ["f", FUNCTION_ARN + "f", f"{ACCOUNT}:function:f", "function:f"])
def test_a_function_is_found_by_name_partial_arn_and_arn(client: Any, name: str) -> None:
    create(client)
    assert client.get_function_configuration(FunctionName=name)["FunctionName"] == "f"
    assert called(client, f"{name}:$LATEST")[1] == "$LATEST"


def test_a_function_of_another_region_is_not_found(client: Any) -> None:
    create(client)
    arn = f"arn:aws:lambda:us-west-2:{ACCOUNT}:function:f"
    assert refusal(client.get_function, FunctionName=arn) == (
        "ResourceNotFoundException",
        404,
        f"Function not found: {arn}",
    )


def test_new_code_and_configuration_are_a_cold_start(client: Any) -> None:
    source = "import os\ncalls = []\ndef handler(event, context):\n    calls.append(1)\n"
    source += "    return os.environ.get('STAGE'), len(calls)"
    first = create(client, code=archive(source))
    assert [called(client)[0] for _ in "12"] == [[None, 1], [None, 2]]
    variables = {"Variables": {"STAGE": "prod"}}
    second = client.update_function_configuration(FunctionName="f", Environment=variables)
    assert [called(client)[0] for _ in "12"] == [["prod", 1], ["prod", 2]]
    third = client.update_function_code(FunctionName="f", ZipFile=answering("new"))
    assert called(client)[0] == "new"
    assert third["CodeSha256"] != second["CodeSha256"] == first["CodeSha256"]
    assert len({one["RevisionId"] for one in (first, second, third)}) == 3
    client.update_function_configuration(FunctionName="f", Environment={"Variables": {}})
    assert "Environment" not in client.get_function_configuration(FunctionName="f")


def test_a_dry_run_of_new_code_changes_nothing(client: Any) -> None:
    create(client, code=answering("old"))
    client.update_function_code(FunctionName="f", ZipFile=answering("new"), DryRun=True)
    assert called(client)[0] == "old"


def test_a_published_version_keeps_its_code_and_configuration(client: Any) -> None:
    created = create(client, code=answering("one"), Publish=True, Description="first")
    assert (created["Version"], created["FunctionArn"]) == ("1", FUNCTION_ARN + "f:1")
    client.update_function_code(FunctionName="f", ZipFile=answering("two"))
    second = client.publish_version(FunctionName="f", Description="second")
    assert (second["Version"], second["Description"]) == ("2", "second")
    client.update_function_code(FunctionName="f", ZipFile=answering("three"))
    assert [called(client, f"f:{number}") for number in "12"] == [("one", "1"), ("two", "2")]
    assert called(client, Qualifier="1") == ("one", "1")
    assert called(client) == ("three", "$LATEST")
    listed = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [(one["Version"], one["Description"]) for one in listed] == [
        ("$LATEST", "first"),
        ("1", "first"),
        ("2", "second"),
    ]
    assert "State" not in listed[0]


def test_publishing_again_makes_nothing_where_nothing_has_changed(client: Any) -> None:
    create(client, Publish=True)
    again = client.publish_version(FunctionName="f", Description="other")
    assert (again["Version"], again["Description"]) == ("1", "")
    client.update_function_configuration(FunctionName="f", Timeout=9)
    assert client.publish_version(FunctionName="f")["Version"] == "2"


def test_an_asset_is_what_its_key_says_whatever_happens_to_its_folder(
    started: Start, functions: Functions, host: Callable[..., FunctionHost]
) -> None:
    made = functions.add("f", "def handler(event, context): ...")
    key = {"Code": {"S3Bucket": "assets", "S3Key": "0123.zip"}}
    functions.made = [replace(made, resource=replace(made.resource, properties=key))]
    client = started(functions=host()).client("lambda")
    deployed = client.get_function_configuration(FunctionName="f")["CodeSha256"]
    (functions.folder / "f" / "app.py").write_text("# written meanwhile")
    assert client.publish_version(FunctionName="f")["CodeSha256"] == deployed


def test_numbers_of_versions_are_never_used_again(client: Any) -> None:
    create(client, Publish=True)
    client.delete_function(FunctionName="f", Qualifier="1")
    assert refusal(client.invoke, FunctionName="f:1")[0] == "ResourceNotFoundException"
    assert client.publish_version(FunctionName="f")["Version"] == "2"


def test_code_comes_from_a_bucket(started: Start, lambda_host: FunctionHost) -> None:
    aws = started(functions=lambda_host)
    s3, client = aws.client("s3"), aws.client("lambda")
    s3.create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="code", Key="k", Body=answering("stored"))
    create(client, Code={"S3Bucket": "code", "S3Key": "k"})
    assert called(client)[0] == "stored"
    asked = {"FunctionName": "f", "S3Bucket": "code", "S3Key": "other"}
    code, _, message = refusal(client.update_function_code, **asked)
    assert code == "InvalidParameterValueException"
    assert message.startswith("Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error")


REFUSED_HERE: list[tuple[dict[str, Any], str]] = [
    (
        {"PackageType": "Image", "Runtime": None, "Handler": None, "Code": {"ImageUri": "1.dkr/a"}},
        "container images are not run here",
    ),
    ({"Runtime": "nodejs24.x"}, "functions of the runtime nodejs24.x are not run here"),
]


@pytest.mark.parametrize(("params", "reason"), REFUSED_HERE)
def test_what_does_not_run_here_is_kept_and_refused_when_called(
    client: Any, params: dict[str, Any], reason: str
) -> None:
    assert create(client, **params)["State"] == "Active"
    with pytest.raises(UnsupportedError, match=reason):
        client.invoke(FunctionName="f")


def test_an_image_is_described_by_its_address(client: Any) -> None:
    image = REFUSED_HERE[0][0]
    create(client, **image, ImageConfig={"Command": ["c"]})
    got = client.get_function(FunctionName="f")
    assert got["Code"] == {"RepositoryType": "ECR", "ImageUri": "1.dkr/a"}
    assert got["Configuration"]["ImageConfigResponse"] == {"ImageConfig": {"Command": ["c"]}}


def named(filename: str, mode: int = 0o644) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as opened:
        entry = zipfile.ZipInfo(filename)
        entry.external_attr = mode << 16
        opened.writestr(entry, "x")
    return data.getvalue()


REFUSED_ARCHIVES = [
    (b"no zip", "Could not unzip uploaded file. Please check your file, then try to upload again."),
    (archive()[:60], "Could not unzip uploaded file. Please check your file, then try to upload"),
    (named("../out"), "../out would be written outside of the function's folder"),
    (named("/etc/x"), "/etc/x would be written outside of the function's folder"),
    (named("link", 0o120777), "link is a symbolic link"),
]


@pytest.mark.parametrize(("data", "message"), REFUSED_ARCHIVES)
def test_an_archive_that_is_none_or_does_harm_is_refused(
    client: Any, data: bytes, message: str
) -> None:
    code, status, said = refusal(create, client, code=data)
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert message in said
    assert client.list_functions()["Functions"] == []


def test_an_empty_archive_is_refused(client: Any) -> None:
    data = io.BytesIO()
    zipfile.ZipFile(data, "w").close()
    said = refusal(create, client, code=data.getvalue())
    assert said[2] == "Uploaded file must be a non-empty zip"


def test_archives_over_the_limits_are_refused(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function_code, "LAMBDA_UNZIPPED_BYTES_MAX", 40)
    assert refusal(create, client)[::2] == (
        "InvalidParameterValueException",
        "Unzipped size must be smaller than 40 bytes",
    )
    monkeypatch.setattr(lambda_code, "LAMBDA_ZIPPED_BYTES_MAX", 100)
    assert refusal(create, client) == (
        "RequestEntityTooLargeException",
        413,
        "Request must be smaller than 69905067 bytes for the CreateFunction operation",
    )


def test_archives_are_unpacked_once_and_removed_at_the_end(
    client: Any, lambda_host: FunctionHost
) -> None:
    create(client)
    create(client, "g")
    folders = {lambda_host.find(name).code_folder for name in "fg"}
    assert len(folders) == 1
    [folder] = folders
    assert folder is not None
    assert (folder / "app.py").exists()
    lambda_host.close()
    assert not folder.parent.exists()


REFUSED_PARAMETERS = [
    (
        {"Timeout": 901},
        "ValidationException",
        (
            "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: "
            "Member must have value less than or equal to 900"
        ),
    ),
    (
        {"MemorySize": 64, "Runtime": "python9", "Role": "r"},
        "ValidationException",
        "3 validation errors detected: Value 'python9' at 'runtime' failed to satisfy constraint: ",
    ),
    (
        {"Architectures": []},
        "ValidationException",
        (
            "1 validation error detected: Value '[]' at 'architectures' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1"
        ),
    ),
    (
        {"Role": None},
        "ValidationException",
        (
            "1 validation error detected: Value null at 'role' failed to satisfy constraint: "
            "Member must not be null"
        ),
    ),
    (
        {"Handler": None},
        "InvalidParameterValueException",
        (
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        ),
    ),
    (
        {"Code": {}},
        "InvalidParameterValueException",
        "Please provide a source for function code.",
    ),
    (
        {"Environment": {"Variables": {"AWS_REGION": "x", "STAGE": "y"}}},
        "InvalidParameterValueException",
        "Reserved keys used in this request: AWS_REGION",
    ),
    (
        {"Environment": {"Variables": {"A": "x" * 4096}}},
        "InvalidParameterValueException",
        "exceeded the 4KB limit",
    ),
]


@pytest.mark.parametrize(("params", "code", "message"), REFUSED_PARAMETERS)
def test_parameters_are_refused_in_lambdas_words(
    started: Start, lambda_host: FunctionHost, params: dict[str, Any], code: str, message: str
) -> None:
    given = {
        "FunctionName": "f",
        "Runtime": "python3.14",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": archive()},
    }
    asked = {name: value for name, value in {**given, **params}.items() if value is not None}
    # As over HTTP: boto3 itself would refuse some of them.
    with pytest.raises(ApiError) as caught:
        started(functions=lambda_host).answer("lambda", "CreateFunction", asked)
    assert (caught.value.aws_code, caught.value.http_status) == (code, 400)
    assert message in caught.value.message


SIGNING = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:code-signing-config:csc-{'0' * 17}"


@pytest.mark.parametrize(
    "params", [{"DurableConfig": {"ExecutionTimeout": 60}}, {"CodeSigningConfigArn": SIGNING}]
)
def test_kinds_of_functions_that_are_not_simulated_are_refused_by_name(
    client: Any, params: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedError, match=next(iter(params))):
        create(client, **params)


def test_sources_of_code_that_are_not_simulated_are_refused_by_name(client: Any) -> None:
    with pytest.raises(UnsupportedError, match="SourceKMSKeyArn"):
        create(client, Code={"ZipFile": archive(), "SourceKMSKeyArn": "arn:aws:kms:::k"})


def test_names_are_taken_once(client: Any) -> None:
    create(client)
    assert refusal(create, client) == (
        "ResourceConflictException",
        409,
        "Function already exist: f",
    )


def test_a_change_may_name_the_revision_that_it_changes(client: Any) -> None:
    revision = create(client)["RevisionId"]
    change = {"FunctionName": "f", "RevisionId": revision, "Timeout": 4}
    client.update_function_configuration(**change)
    assert refusal(client.update_function_configuration, **change)[:2] == (
        "PreconditionFailedException",
        412,
    )
    wrong = refusal(client.publish_version, FunctionName="f", CodeSha256="other")
    assert wrong[0] == "InvalidParameterValueException"


def test_a_deleted_function_is_gone_with_its_versions(client: Any) -> None:
    create(client, Publish=True)
    client.delete_function(FunctionName="f")
    for name in ("f", "f:1"):
        assert refusal(client.invoke, FunctionName=name)[:2] == ("ResourceNotFoundException", 404)
    assert refusal(client.delete_function, FunctionName="f")[0] == "ResourceNotFoundException"
    assert create(client)["Version"] == "$LATEST"


DELETIONS = [
    ("$LATEST", "InvalidParameterValueException"),
    ("live", "InvalidParameterValueException"),
    ("1", "ResourceConflictException"),
    ("9", "ResourceNotFoundException"),
]


@pytest.mark.parametrize(("qualifier", "code"), DELETIONS)
def test_what_is_in_use_is_not_deleted(client: Any, qualifier: str, code: str) -> None:
    create(client, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert refusal(client.delete_function, FunctionName="f", Qualifier=qualifier)[0] == code


def test_lists_have_pages(client: Any) -> None:
    for name in "cab":
        create(client, name)
    first = client.list_functions(MaxItems=2)
    rest = client.list_functions(MaxItems=2, Marker=first["NextMarker"])
    assert [[one["FunctionName"] for one in page["Functions"]] for page in (first, rest)] == [
        ["a", "b"],
        ["c"],
    ]
    assert "NextMarker" not in rest
    assert refusal(client.list_functions, Marker="x")[0] == "InvalidParameterValueException"
    versions = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert versions[0]["FunctionArn"] == FUNCTION_ARN + "a:$LATEST"


def test_qualifiers_must_agree(client: Any) -> None:
    create(client, Publish=True)
    assert called(client, "f:1", Qualifier="1")[1] == "1"
    assert refusal(client.invoke, FunctionName="f:1", Qualifier="2")[0] == (
        "InvalidParameterValueException"
    )


def test_the_templates_functions_are_described_changed_and_published(
    started: Start, functions: Functions, host: Host
) -> None:
    functions.add("f", "def handler(event, context):\n    return 'template'", layers=("l",))
    template = resource(
        "AWS::Lambda::Function",
        "f",
        FUNCTION_ARN + "f",
        Role=ROLE,
        Description="told",
        ReservedConcurrentExecutions=5,
        Tags=[{"Key": "team", "Value": "orders"}],
    )
    functions.made[0] = replace(functions.made[0], resource=template)
    made = host(version("f", "1", Description="v"), alias("f", "live", "1"), version("other", "1"))
    client = started(functions=made).client("lambda")
    got = client.get_function(FunctionName="f", Qualifier="live")
    configuration = got["Configuration"]
    assert (configuration["Version"], configuration["Description"]) == ("1", "v")
    assert configuration["FunctionArn"] == FUNCTION_ARN + "f:live"
    assert configuration["Layers"] == [{"Arn": "l"}]
    assert configuration["LastModified"] == "2026-01-01T00:00:00.000+0000"
    assert got["Tags"] == {"team": "orders"}
    assert got["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert client.publish_version(FunctionName="f")["Version"] == "1"
    client.update_function_code(FunctionName="f", ZipFile=answering("api"))
    assert called(client, "f")[0] == "api"
    assert called(client, "f:live") == ("template", "1")
    assert client.publish_version(FunctionName="f")["Version"] == "2"


def test_the_hash_of_a_folder_follows_from_its_files(functions: Functions) -> None:
    folder = functions.add("f", "x = 1", files={"b/c.py": ""}).code_folder
    assert folder is not None
    code = Code(folder)
    before = function_code.measured(code)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("")
    assert function_code.measured(code) == before
    Path(folder, "b", "c.py").write_text("y")
    assert function_code.measured(code)[0] != before[0]
    assert before[1] == len("x = 1")
