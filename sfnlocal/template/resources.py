"""What a cloud assembly deploys, as plain frozen values with physical names and ARNs.

`Resource` is any resource, properties resolved; `StateMachine` and `Function` are the two kinds
that run here and carry what running them needs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from sfnlocal.errors import SfnLocalError
from sfnlocal.ports import Json

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Resource:
    """`name` is what Ref gives (queues: the URL), `arn` is empty for kinds without one. `path` is
    the construct path (`OrderStack/Orders`), or the logical id where there is no CDK metadata.
    `where` is `template file#/Resources/LogicalId`, for messages."""

    stack: str
    logical_id: str
    type: str
    path: str
    name: str
    arn: str
    properties: Mapping[str, Json]
    where: str

    def __hash__(self) -> int:
        return hash(self.where)


@dataclass(frozen=True, slots=True)
class StateMachine:
    """`type` is STANDARD or EXPRESS, `definition` the parsed JSON with every substitution done.
    One of a version has its `version_arn` and is as it was when that was published. With an
    `alias_arn` it stands for whichever version the alias leads to."""

    resource: Resource
    name: str
    arn: str
    type: str
    role_arn: str
    definition: Json
    version_arn: str = ""
    alias_arn: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function whose code is a folder on this machine (None: not run here, with
    `refusal` saying why: an image, inline code in another language, ...). `handler` is
    `module.attribute`, `runtime` such as `python3.14`. `layers` are ARNs, `layer_folders` the
    content of those that the app itself makes (Python code is in their `python` folder)."""

    resource: Resource
    name: str
    arn: str
    handler: str
    runtime: str
    code_folder: Path | None
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int
    layers: tuple[str, ...] = ()
    layer_folders: tuple[Path, ...] = ()
    refusal: str = ""


class _Derived(dict[Hashable, object]):
    """Another process derives its own."""

    def __reduce__(self) -> tuple[type[_Derived], tuple[()]]:
        return _Derived, ()


@dataclass(frozen=True, slots=True)
class App:
    """A loaded cloud assembly. `folder` is where it was read from. `outputs` are by
    `stack.output`. `problems` say what could not be resolved without AWS, one line each; reading
    such a property raises. `refused` are state machines, by ARN, whose definition is among it."""

    folder: Path
    partition: str
    region: str
    account: str
    resources: tuple[Resource, ...]
    state_machines: tuple[StateMachine, ...]
    functions: tuple[Function, ...]
    outputs: Mapping[str, Json]
    problems: tuple[str, ...] = ()
    refused: Mapping[str, SfnLocalError] = field(default_factory=dict)
    _derived: _Derived = field(default_factory=_Derived, init=False, repr=False, compare=False)

    def of_type(self, *types: str) -> tuple[Resource, ...]:
        return self.derived(_of_type, types)

    def derived(self, make: Callable[..., _T], *about: Hashable) -> _T:
        """What `make(app, *about)` gives, made once: all sessions of the app share it, and none may
        change it."""
        key = make, about
        if key not in self._derived:
            self._derived[key] = make(self, *about)
        found: _T = self._derived[key]  # type: ignore[assignment]
        return found


def _of_type(app: App, types: tuple[str, ...]) -> tuple[Resource, ...]:
    return tuple(resource for resource in app.resources if resource.type in types)
