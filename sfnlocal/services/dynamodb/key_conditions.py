"""KeyConditionExpression: one partition, and maybe a range of its sort keys.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sfnlocal.services.dynamodb.collection import Collection, Slice
from sfnlocal.services.dynamodb.conditions import Between, Both, Call, Comparison, Condition
from sfnlocal.services.dynamodb.errors import invalid, invalid_values
from sfnlocal.services.dynamodb.keys import TOP, KeySchema, Place, partition_of
from sfnlocal.services.dynamodb.lexer import ExpressionError
from sfnlocal.services.dynamodb.operands import Operand, PathOperand, ValueOperand
from sfnlocal.services.dynamodb.scope import Scope
from sfnlocal.services.dynamodb.values import Value, ordered

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<=", "<>": "<>"}


@dataclass(frozen=True, slots=True)
class KeyTest:
    """`comparator` is =, <, ..., BETWEEN or begins_with."""

    name: str
    comparator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class KeyCondition:
    partition: Value
    sort: KeyTest | None

    def slice(self, items: Collection) -> Slice:
        """The part of a table or index that fulfils it."""
        partition = partition_of(self.partition)
        everything = (*partition, TOP)
        if self.sort is None:
            return items.between(partition, everything)
        bounds = [(*partition, ordered(value)) for value in self.sort.values]
        if self.sort.comparator == "begins_with":
            (prefix,) = self.sort.values[0].values()
            return items.starting_with(bounds[0], everything, prefix)
        low, high = _RANGES[self.sort.comparator](partition, *bounds)
        return items.between(low, high)


def _through(place: Place) -> Place:
    """What comes right after all places that begin with this one."""
    return (*place, TOP)


# First place and end of what fulfils a test of the sort key.
_RANGES: Mapping[str, Callable[..., tuple[Place, Place]]] = {
    "=": lambda partition, at: (at, _through(at)),
    "<": lambda partition, at: (partition, at),
    "<=": lambda partition, at: (partition, _through(at)),
    ">": lambda partition, at: (_through(at), _through(partition)),
    ">=": lambda partition, at: (at, _through(partition)),
    "BETWEEN": lambda partition, low, high: (low, _through(high)),
}


def key_condition(condition: Condition, scope: Scope, keys: KeySchema) -> KeyCondition:
    """Raises ExpressionError and ApiError."""
    condition.bind(scope)
    tests: dict[str, KeyTest] = {}
    for test in _tests(condition, scope):
        if test.name in tests:
            raise ExpressionError("KeyConditionExpressions must only contain one condition per key")
        tests[test.name] = test
    partition = tests.pop(keys.partition, None)
    if partition is None:
        raise invalid(f"Query condition missed key schema element: {keys.partition}")
    sort = tests.pop(keys.sort, None) if keys.sort is not None else None
    if tests:
        if keys.sort is not None and sort is None:
            raise invalid(f"Query condition missed key schema element: {keys.sort}")
        raise invalid("Query key condition not supported")
    if partition.comparator != "=":
        raise invalid("Query key condition not supported")
    _check_types(partition, keys)
    if sort is not None:
        _check_types(sort, keys)
    return KeyCondition(partition.values[0], sort)


def _check_types(test: KeyTest, keys: KeySchema) -> None:
    for value in test.values:
        kind = keys.types[test.name]
        if kind not in value:
            raise invalid_values("Condition parameter type does not match schema type")
        if not value[kind] and test.comparator != "begins_with":
            what = "string" if kind == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key "
                f"attribute cannot contain an empty {what} value. Key: {test.name}"
            )


def _tests(condition: Condition, scope: Scope) -> Iterator[KeyTest]:
    match condition:
        case Both(left, right):
            yield from _tests(left, scope)
            yield from _tests(right, scope)
        case Comparison("<>", _, _):
            raise ExpressionError("Unsupported operator on KeyCondition: <>")
        case Comparison(comparator, PathOperand() as left, ValueOperand() as right):
            yield _test(comparator, scope, left, right)
        case Comparison(comparator, ValueOperand() as left, PathOperand() as right):
            yield _test(_MIRRORED[comparator], scope, right, left)
        case Between(operand, lower, upper):
            yield _test("BETWEEN", scope, operand, lower, upper)
        case Call("begins_with", (operand, prefix)):
            yield _test("begins_with", scope, operand, prefix)
        case _:
            name = _NAMES.get(type(condition).__name__, "")
            if isinstance(condition, Call):
                name = condition.name
            raise ExpressionError(f"Invalid operator used in KeyConditionExpression: {name}")


_NAMES = {"Either": "OR", "Not": "NOT", "In": "IN", "Comparison": "size"}


def _test(comparator: str, scope: Scope, operand: Operand, *values: Operand) -> KeyTest:
    path = operand.bind(scope).path
    if path is None:
        raise ExpressionError(f"Invalid operator used in KeyConditionExpression: {comparator}")
    if len(path) > 1:
        raise ExpressionError("KeyConditionExpressions cannot have conditions on nested attributes")
    found = [value.bind(scope).value for value in values]
    known = tuple(value for value in found if value is not None)
    if len(known) < len(found):
        raise ExpressionError(
            f"Invalid condition in KeyConditionExpression: {comparator} operator must have "
            "values to compare a key with"
        )
    return KeyTest(str(path[0]), comparator, known)
