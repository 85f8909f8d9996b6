"""Proofs in a project's own test suite, each plan a test.

@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with proof_runner("cdk.out", "tests/proofs/order.py") as runner:
        yield runner

@pytest.mark.parametrize("plan", proof_plans("cdk.out", "tests/proofs/order.py"), ids=test_id)
def test_nothing_is_lost(runner: Runner, plan: Plan) -> None:
    assert_proven(runner.run(plan))
"""

from __future__ import annotations

from pathlib import Path

from sfnlocal.driver.session import Session
from sfnlocal.proof.files import read_proofs
from sfnlocal.proof.prove import violation_text
from sfnlocal.proof.results import Plan, PlanResult
from sfnlocal.proof.runner import Runner
from sfnlocal.server import StepFunctionsApi
from sfnlocal.template import App, load_app
from sfnlocal.testing.local_app import LocalApp


class SessionApp(LocalApp):
    """A LocalApp over a session that somebody else opens and closes."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.app = session.app
        StepFunctionsApi(session).install()


def open_world(session: Session) -> SessionApp:
    """What a proof's functions are given."""
    return SessionApp(session)


def proof_runner(app: str | Path | App, proof_file: str | Path, *, seed: int = 0) -> Runner:
    """Runs the plans of a file's one proof; a context manager, and one session at a time."""
    loaded = app if isinstance(app, App) else load_app(Path(app))
    [found] = read_proofs(Path(proof_file))
    return Runner(loaded, found.proof, open_world, seed=seed, name=found.name)


def proof_plans(app: str | Path | App, proof_file: str | Path, *, seed: int = 0) -> list[Plan]:
    """All plans of a file's one proof. Its scenarios are run for that."""
    with proof_runner(app, proof_file, seed=seed) as runner:
        return runner.plans()


def test_id(plan: Plan) -> str:
    """The plan's name among pytest's."""
    return plan.test_id


def assert_proven(result: PlanResult) -> None:
    """AssertionError with what is broken, the path, and the command that runs it again."""
    if result.violations:
        raise AssertionError("\n".join(map(violation_text, result.violations)))


# It is no test of a suite that imports it.
test_id.__test__ = False  # type: ignore[attr-defined]
