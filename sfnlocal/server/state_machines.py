"""State machines: created, changed, described, listed, deleted.

Those of the template are here from the start. A Revision is a state machine with what AWS keeps of
it beside its definition; an execution keeps the one that it started with.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from sfnlocal.driver.requests import check_name
from sfnlocal.driver.session import Session
from sfnlocal.errors import ApiError, DefinitionError, UnsupportedError
from sfnlocal.interpreter import Execution
from sfnlocal.jsontext import json_text
from sfnlocal.language import variable_references
from sfnlocal.ports import Json
from sfnlocal.server.log_settings import checked_log_settings, template_log_settings
from sfnlocal.server.names import checked_arn
from sfnlocal.server.paging import page
from sfnlocal.server.tags import Tags
from sfnlocal.template import StateMachine
from sfnlocal.template.resources import Resource

Params = dict[str, Any]

_AWS_OWNED_KEY = {"type": "AWS_OWNED_KEY"}
_CHANGES = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


@dataclass(frozen=True, slots=True)
class Revision(StateMachine):
    """`text` is the definition as it was given."""

    text: str = ""
    logging: Mapping[str, Json] = field(default_factory=dict)
    tracing: Mapping[str, Json] | None = None
    created_ms: int = 0
    updated_ms: int = 0
    revision_id: str | None = None
    deleting: bool = False

    def described(self, params: Params) -> Params:
        """What DescribeStateMachine and DescribeStateMachineForExecution share."""
        hidden = params.get("includedData") == "METADATA_ONLY"
        answer: Params = {
            "stateMachineArn": self.arn,
            "name": self.name,
            "definition": "{}" if hidden else self.text,
            "roleArn": self.role_arn,
            "loggingConfiguration": self.logging,
            "tracingConfiguration": self.tracing,
            "encryptionConfiguration": _AWS_OWNED_KEY,
        }
        if self.revision_id is not None:
            answer["revisionId"] = self.revision_id
        references = {} if hidden else variable_references(self.definition)
        if references:
            answer["variableReferences"] = references
        return answer


class StateMachineOperations:
    def __init__(self, session: Session, tags: Tags) -> None:
        self._session = session
        self._tags = tags
        self._ids = random.Random(f"{session.seed}/revisions")
        self._deployed = {
            machine.arn: _from_template(machine, session.start_ms) for machine in session.machines
        }
        self._revisions = dict(self._deployed)

    @property
    def operations(self) -> Mapping[str, Callable[[Params], Params]]:
        return {
            "CreateStateMachine": self._create,
            "UpdateStateMachine": self._update,
            "DeleteStateMachine": self._delete,
            "DescribeStateMachine": self._describe,
            "DescribeStateMachineForExecution": self._describe_for_execution,
            "ListStateMachines": self._list,
        }

    # What other operations ask

    def exists(self, arn: str) -> bool:
        return arn in self._revisions

    def known(self, arn: str) -> Revision:
        """Raises ApiError where there is none, UnsupportedError for a qualified ARN."""
        resource = checked_arn(arn, "stateMachine").resource
        if resource.count(":") > 1 or "/" in resource:
            raise UnsupportedError(
                "versions, aliases and map labels of state machines are not served",
                where=arn,
                hint="name the state machine itself",
            )
        revision = self._revisions.get(arn)
        if revision is None:
            if arn in self._session.app.refused:
                raise self._session.app.refused[arn]
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return revision

    def usable(self, arn: str) -> Revision:
        """The same, and it is not being deleted."""
        return _not_deleting(self.known(arn))

    def of_execution(self, execution_arn: str) -> Revision:
        """The state machine as the execution started it. Raises ApiError."""
        self._session.execution(execution_arn)
        machine = self._session.started_from[execution_arn]
        return machine if isinstance(machine, Revision) else self._deployed[machine.arn]

    # Operations

    def _create(self, params: Params) -> Params:
        _refuse_versions(params)
        _refuse_keys(params)
        check_name(params["name"])
        checked_arn(params["roleArn"])
        app, name, now_ms = self._session.app, params["name"], self._session.now_ms
        arn = f"arn:{app.partition}:states:{app.region}:{app.account}:stateMachine:{name}"
        revision = Revision(
            Resource("", name, "AWS::StepFunctions::StateMachine", name, arn, arn, {}, arn),
            name,
            arn,
            params.get("type", "STANDARD"),
            params["roleArn"],
            _parsed(params["definition"]),
            text=params["definition"],
            logging=checked_log_settings(self._session, params.get("loggingConfiguration")),
            tracing={"enabled": False, **params.get("tracingConfiguration", {})},
            created_ms=now_ms,
            updated_ms=now_ms,
        )
        existing = self._revisions.get(arn)
        if existing is not None:
            if not _same(_not_deleting(existing), revision):
                message = f"State Machine Already Exists: '{arn}'"
                raise ApiError("StateMachineAlreadyExists", message)
            return {"stateMachineArn": arn, "creationDate": existing.created_ms / 1000}
        self._tags.forget(arn)
        self._tags.add(arn, params.get("tags", []))
        self._deploy(revision)
        return {"stateMachineArn": arn, "creationDate": now_ms / 1000}

    def _deploy(self, revision: Revision) -> None:
        """Let the session run it from now on. Raises ApiError for a bad definition."""
        try:
            self._session.machines.put(revision)
        except DefinitionError as error:
            raise ApiError("InvalidDefinition", error.message) from error
        self._revisions[revision.arn] = revision

    def _update(self, params: Params) -> Params:
        _refuse_versions(params)
        _refuse_keys(params)
        revision = self.usable(params["stateMachineArn"])
        if not any(name in params for name in _CHANGES):
            raise ApiError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the "
                "TracingConfiguration or the EncryptionConfiguration must be specified",
            )
        changes: Params = {
            "updated_ms": self._session.now_ms,
            "revision_id": str(uuid.UUID(int=self._ids.getrandbits(128), version=4)),
        }
        if (text := params.get("definition")) is not None:
            changes["text"], changes["definition"] = text, _parsed(text)
        if (role_arn := params.get("roleArn")) is not None:
            checked_arn(role_arn)
            changes["role_arn"] = role_arn
        if (logging := params.get("loggingConfiguration")) is not None:
            changes["logging"] = checked_log_settings(self._session, logging)
        if (tracing := params.get("tracingConfiguration")) is not None:
            changes["tracing"] = {"enabled": False, **tracing}
        changed = replace(revision, **changes)
        self._deploy(changed)
        return {"updateDate": changed.updated_ms / 1000, "revisionId": changed.revision_id}

    def _delete(self, params: Params) -> Params:
        """At once where nothing of it runs, else when the last execution has ended."""
        arn = params["stateMachineArn"]
        checked_arn(arn, "stateMachine")
        revision = self._revisions.get(arn)
        if revision is None or revision.deleting:
            return {}
        running = [
            execution
            for execution in self._session.executions.values()
            if execution.state_machine_arn == arn and execution.status == "RUNNING"
        ]
        if not running:
            self._forget(arn)
            return {}
        self._revisions[arn] = replace(revision, deleting=True)
        left = {execution.arn for execution in running}

        def ended(execution: Execution) -> None:
            left.discard(execution.arn)
            if not left:
                self._forget(arn)

        for execution in running:
            self._session.on_ended(execution, ended)
        return {}

    def _forget(self, arn: str) -> None:
        self._session.machines.remove(arn)
        self._tags.forget(arn)
        del self._revisions[arn]

    def _describe(self, params: Params) -> Params:
        revision = self.known(params["stateMachineArn"])
        return {
            **revision.described(params),
            "status": "DELETING" if revision.deleting else "ACTIVE",
            "type": revision.type,
            "creationDate": revision.created_ms / 1000,
        }

    def _describe_for_execution(self, params: Params) -> Params:
        arn = params["executionArn"]
        checked_arn(arn, "execution")
        machine = self.of_execution(arn)
        return {**machine.described(params), "updateDate": machine.updated_ms / 1000}

    def _list(self, params: Params) -> Params:
        return page(
            "stateMachines",
            self._revisions.values(),
            params,
            key=lambda revision: revision.arn,
            shown=lambda revision: {
                "stateMachineArn": revision.arn,
                "name": revision.name,
                "type": revision.type,
                "creationDate": revision.created_ms / 1000,
            },
        )


def _from_template(machine: StateMachine, deployed_ms: int) -> Revision:
    properties = machine.resource.properties
    tracing = properties.get("TracingConfiguration")
    return Revision(
        machine.resource,
        machine.name,
        machine.arn,
        machine.type,
        machine.role_arn,
        machine.definition,
        text=json_text(machine.definition),
        logging=template_log_settings(properties),
        tracing={"enabled": bool(isinstance(tracing, dict) and tracing.get("Enabled"))},
        created_ms=deployed_ms,
        updated_ms=deployed_ms,
    )


def _same(existing: Revision, wanted: Revision) -> bool:
    """AWS's idempotency check; it looks neither at the role nor at tags."""
    return all(
        getattr(existing, name) == getattr(wanted, name)
        for name in ("text", "type", "logging", "tracing")
    )


def _not_deleting(revision: Revision) -> Revision:
    if revision.deleting:
        raise ApiError("StateMachineDeleting", f"State Machine Deleting: '{revision.arn}'")
    return revision


def _parsed(text: str) -> Json:
    """The text itself where it is no JSON: compiling it says what is wrong."""
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _refuse_versions(params: Params) -> None:
    if params.get("publish"):
        raise UnsupportedError(
            "publish: versions of state machines are not served", hint="leave `publish` out"
        )
    if "versionDescription" in params:
        message = "Version description can only be set when publish is set to true."
        raise ApiError("ValidationException", message)


def _refuse_keys(params: Params) -> None:
    """There is no KMS here that could encrypt anything."""
    if params.get("encryptionConfiguration", _AWS_OWNED_KEY).get("type") != "AWS_OWNED_KEY":
        raise UnsupportedError(
            "encryptionConfiguration: customer managed keys are not served",
            hint="leave it out, or give the type AWS_OWNED_KEY",
        )
