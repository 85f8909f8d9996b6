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
from sfnlocal.template import App, StateMachine
from sfnlocal.template.properties import known_text
from sfnlocal.template.resources import Resource
from sfnlocal.template.selection import state_machines_by_arn
from sfnlocal.template.versions import VERSION_TYPE

Params = dict[str, Any]

_AWS_OWNED_KEY = {"type": "AWS_OWNED_KEY"}
_VERSIONS_MAX = 1000
_REVISED = ("text", "role_arn", "logging", "tracing")
_CHANGES = (
    "definition",
    "roleArn",
    "loggingConfiguration",
    "tracingConfiguration",
    "encryptionConfiguration",
)


@dataclass(frozen=True, slots=True)
class Revision(StateMachine):
    """`text` is the definition as it was given, `description` that of a version. `created_as` is
    what CreateStateMachine was asked to publish: None, or the version's description."""

    text: str = ""
    logging: Mapping[str, Json] = field(default_factory=dict)
    tracing: Mapping[str, Json] | None = None
    created_ms: int = 0
    updated_ms: int = 0
    revision_id: str | None = None
    deleting: bool = False
    description: str | None = None
    created_as: tuple[str | None, ...] | None = None

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
        self._versions = session.machines.versions
        self._ids = random.Random(f"{session.seed}/revisions")
        self._deployed = dict(session.app.derived(_deployed, session.start_ms))
        for resource in session.app.of_type(VERSION_TYPE):
            if (version := self._versions.versions.get(resource.arn)) is not None:
                description = known_text(resource.properties, "Description") or None
                revision = _from_template(version, session.app, session.start_ms, description)
                self._versions.put(revision)
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
        """A state machine, version, or what an alias stands for. Raises ApiError where there is
        none, or where it is a Map state's."""
        if "/" in checked_arn(arn, "stateMachine").resource:
            message = f"A Distributed Map state's ARN cannot be used here: '{arn}'"
            raise ApiError("ValidationException", message)
        revision = self._versions.get(arn) or self._revisions.get(arn)
        if revision is None:
            for name in (arn, arn.rpartition(":")[0]):
                if name in self._session.app.refused:
                    raise self._session.app.refused[name]
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        assert isinstance(revision, Revision)
        return revision

    def usable(self, arn: str) -> Revision:
        """The same, and it is not being deleted."""
        known = self.known(arn)
        _not_deleting(self._revisions[known.arn])
        return known

    def is_deleted(self, arn: str) -> bool:
        """Or about to be. False for a Map state's, which has no revisions."""
        revision = self._revisions.get(arn.partition("/")[0])
        return revision is None or revision.deleting

    def changeable(self, arn: str) -> Revision:
        """The same, and it is no version or alias."""
        _refuse_qualified(arn)
        return self.usable(arn)

    def versions_of(self, arn: str) -> list[Revision]:
        """In the order in which they were published."""
        return [one for one in self._versions.versions_of(arn) if isinstance(one, Revision)]

    def publish(self, revision: Revision, description: str | None) -> Revision:
        """The version of a revision: there is only one. Raises ApiError."""
        versions = self.versions_of(revision.arn)
        for version in versions:
            if version.revision_id == revision.revision_id:
                return version
        if len(versions) >= _VERSIONS_MAX:
            message = f"A state machine has at most {_VERSIONS_MAX} versions: '{revision.arn}'"
            raise ApiError("ServiceQuotaExceededException", message, 402)
        version = replace(
            revision,
            version_arn=self._versions.next_arn(revision.arn),
            description=description,
            created_ms=self._session.now_ms,
        )
        self._versions.put(version)
        return version

    def of_execution(self, execution_arn: str) -> Revision:
        """The state machine as the execution started it. Raises ApiError."""
        self._session.execution(execution_arn)
        machine = self._session.started_from[execution_arn]
        return machine if isinstance(machine, Revision) else self._deployed[machine.arn]

    # Operations

    def _create(self, params: Params) -> Params:
        _check_description(params)
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
            created_as=(params.get("versionDescription"),) if params.get("publish") else None,
        )
        existing = self._revisions.get(arn)
        if existing is not None:
            if not _same(_not_deleting(existing), revision):
                message = f"State Machine Already Exists: '{arn}'"
                raise ApiError("StateMachineAlreadyExists", message)
            revision = existing
        else:
            self._tags.forget(arn)
            self._tags.add(arn, params.get("tags", []))
            self._deploy(revision)
        answer = {"stateMachineArn": arn, "creationDate": revision.created_ms / 1000}
        return {**answer, **self._published(revision, params)}

    def _published(self, revision: Revision, params: Params) -> Params:
        if not params.get("publish"):
            return {}
        version = self.publish(revision, params.get("versionDescription"))
        return {"stateMachineVersionArn": version.version_arn}

    def _deploy(self, revision: Revision) -> None:
        """Let the session run it from now on. Raises ApiError for a bad definition."""
        try:
            self._session.machines.put(revision)
        except DefinitionError as error:
            raise ApiError("InvalidDefinition", error.message) from error
        self._revisions[revision.arn] = revision

    def _update(self, params: Params) -> Params:
        _check_description(params)
        _refuse_keys(params)
        revision = self.changeable(params["stateMachineArn"])
        if not any(name in params for name in _CHANGES):
            raise ApiError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, the "
                "TracingConfiguration or the EncryptionConfiguration must be specified",
            )
        changes: Params = {"updated_ms": self._session.now_ms}
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
        if any(getattr(changed, name) != getattr(revision, name) for name in _REVISED):
            revision_id = str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
            changed = replace(changed, revision_id=revision_id)
        self._deploy(changed)
        answer: Params = {"updateDate": changed.updated_ms / 1000}
        if changed.revision_id is not None:
            answer["revisionId"] = changed.revision_id
        return {**answer, **self._published(changed, params)}

    def _delete(self, params: Params) -> Params:
        """At once where nothing of it runs, else when the last execution has ended."""
        arn = params["stateMachineArn"]
        _refuse_qualified(arn)
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
        if revision.alias_arn:
            raise UnsupportedError(
                "DescribeStateMachine of an alias: AWS does not tell what it answers",
                where=revision.alias_arn,
                hint="DescribeStateMachineAlias tells its versions",
            )
        answer = {
            **revision.described(params),
            "stateMachineArn": params["stateMachineArn"],
            "status": "DELETING" if self._revisions[revision.arn].deleting else "ACTIVE",
            "type": revision.type,
            "creationDate": revision.created_ms / 1000,
        }
        if revision.description is not None:
            answer["description"] = revision.description
        return answer

    def _describe_for_execution(self, params: Params) -> Params:
        arn = params["executionArn"]
        checked_arn(arn, "execution")
        machine = self.of_execution(arn)
        answer = {**machine.described(params), "updateDate": machine.updated_ms / 1000}
        execution = self._session.execution(arn)
        if execution.map_run_arn:
            answer["mapRunArn"] = execution.map_run_arn
            answer["label"] = execution.state_machine_arn.rpartition("/")[2]
        return answer

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


def _definition_text(machine: StateMachine, app: App) -> str:
    deployed = app.derived(state_machines_by_arn).get(machine.arn)
    if deployed is not None and deployed.definition is machine.definition:
        return app.derived(_definition_texts)[machine.arn]
    return json_text(machine.definition)


def _definition_texts(app: App) -> dict[str, str]:
    return {machine.arn: json_text(machine.definition) for machine in app.state_machines}


def _deployed(app: App, deployed_ms: int) -> dict[str, Revision]:
    return {one.arn: _from_template(one, app, deployed_ms) for one in app.state_machines}


def _from_template(
    machine: StateMachine, app: App, deployed_ms: int, description: str | None = None
) -> Revision:
    logging, tracing = app.derived(_observation, machine.resource)
    return Revision(
        machine.resource,
        machine.name,
        machine.arn,
        machine.type,
        machine.role_arn,
        machine.definition,
        text=_definition_text(machine, app),
        logging=logging,
        tracing=tracing,
        created_ms=deployed_ms,
        updated_ms=deployed_ms,
        version_arn=machine.version_arn,
        alias_arn=machine.alias_arn,
        description=description,
    )


def _observation(app: App, resource: Resource) -> tuple[Params, Params]:
    """Its settings of logging and tracing."""
    tracing = resource.properties.get("TracingConfiguration")
    enabled = bool(isinstance(tracing, dict) and tracing.get("Enabled"))
    return template_log_settings(resource.properties), {"enabled": enabled}


def _same(existing: Revision, wanted: Revision) -> bool:
    """AWS's idempotency check; it looks neither at the role nor at tags."""
    return all(
        getattr(existing, name) == getattr(wanted, name)
        for name in ("text", "type", "logging", "tracing", "created_as")
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


def _refuse_qualified(arn: str) -> None:
    if checked_arn(arn, "stateMachine").resource.count(":") > 1:
        raise UnsupportedError(
            "AWS does not tell what it answers to the ARN of a version or alias here",
            where=arn,
            hint="name the state machine itself",
        )


def _check_description(params: Params) -> None:
    if "versionDescription" in params and not params.get("publish"):
        message = "Version description can only be set when publish is true"
        raise ApiError("ValidationException", message)


def _refuse_keys(params: Params) -> None:
    """There is no KMS here that could encrypt anything."""
    if params.get("encryptionConfiguration", _AWS_OWNED_KEY).get("type") != "AWS_OWNED_KEY":
        raise UnsupportedError(
            "encryptionConfiguration: customer managed keys are not served",
            hint="leave it out, or give the type AWS_OWNED_KEY",
        )
