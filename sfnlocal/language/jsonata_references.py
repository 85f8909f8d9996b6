"""What a JSONata expression refers to, and what AWS refuses in it at creation.

Step Functions evaluates an expression without a context item, so a path that starts at `$`, `$$`,
a wildcard or a bare name refers to nothing: the definition is refused. A step, predicate, sort
term or grouping runs against the value before it and may use them; the body of a function may
not, since it sees the context that it was written in. The tree is jsonata-python's.
https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jsonata.jexception import JException  # type: ignore[import-untyped]
from jsonata.parser import Parser  # type: ignore[import-untyped]

from sfnlocal.language.jsonata_engine import ExpressionSyntaxError, UnsupportedExpressionError
from sfnlocal.language.jsonata_python_errors import message_of

_BOTH = ("lhs", "rhs", "expression", "condition", "then", "_else", "procedure", "body")
_LISTS = ("expressions", "arguments", "lhs_object")
_RELATIVE = ("group", "pattern", "update", "delete", "expr")
_RELATIVE_LISTS = ("steps", "predicate", "stages", "terms")
_CONTEXT_TYPES = {"wildcard": "*", "descendant": "**"}
# Operators of JSONata 2.1; AWS implements 2.0.6, which stops at their last character.
_NEWER_OPERATORS = ("??", "?:")


class References(NamedTuple):
    """`top_level` are the refused references, in order; `variables` the names without `$`, local
    ones too; `reads_context` whether `$states.context` may be read."""

    top_level: tuple[str, ...]
    variables: frozenset[str]
    reads_context: bool


def read_references(expression: str) -> References:
    """Raises ExpressionSyntaxError where AWS's version of JSONata cannot read the expression."""
    tree = _tree(expression)
    nodes = list(_all_nodes(tree))
    top_level = list(_at_top(tree))
    variables = {node.value for node in nodes if node.type == "variable"}
    if "$" in variables:
        top_level.append("$$")
    whole_states = "states" in variables and not all(
        _selects_other_than_context(path) for path in nodes if _starts_at_states(path)
    )
    paths = sum(_starts_at_states(node) for node in nodes)
    mentions = sum(node.type == "variable" and node.value == "states" for node in nodes)
    return References(
        tuple(dict.fromkeys(top_level)),
        frozenset(variables - {"", "$"}),
        whole_states or mentions > paths,
    )


def check_references(expression: str) -> list[str]:
    """The references that AWS refuses: `$`, `$$`, `*` or names at the top level."""
    return list(read_references(expression).top_level)


def refuse_top_level(references: References) -> None:
    """Raises UnsupportedExpressionError in AWS's words."""
    if references.top_level:
        name = references.top_level[0]
        raise UnsupportedExpressionError(
            f"Reference to '{name}' at the top level is not supported."
        )


def _tree(expression: str) -> Any:
    parser = Parser()
    for newer in _NEWER_OPERATORS:
        del parser.symbol_table[newer]
    try:
        return parser.parse(expression)
    except KeyError as error:
        symbol = str(error.args[0])[-1]
        raise ExpressionSyntaxError(
            f'The symbol "{symbol}" cannot be used as a unary operator', "S0211"
        ) from None
    except JException as error:
        raise ExpressionSyntaxError(message_of(error), error.error, error.location) from None
    except RecursionError:
        raise ExpressionSyntaxError("the expression is nested too deeply") from None
    except (AttributeError, IndexError, TypeError, ValueError):
        raise ExpressionSyntaxError("the expression cannot be read") from None


def _starts_at_states(node: Any) -> bool:
    if node.type != "path":
        return False
    first = node.steps[0]
    return bool(first.type == "variable" and first.value == "states")


def _selects_other_than_context(path: Any) -> bool:
    first, second = path.steps[0], path.steps[1] if len(path.steps) > 1 else None
    return (
        second is not None
        and second.type == "name"
        and second.value != "context"
        and not (first.predicate or first.stages)
    )


def _members(node: Any, names: tuple[str, ...], lists: tuple[str, ...]) -> Iterator[Any]:
    for name in names:
        if (member := getattr(node, name)) is not None:
            yield member
    for name in lists:
        for member in getattr(node, name) or ():
            # An object constructor's members are pairs of key and value.
            yield from member if isinstance(member, list) else (member,)


def _all_nodes(node: Any) -> Iterator[Any]:
    yield node
    for member in _members(node, _BOTH + _RELATIVE, _LISTS + _RELATIVE_LISTS):
        yield from _all_nodes(member)


def _at_top(node: Any) -> Iterator[str]:
    """The references of `node` that are evaluated against the missing context."""
    match node.type:
        case "path":
            yield from _at_top(node.steps[0])
        case "name":
            yield str(node.value)
        case "variable" if node.value == "":
            yield "$"
        case "wildcard" | "descendant":
            yield _CONTEXT_TYPES[node.type]
        case "lambda":
            yield from _at_top(node.body)
        case _:
            for member in _members(node, _BOTH, _LISTS):
                yield from _at_top(member)
