"""Handlers are thin, named as the function they call, and import what is deployed with them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sfnlocal.template import App

LAMBDAS = Path(__file__).parents[2] / "lambdas"
# The providers of other stages: in dev a recorder takes their place.
NOT_IN_DEV = {
    f"lambdas.notification.{module}.handler"
    for module in ("send_email", "publish_message", "call_webhook")
} | {"lambdas.release.report_status.handler"}
HANDLERS = [path for path in LAMBDAS.glob("*/*.py") if "def handler(" in path.read_text("utf-8")]


def test_every_handler_is_deployed(deployed: App) -> None:
    """And nothing is deployed that is not there."""
    handlers = {
        f"lambdas.{path.relative_to(LAMBDAS).with_suffix('').as_posix().replace('/', '.')}.handler"
        for path in HANDLERS
    }
    assert handlers - NOT_IN_DEV == {function.handler for function in deployed.functions}


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.stem)
def test_a_handler_is_thin_and_its_logic_has_its_name(path: Path) -> None:
    functions = [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
    ]
    assert sum((node.end_lineno or 0) - node.lineno + 1 for node in functions) <= 30
    assert (path.parent / "logic" / path.name).is_file()


@pytest.mark.parametrize(
    ("folder", "deployed"),
    [
        ("front", ("lambdas.environment", "lambdas.message_batch", "lambdas.front.")),
        ("filters", ("lambdas.environment", "lambdas.message_batch", "lambdas.filters.")),
        ("devices", ("lambdas.environment", "lambdas.devices.", "lambdas.front.")),
        (
            "order",
            (
                "lambdas.environment",
                "lambdas.injected_fault",
                "lambdas.message_batch",
                "lambdas.order.",
                "lambdas.front.",
            ),
        ),
        (
            "notification",
            ("lambdas.environment", "lambdas.notification.", "lambdas.front."),
        ),
        ("intake", ("lambdas.environment", "lambdas.intake.", "lambdas.front.")),
        ("report", ("lambdas.environment", "lambdas.report.")),
        ("views", ("lambdas.environment", "lambdas.views.", "lambdas.front.")),
        ("micro_batch", ("lambdas.environment", "lambdas.message_batch", "lambdas.micro_batch.")),
        ("registry", ("lambdas.environment", "lambdas.registry.", "lambdas.front.")),
        ("release", ("lambdas.environment", "lambdas.release.", "lambdas.front.")),
        ("completion", ("lambdas.environment", "lambdas.message_batch", "lambdas.completion.")),
        (
            "sandbox",
            (
                "lambdas.environment",
                "lambdas.hops",
                "lambdas.message_batch",
                "lambdas.sandbox.",
                "lambdas.order.payloads",
                "lambdas.report.payloads",
                "lambdas.micro_batch.payloads",
                "lambdas.release.payloads",
                "lambdas.completion.payloads",
            ),
        ),
    ],
)
def test_an_asset_imports_nothing_that_stays_behind(folder: str, deployed: tuple[str, ...]) -> None:
    """docs/decisions/0002-lambda-assets.md says what each folder is deployed with."""
    imported = {
        node.module
        for path in (LAMBDAS / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("lambdas")
    }
    assert imported
    assert {module for module in imported if not module.startswith(deployed)} == set()
