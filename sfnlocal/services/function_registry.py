"""The deployed functions: versions, aliases, and whatever else Lambda keeps of a function.

One registry for the functions of the template and those that the Lambda API creates. What a
version runs is a frozen value; a change puts another in its place, so that published versions stay
as they were. https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sfnlocal.arns import Arn
from sfnlocal.errors import ApiError, SfnLocalError
from sfnlocal.ports import Json
from sfnlocal.template.resources import Function

LATEST = "$LATEST"


@dataclass(frozen=True, slots=True)
class Code:
    """`folder` is None where the code does not run here, `refusal` says why. Folders of the
    template are measured when somebody asks."""

    folder: Path | None
    refusal: str = ""
    sha256: str = ""
    size_bytes: int = 0
    image_uri: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """`settings` are the function's configuration, by the API's names; `function` is what runs
    under them. `modified_ms` 0 is the moment of deployment."""

    function: Function
    number: str
    settings: Mapping[str, Json]
    code: Code
    revision_id: str
    modified_ms: int = 0


@dataclass(frozen=True, slots=True)
class Alias:
    """`weights` are the shares of other versions than `version`."""

    name: str
    version: str
    revision_id: str
    weights: Mapping[str, float] = field(default_factory=dict)
    description: str = ""


@dataclass(slots=True)
class Policy:
    """Statements by Sid."""

    revision_id: str
    statements: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """Of asynchronous invocations. None: not set, which is as many retries and seconds as there
    may be. Destinations are ARNs, empty where there is none."""

    retries_max: int | None = None
    age_seconds_max: int | None = None
    on_success: str = ""
    on_failure: str = ""
    modified_ms: int = 0


@dataclass(slots=True)
class DeployedFunction:
    """`published` is $LATEST as it was when the last version was made of it. Policies are by
    qualifier, None for the function itself; configurations of events by qualifier too, $LATEST for
    the function itself. `refused` are aliases that only AWS can resolve."""

    name: str
    arn: str
    latest: Version
    versions: dict[str, Version] = field(default_factory=dict)
    versions_made: int = 0
    published: Version | None = None
    aliases: dict[str, Alias] = field(default_factory=dict)
    refused: dict[str, SfnLocalError] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    reserved_concurrency: int | None = None
    policies: dict[str | None, Policy] = field(default_factory=dict)
    event_invoke_configs: dict[str, EventInvokeConfig] = field(default_factory=dict)

    def copied(self) -> DeployedFunction:
        """Before anything of it was changed by the API."""
        return DeployedFunction(
            self.name,
            self.arn,
            self.latest,
            versions=dict(self.versions),
            versions_made=self.versions_made,
            published=self.published,
            aliases=dict(self.aliases),
            refused=dict(self.refused),
            tags=dict(self.tags),
            reserved_concurrency=self.reserved_concurrency,
        )

    def version(self, number: str) -> Version | None:
        return self.latest if number == LATEST else self.versions.get(number)

    def all_versions(self) -> list[Version]:
        return [self.latest, *self.versions.values()]


class Target(NamedTuple):
    """What a name or ARN leads to. `arn` is what was asked for."""

    deployed: DeployedFunction
    version: Version
    arn: str

    @property
    def qualifier(self) -> str:
        """The version or alias that was asked for; empty where none was."""
        return self.arn[len(self.deployed.arn) + 1 :]


class FunctionRegistry:
    """`home` is the ARN that functions here begin with. Whoever changes more than one thing
    holds `lock`."""

    def __init__(self, home: Arn, *, seed: int) -> None:
        self.lock = threading.RLock()
        self._home = home
        self._functions: dict[str, DeployedFunction] = {}
        self._seed = seed
        self._revisions = random.Random(f"{seed}/revisions")
        self._routes: dict[str, random.Random] = {}

    def __iter__(self) -> Iterator[DeployedFunction]:
        """By name."""
        with self.lock:
            return iter([self._functions[name] for name in sorted(self._functions)])

    def copied(self) -> FunctionRegistry:
        """One that goes on from what the template deploys, as this one would."""
        other = FunctionRegistry(self._home, seed=self._seed)
        other._functions = {name: one.copied() for name, one in self._functions.items()}
        other._revisions.setstate(self._revisions.getstate())
        return other

    def arn_of(self, name: str, qualifier: str | None = None) -> str:
        arn = str(self._home._replace(resource=f"function:{name}"))
        return f"{arn}:{qualifier}" if qualifier else arn

    def new_revision(self) -> str:
        return str(uuid.UUID(int=self._revisions.getrandbits(128), version=4))

    def add(self, function: DeployedFunction) -> None:
        with self.lock:
            self._functions[function.name] = function

    def remove(self, name: str) -> None:
        with self.lock:
            del self._functions[name]

    def find(self, name_or_arn: str) -> DeployedFunction | None:
        """The function of a name, partial ARN or ARN, whatever its qualifier."""
        start, name, _ = parse_name(name_or_arn)
        return self._functions.get(name) if self._is_home(start) else None

    def get(self, name_or_arn: str, qualifier: str | None = None) -> DeployedFunction:
        """Raises ApiError where there is no such function."""
        found = self.find(name_or_arn)
        if found is None:
            raise self.not_found(name_or_arn, qualifier)
        return found

    def locate(self, name_or_arn: str, qualifier: str | None = None) -> Target:
        """The version that is described; an alias is its first version. Raises ApiError where
        there is no such function, version or alias."""
        with self.lock:
            deployed = self.get(name_or_arn, qualifier)
            asked = parse_name(name_or_arn).qualifier or qualifier
            if asked in deployed.refused:
                raise deployed.refused[asked]
            alias = deployed.aliases.get(asked or "")
            version = deployed.version(asked or LATEST if alias is None else alias.version)
            if version is None:
                raise self.not_found(name_or_arn, qualifier)
            return Target(deployed, version, f"{deployed.arn}:{asked}" if asked else deployed.arn)

    def resolve(self, name_or_arn: str, qualifier: str | None = None) -> Target:
        """The version that a call runs: an alias may share its calls among two."""
        with self.lock:
            target = self.locate(name_or_arn, qualifier)
            alias = target.deployed.aliases.get(parse_name(target.arn).qualifier)
            version = alias and target.deployed.version(self._route(target.deployed, alias))
            return target._replace(version=version) if version else target

    def _route(self, deployed: DeployedFunction, alias: Alias) -> str:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html"""
        if not alias.weights:
            return alias.version
        arn = f"{deployed.arn}:{alias.name}"
        if arn not in self._routes:
            self._routes[arn] = random.Random(f"{self._seed}/{arn}")
        share = self._routes[arn].random()
        for number, weight in alias.weights.items():
            if share < weight:
                return number
            share -= weight
        return alias.version

    def not_found(self, name_or_arn: str, qualifier: str | None = None) -> ApiError:
        start, name, inner = parse_name(name_or_arn)
        asked = inner or qualifier
        arn = self.arn_of(name)
        if start.startswith("arn:"):
            arn = f"{start}:function:{name}"
        message = f"Function not found: {arn}:{asked}" if asked else f"Function not found: {arn}"
        return ApiError("ResourceNotFoundException", message, 404)

    def _is_home(self, start: str) -> bool:
        """`start` is what stands before `:function:`, an ARN's or an account."""
        home = str(self._home).rstrip(":")
        return start in ("", self._home.account, home)


class FunctionName(NamedTuple):
    start: str
    name: str
    qualifier: str


def parse_name(name_or_arn: str) -> FunctionName:
    """A function's name, partial ARN (`account:function:name`) or ARN, and a qualifier at its
    end."""
    start, marker, rest = name_or_arn.rpartition("function:")
    if not marker:
        start, rest = "", name_or_arn
    name, _, qualifier = rest.partition(":")
    return FunctionName(start.rstrip(":"), name, qualifier)
