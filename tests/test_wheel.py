"""The wheel, installed where nothing else is: `make wheel-check`, not part of `make test`.

The packages that it needs come from requirements.lock, with its hashes. WHEEL_PYTHONS names the
interpreters to try, where it shall be others than this one.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.wheel

PROJECT = Path(__file__).resolve().parent.parent
ASSEMBLY = PROJECT / "tests/sfnlocal/template/assemblies/orders"
PYTHONS = os.environ.get("WHEEL_PYTHONS", sys.executable).split()
FOREIGN_TEST = """\
def test_it(sfn):
    run = sfn.run("Nightly", {"id": 7})
    run.assert_succeeded()
    assert run.output == {"id": 7}
"""


def run(*command: str | Path, cwd: Path, status: int = 0) -> str:
    """What a command prints that exits with `status`. It does not see this environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def closure(requirements: Iterable[str]) -> set[str]:
    """The names of the packages that these need, on any platform."""
    names: set[str] = set()
    waiting = [Requirement(text) for text in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        names.add(name)
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            # Only other platforms have it.
            continue
        for text in needed:
            more = Requirement(text)
            if _is_wanted(more, requirement.extras) and (
                more.extras or canonicalize_name(more.name) not in names
            ):
                waiting.append(more)
    return names


def _is_wanted(requirement: Requirement, extras: set[str]) -> bool:
    if requirement.marker is None or "extra" not in str(requirement.marker):
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in extras)


def locked(requirements: Iterable[str]) -> str:
    """Their part of requirements.lock."""
    names = closure(requirements)
    entries = re.split(r"\n(?=\S)", (PROJECT / "requirements.lock").read_text())
    return "\n".join(entry for entry in entries if entry.partition("==")[0] in names)


@pytest.fixture(scope="module")
def wheel() -> Path:
    wheels = list((PROJECT / "dist").glob("*.whl"))
    assert len(wheels) == 1, "run `make wheel`"
    return wheels[0]


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def needs(metadata: Message) -> list[str]:
    return metadata.get_all("Requires-Dist", [])


@pytest.fixture(scope="module", params=PYTHONS)
def installed(
    request: pytest.FixtureRequest,
    wheel: Path,
    needs: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The commands of an environment that has the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    run(request.param, "-m", "venv", folder / "env", cwd=folder)
    commands = folder / "env" / "bin"
    install(commands, locked(needs))
    pip(commands, "install", "--no-index", "--no-deps", wheel)
    return commands


def pip(commands: Path, *arguments: str | Path) -> None:
    # pip's own settings say where packages come from, so it has this environment.
    command: list[str | Path] = [commands / "python", "-m", "pip", "--quiet"]
    subprocess.run([*command, "--disable-pip-version-check", *arguments], check=True, cwd=commands)


def install(commands: Path, requirements: str) -> None:
    path = commands.parent / "requirements.txt"
    path.write_text(requirements)
    pip(commands, "install", "--require-hashes", "--only-binary", ":all:", "-r", path)


def test_it_holds_the_engine_its_types_and_the_licence_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = {
        str(path.relative_to(PROJECT))
        for path in (PROJECT / "sfnlocal").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "sfnlocal/py.typed" in sources
    assert {name for name in names if ".dist-info/" not in name} == sources
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_its_needs_are_the_engines_own(needs: list[str]) -> None:
    app = {"aws-cdk-lib", "constructs", "jsii", "aws-lambda-powertools", "cdk-nag", "pytest"}
    assert not app & closure(needs)


def test_its_metadata_describes_it(metadata: Message) -> None:
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Description-Content-Type"] == "text/markdown"
    body = metadata.get_payload()
    assert isinstance(body, str)
    assert "sfnlocal run" in body
    # The package index shows the description away from the files beside it.
    assert re.findall(r"\]\((?!https://)[^)]*\)", body) == []


def test_nothing_is_missing_and_no_cdk_is_there(installed: Path, tmp_path: Path) -> None:
    pip(installed, "check")
    code = (
        "import importlib.util as u, sfnlocal, sys;"
        "print([n for n in ('aws_cdk', 'constructs', 'jsii') if u.find_spec(n)]);"
        "print(sfnlocal.__file__.startswith(sys.prefix))"
    )
    assert run(installed / "python", "-c", code, cwd=tmp_path) == "[]\nTrue\n"


def test_it_lists_a_foreign_assembly(installed: Path, tmp_path: Path) -> None:
    # The assembly has what is not resolved without AWS: findings, so 1.
    shown = run(installed / "sfnlocal", "list", "--app", ASSEMBLY, cwd=tmp_path, status=1)
    assert "Nightly     STANDARD" in shown


@pytest.mark.parametrize("machine", ["Nightly", "Quick"])
def test_it_runs_a_foreign_assembly(installed: Path, tmp_path: Path, machine: str) -> None:
    # Its roles have lost their policies when it was cut down to a test's size.
    command = ["run", machine, "--app", str(ASSEMBLY), "--no-iam", "--input", '{"id": 7}']
    command += ["--format", "json"]
    shown = json.loads(run(installed / "sfnlocal", *command, cwd=tmp_path))
    assert shown["status"] == "SUCCEEDED"


def test_its_fixtures_come_with_pytest(installed: Path, tmp_path: Path) -> None:
    install(installed, locked(["pytest"]))
    (tmp_path / "test_foreign.py").write_text(FOREIGN_TEST)
    command = ["-m", "pytest", "-p", "no:cacheprovider", "--sfn-app", str(ASSEMBLY), "--sfn-no-iam"]
    assert "1 passed" in run(installed / "python", *command, cwd=tmp_path)
