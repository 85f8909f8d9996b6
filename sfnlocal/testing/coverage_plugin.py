"""`pytest --sfn-cov`: which states, edges, Choice rules, Retriers and Catchers the tests went
through.

    pytest --sfn-cov --sfn-cov-report html:coverage.html --sfn-cov-fail-under 90

Tests make sessions in ways of their own, so every Session of this process is watched, from when it
is entered until it is left.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sfnlocal.driver.session import Session
    from sfnlocal.proof.coverage import Coverage

_FORMATS = ("term", "term-missing", "json", "html")


def add_options(group: pytest.OptionGroup) -> None:
    group.addoption(
        "--sfn-cov",
        action="store_true",
        help="measure which states, edges, rules, Retriers and Catchers the tests went through",
    )
    group.addoption(
        "--sfn-cov-report",
        action="append",
        default=[],
        metavar="TYPE",
        help="term (default), term-missing, json:FILE or html:FILE; may be given again",
    )
    group.addoption(
        "--sfn-cov-fail-under",
        type=float,
        metavar="PERCENT",
        help="fail where less than this was covered",
    )
    group.addoption(
        "--sfn-cov-machines",
        action="append",
        default=[],
        metavar="PATTERN",
        help="measure these state machines only (`Order*`); may be given again",
    )


def measure_coverage(config: pytest.Config) -> None:
    """Where one of the options asks for it."""
    reports = [read_report(text) for text in config.getoption("--sfn-cov-report")]
    fail_under = config.getoption("--sfn-cov-fail-under")
    if config.getoption("--sfn-cov") or reports or fail_under is not None:
        patterns = config.getoption("--sfn-cov-machines")
        measured = MeasuredCoverage(reports or [("term", None)], fail_under, patterns)
        config.pluginmanager.register(measured, "sfnlocal-coverage")
        config.add_cleanup(measured.watch_every_session())


def read_report(text: str) -> tuple[str, Path | None]:
    """`json:FILE` as its two parts; raises UsageError."""
    kind, _, path = text.partition(":")
    if kind not in _FORMATS or bool(path) == kind.startswith("term"):
        raise pytest.UsageError(
            f"--sfn-cov-report: {text!r} is none of term, term-missing, json:FILE and html:FILE"
        )
    if path and not Path(path).parent.is_dir():
        raise pytest.UsageError(f"--sfn-cov-report: there is no folder {Path(path).parent}")
    return kind, Path(path) if path else None


class MeasuredCoverage:
    """A plugin of one pytest run."""

    def __init__(
        self,
        reports: list[tuple[str, Path | None]],
        fail_under: float | None,
        patterns: list[str],
    ) -> None:
        from sfnlocal.proof.coverage import Coverage

        self.coverage: Coverage = Coverage(patterns)
        self._reports = reports
        self._fail_under = fail_under

    def watch_every_session(self) -> Callable[[], None]:
        """Gives what ends it."""
        from sfnlocal.driver.session import Session

        enter, leave = Session.__enter__, Session.__exit__
        coverage = self.coverage

        def watched_enter(session: Session) -> Session:
            coverage.watch(session)
            return enter(session)

        def watched_leave(session: Session, *error: Any) -> None:
            for execution in session.executions.values():
                if execution.status == "RUNNING":
                    coverage.add(execution, session.started_from[execution.arn])
            leave(session, *error)

        def restore() -> None:
            Session.__enter__, Session.__exit__ = enter, leave  # type: ignore[method-assign]

        Session.__enter__ = watched_enter  # type: ignore[method-assign]
        Session.__exit__ = watched_leave  # type: ignore[method-assign]
        return restore

    @property
    def _too_little(self) -> bool:
        return self._fail_under is not None and self.coverage.summary.percent < self._fail_under

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._too_little and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        from sfnlocal.proof.coverage_text import render_coverage

        terminalreporter.section("coverage of state machines")
        for kind, path in self._reports:
            if path is None:
                all_missing = kind == "term-missing"
                terminalreporter.line(render_coverage(self.coverage, all_missing=all_missing))
            else:
                terminalreporter.line(_write(self.coverage, kind, path))
        if self._too_little:
            percent = self.coverage.summary.percent
            terminalreporter.line(
                f"FAIL: {percent:.1f} % is covered, {self._fail_under:g} % is required", red=True
            )


def _write(coverage: Coverage, kind: str, path: Path) -> str:
    """Gives what to say of it."""
    from sfnlocal.proof.coverage_page import coverage_page

    if kind == "json":
        text = json.dumps(coverage.json(), ensure_ascii=False) + "\n"
    else:
        text = coverage_page(coverage)
    path.write_text(text, "utf-8")
    return f"wrote {path}"
