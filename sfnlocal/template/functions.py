"""Lambda functions of a stack: where their code is on this machine, and how they are configured.

A function that cannot run here is no error, since perhaps nobody calls it: its `refusal` says why.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-function.html
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sfnlocal.errors import HandlerError, SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.template.archives import CodeFolders
from sfnlocal.template.assembly import StackSource
from sfnlocal.template.cloudformation import Stack
from sfnlocal.template.intrinsic_functions import text_of
from sfnlocal.template.properties import known_text
from sfnlocal.template.resources import Function, Resource

# https://docs.aws.amazon.com/lambda/latest/dg/API_CreateFunction.html
_TIMEOUT_SECONDS_DEFAULT = 3
_MEMORY_MB_DEFAULT = 128


def function(
    stack: Stack,
    resource: Resource,
    folders: CodeFolders,
    layer_folder: Callable[[str], Path | None],
) -> Function:
    """`layer_folder` finds the code of the app's own layers by ARN."""
    properties = resource.properties
    name = stack.name_of(resource.logical_id)
    try:
        layers = tuple(map(str, properties.get("Layers", ())))
        return Function(
            resource=resource,
            name=name,
            arn=resource.arn,
            handler=str(properties.get("Handler", "")),
            runtime=str(properties.get("Runtime", "")),
            code_folder=_code_folder(stack.source, resource, folders),
            environment=_environment(resource),
            timeout_seconds=_number(resource, "Timeout", _TIMEOUT_SECONDS_DEFAULT),
            memory_mb=_number(resource, "MemorySize", _MEMORY_MB_DEFAULT),
            layers=layers,
            layer_folders=tuple(filter(None, map(layer_folder, layers))),
        )
    except SfnLocalError as error:
        return Function(
            resource=resource,
            name=name,
            arn=resource.arn,
            handler=known_text(properties, "Handler"),
            runtime=known_text(properties, "Runtime"),
            code_folder=None,
            environment={},
            timeout_seconds=_TIMEOUT_SECONDS_DEFAULT,
            memory_mb=_MEMORY_MB_DEFAULT,
            refusal=str(error),
        )


def asset_folder(source: StackSource, content: Json, folders: CodeFolders, where: str) -> Path:
    """The folder of a function's Code or a layer's Content. Raises HandlerError."""
    path: Path | None
    if isinstance(content, str):
        path = (source.file.parent / content).resolve()
    elif not isinstance(content, dict):
        raise HandlerError("it has no code", where=where)
    else:
        bucket, key = content.get("S3Bucket"), str(content.get("S3Key"))
        asset = source.find_asset(key)
        if asset is None:
            raise HandlerError(
                f"its code is in s3://{bucket}/{key}, not on this machine", where=where
            )
        path = asset.path
    if path is None:
        raise HandlerError("a command makes its code when the app is deployed", where=where)
    if path.is_dir():
        return path
    if path.is_file():
        return folders.unpacked(path, where)
    raise HandlerError(
        f"its code is missing: {path}", where=where, hint="synthesize the app again: `cdk synth`"
    )


def _code_folder(source: StackSource, resource: Resource, folders: CodeFolders) -> Path:
    properties = resource.properties
    if properties.get("PackageType", "Zip") == "Image":
        raise HandlerError("container images are not run here", where=resource.where)
    runtime = str(properties.get("Runtime", ""))
    if not runtime.startswith("python"):
        raise HandlerError(
            f"functions of the runtime {runtime or '(none)'} are not run here, only Python",
            where=resource.where,
        )
    code = properties.get("Code")
    where = f"{resource.where}/Properties/Code"
    if isinstance(code, dict) and "ZipFile" in code:
        return folders.inline(text_of(code["ZipFile"], where))
    return asset_folder(source, code, folders, where)


def _number(resource: Resource, name: str, default: int) -> int:
    value = resource.properties.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError):
        where = f"{resource.where}/Properties/{name}"
        raise HandlerError(f"not a number: {value!r}", where=where) from None


def _environment(resource: Resource) -> dict[str, str]:
    where = f"{resource.where}/Properties/Environment/Variables"
    environment = resource.properties.get("Environment", {})
    variables = environment.get("Variables", {}) if isinstance(environment, dict) else None
    if not isinstance(variables, dict):
        raise HandlerError("its environment has no variables", where=where)
    return {name: text_of(value, f"{where}/{name}") for name, value in variables.items()}
