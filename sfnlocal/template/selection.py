"""What people call a resource: found by any of its names, shown by the shortest that is clear.

A name is an ARN, a physical name, a logical id, a construct path or the end of one: `Order` of
`OrderStack/Order/Resource`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from sfnlocal.errors import InputError
from sfnlocal.template.resources import App, Resource, StateMachine

_STATE_MACHINE = "AWS::StepFunctions::StateMachine"


def find_resource(app: App, text: str, *types: str) -> Resource:
    """The resource of one of the types that has this name; upper and lower case count only where
    they must. Raises InputError with what there is; the first type says what it calls that."""
    noun = _noun(types[0])
    for wanted, names in ((text, _names), (text.casefold(), _folded_names)):
        found = app.derived(_by_name, types, names).get(wanted, [])
        if len(found) == 1:
            return found[0]
        if found:
            raise InputError(
                f"{text!r} may be any of {len(found)} {noun}s",
                hint=f"name one by its construct path: {_listed(found)}",
            )
    resources = app.of_type(*types)
    if not resources:
        raise InputError(f"there is no {noun} {text!r}: the app has none")
    raise InputError(f"there is no {noun} {text!r}", hint=f"there are: {_listed(resources)}")


def _by_name(
    app: App, types: tuple[str, ...], names: Callable[[Resource], set[str]]
) -> dict[str, list[Resource]]:
    found: dict[str, list[Resource]] = {}
    for resource in app.of_type(*types):
        for name in names(resource):
            found.setdefault(name, []).append(resource)
    return found


def find_state_machine(app: App, text: str) -> StateMachine:
    """The same for state machines. Raises NeedsAwsError for one that cannot run here."""
    arn = find_resource(app, text, _STATE_MACHINE).arn
    if arn in app.refused:
        raise app.refused[arn]
    return app.derived(state_machines_by_arn)[arn]


def state_machines_by_arn(app: App) -> Mapping[str, StateMachine]:
    return {machine.arn: machine for machine in app.state_machines}


def short_ids(resources: Iterable[Resource]) -> dict[str, str]:
    """By the resource's `where`: as much of the construct path's end as tells it from the others.
    Two `Function`s become `Pay/Function` and `Ship/Function`."""
    listed = list(resources)
    ends = Counter(end for resource in listed for end in set(_ends(resource)))
    return {
        resource.where: next((end for end in _ends(resource) if ends[end] == 1), resource.path)
        for resource in listed
    }


def names_by_arn(app: App) -> Mapping[str, str]:
    """Short ids of the resources that have an ARN; by their physical name too."""
    return app.derived(_names_by_arn)


def _names_by_arn(app: App) -> Mapping[str, str]:
    resources = [resource for resource in app.resources if resource.arn]
    ids = short_ids(resources)
    return {
        key: ids[resource.where] for resource in resources for key in (resource.arn, resource.name)
    }


def _ends(resource: Resource) -> Iterator[str]:
    """Of the path, the shortest first."""
    parts = resource.path.split("/")
    for start in range(len(parts) - 1, -1, -1):
        yield "/".join(parts[start:])


def _names(resource: Resource) -> set[str]:
    ends = set(_ends(resource))
    defaults = {f"{end}/Resource" for end in ends}
    # Ref gives a queue's URL and a topic's ARN, which end in the name.
    name = re.split("[:/]", resource.arn or resource.name)[-1]
    names = {resource.arn, resource.name, name, resource.logical_id} | ends | defaults
    return names - {""}


def _folded_names(resource: Resource) -> set[str]:
    return {name.casefold() for name in _names(resource)}


def _listed(resources: Iterable[Resource]) -> str:
    return ", ".join(sorted(resource.path for resource in resources))


def _noun(resource_type: str) -> str:
    """`state machine` of `AWS::StepFunctions::StateMachine`."""
    return re.sub("(?<=[a-z])(?=[A-Z])", " ", resource_type.rpartition(":")[2]).lower()
