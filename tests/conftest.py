"""The app's cloud assembly, synthesized once per change of its sources."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from sfnlocal.template import App, load_app
from tools.context import LOCAL_RUN

PROJECT = Path(__file__).resolve().parent.parent
CACHE = PROJECT / ".build" / "assembly"
UNUSED_SECONDS_MAX = 86_400
SOURCES = ("workflows", "stacks", "lambdas")
FILES = ("app.py", "cdk.json", "requirements.lock", "tools/context.py")

# For the CDK's own process, which starts with the first construct: a test says its context itself
# (the environment's would win over it), and nothing is validated twice.
os.environ.pop("CDK_CONTEXT_JSON", None)
os.environ["CDK_VALIDATION"] = "false"
os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "20"

# The same examples in every run: what was found once is a case of its own.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sfn-endpoint",
        metavar="URL",
        help="run the tests of tests/api there (default: a server of sfnlocal)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "step_functions_local: runs on AWS's image amazon/aws-stepfunctions-local too"
    )


def sources_hash() -> str:
    """A hash of everything that the templates are made from."""
    digest = hashlib.sha256()
    paths = [PROJECT / name for name in FILES]
    for folder in SOURCES:
        paths += sorted(
            path
            for path in (PROJECT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
    for path in paths:
        digest.update(f"{path.relative_to(PROJECT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def app_context(**more: object) -> dict[str, object]:
    """The context that the `cdk` command would give, and what a test adds."""
    context: dict[str, object] = json.loads((PROJECT / "cdk.json").read_text())["context"]
    return {**context, **more}


def synthesize_into(folder: Path) -> None:
    """Whole or not at all."""
    fresh = Path(tempfile.mkdtemp(dir=CACHE))
    context = app_context(stage="dev", **LOCAL_RUN)
    synthesis = subprocess.run(
        [sys.executable, "-O", "app.py"],
        cwd=PROJECT,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "CDK_OUTDIR": str(fresh), "CDK_CONTEXT_JSON": json.dumps(context)},
    )
    if synthesis.returncode:
        pytest.fail(f"the app does not synthesize:\n{synthesis.stderr}", pytrace=False)
    fresh.rename(folder)


def forget_unused() -> None:
    """What sources of other days were synthesized to, each some megabytes."""
    for folder in CACHE.iterdir():
        if folder.is_dir() and time.time() - folder.stat().st_mtime > UNUSED_SECONDS_MAX:
            shutil.rmtree(folder)


@pytest.fixture(scope="session")
def assembly() -> Path:
    """The folder of the dev stage's cloud assembly; its assets are the sources themselves."""
    folder = CACHE / sources_hash()
    CACHE.mkdir(parents=True, exist_ok=True)
    # Each process of a run of the tests asks for it; the first one makes it.
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            synthesize_into(folder)
        folder.touch()
        forget_unused()
    return folder


@pytest.fixture(scope="session")
def sfn_app_folder(assembly: Path) -> Path:
    """What the `sfn` fixture loads."""
    return assembly


@pytest.fixture(scope="session")
def deployed(assembly: Path) -> App:
    """The app's resources, as they would be deployed."""
    return load_app(assembly)


@pytest.fixture(scope="session")
def definitions(deployed: App) -> dict[str, dict[str, Any]]:
    """Each state machine's definition, by its construct id."""
    return {
        machine.resource.path.rsplit("/", 1)[-1]: machine.definition
        for machine in deployed.state_machines
    }
