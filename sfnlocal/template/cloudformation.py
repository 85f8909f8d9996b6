"""One stack: answers what its template's intrinsic functions ask, each answer worked out once.

Nothing is resolved before it is asked for, so a property that only AWS can resolve hurts only who
reads it. What crosses the stack's border goes to its Surroundings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TypeAlias

from sfnlocal.errors import NeedsAwsError, TemplateError, UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.template.assembly import StackSource
from sfnlocal.template.attributes import KINDS, OTHER, Kind, apply
from sfnlocal.template.facts import ResourceFacts
from sfnlocal.template.intrinsic_functions import (
    FUNCTIONS,
    NO_VALUE,
    resolve,
    resolve_condition,
)
from sfnlocal.template.names import physical_name, uuid_of
from sfnlocal.template.parameters import ParameterValues, how_to_give

Key: TypeAlias = tuple[str, ...]
_NESTED_STACK = "AWS::CloudFormation::Stack"


class Surroundings(Protocol):
    """The deployment that a stack is part of."""

    @property
    def values(self) -> ParameterValues: ...
    def working_out(self, stack: Stack, key: Key) -> AbstractContextManager[None]: ...
    def export(self, name: str, importer: Stack, where: str) -> Json: ...
    def stack(self, name: str, region: str, where: str) -> Stack: ...


def partition_of(region: str) -> str:
    """https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html"""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return partition
    return "aws"


class Stack:
    """Implements intrinsic_functions.Scope. `arguments` are a nested stack's parameters."""

    def __init__(
        self,
        source: StackSource,
        deployment: Surroundings,
        account: str,
        region: str,
        arguments: Callable[[str], Json] | None = None,
    ) -> None:
        self.source = source
        self.deployment = deployment
        self.name = source.name
        self.account = source.account or account
        self.region = source.region or region
        self.partition = partition_of(self.region)
        self.url_suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        self._arguments = arguments
        self._resources: Mapping[str, Json] = source.template["Resources"]
        self._known: dict[Key, Json] = {}
        self._nested: dict[str, Stack] = {}
        self._exports: dict[str, str] | None = None
        self._referring: list[str] = []
        self._references: dict[str, set[str]] = {}

    def pointer(self, *tokens: str) -> str:
        return "/".join((f"{self.source.label}#", *tokens))

    # What the template says, unresolved

    def section(self, name: str) -> Mapping[str, Json]:
        section = self.source.template.get(name) or {}
        return section if isinstance(section, dict) else {}

    def type_of(self, logical_id: str) -> str:
        return str(self._resources[logical_id]["Type"])

    def kind_of(self, logical_id: str) -> Kind:
        return KINDS.get(self.type_of(logical_id), OTHER)

    def declared(self, logical_id: str, name: str) -> Json:
        return (self._resources[logical_id].get("Properties") or {}).get(name)

    def property_names(self, logical_id: str) -> list[str]:
        return list(self._resources[logical_id].get("Properties") or {})

    def created(self, logical_id: str) -> bool:
        condition = self._resources[logical_id].get("Condition")
        where = self.pointer("Resources", logical_id, "Condition")
        return condition is None or self.condition(condition, where)

    def logical_ids(self) -> list[str]:
        """Of the resources that are created."""
        return [logical_id for logical_id in self._resources if self.created(logical_id)]

    def of_type(self, type_name: str) -> list[str]:
        return [
            logical_id
            for logical_id, resource in self._resources.items()
            if resource["Type"] == type_name and self.created(logical_id)
        ]

    def construct_path(self, logical_id: str) -> str:
        """Without the default child's id: `OrderStack/Orders`, not `OrderStack/Orders/Resource`."""
        metadata = self._resources[logical_id].get("Metadata") or {}
        path = metadata.get("aws:cdk:path") or self.source.paths.get(logical_id, logical_id)
        parent, _, last = path.rpartition("/")
        return parent if parent and last in ("Resource", "Default") else str(path)

    # What it resolves to

    def property(self, logical_id: str, name: str) -> Json:
        """None where it is not set. Raises TemplateError."""
        declared = self.declared(logical_id, name)
        if declared is None:
            return None
        key = ("Resources", logical_id, "Properties", name)
        with self._referring_from(logical_id):
            value = self._once(key, lambda: resolve(declared, self, self.pointer(*key)))
        return None if value is NO_VALUE else value

    def part(self, logical_id: str, name: str, part: str) -> Json:
        """One entry of a property that is a map, where others of it may not resolve."""
        declared = self.declared(logical_id, name)
        if not isinstance(declared, dict) or FUNCTIONS.keys() & declared.keys():
            whole = self.property(logical_id, name)
            return whole.get(part) if isinstance(whole, dict) else None
        if part not in declared:
            return None
        key = ("Resources", logical_id, "Properties", name, part)
        with self._referring_from(logical_id):
            value = self._once(key, lambda: resolve(declared[part], self, self.pointer(*key)))
        return None if value is NO_VALUE else value

    def name_of(self, logical_id: str) -> str:
        """The physical name: a queue's QueueName, not its URL."""
        kind = self.kind_of(logical_id)
        if kind.name_property:
            name = self.property(logical_id, kind.name_property)
            if name is not None:
                return str(name)
        fifo = kind.fifo_property and self.property(logical_id, kind.fifo_property)
        suffix = ".fifo" if str(fifo).lower() == "true" else ""
        name = physical_name(self.name, logical_id, kind.name_chars_max, suffix)
        return name.lower() if kind.lower_case else name

    def ref(self, name: str, where: str) -> Json:
        if name in self._resources:
            self._refer(name, where)
            rule = self.kind_of(name).ref
            return self._once(("Resources", name), lambda: apply(rule, ResourceFacts(self, name)))
        if name.startswith("AWS::"):
            return self._pseudo_parameter(name, where)
        if name in self.section("Parameters"):
            return self._once(("Parameters", name), lambda: self._parameter(name))
        raise TemplateError(f"{name} is neither a parameter nor a resource", where=where)

    def arn_of(self, logical_id: str) -> str:
        """Empty for types without one."""
        rule = self.kind_of(logical_id).arn
        return apply(rule, ResourceFacts(self, logical_id)) if rule else ""

    def attribute(self, logical_id: str, attribute: str, where: str) -> Json:
        if logical_id not in self._resources:
            raise TemplateError(f"there is no resource {logical_id}", where=where)
        self._refer(logical_id, where)
        nested = self.nested(logical_id)
        if nested and attribute.startswith("Outputs."):
            return nested.output(attribute.removeprefix("Outputs."), where)
        rule = self.kind_of(logical_id).attributes.get(attribute)
        if rule is None:
            name = f"{logical_id}.{attribute}"
            value = self.deployment.values.given_value(self.name, name)
            if value is not None:
                return value
            raise NeedsAwsError(
                f"the attribute {attribute} of {logical_id} ({self.type_of(logical_id)}) "
                "is not known without AWS",
                where=where,
                hint=how_to_give(name),
            )
        key = ("Resources", logical_id, attribute)
        return self._once(key, lambda: apply(rule, ResourceFacts(self, logical_id)))

    def condition(self, name: str, where: str) -> bool:
        conditions = self.section("Conditions")
        if name not in conditions:
            raise TemplateError(f"there is no condition {name}", where=where)
        key = ("Conditions", name)
        pointer = self.pointer(*key)
        return bool(self._once(key, lambda: resolve_condition(conditions[name], self, pointer)))

    def mapping(self, name: str, where: str) -> Mapping[str, Json]:
        mapping = self.section("Mappings").get(name)
        if not isinstance(mapping, dict):
            raise TemplateError(f"there is no mapping {name}", where=where)
        return mapping

    def import_value(self, name: str, where: str) -> Json:
        return self.deployment.export(name, self, where)

    def stack_output(self, stack: str, output: str, region: str, where: str) -> Json:
        return self.deployment.stack(stack, region, where).output(output, where)

    def dynamic_reference(self, text: str, where: str) -> str:
        return self.deployment.values.dynamic_reference(text, self.region, where)

    def outputs(self) -> list[str]:
        """The names of the outputs whose condition is true."""
        return [name for name in self.section("Outputs") if self._has_output(name)]

    def output(self, name: str, where: str) -> Json:
        if not self._has_output(name):
            raise TemplateError(f"the stack {self.name} has no output {name}", where=where)
        key = ("Outputs", name, "Value")
        value = self.section("Outputs")[name].get("Value")
        return self._once(key, lambda: resolve(value, self, self.pointer(*key)))

    def exports(self) -> Mapping[str, str]:
        """Output names by export name. A name that does not resolve exports nothing."""
        if self._exports is None:
            self._exports = {}
            for name in self.outputs():
                export = self.section("Outputs")[name].get("Export", {}).get("Name")
                where = self.pointer("Outputs", name, "Export", "Name")
                try:
                    self._exports[str(resolve(export, self, where))] = name
                except (NeedsAwsError, UnsupportedError):
                    continue
        return self._exports

    def nested(self, logical_id: str) -> Stack | None:
        """The stack that a resource of type AWS::CloudFormation::Stack stands for."""
        if self.type_of(logical_id) != _NESTED_STACK:
            return None
        if logical_id not in self._nested:
            where = self.pointer("Resources", logical_id, "Properties", "TemplateURL")
            url = str(self.property(logical_id, "TemplateURL"))
            name = self.name_of(logical_id)
            self._nested[logical_id] = Stack(
                self.source.nested(name, url, where),
                self.deployment,
                self.account,
                self.region,
                lambda parameter: self.part(logical_id, "Parameters", parameter),
            )
        return self._nested[logical_id]

    def with_nested(self) -> Iterator[Stack]:
        yield self
        for logical_id in self.of_type(_NESTED_STACK):
            nested = self.nested(logical_id)
            if nested:
                yield from nested.with_nested()

    def dependencies(self) -> dict[str, set[str]]:
        """What each resource refers to, as far as it has been resolved, or names in DependsOn."""
        found = {logical_id: set(ids) for logical_id, ids in self._references.items()}
        for logical_id in self.logical_ids():
            named = self._resources[logical_id].get("DependsOn", [])
            for other in [named] if isinstance(named, str) else named:
                if other not in self._resources:
                    where = self.pointer("Resources", logical_id, "DependsOn")
                    raise TemplateError(f"there is no resource {other}", where=where)
                found.setdefault(logical_id, set()).add(other)
        return found

    # How

    def _has_output(self, name: str) -> bool:
        output = self.section("Outputs").get(name)
        if output is None or "Condition" not in output:
            return output is not None
        return self.condition(output["Condition"], self.pointer("Outputs", name, "Condition"))

    def _once(self, key: Key, work_out: Callable[[], Json]) -> Json:
        if key not in self._known:
            with self.deployment.working_out(self, key):
                self._known[key] = work_out()
        return self._known[key]

    @contextmanager
    def _referring_from(self, logical_id: str) -> Iterator[None]:
        self._referring.append(logical_id)
        try:
            yield
        finally:
            self._referring.pop()

    def _refer(self, logical_id: str, where: str) -> None:
        if not self.created(logical_id):
            condition = self._resources[logical_id]["Condition"]
            raise TemplateError(
                f"{logical_id} is not created: its condition {condition} is false", where=where
            )
        if self._referring:
            self._references.setdefault(self._referring[-1], set()).add(logical_id)

    def _parameter(self, name: str) -> Json:
        declaration = self.section("Parameters")[name]
        where = self.pointer("Parameters", name)
        values = self.deployment.values
        if self._arguments:
            argument = self._arguments(name)
            if argument is not None:
                return values.typed(declaration, argument, self.region, where)
        return values.template_parameter(self.name, name, declaration, self.region, where)

    def _pseudo_parameter(self, name: str, where: str) -> Json:
        """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html"""
        values: Mapping[str, Json] = {
            "AWS::AccountId": self.account,
            "AWS::NoValue": NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": self.partition,
            "AWS::Region": self.region,
            "AWS::StackId": f"arn:{self.partition}:cloudformation:{self.region}:{self.account}:"
            f"stack/{self.name}/{uuid_of(self.name)}",
            "AWS::StackName": self.name,
            "AWS::URLSuffix": self.url_suffix,
        }
        if name not in values:
            raise TemplateError(f"there is no pseudo parameter {name}", where=where)
        return values[name]
