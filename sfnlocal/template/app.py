"""Loads a cloud assembly or a template as an App.

Strategy: every property of every resource is resolved once, in the template's order. Mistakes in
the template raise at once. What only AWS knows is kept as a problem, and raises where it is needed:
the name of something simulated, a property that is read, a state machine that is to run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from sfnlocal.errors import NeedsAwsError, SfnLocalError, TemplateError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template.archives import CodeFolders
from sfnlocal.template.assembly import read_stacks
from sfnlocal.template.attributes import KINDS, OTHER
from sfnlocal.template.cloudformation import Stack
from sfnlocal.template.deployment import Deployment
from sfnlocal.template.functions import asset_folder, function
from sfnlocal.template.properties import PartlyResolved
from sfnlocal.template.resources import App, Resource, StateMachine
from sfnlocal.template.state_machines import state_machine

# Resources of these services are simulated, so their names must be known.
_SIMULATED = tuple(
    f"AWS::{service}::"
    for service in (
        "ApiGatewayV2",
        "DynamoDB",
        "Events",
        "Lambda",
        "Logs",
        "Pipes",
        "S3",
        "SNS",
        "SQS",
        "SSM",
        "Scheduler",
        "SecretsManager",
        "StepFunctions",
    )
)
_STATE_MACHINE = "AWS::StepFunctions::StateMachine"
_NOT_DEPLOYED = ("AWS::CDK::Metadata",)
_TOLERATED = (NeedsAwsError, UnsupportedError)


def load_app(
    folder: Path,
    *,
    account: str = "123456789012",
    region: str = "us-east-1",
    parameters: Mapping[str, str] | None = None,
) -> App:
    """Loads `cdk.out`, or one template file.

    `account` and `region` are for stacks that name none. `parameters` are values by template
    parameter (`Name` or `Stack:Name`), by attribute (`LogicalId.Attribute`), by Systems Manager
    parameter (`/my/name`), or by the text of a dynamic reference
    (`resolve:secretsmanager:my-secret`). Raises AssemblyError,
    TemplateError, DefinitionError and UnsupportedError.
    """
    folder = Path(folder).resolve()
    deployment = Deployment(read_stacks(folder), account, region, parameters or {})
    stacks = deployment.all_stacks()
    problems: list[str] = []
    resources = {stack: list(_resources(stack, problems)) for stack in stacks}
    for stack in stacks:
        _check_for_circles(stack)
    _check_names(resource for found in resources.values() for resource in found)
    outputs = _outputs(stacks, problems)
    machines: list[StateMachine] = []
    refused: dict[str, SfnLocalError] = {}
    for stack, found in resources.items():
        for resource in found:
            if resource.type == _STATE_MACHINE:
                try:
                    machines.append(state_machine(stack, resource))
                except _TOLERATED as error:
                    refused[resource.arn] = error
                    problems.append(f"{error.where}: {error.message}")
    folders = CodeFolders()
    layers = _Layers(resources, folders)
    home = next((stack for stack in stacks if stack.of_type(_STATE_MACHINE)), stacks[0])
    problems += [
        f"{stack.source.label}: the stack {stack.name} is for {stack.account}/{stack.region}, "
        f"but everything runs in {home.account}/{home.region}"
        for stack in stacks
        if (stack.account, stack.region) != (home.account, home.region)
    ]
    return App(
        folder=folder if folder.is_dir() else folder.parent,
        partition=home.partition,
        region=home.region,
        account=home.account,
        resources=tuple(resource for found in resources.values() for resource in found),
        state_machines=tuple(machines),
        functions=tuple(
            function(stack, resource, folders, layers.folder)
            for stack, found in resources.items()
            for resource in found
            if resource.type == "AWS::Lambda::Function"
        ),
        outputs=outputs,
        problems=tuple(dict.fromkeys(problems)),
        refused=refused,
    )


def _resources(stack: Stack, problems: list[str]) -> Iterator[Resource]:
    for logical_id in stack.logical_ids():
        if stack.type_of(logical_id) not in _NOT_DEPLOYED:
            yield _resource(stack, logical_id, problems)


def _resource(stack: Stack, logical_id: str, problems: list[str]) -> Resource:
    where = stack.pointer("Resources", logical_id)
    type_name = stack.type_of(logical_id)
    values: dict[str, Json] = {}
    errors: dict[str, SfnLocalError] = {}
    for name in stack.property_names(logical_id):
        try:
            value = stack.property(logical_id, name)
        except _TOLERATED as error:
            errors[name] = error
            problems.append(f"{error.where}: {error.message}")
        else:
            if value is not None:
                values[name] = value
    name = arn = ""
    try:
        name = str(stack.ref(logical_id, where))
        arn = stack.arn_of(logical_id)
    except _TOLERATED as error:
        if type_name.startswith(_SIMULATED):
            raise
        problems.append(f"{error.where}: {error.message}")
    return Resource(
        stack=stack.name,
        logical_id=logical_id,
        type=type_name,
        path=stack.construct_path(logical_id),
        name=name,
        arn=arn,
        properties=PartlyResolved(values, errors) if errors else values,
        where=where,
    )


def _check_for_circles(stack: Stack) -> None:
    """CloudFormation refuses to deploy resources that wait for each other."""
    try:
        TopologicalSorter(stack.dependencies()).prepare()
    except CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise TemplateError(
            f"circular dependency between resources: {circle}",
            where=stack.pointer("Resources", error.args[1][0]),
        ) from None


def _check_names(resources: Iterable[Resource]) -> None:
    """Two stages of an app may both name their queue `orders`, since they go to two accounts."""
    named: dict[str, Resource] = {}
    for resource in resources:
        kind = KINDS.get(resource.type, OTHER)
        if not resource.type.startswith(_SIMULATED) or not kind.name_property or not resource.arn:
            continue
        other = named.setdefault(resource.arn, resource)
        if other is not resource:
            raise TemplateError(
                f"{other.path} and {resource.path} are both {resource.arn}",
                where=resource.where,
                hint="load one stage of the app: its folder in the cloud assembly",
            )


def _outputs(stacks: list[Stack], problems: list[str]) -> dict[str, Json]:
    """By `stack.output`, as the CDK prints them."""
    outputs = {}
    for stack in stacks:
        for name in stack.outputs():
            try:
                where = stack.pointer("Outputs", name)
                outputs[f"{stack.name}.{name}"] = stack.output(name, where)
            except _TOLERATED as error:
                problems.append(f"{error.where}: {error.message}")
    return outputs


class _Layers:
    """The code of the app's own layers."""

    def __init__(self, resources: Mapping[Stack, list[Resource]], folders: CodeFolders) -> None:
        self._folders = folders
        self._layers = {
            resource.arn: (stack, resource)
            for stack, found in resources.items()
            for resource in found
            if resource.type == "AWS::Lambda::LayerVersion"
        }

    def folder(self, arn: str) -> Path | None:
        """None where the layer is not the app's: its code must be installed on this machine."""
        if arn not in self._layers:
            return None
        stack, layer = self._layers[arn]
        where = f"{layer.where}/Properties/Content"
        return asset_folder(stack.source, layer.properties.get("Content"), self._folders, where)
