"""Versions of state machines: published, listed, deleted.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-version.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError
from sfnlocal.server.names import checked_arn, checked_version_arn
from sfnlocal.server.paging import page
from sfnlocal.server.state_machines import Revision, StateMachineOperations

Params = dict[str, Any]

# What the first revision is called, which has no id.
_FIRST_REVISION = "INITIAL"


class VersionOperations:
    def __init__(self, session: Session, machines: StateMachineOperations) -> None:
        self._versions = session.machines.versions
        self._machines = machines

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Params]]:
        return {
            "PublishStateMachineVersion": self._publish,
            "DeleteStateMachineVersion": self._delete,
            "ListStateMachineVersions": self._list,
        }

    def _publish(self, params: Params) -> Params:
        revision = self._machines.changeable(params["stateMachineArn"])
        current = revision.revision_id or _FIRST_REVISION
        wanted = params.get("revisionId", current)
        if wanted != current:
            message = (
                f"The revision ID {wanted} is not the current one of the state machine, "
                f"which is {current}."
            )
            raise ApiError("ConflictException", message, 409)
        version = self._machines.publish(revision, params.get("description"))
        return _listed(version)

    def _delete(self, params: Params) -> Params:
        """One that is gone already may be deleted again (recorded)."""
        arn = params["stateMachineVersionArn"]
        aliases = [
            alias.name
            for alias in self._versions.aliases_of(checked_version_arn(arn))
            if any(route.version_arn == arn for route in alias.routes)
        ]
        if aliases:
            message = (
                "Version to be deleted must not be referenced by an alias. Current list of "
                f"aliases referencing this version: [{', '.join(aliases)}]"
            )
            raise ApiError("ConflictException", message, 409)
        self._versions.versions.pop(arn, None)
        return {}

    def _list(self, params: Params) -> Params:
        """The newest first. AWS knows no error for a state machine that does not exist."""
        checked_arn(params["stateMachineArn"], "stateMachine")
        return page(
            "stateMachineVersions",
            reversed(self._machines.versions_of(params["stateMachineArn"])),
            params,
            key=lambda version: version.version_arn,
            shown=_listed,
        )


def _listed(version: Revision) -> Params:
    return {
        "stateMachineVersionArn": version.version_arn,
        "creationDate": version.created_ms / 1000,
    }
