"""Versions and aliases of state machines, as the template deploys them.

Each version has the definition of the template: an older one is known in AWS only. An alias leads
to one or two versions; at its first deployment a DeploymentPreference routes everything at once.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-stepfunctions-statemachinealias.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from sfnlocal.errors import InputError, NeedsAwsError, TemplateError
from sfnlocal.template.resources import App, Resource, StateMachine
from sfnlocal.template.selection import find_resource, find_state_machine

_STATE_MACHINE_TYPE = "AWS::StepFunctions::StateMachine"
VERSION_TYPE = "AWS::StepFunctions::StateMachineVersion"
ALIAS_TYPE = "AWS::StepFunctions::StateMachineAlias"


class Route(NamedTuple):
    version_arn: str
    weight: int


@dataclass(frozen=True, slots=True)
class Alias:
    """The weights of its routes make 100. Times are epoch milliseconds."""

    arn: str
    routes: tuple[Route, ...]
    description: str | None = None
    created_ms: int = 0
    updated_ms: int = 0

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2]

    @property
    def state_machine_arn(self) -> str:
        return self.arn.rpartition(":")[0]


def template_versions(app: App) -> dict[str, StateMachine]:
    """By ARN. Those of a state machine that is not run here are left out."""
    machines = {machine.arn: machine for machine in app.state_machines}
    return {
        resource.arn: replace(machines[state_machine_arn], version_arn=resource.arn)
        for resource in app.of_type(VERSION_TYPE)
        if (state_machine_arn := resource.arn.rpartition(":")[0]) in machines
    }


def template_aliases(app: App, created_ms: int) -> dict[str, Alias]:
    """By ARN. Those whose routes only AWS knows are left out: they are among the app's problems.
    TemplateError for weights that AWS would refuse."""
    aliases = {}
    for resource in app.of_type(ALIAS_TYPE):
        try:
            routes, description = _routes(resource), resource.properties.get("Description")
        except NeedsAwsError:
            continue
        aliases[resource.arn] = Alias(resource.arn, routes, description, created_ms, created_ms)
    return aliases


def find_startable(app: App, text: str) -> StateMachine:
    """The state machine, version or alias of that name; `Order:live` is an alias or version of
    `Order`. Raises SfnLocalError."""
    try:
        return find_state_machine(app, text)
    except InputError as error:
        unknown = error
    for arn in _qualified_arns(app, text):
        refusal = app.refused.get(arn.rpartition(":")[0])
        if refusal is not None:
            raise refusal
        found = template_versions(app).get(arn)
        if found is not None:
            return found
        alias = template_aliases(app, 0).get(arn)
        if alias is not None:
            return stand_in(alias, template_versions(app))
    raise unknown


def stand_in(alias: Alias, versions: Mapping[str, StateMachine]) -> StateMachine:
    """The state machine that the alias leads to, without saying at which version."""
    for route in alias.routes:
        if route.version_arn in versions:
            return replace(versions[route.version_arn], version_arn="", alias_arn=alias.arn)
    raise no_version(alias.arn)


def no_version(alias_arn: str) -> InputError:
    return InputError(
        "the alias leads to no version of the app",
        where=alias_arn,
        hint="let it route to AWS::StepFunctions::StateMachineVersion resources of the template",
    )


def _qualified_arns(app: App, text: str) -> Iterator[str]:
    with suppress(InputError):
        yield find_resource(app, text, ALIAS_TYPE, VERSION_TYPE).arn
    name, colon, qualifier = text.rpartition(":")
    if colon:
        with suppress(InputError):
            yield f"{find_resource(app, name, _STATE_MACHINE_TYPE).arn}:{qualifier}"


def _routes(resource: Resource) -> tuple[Route, ...]:
    preference = resource.properties.get("DeploymentPreference")
    if preference is not None:
        return (Route(preference["StateMachineVersionArn"], 100),)
    routes = tuple(
        Route(route["StateMachineVersionArn"], int(route["Weight"]))
        for route in resource.properties.get("RoutingConfiguration") or ()
    )
    if sum(route.weight for route in routes) != 100:
        raise TemplateError(
            "the weights of the alias's routes do not make 100",
            where=f"{resource.where}/Properties/RoutingConfiguration",
        )
    return routes
