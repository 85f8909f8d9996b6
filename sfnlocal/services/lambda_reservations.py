"""The Lambda API's reserved concurrency and tags: what is set on a function without changing it.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from sfnlocal.errors import ApiError, UnsupportedError
from sfnlocal.limits import LAMBDA_CONCURRENCY_MAX, LAMBDA_UNRESERVED_CONCURRENCY_MIN
from sfnlocal.ports import Json
from sfnlocal.services.function_registry import DeployedFunction, FunctionRegistry, parse_name
from sfnlocal.services.lambda_functions import Operation, Params


class ReservationOperations:
    def __init__(self, registry: FunctionRegistry) -> None:
        self._registry = registry
        self.operations: dict[str, Operation] = {
            "DeleteFunctionConcurrency": self._release,
            "GetFunctionConcurrency": self._get,
            "ListTags": self._list_tags,
            "PutFunctionConcurrency": self._reserve,
            "TagResource": self._tag,
            "UntagResource": self._untag,
        }

    def _reserve(self, params: Params) -> dict[str, Json]:
        with self._registry.lock:
            deployed = self._registry.get(params["FunctionName"])
            reserved = params["ReservedConcurrentExecutions"]
            others = sum(
                other.reserved_concurrency or 0 for other in self._registry if other is not deployed
            )
            unreserved = LAMBDA_CONCURRENCY_MAX - others - reserved
            if unreserved < LAMBDA_UNRESERVED_CONCURRENCY_MIN:
                raise ApiError(
                    "InvalidParameterValueException",
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    "UnreservedConcurrentExecution below its minimum value of "
                    f"[{LAMBDA_UNRESERVED_CONCURRENCY_MIN}].",
                )
            deployed.reserved_concurrency = reserved
            return {"ReservedConcurrentExecutions": reserved}

    def _get(self, params: Params) -> dict[str, Json]:
        reserved = self._registry.get(params["FunctionName"]).reserved_concurrency
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def _release(self, params: Params) -> dict[str, Json]:
        self._registry.get(params["FunctionName"]).reserved_concurrency = None
        return {}

    def _tag(self, params: Params) -> dict[str, Json]:
        self._tagged(params).tags.update(params["Tags"])
        return {}

    def _untag(self, params: Params) -> dict[str, Json]:
        tags = self._tagged(params).tags
        for key in params["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _list_tags(self, params: Params) -> dict[str, Json]:
        return {"Tags": dict(self._tagged(params).tags)}

    def _tagged(self, params: Params) -> DeployedFunction:
        arn = params["Resource"]
        if ":function:" not in arn:
            raise UnsupportedError(f"tags of {arn} are not simulated, only those of functions")
        if parse_name(arn).qualifier:
            raise ApiError(
                "InvalidParameterValueException",
                "Tags on function aliases and versions are not supported. Please specify a "
                "function ARN.",
            )
        return self._registry.get(arn)
