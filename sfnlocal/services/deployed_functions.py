"""The registry's first content: functions, versions and aliases of the template."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

from sfnlocal.arns import Arn
from sfnlocal.errors import SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import (
    Alias,
    Code,
    DeployedFunction,
    FunctionRegistry,
    Version,
)
from sfnlocal.template.resources import App, Function, Resource

# Configuration that the template names as the API does.
_SAME_NAMES = (
    "Architectures",
    "DeadLetterConfig",
    "Description",
    "EphemeralStorage",
    "FileSystemConfigs",
    "ImageConfig",
    "LoggingConfig",
    "Role",
    "SnapStart",
    "TracingConfig",
    "VpcConfig",
)


def deployed_functions(app: App, *, seed: int) -> FunctionRegistry:
    return app.derived(_deployed_functions, seed).copied()


def _deployed_functions(app: App, seed: int) -> FunctionRegistry:
    home = Arn(app.partition, "lambda", app.region, app.account, "")
    registry = FunctionRegistry(home, seed=seed)
    by_arn = {function.arn: _deployed(function, registry) for function in app.functions}
    for deployed in by_arn.values():
        registry.add(deployed)
    for resource in app.of_type("AWS::Lambda::Version"):
        arn, _, number = resource.arn.rpartition(":")
        if arn in by_arn:
            _add_version(by_arn[arn], number, resource, registry)
    for resource in app.of_type("AWS::Lambda::Alias"):
        arn, _, name = resource.arn.rpartition(":")
        if arn in by_arn:
            _add_alias(by_arn[arn], name, resource, registry)
    return registry


def _deployed(function: Function, registry: FunctionRegistry) -> DeployedFunction:
    properties = _Known(function.resource)
    settings = {name: properties[name] for name in _SAME_NAMES if properties[name] is not None}
    settings |= {
        "Handler": function.handler,
        "Runtime": function.runtime,
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mb,
        "PackageType": properties["PackageType"] or "Zip",
    }
    if function.environment:
        settings["Environment"] = {"Variables": dict(function.environment)}
    if function.layers:
        settings["Layers"] = list(function.layers)
    where = properties["Code"]
    # Before `aws cloudformation package`, a template has a folder's path here.
    image = where.get("ImageUri", "") if isinstance(where, dict) else ""
    code = Code(
        function.code_folder, function.refusal, sha256=_asset_hash(where), image_uri=str(image)
    )
    reserved = properties["ReservedConcurrentExecutions"]
    return DeployedFunction(
        name=function.name,
        arn=function.arn,
        latest=Version(function, "$LATEST", settings, code, registry.new_revision()),
        tags={tag["Key"]: tag["Value"] for tag in properties["Tags"] or ()},
        reserved_concurrency=None if reserved is None else int(reserved),
    )


def _asset_hash(where: Json) -> str:
    """An asset's key follows from its content; the folder that it was made of may be a whole
    project, with more in it than was packed, and changes under the hands of whoever works there."""
    key = where.get("S3Key") if isinstance(where, dict) else None
    if not isinstance(key, str):
        return ""
    return base64.b64encode(hashlib.sha256(key.encode()).digest()).decode()


def _add_version(
    deployed: DeployedFunction, number: str, resource: Resource, registry: FunctionRegistry
) -> None:
    settings = dict(deployed.latest.settings)
    description = _Known(resource)["Description"]
    if description is not None:
        settings["Description"] = description
    deployed.versions[number] = replace(
        deployed.latest, number=number, settings=settings, revision_id=registry.new_revision()
    )
    deployed.versions_made = max(deployed.versions_made, int(number))
    deployed.published = deployed.latest


def _add_alias(
    deployed: DeployedFunction, name: str, resource: Resource, registry: FunctionRegistry
) -> None:
    properties = resource.properties
    try:
        routing = properties.get("RoutingConfig", {}).get("AdditionalVersionWeights", [])
        deployed.aliases[name] = Alias(
            name=name,
            version=str(properties["FunctionVersion"]),
            revision_id=registry.new_revision(),
            weights={
                str(route["FunctionVersion"]): float(route["FunctionWeight"]) for route in routing
            },
            description=str(properties.get("Description", "")),
        )
    except SfnLocalError as error:
        deployed.refused[name] = error


class _Known:
    """Properties; None where one is not set, or only AWS knows it."""

    def __init__(self, resource: Resource) -> None:
        self._properties = resource.properties

    def __getitem__(self, name: str) -> Json:
        try:
            return self._properties.get(name)
        except SfnLocalError:
            return None
