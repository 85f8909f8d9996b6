"""Aliases of state machines: created, changed, described, listed, deleted.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.server.names import checked_arn, checked_version_arn
from sfnlocal.server.paging import page
from sfnlocal.server.state_machines import StateMachineOperations
from sfnlocal.template.versions import Alias, Route

Params = dict[str, Any]

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
_ALIASES_MAX = 100


class AliasOperations:
    def __init__(self, session: Session, machines: StateMachineOperations) -> None:
        self._session = session
        self._versions = session.machines.versions
        self._aliases = session.machines.versions.aliases
        self._machines = machines

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Params]]:
        return {
            "CreateStateMachineAlias": self._create,
            "UpdateStateMachineAlias": self._update,
            "DescribeStateMachineAlias": self._describe,
            "ListStateMachineAliases": self._list,
            "DeleteStateMachineAlias": self._delete,
        }

    def _create(self, params: Params) -> Params:
        routes, now_ms = self._checked_routes(params["routingConfiguration"]), self._session.now_ms
        state_machine_arn = checked_version_arn(routes[0].version_arn)
        alias = Alias(
            f"{state_machine_arn}:{params['name']}",
            routes,
            params.get("description"),
            now_ms,
            now_ms,
        )
        existing = self._aliases.get(alias.arn)
        if existing is not None:
            if (existing.routes, existing.description) != (alias.routes, alias.description):
                message = (
                    "Failed to create alias because an alias with the same name and a different "
                    "routing configuration already exists."
                )
                raise ApiError("ConflictException", message, 409)
            alias = existing
        elif sum(1 for _ in self._versions.aliases_of(state_machine_arn)) >= _ALIASES_MAX:
            message = f"A state machine has at most {_ALIASES_MAX} aliases: '{state_machine_arn}'"
            raise ApiError("ServiceQuotaExceededException", message, 402)
        self._aliases[alias.arn] = alias
        return _listed(alias)

    def _checked_routes(self, given: list[Params]) -> tuple[Route, ...]:
        routes = tuple(Route(one["stateMachineVersionArn"], one["weight"]) for one in given)
        state_machines = {checked_version_arn(route.version_arn) for route in routes}
        if len(state_machines) > 1:
            raise _invalid("The versions must belong to the same state machine.")
        if len({route.version_arn for route in routes}) < len(routes):
            raise _invalid("The versions must not be the same.")
        if sum(route.weight for route in routes) != 100:
            raise _invalid("The sum of the weights must be equal to 100.")
        for route in routes:
            if route.version_arn not in self._versions.versions:
                raise _not_found()
            self._machines.usable(route.version_arn)
        return routes

    def _update(self, params: Params) -> Params:
        alias = self._known(params)
        changes: Params = {"updated_ms": self._session.now_ms}
        if "routingConfiguration" in params:
            routes = self._checked_routes(params["routingConfiguration"])
            if checked_version_arn(routes[0].version_arn) != alias.state_machine_arn:
                raise _invalid("The versions must belong to the alias's state machine.")
            changes["routes"] = routes
        if "description" in params:
            changes["description"] = params["description"]
        if len(changes) == 1:
            raise _invalid("Either description or routingConfiguration must be specified.")
        self._aliases[alias.arn] = replace(alias, **changes)
        return {"updateDate": self._session.now_ms / 1000}

    def _describe(self, params: Params) -> Params:
        alias = self._known(params)
        answer = {
            **_listed(alias),
            "name": alias.name,
            "routingConfiguration": [
                {"stateMachineVersionArn": route.version_arn, "weight": route.weight}
                for route in alias.routes
            ],
            "updateDate": alias.updated_ms / 1000,
        }
        if alias.description is not None:
            answer["description"] = alias.description
        return answer

    def _list(self, params: Params) -> Params:
        """In the order of their creation (recorded); of a version, those that route to it."""
        arn = params["stateMachineArn"]
        found = self._machines.usable(arn)
        return page(
            "stateMachineAliases",
            (
                alias
                for alias in self._versions.aliases_of(found.arn)
                if arn == found.arn or any(route.version_arn == arn for route in alias.routes)
            ),
            params,
            key=lambda alias: alias.arn,
            shown=_listed,
        )

    def _delete(self, params: Params) -> Params:
        del self._aliases[self._known(params).arn]
        return {}

    def _known(self, params: Params) -> Alias:
        arn = params["stateMachineAliasArn"]
        checked_arn(arn, "stateMachine")
        if arn not in self._aliases:
            raise _not_found()
        return self._aliases[arn]


def _listed(alias: Alias) -> Params:
    return {"stateMachineAliasArn": alias.arn, "creationDate": alias.created_ms / 1000}


def _not_found() -> ApiError:
    return ApiError("ResourceNotFound", "Request references a resource that does not exist.")


def _invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
