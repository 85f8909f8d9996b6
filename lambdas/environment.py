"""What a handler reads from its environment variables, typed and frozen.

A field's name is the variable's name in lower case, its type the kind of resource the variable
names. The same class serves both ends: the stack constructs it (a missing variable or a resource
of the wrong kind is an error of mypy), the handler reads it back.

    class CreateInvoiceEnvironment(Environment):
        invoices_table: TableName

    CreateInvoiceEnvironment(invoices_table=TableName("...")).to_variables()   # the stack
    CreateInvoiceEnvironment.read().invoices_table                             # the handler
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple, NewType, Self, dataclass_transform, get_type_hints

TableName = NewType("TableName", str)
FunctionName = NewType("FunctionName", str)
QueueUrl = NewType("QueueUrl", str)
EventBusName = NewType("EventBusName", str)
SecretArn = NewType("SecretArn", str)
EmailAddress = NewType("EmailAddress", str)
StateMachineArn = NewType("StateMachineArn", str)
BucketName = NewType("BucketName", str)
ServiceAddress = NewType("ServiceAddress", str)
HopsMax = NewType("HopsMax", str)

# NewType objects have no common class to name in an annotation; `object` compares by identity.
RESOURCE_KINDS: Mapping[object, str] = {
    TableName: "DynamoDB table",
    FunctionName: "Lambda function",
    QueueUrl: "SQS queue",
    EventBusName: "EventBridge event bus",
    SecretArn: "Secrets Manager secret",
    EmailAddress: "verified identity of SES",
    StateMachineArn: "state machine",
    BucketName: "S3 bucket",
    ServiceAddress: "service of another party",
    HopsMax: "number of hops, which is no resource but configured as one",
}


class MissingVariableError(Exception):
    """A variable that the handler needs is not set: a mistake of the deployment."""


class Variable(NamedTuple):
    """One declared variable: `kind` is a key of RESOURCE_KINDS, such as TableName."""

    field: str
    name: str
    kind: object


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Environment:
    """Base of every handler's environment. To mypy it is a frozen dataclass; a real one takes
    0.7 ms to make, and a cold start makes those of a whole workflow."""

    def __init__(self, **values: str) -> None:
        declared = [variable.field for variable in self.variables()]
        if values.keys() != set(declared):
            raise TypeError(
                f"{type(self).__name__} has the fields {declared}, and was given {list(values)}"
            )
        vars(self).update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be set")

    @classmethod
    def variables(cls) -> tuple[Variable, ...]:
        """The declared variables in order; TypeError for a field that names no resource kind."""
        kinds = get_type_hints(cls)
        for field, kind in kinds.items():
            if kind not in RESOURCE_KINDS:
                raise TypeError(
                    f"{cls.__name__}.{field} must be one of "
                    f"{', '.join(str(kind) for kind in RESOURCE_KINDS)}, not {kind}"
                )
        return tuple(Variable(field, field.upper(), kind) for field, kind in kinds.items())

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Self:
        """The environment of this process; MissingVariableError names what is not set, or empty."""
        missing = [v for v in cls.variables() if not variables.get(v.name)]
        if missing:
            named = ", ".join(f"{v.name} (a {RESOURCE_KINDS[v.kind]})" for v in missing)
            raise MissingVariableError(f"{cls.__name__} needs the environment variable {named}")
        return cls(**{v.field: variables[v.name] for v in cls.variables()})

    def to_variables(self) -> dict[str, str]:
        """The variables a stack gives to the function; ValueError for an empty value."""
        values = {v.name: str(getattr(self, v.field)) for v in self.variables()}
        for name, value in values.items():
            if not value:
                raise ValueError(f"{type(self).__name__}: {name} is empty")
        return values
