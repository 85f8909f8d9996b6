"""Finds a project's proofs: Python files in the folder `proofs` of `[tool.sfnlocal]`, each with one
`Proof` or several at its top level."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sfnlocal.errors import InputError
from sfnlocal.proof.scenarios import Proof

DEFAULT_FOLDER = "tests/proofs"
_PROJECT = "pyproject.toml"


@dataclass(frozen=True, slots=True)
class FoundProof:
    """`name` is the proof's; `path` and `place` lead another process to the same one."""

    name: str
    proof: Proof
    path: Path
    place: int


def proofs_folder(given: str | None) -> Path:
    """The option's folder, else pyproject.toml's, else `tests/proofs`."""
    if given is None:
        given = DEFAULT_FOLDER
        project = Path(_PROJECT)
        if project.is_file():
            try:
                settings = tomllib.loads(project.read_text("utf-8"))
            except tomllib.TOMLDecodeError as error:
                raise InputError(f"not TOML: {error}", where=_PROJECT) from None
            given = settings.get("tool", {}).get("sfnlocal", {}).get("proofs", DEFAULT_FOLDER)
            if not isinstance(given, str):
                raise InputError("`proofs` is no text", where=f"{_PROJECT}, [tool.sfnlocal]")
    return Path(given)


def find_proofs(folder: Path, names: Sequence[str] = ()) -> list[FoundProof]:
    """All of a folder, in which other files may lie too, or of one file; of `names` only where some
    are given. InputError where there is none."""
    if folder.is_file():
        found = read_proofs(folder)
    else:
        found = [one for path in sorted(folder.glob("*.py")) for one in _proofs(path)]
    if not found:
        raise InputError(
            "there is no proof",
            where=str(folder),
            hint="a proof is a Python file with `ORDER = Proof(...)`, from sfnlocal.proof; "
            "say where with --proofs, or `proofs` of [tool.sfnlocal] in pyproject.toml",
        )
    known = [one.name for one in found]
    for name in known:
        if known.count(name) > 1:
            raise InputError(f"two proofs are named {name!r}", where=str(folder))
    for name in names:
        if name not in known:
            raise InputError(
                f"there is no proof of {name!r}",
                where=str(folder),
                hint="proofs: " + ", ".join(sorted(known)),
            )
    return [one for one in found if not names or one.name in names]


def read_proofs(path: Path) -> list[FoundProof]:
    """InputError where the file cannot be run or has no proof."""
    found = _proofs(path)
    if not found:
        raise InputError(
            "it has no proof",
            where=str(path),
            hint="give it `ORDER = Proof(...)`, from sfnlocal.proof",
        )
    return found


def _proofs(path: Path) -> list[FoundProof]:
    proofs = [value for value in vars(_module(path)).values() if isinstance(value, Proof)]
    return [FoundProof(proof.title, proof, path, n) for n, proof in enumerate(proofs)]


def _module(path: Path) -> ModuleType:
    """Imported as tests are: from the project's folder, where that is possible."""
    project = Path.cwd()
    if str(project) not in sys.path:
        sys.path.insert(0, str(project))
    resolved = path.resolve()
    try:
        if resolved.is_relative_to(project) and (resolved.parent / "__init__.py").is_file():
            parts = resolved.relative_to(project).with_suffix("").parts
            return importlib.import_module(".".join(parts))
        spec = importlib.util.spec_from_file_location(f"proof_{path.stem}", resolved)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{type(error).__name__}: {error}", where=str(path)) from error
    return module
