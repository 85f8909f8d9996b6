"""EventBridge Pipes: from an SQS queue, through a filter and an enrichment, to a target.

The pipes of the template and those that the API makes run alike.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sfnlocal.arns import Arn
from sfnlocal.errors import ApiError, InputError, SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.template.resources import App, Resource
from sfnlocal.triggers.pipe_api import PipesApi
from sfnlocal.triggers.pipe_definition import Pipe, read_pipe, refusal, refused
from sfnlocal.triggers.pipe_run import RunningPipe
from sfnlocal.triggers.queue_pollers import QueuePollers
from sfnlocal.triggers.targets import check_target

if TYPE_CHECKING:
    from sfnlocal.services.aws import Aws

_TYPE = "AWS::Pipes::Pipe"
_MACHINE_PARAMETERS = "StepFunctionStateMachineParameters"


class Pipes:
    """All pipes, by name, as they are set."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._pipes: dict[str, Pipe] = {}
        self._pollers = QueuePollers(aws)
        aws.route("pipes", PipesApi(self), guarded=True)

    def load(self) -> None:
        """Those of the template. Raises InputError for what AWS refuses."""
        for pipe in self._aws.app.derived(_checked):
            self._put(pipe, wake=False)

    def stand_aside(self, queue_arn: str) -> None:
        """Somebody else takes the messages of this queue."""
        self._pollers.stand_aside(queue_arn)

    # For the API

    def __iter__(self) -> Iterator[Pipe]:
        """By name."""
        return iter([self._pipes[name] for name in sorted(self._pipes)])

    def find(self, name: str) -> Pipe | None:
        return self._pipes.get(name)

    def put(self, name: str, given: Mapping[str, Json], *, wake: bool = True) -> Pipe:
        """Make a pipe, or replace it. Raises ApiError."""
        return self._put(_read(self._aws.app, name, given), wake=wake)

    def _put(self, pipe: Pipe, *, wake: bool) -> Pipe:
        name = pipe.name
        now_ms, earlier = self._aws.now_ms, self._pipes.get(name)
        created_ms = now_ms if earlier is None else earlier.created_ms
        pipe = replace(pipe, created_ms=created_ms, modified_ms=now_ms)
        self._pipes[name] = pipe
        self._pollers.stop(name)
        if pipe.running:
            self._pollers.start(name, RunningPipe(self._aws, pipe).poller)
            if wake:
                self._pollers.wake(pipe.source)
        return pipe

    def retag(self, pipe: Pipe, tags: Mapping[str, str]) -> None:
        self._pipes[pipe.name] = replace(pipe, tags=tags)

    def delete(self, pipe: Pipe) -> None:
        self._pollers.stop(pipe.name)
        del self._pipes[pipe.name]


def _checked(app: App) -> tuple[Pipe, ...]:
    resources = app.of_type(_TYPE)
    return tuple(_made(app, one) for one in resources if _refusal(one, app) is None)


def _made(app: App, resource: Resource) -> Pipe:
    try:
        pipe = _read(app, resource.name, resource.properties)
    except ApiError as error:
        raise InputError(
            f"AWS refuses the pipe: {error.message}",
            where=resource.where,
            hint="correct its properties in the template",
        ) from None
    for arn in (pipe.enrichment, pipe.target):
        if arn:
            check_target(arn, app, resource.where)
    return pipe


def _read(app: App, name: str, given: Mapping[str, Json]) -> Pipe:
    pipe = read_pipe(given, Arn(app.partition, "pipes", app.region, app.account, ""), name)
    _check_types(pipe, app)
    return pipe


def _check_types(pipe: Pipe, app: App) -> None:
    """Only Express workflows are waited for."""
    invocation = pipe.target_parameters(_MACHINE_PARAMETERS).get("InvocationType")
    if invocation != "FIRE_AND_FORGET" and _is_standard(pipe.target, app):
        raise refused(
            "InvocationType REQUEST_RESPONSE is not supported for STANDARD state machines, "
            f"use FIRE_AND_FORGET: {pipe.target}"
        )
    if pipe.enrichment and _is_standard(pipe.enrichment, app):
        raise refused(f"Only EXPRESS state machines can be enrichments: {pipe.enrichment}")


def _is_standard(arn: str, app: App) -> bool:
    machines = app.state_machines
    return any(one.type == "STANDARD" and arn in _names(one.arn, arn) for one in machines)


def _names(machine_arn: str, arn: str) -> tuple[str, ...]:
    """The machine itself, and a version or alias of it."""
    return (machine_arn, arn if arn.startswith(f"{machine_arn}:") else machine_arn)


def refusals(app: App) -> list[tuple[Resource, str]]:
    """The pipes of the template that are not simulated, or not wholly, and why."""
    listed = []
    for resource in app.of_type(_TYPE):
        reason = _refusal(resource, app)
        if reason is None and "LogConfiguration" in resource.properties:
            reason = "it runs, its LogConfiguration has no effect"
        if reason is not None:
            listed.append((resource, reason))
    return listed


def _refusal(resource: Resource, app: App) -> str | None:
    try:
        given = dict(resource.properties)
    except SfnLocalError as error:
        return error.message
    reason = refusal(given)
    if reason is None and not any(
        queue.arn == given["Source"] for queue in app.of_type("AWS::SQS::Queue")
    ):
        return f"the queue {given['Source']} is not in this app"
    return reason
