"""The errors that a function's code raises, found without running it.

Its handler's module is read, and those of its own code that it imports: every `raise Name` and
`raise Name(...)` counts. What libraries raise is not seen; a Retrier, a Catcher or the proof names
it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sfnlocal.template.resources import Function

# A function reports other errors than these by their class's name too, but they are mistakes.
_NOT_DECLARED = frozenset(
    {"SystemExit", "KeyboardInterrupt", "NotImplementedError", "StopIteration"}
)


def declared_errors(function: Function) -> tuple[str, ...]:
    """By name, sorted; empty where its code is not Python that lies here."""
    if function.code_folder is None:
        return ()
    names: set[str] = set()
    for tree in _modules(function.code_folder, function.handler.rpartition(".")[0]):
        names.update(_raised(tree))
    return tuple(sorted(names - _NOT_DECLARED))


def _modules(folder: Path, module: str) -> Iterator[ast.Module]:
    """The module and all that it imports from the folder."""
    waiting, seen = [module.replace("/", ".")], set()
    while waiting:
        name = waiting.pop()
        path = _path(folder, name)
        if path is None or path in seen:
            continue
        seen.add(path)
        tree = ast.parse(path.read_bytes())
        yield tree
        waiting += _imported(tree, name)


def _path(folder: Path, module: str) -> Path | None:
    path = folder.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((one for one in candidates if one.is_file()), None)


def _imported(tree: ast.Module, module: str) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (one.name for one in names)
            case ast.ImportFrom(module=base, names=names, level=level):
                parts = module.split(".")[:-level] if level else []
                base_name = ".".join([*parts, *([base] if base else [])])
                yield base_name
                yield from (f"{base_name}.{one.name}" for one in names)


def _raised(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise):
            raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            match raised:
                case ast.Name(id=name) | ast.Attribute(attr=name) if name[:1].isupper():
                    yield name
