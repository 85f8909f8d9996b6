"""A function's configuration: from the API's parameters to what runs, and to the API's answers.

https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.limits import LAMBDA_ENVIRONMENT_BYTES_MAX
from sfnlocal.ports import Json
from sfnlocal.services.function_code import measured
from sfnlocal.services.function_registry import Code, DeployedFunction, Version
from sfnlocal.template.resources import Function

_DEFAULTS: Mapping[str, Json] = {
    "Architectures": ["x86_64"],
    "Description": "",
    "EphemeralStorage": {"Size": 512},
    "MemorySize": 128,
    "PackageType": "Zip",
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
}
# Kept as they are, and answered as they are.
_SETTINGS = frozenset(
    {
        *_DEFAULTS,
        "DeadLetterConfig",
        "Environment",
        "FileSystemConfigs",
        "Handler",
        "ImageConfig",
        "KMSKeyArn",
        "Layers",
        "LoggingConfig",
        "Role",
        "Runtime",
        "SnapStart",
        "VpcConfig",
    }
)
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
_RESERVED = frozenset(
    {
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
    }
)
_ENVIRONMENT_REFUSED = (
    "Lambda was unable to configure your environment variables because the environment variables "
    "you have provided "
)


def new_settings(params: Mapping[str, Json], others: frozenset[str]) -> dict[str, Json]:
    """The settings of a function that is created; `others` are parameters that are none."""
    settings = changed_settings(_DEFAULTS, params, others)
    zipped = settings["PackageType"] == "Zip"
    if zipped and not (settings.get("Runtime") and settings.get("Handler")):
        message = (
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )
        raise ApiError("InvalidParameterValueException", message)
    return settings


def changed_settings(
    settings: Mapping[str, Json], params: Mapping[str, Json], others: frozenset[str]
) -> dict[str, Json]:
    """Raises UnsupportedError for parameters that are neither settings nor `others`."""
    unknown = sorted(params.keys() - _SETTINGS - others)
    if unknown:
        raise UnsupportedError(f"functions with {', '.join(unknown)} are not simulated")
    _check_environment((params.get("Environment") or {}).get("Variables") or {})
    changed = {**settings, **{name: params[name] for name in params if name in _SETTINGS}}
    if not (changed.get("Environment") or {}).get("Variables"):
        changed.pop("Environment", None)
    return {name: value for name, value in changed.items() if value not in (None, [])}


def _check_environment(variables: Mapping[str, str]) -> None:
    reserved = sorted(variables.keys() & _RESERVED)
    if reserved:
        raise ApiError(
            "InvalidParameterValueException",
            f"{_ENVIRONMENT_REFUSED}contains reserved keys that are currently not supported for "
            f"modification. Reserved keys used in this request: {', '.join(reserved)}",
        )
    text = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > LAMBDA_ENVIRONMENT_BYTES_MAX:
        limit = f"exceeded the 4KB limit. String measured: {text}"
        raise ApiError("InvalidParameterValueException", _ENVIRONMENT_REFUSED + limit)


def runnable(function: Function, settings: Mapping[str, Json], code: Code) -> Function:
    """`function`, with settings and code as they are now."""
    runtime = settings.get("Runtime", "")
    refusal = code.refusal
    if settings["PackageType"] == "Image":
        refusal = "container images are not run here"
    elif not runtime.startswith("python"):
        refusal = f"functions of the runtime {runtime} are not run here, only Python"
    layers = tuple(settings.get("Layers", ()))
    return replace(
        function,
        handler=settings.get("Handler", ""),
        runtime=runtime,
        code_folder=None if refusal else code.folder,
        environment=dict(settings.get("Environment", {}).get("Variables", {})),
        timeout_seconds=settings["Timeout"],
        memory_mb=settings["MemorySize"],
        layers=layers,
        layer_folders=function.layer_folders if layers == function.layers else (),
        refusal=refusal,
    )


def configuration(
    deployed: DeployedFunction, version: Version, deployed_ms: int, qualifier: str | None = None
) -> dict[str, Json]:
    """`deployed_ms` is when the template's functions were deployed."""
    settings = {**_DEFAULTS, **version.settings}
    sha256, size_bytes = measured(version.code)
    answer: dict[str, Json] = {
        **settings,
        "FunctionName": deployed.name,
        "FunctionArn": f"{deployed.arn}:{qualifier}" if qualifier else deployed.arn,
        "CodeSha256": sha256,
        "CodeSize": size_bytes,
        "LastModified": _date(version.modified_ms or deployed_ms),
        "Version": version.number,
        "RevisionId": version.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "LoggingConfig": {
            "LogFormat": "Text",
            "LogGroup": f"/aws/lambda/{deployed.name}",
            **settings.get("LoggingConfig", {}),
        },
        "SnapStart": {"ApplyOn": "None", **settings.get("SnapStart", {})},
    }
    answer["SnapStart"]["OptimizationStatus"] = "Off"
    if "Layers" in answer:
        answer["Layers"] = [{"Arn": arn} for arn in answer["Layers"]]
    if "ImageConfig" in answer:
        answer["ImageConfigResponse"] = {"ImageConfig": answer.pop("ImageConfig")}
    return answer


def _date(now_ms: int) -> str:
    date = datetime.fromtimestamp(now_ms / 1000, UTC)
    return f"{date:%Y-%m-%dT%H:%M:%S}.{now_ms % 1000:03d}+0000"
