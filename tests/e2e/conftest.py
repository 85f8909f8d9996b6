"""A browser, and the app's form behind a port. `make e2e` runs what is here, `make test` not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sfnlocal.template import App
from sfnlocal.testing import LocalApp, load
from tests.e2e.browser import HOW_TO_INSTALL, Browser, find_chromium
from tests.e2e.front import Front, served
from tests.workflows.accidents import Accidents


# First of all: without a browser nothing else need be made.
@pytest.fixture(scope="session", autouse=True)
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find_chromium()
    if program is None:
        pytest.exit(HOW_TO_INSTALL, returncode=1)
    browser = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def desk(sfn_app: App) -> Iterator[LocalApp]:
    with load(sfn_app) as app:
        app.pause_schedules()
        yield app


@pytest.fixture(scope="module")
def front(desk: LocalApp) -> Iterator[Front]:
    with served(desk, "IntakeApi") as front:
        yield front


@pytest.fixture(scope="module")
def gate(desk: LocalApp) -> Accidents:
    gate = Accidents()
    desk.session.aws.add_gate(gate)
    return gate


@pytest.fixture
def accidents(desk: LocalApp, front: Front, gate: Accidents) -> Iterator[Accidents]:
    yield gate
    gate.end()
    with front.turn:
        # The routes' bursts are whole again.
        desk.advance(seconds=5)
