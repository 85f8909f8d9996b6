"""How a function's asynchronous invocations are tried again and where their records go: what the
template and the Lambda API say of it, per version and alias.

https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sfnlocal.arns import parse_arn
from sfnlocal.errors import ApiError, InputError, NeedsAwsError
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import (
    LATEST,
    EventInvokeConfig,
    FunctionRegistry,
    Target,
    parse_name,
)
from sfnlocal.services.lambda_functions import Operation, Params
from sfnlocal.services.lambda_paging import page
from sfnlocal.template.resources import App, Resource

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
RETRIES_MAX = 2
AGE_SECONDS_MIN, AGE_SECONDS_MAX = 60, 21_600

_TYPE = "AWS::Lambda::EventInvokeConfig"
_DEFAULT = EventInvokeConfig()
_DESTINATIONS = frozenset({"sqs", "sns", "lambda", "events", "s3"})


class EventInvokeConfigs:
    """The operations on them."""

    def __init__(self, registry: FunctionRegistry, now_ms: Callable[[], int]) -> None:
        self._registry = registry
        self._now_ms = now_ms
        self.operations: dict[str, Operation] = {
            "DeleteFunctionEventInvokeConfig": self._delete,
            "GetFunctionEventInvokeConfig": self._get,
            "ListFunctionEventInvokeConfigs": self._list,
            "PutFunctionEventInvokeConfig": self._put,
            "UpdateFunctionEventInvokeConfig": self._update,
        }

    def of(self, target: Target) -> EventInvokeConfig:
        """What holds for an invocation of exactly this function, version or alias."""
        return target.deployed.event_invoke_configs.get(_qualifier(target), _DEFAULT)

    def load(self, app: App) -> None:
        """Those of the template. Raises InputError for what AWS refuses."""
        for resource in app.of_type(_TYPE):
            try:
                self._load(resource)
            except ApiError as error:
                raise InputError(
                    f"AWS refuses the configuration: {error.message}",
                    where=resource.where,
                    hint="correct its properties in the template",
                ) from None
            except NeedsAwsError:
                continue  # the app's problems name it

    def _load(self, resource: Resource) -> None:
        properties = resource.properties
        target = self._registry.locate(properties["FunctionName"], properties.get("Qualifier"))
        self._store(target, _changed(_DEFAULT, properties))

    def _store(self, target: Target, config: EventInvokeConfig) -> dict[str, Json]:
        _check(config, target)
        configs = target.deployed.event_invoke_configs
        configs[_qualifier(target)] = replace(config, modified_ms=self._now_ms())
        return self._described(target)

    # Operations

    def _target(self, params: Params) -> Target:
        return self._registry.locate(params["FunctionName"], params.get("Qualifier"))

    def _put(self, params: Params) -> dict[str, Json]:
        return self._store(self._target(params), _changed(_DEFAULT, params))

    def _update(self, params: Params) -> dict[str, Json]:
        target = self._known(params)
        return self._store(target, _changed(self.of(target), params))

    def _get(self, params: Params) -> dict[str, Json]:
        return self._described(self._known(params))

    def _delete(self, params: Params) -> dict[str, Json]:
        target = self._known(params)
        del target.deployed.event_invoke_configs[_qualifier(target)]
        return {}

    def _list(self, params: Params) -> dict[str, Json]:
        deployed = self._registry.get(params["FunctionName"])
        qualifiers = sorted(deployed.event_invoke_configs)
        targets = [self._registry.locate(deployed.name, qualifier) for qualifier in qualifiers]
        return page("FunctionEventInvokeConfigs", [self._described(one) for one in targets], params)

    def _known(self, params: Params) -> Target:
        target = self._target(params)
        if _qualifier(target) not in target.deployed.event_invoke_configs:
            message = f"The function {_qualified_arn(target)} doesn't have an EventInvokeConfig"
            raise ApiError("ResourceNotFoundException", message, 404)
        return target

    def _described(self, target: Target) -> dict[str, Json]:
        config = self.of(target)
        described: dict[str, Json] = {
            "LastModified": config.modified_ms / 1000,
            "FunctionArn": _qualified_arn(target),
            "DestinationConfig": {
                "OnSuccess": _destination(config.on_success),
                "OnFailure": _destination(config.on_failure),
            },
        }
        if config.retries_max is not None:
            described["MaximumRetryAttempts"] = config.retries_max
        if config.age_seconds_max is not None:
            described["MaximumEventAgeInSeconds"] = config.age_seconds_max
        return described


def _qualifier(target: Target) -> str:
    return parse_name(target.arn).qualifier or LATEST


def _qualified_arn(target: Target) -> str:
    return f"{target.deployed.arn}:{_qualifier(target)}"


def _destination(arn: str) -> dict[str, Json]:
    return {"Destination": arn} if arn else {}


def _changed(config: EventInvokeConfig, given: Mapping[str, Json]) -> EventInvokeConfig:
    """With what is given, from parameters or a template's properties."""
    changes: dict[str, Json] = {}
    if given.get("MaximumRetryAttempts") is not None:
        changes["retries_max"] = int(given["MaximumRetryAttempts"])
    if given.get("MaximumEventAgeInSeconds") is not None:
        changes["age_seconds_max"] = int(given["MaximumEventAgeInSeconds"])
    destinations = given.get("DestinationConfig") or {}
    for name, field in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
        if name in destinations:
            changes[field] = (destinations[name] or {}).get("Destination") or ""
    return replace(config, **changes)


def _check(config: EventInvokeConfig, target: Target) -> None:
    if config.retries_max is not None:
        _check_range("MaximumRetryAttempts", config.retries_max, 0, RETRIES_MAX)
    if config.age_seconds_max is not None:
        age_seconds = config.age_seconds_max
        _check_range("MaximumEventAgeInSeconds", age_seconds, AGE_SECONDS_MIN, AGE_SECONDS_MAX)
    for name, arn in (("OnSuccess", config.on_success), ("OnFailure", config.on_failure)):
        _check_destination(name, arn, target)


def _check_destination(name: str, arn: str, target: Target) -> None:
    if not arn:
        return
    try:
        service = parse_arn(arn).service
    except ValueError:
        service = ""
    supported = _DESTINATIONS if name == "OnFailure" else _DESTINATIONS - {"s3"}
    if service not in supported:
        raise _refusal(
            f"The provided destination config DestinationConfig.{name} is invalid: {arn}"
        )
    if arn in (target.deployed.arn, target.arn):
        raise _refusal("You can't specify the function as a destination for itself.")


def _check_range(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise _refusal(f"{name} is {value}, it must be from {lowest} to {highest}")


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)
