"""The pytest plugin: fixtures that give the loaded app, and failures that show the path taken.

    pytest --sfn-app cdk.out --sfn-seed 7

A project that synthesizes in its tests overrides `sfn_app_folder`.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sfnlocal.driver.mock_config import MockConfig
    from sfnlocal.interpreter import Execution
    from sfnlocal.template import App
    from sfnlocal.testing.local_app import LocalApp


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sfnlocal", "run Step Functions workflows of a synthesized app")
    group.addoption(
        "--sfn-app",
        default="cdk.out",
        metavar="FOLDER",
        help="the cloud assembly that the fixture `sfn` loads (default: cdk.out)",
    )
    group.addoption(
        "--sfn-seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of names, tokens and jitter (default: 0); a failing test prints it",
    )
    group.addoption(
        "--sfn-mock-config",
        metavar="FILE",
        help="a mock configuration of Step Functions Local: sfn.run(..., test_case=NAME)",
    )


@pytest.fixture(scope="session")
def sfn_app_folder(request: pytest.FixtureRequest) -> Path:
    """The cloud assembly's folder; override it to synthesize first."""
    return Path(request.config.getoption("--sfn-app"))


@pytest.fixture(scope="session")
def sfn_app(sfn_app_folder: Path) -> App:
    """The app, read once."""
    from sfnlocal.template import load_app

    return load_app(sfn_app_folder)


@pytest.fixture(scope="session")
def sfn_mock_config(request: pytest.FixtureRequest) -> MockConfig | None:
    """The mock configuration, read once; override it to give another file."""
    path = request.config.getoption("--sfn-mock-config")
    if path is None:
        return None
    from sfnlocal.driver.mock_config import load_mock_config

    return load_mock_config(Path(path))


@pytest.fixture
def sfn(
    sfn_app: App, sfn_mock_config: MockConfig | None, request: pytest.FixtureRequest
) -> Iterator[LocalApp]:
    """The app in virtual time, with empty queues and tables, for one test."""
    from sfnlocal.testing.local_app import load

    seed = request.config.getoption("--sfn-seed")
    with load(sfn_app, seed=seed, mock_config=sfn_mock_config) as app:
        request.node.stash[_APP] = app
        yield app


_APP = pytest.StashKey[Any]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the path of every execution of a failing test to its report."""
    report = yield
    app: LocalApp | None = item.stash.get(_APP, None)
    if report.when == "call" and report.failed and app is not None:
        shown = (run for run in app.executions() if not _uneventful(run.execution))
        paths = "\n\n".join(map(repr, shown))
        again = f"run again: pytest '{item.nodeid}' --sfn-seed {app.session.seed}"
        report.sections.append(("sfnlocal: path taken", f"{paths}\n\n{again}"))
        if app.triggered:
            report.sections.append(("sfnlocal: timeline", app.timeline()))
    return report


def _uneventful(execution: Execution) -> bool:
    """One of a Map Run's many children, and it succeeded."""
    return bool(execution.map_run_arn) and execution.status == "SUCCEEDED"
