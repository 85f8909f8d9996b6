"""The Lambda API's functions and versions: created, changed, published, listed, deleted.

A function is active at once. https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias

from sfnlocal.errors import ApiError
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import (
    LATEST,
    Code,
    DeployedFunction,
    FunctionRegistry,
    Version,
    parse_name,
)
from sfnlocal.services.lambda_code import CODE_MEMBERS, CodeSource
from sfnlocal.services.lambda_configuration import (
    changed_settings,
    configuration,
    new_settings,
    runnable,
)
from sfnlocal.services.lambda_paging import page
from sfnlocal.template.resources import Function, Resource

Params: TypeAlias = Mapping[str, Json]
Operation: TypeAlias = Callable[[Params], dict[str, Json]]

_CREATED_WITH = frozenset({"FunctionName", "Code", "Publish", "Tags"})
_CONFIGURED_WITH = frozenset({"FunctionName", "RevisionId"})
_CODE_CHANGED_WITH = CODE_MEMBERS | {"FunctionName", "Publish", "DryRun", "RevisionId"}
# https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
_NOT_LISTED = ("State", "LastUpdateStatus")


class FunctionOperations:
    def __init__(
        self, registry: FunctionRegistry, code: CodeSource, now_ms: Callable[[], int]
    ) -> None:
        self._registry = registry
        self._code = code
        self._now_ms = now_ms
        self._deployed_ms = now_ms()
        self.operations: dict[str, Operation] = {
            "CreateFunction": self._create,
            "DeleteFunction": self._delete,
            "GetFunction": self._get,
            "GetFunctionConfiguration": self._get_configuration,
            "ListFunctions": self._list,
            "ListVersionsByFunction": self._list_versions,
            "PublishVersion": self._publish_version,
            "UpdateFunctionCode": self._update_code,
            "UpdateFunctionConfiguration": self._update_configuration,
        }

    def _create(self, params: Params) -> dict[str, Json]:
        name = parse_name(params["FunctionName"]).name
        settings = new_settings(params, _CREATED_WITH)
        code = self._code.read(params["Code"], "CreateFunction")
        with self._registry.lock:
            if self._registry.find(name) is not None:
                message = f"Function already exist: {name}"
                raise ApiError("ResourceConflictException", message, 409)
            function = runnable(_new_function(name, self._registry.arn_of(name)), settings, code)
            latest = Version(
                function, LATEST, settings, code, self._registry.new_revision(), self._now_ms()
            )
            deployed = DeployedFunction(name, function.arn, latest)
            deployed.tags.update(params.get("Tags") or {})
            self._registry.add(deployed)
            return self._changed(deployed, params)

    def _changed(self, deployed: DeployedFunction, params: Params) -> dict[str, Json]:
        """The answer to a change: $LATEST, or the version that the request publishes."""
        if params.get("Publish"):
            return self._describe(deployed, self._publish(deployed, {}))
        return self._describe(deployed, deployed.latest)

    def _describe(self, deployed: DeployedFunction, version: Version) -> dict[str, Json]:
        qualifier = None if version.number == LATEST else version.number
        return configuration(deployed, version, self._deployed_ms, qualifier)

    def _get_configuration(self, params: Params) -> dict[str, Json]:
        deployed, version, arn = self._registry.locate(
            params["FunctionName"], params.get("Qualifier")
        )
        return configuration(
            deployed, version, self._deployed_ms, parse_name(arn).qualifier or None
        )

    def _get(self, params: Params) -> dict[str, Json]:
        deployed, version, _ = self._registry.locate(
            params["FunctionName"], params.get("Qualifier")
        )
        code = version.code
        answer: dict[str, Json] = {"Configuration": self._get_configuration(params)}
        if code.image_uri:
            answer["Code"] = {"RepositoryType": "ECR", "ImageUri": code.image_uri}
        elif code.folder is not None:
            # AWS gives an address in its own bucket.
            answer["Code"] = {"Location": code.folder.resolve().as_uri()}
        if deployed.tags:
            answer["Tags"] = dict(deployed.tags)
        if deployed.reserved_concurrency is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": deployed.reserved_concurrency}
        return answer

    def _update_configuration(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            deployed = self._registry.get(params["FunctionName"])
            check_revision(params, deployed.latest.revision_id)
            settings = changed_settings(deployed.latest.settings, params, _CONFIGURED_WITH)
            self._replace_latest(deployed, settings, deployed.latest.code)
            return self._describe(deployed, deployed.latest)

    def _update_code(self, params: Params) -> dict[str, Json]:
        deployed = self._registry.get(params["FunctionName"])
        source = {name: params[name] for name in CODE_MEMBERS if name in params}
        code = self._code.read(source, "UpdateFunctionCode")
        with self._registry.lock:
            check_revision(params, deployed.latest.revision_id)
            settings = changed_settings(deployed.latest.settings, params, _CODE_CHANGED_WITH)
            if params.get("DryRun"):
                would_be = replace(deployed.latest, code=code, settings=settings)
                return self._describe(deployed, would_be)
            self._replace_latest(deployed, settings, code)
            return self._changed(deployed, params)

    def _replace_latest(
        self, deployed: DeployedFunction, settings: Mapping[str, Json], code: Code
    ) -> None:
        deployed.latest = Version(
            runnable(deployed.latest.function, settings, code),
            LATEST,
            settings,
            code,
            self._registry.new_revision(),
            self._now_ms(),
        )

    def _publish_version(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            deployed = self._registry.get(params["FunctionName"])
            check_revision(params, deployed.latest.revision_id)
            current = self._describe(deployed, deployed.latest)["CodeSha256"]
            wanted = params.get("CodeSha256")
            if wanted and wanted != current:
                raise ApiError(
                    "InvalidParameterValueException",
                    f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST "
                    f"({current}). Please try again with the CodeSHA256 in $LATEST.",
                )
            return self._describe(deployed, self._publish(deployed, params))

    def _publish(self, deployed: DeployedFunction, params: Params) -> Version:
        """A version like $LATEST: the one that was made last where nothing has changed since."""
        latest, published = deployed.latest, deployed.published
        number = str(deployed.versions_made)
        unchanged = published is not None and (
            (published.settings, published.code) == (latest.settings, latest.code)
        )
        if unchanged and number in deployed.versions:
            return deployed.versions[number]
        deployed.versions_made += 1
        settings = dict(latest.settings)
        if params.get("Description"):
            settings["Description"] = params["Description"]
        version = replace(
            latest,
            number=str(deployed.versions_made),
            settings=settings,
            revision_id=self._registry.new_revision(),
            modified_ms=self._now_ms(),
        )
        deployed.versions[version.number] = version
        deployed.published = latest
        return version

    def _delete(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            name, qualifier = params["FunctionName"], params.get("Qualifier")
            deployed = self._registry.get(name, qualifier)
            number = parse_name(name).qualifier or qualifier
            if not number:
                self._registry.remove(deployed.name)
                return {}
            refusal = _deletion_refusal(deployed, number)
            if refusal is not None:
                raise refusal
            if number not in deployed.versions:
                raise self._registry.not_found(name, qualifier)
            del deployed.versions[number]
        return {}

    def _list(self, params: Params) -> dict[str, Json]:
        described = []
        for deployed in self._registry:
            if params.get("FunctionVersion") == "ALL":
                described += self._versions_of(deployed)
            else:
                described.append(self._describe(deployed, deployed.latest))
        return page("Functions", [_listed(one) for one in described], params)

    def _list_versions(self, params: Params) -> dict[str, Json]:
        deployed = self._registry.get(params["FunctionName"])
        versions = [_listed(one) for one in self._versions_of(deployed)]
        return page("Versions", versions, params)

    def _versions_of(self, deployed: DeployedFunction) -> list[dict[str, Json]]:
        return [
            configuration(deployed, version, self._deployed_ms, version.number)
            for version in deployed.all_versions()
        ]


def check_revision(params: Params, current: str) -> None:
    wanted = params.get("RevisionId")
    if wanted and wanted != current:
        message = (
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id"
        )
        raise ApiError("PreconditionFailedException", message, 412)


def _deletion_refusal(deployed: DeployedFunction, number: str) -> ApiError | None:
    if number == LATEST:
        message = "$LATEST version cannot be deleted without deleting the function."
        return ApiError("InvalidParameterValueException", message)
    if number in deployed.aliases:
        message = "Deletion of aliases is not currently supported."
        return ApiError("InvalidParameterValueException", message)
    used_by = [
        alias.name
        for alias in deployed.aliases.values()
        if number == alias.version or number in alias.weights
    ]
    if used_by:
        message = f"Version {number} is in use by the aliases {', '.join(used_by)}."
        return ApiError("ResourceConflictException", message, 409)
    return None


def _listed(described: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in described.items() if name not in _NOT_LISTED}


def _new_function(name: str, arn: str) -> Function:
    """Its configuration is set by `runnable`."""
    resource = Resource(
        stack="",
        logical_id=name,
        type="AWS::Lambda::Function",
        path=name,
        name=name,
        arn=arn,
        properties={},
        where=f"lambda:CreateFunction {name}",
    )
    return Function(
        resource=resource,
        name=name,
        arn=arn,
        handler="",
        runtime="",
        code_folder=None,
        environment={},
        timeout_seconds=0,
        memory_mb=0,
    )
