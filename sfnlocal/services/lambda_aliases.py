"""The Lambda API's aliases, with their shares of a second version.

https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import LATEST, Alias, DeployedFunction, FunctionRegistry
from sfnlocal.services.lambda_functions import Operation, Params, check_revision
from sfnlocal.services.lambda_paging import page


class AliasOperations:
    def __init__(self, registry: FunctionRegistry) -> None:
        self._registry = registry
        self.operations: dict[str, Operation] = {
            "CreateAlias": self._create,
            "DeleteAlias": self._delete,
            "GetAlias": self._get,
            "ListAliases": self._list,
            "UpdateAlias": self._update,
        }

    def _create(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            deployed, name = self._registry.get(params["FunctionName"]), params["Name"]
            if name in deployed.aliases:
                message = f"Alias already exists: {deployed.arn}:{name}"
                raise ApiError("ResourceConflictException", message, 409)
            alias = Alias(
                name=name,
                version=params["FunctionVersion"],
                revision_id=self._registry.new_revision(),
                weights=_weights(params),
                description=params.get("Description") or "",
            )
            self._check(deployed, alias)
            deployed.aliases[name] = alias
            deployed.refused.pop(name, None)
            return _described(deployed, alias)

    def _update(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            deployed, alias = self._alias(params)
            check_revision(params, alias.revision_id)
            description = params.get("Description")
            changed = replace(
                alias,
                version=params.get("FunctionVersion") or alias.version,
                weights=_weights(params) if "RoutingConfig" in params else alias.weights,
                description=alias.description if description is None else description,
                revision_id=self._registry.new_revision(),
            )
            self._check(deployed, changed)
            deployed.aliases[alias.name] = changed
            return _described(deployed, changed)

    def _get(self, params: Params) -> dict[str, Json]:
        return _described(*self._alias(params))

    def _delete(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            self._registry.get(params["FunctionName"]).aliases.pop(params["Name"], None)
        return {}

    def _list(self, params: Params) -> dict[str, Json]:
        deployed, number = self._registry.get(params["FunctionName"]), params.get("FunctionVersion")
        aliases = [
            _described(deployed, deployed.aliases[name])
            for name in sorted(deployed.aliases)
            if number in (None, deployed.aliases[name].version)
        ]
        return page("Aliases", aliases, params)

    def _alias(self, params: Params) -> tuple[DeployedFunction, Alias]:
        name = params["Name"]
        deployed = self._registry.get(params["FunctionName"])
        if name not in deployed.aliases:
            message = f"Cannot find alias arn: {deployed.arn}:{name}"
            raise ApiError("ResourceNotFoundException", message, 404)
        return deployed, deployed.aliases[name]

    def _check(self, deployed: DeployedFunction, alias: Alias) -> None:
        """Every version exists, and at most one other takes a share."""
        for number in (alias.version, *alias.weights):
            if deployed.version(number) is None:
                raise self._registry.not_found(deployed.arn, number)
        if len(alias.weights) > 1:
            raise _refusal("Number of items in AdditionalVersionWeights cannot be greater than 1")
        if alias.weights and LATEST in (alias.version, *alias.weights):
            raise _refusal("$LATEST is not supported for an alias pointing to more than 1 version")
        for number, weight in alias.weights.items():
            if number == alias.version:
                raise _refusal(
                    f"Invalid function version {number}. Function version {number} is already "
                    "included in routing configuration."
                )
            if not 0 <= weight <= 1:
                raise _refusal("The weight of a version must be a number from 0.0 to 1.0.")


def _weights(params: Params) -> Mapping[str, float]:
    weights: dict[str, float] = (params.get("RoutingConfig") or {}).get(
        "AdditionalVersionWeights"
    ) or {}
    return dict(weights)


def _described(deployed: DeployedFunction, alias: Alias) -> dict[str, Json]:
    described: dict[str, Json] = {
        "AliasArn": f"{deployed.arn}:{alias.name}",
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision_id,
    }
    if alias.weights:
        described["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return described


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
