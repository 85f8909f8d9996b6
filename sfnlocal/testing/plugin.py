"""The pytest plugin: fixtures that give the loaded app, and failures that show the path taken.

    pytest --sfn-app cdk.out --sfn-seed 7

A project that synthesizes in its tests overrides `sfn_app_folder`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfnlocal.testing.coverage_plugin import add_options as add_coverage_options
from sfnlocal.testing.coverage_plugin import measure_coverage

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sfnlocal.driver.mock_config import MockConfig
    from sfnlocal.interpreter import Execution
    from sfnlocal.template import App
    from sfnlocal.testing.local_app import LocalApp

# What sums up all tests of a run.
_SUMMED = ("--sfn-cov", "--sfn-cov-report", "--sfn-cov-fail-under", "--sfn-iam-report")


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
    group.addoption(
        "--sfn-no-iam",
        action="store_true",
        help="do not check the permissions of roles and services",
    )
    group.addoption(
        "--sfn-iam-key",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a condition key that only AWS knows: aws:PrincipalOrgID=o-1; may be given again",
    )
    group.addoption(
        "--sfn-iam-report",
        metavar="FILE",
        help="write which permissions all tests needed, for `sfnlocal iam --records FILE`",
    )
    add_coverage_options(group)


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


@pytest.fixture(scope="session")
def sfn_load(
    sfn_app: App, sfn_mock_config: MockConfig | None, request: pytest.FixtureRequest
) -> Callable[..., AbstractContextManager[LocalApp]]:
    """Gives the app for longer than one test: `with sfn_load() as app`, in a fixture of one's own.
    Takes the options of sfnlocal.testing.load, which win over the command line's."""
    from contextlib import contextmanager

    from sfnlocal.testing.local_app import load

    config = request.config

    @contextmanager
    def loaded(**options: Any) -> Iterator[LocalApp]:
        given = {
            "seed": config.getoption("--sfn-seed"),
            "mock_config": sfn_mock_config,
            "iam": not config.getoption("--sfn-no-iam"),
            "iam_keys": dict(_key_and_value(one) for one in config.getoption("--sfn-iam-key")),
        }
        with load(sfn_app, **{**given, **options}) as app:
            run = config.stash[_RUN]
            run.opened.append(app)
            try:
                yield app
            finally:
                run.close(app, keep_records=config.getoption("--sfn-iam-report") is not None)

    return loaded


@pytest.fixture
def sfn(
    sfn_load: Callable[..., AbstractContextManager[LocalApp]], request: pytest.FixtureRequest
) -> Iterator[LocalApp]:
    """The app in virtual time, with empty queues and tables, for one test."""
    with sfn_load() as app:
        request.node.stash[_APP] = app
        yield app
        # The tests outlive the run; their apps need not.
        del request.node.stash[_APP]


def _key_and_value(text: str) -> tuple[str, list[str]]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise pytest.UsageError(f"--sfn-iam-key: not KEY=VALUE: {text!r}")
    return key, value.split(",")


class _TestRun:
    """The apps that tests have open, with how many of their refusals were before this test, and
    what was decided in those that are closed."""

    def __init__(self) -> None:
        self.opened: list[LocalApp] = []
        self.records: list[Any] = []
        self._refused: dict[int, int] = {}

    def begin(self) -> None:
        self._refused = {id(app): len(app.iam.refusals) for app in self.opened if app.iam}

    def refusals(self) -> list[str]:
        from sfnlocal.proof.iam.text import render_refusals

        shown = []
        for app in self.opened:
            if app.iam is not None:
                new = app.iam.refusals[self._refused.get(id(app), 0) :]
                shown += render_refusals(new, app.iam.home)
        return shown

    def close(self, app: LocalApp, *, keep_records: bool) -> None:
        self.opened.remove(app)
        if keep_records and app.iam is not None:
            from sfnlocal.proof.iam.records import merged_data, records_data

            app.iam.check_implied()
            self.records = [merged_data([*self.records, records_data(app.iam.records)])]


_RUN = pytest.StashKey[_TestRun]()
_APP = pytest.StashKey[Any]()


def pytest_configure(config: pytest.Config) -> None:
    _refuse_several_processes(config)
    config.stash[_RUN] = _TestRun()
    measure_coverage(config)


def _refuse_several_processes(config: pytest.Config) -> None:
    """pytest-xdist's, for what sums up a run: no process sees the others' tests."""
    given = [one for one in _SUMMED if config.getoption(one) not in (None, False, [])]
    if given and config.getoption("dist", "no") != "no":
        raise pytest.UsageError(
            f"{given[0]} does not work in several processes: run it without pytest-xdist (-n 0)"
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    item.config.stash[_RUN].begin()


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--sfn-iam-report")
    if path is not None:
        from sfnlocal.jsontext import json_text
        from sfnlocal.proof.iam.records import merged_data

        data = merged_data(session.config.stash[_RUN].records)
        Path(path).write_text(f"{json_text(data)}\n", "utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the path of every execution of a failing test to its report."""
    report = yield
    app: LocalApp | None = item.stash.get(_APP, None)
    if report.when == "call" and report.failed:
        refused = item.config.stash[_RUN].refusals()
        if refused:
            report.sections.append(("sfnlocal: not allowed", "\n".join(refused)))
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
