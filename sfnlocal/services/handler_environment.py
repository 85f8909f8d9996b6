"""What a function's execution environment gives its code: variables, and folders to import from.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
from pathlib import Path

from sfnlocal.arns import parse_arn
from sfnlocal.template.resources import Function


def code_folder(function: Function) -> Path:
    assert function.code_folder is not None
    return function.code_folder.resolve()


def import_folders(function: Function) -> list[Path]:
    """Where the function's own modules are: its code, then the `python` folders of its layers."""
    layers = [folder.resolve() / "python" for folder in function.layer_folders]
    return [code_folder(function), *(folder for folder in layers if folder.is_dir())]


def function_environment(function: Function, version: str) -> dict[str, str]:
    """What `os.environ` holds while a version of the function runs."""
    region = parse_arn(function.arn).region
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(code_folder(function)),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"local/[{version}]{function.name}",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        **function.environment,
    }
