"""The stacks built in this process: for stages and mistakes that the dev assembly does not show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app
from tests.conftest import app_context

Templates = dict[str, dict[str, Any]]
Synthesize = Callable[..., Templates]


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesizes the app with a context: each stack's template, by its construct id."""

    def run(**context: object) -> Templates:
        folder: Path = tmp_path_factory.mktemp("assembly")
        root = cdk.App(
            outdir=str(folder),
            context=app_context(**{"aws:cdk:disable-asset-staging": True, **context}),
        )
        app.build(root)
        return {stack.stack_name: stack.template for stack in root.synth().stacks}

    return run


@pytest.fixture(scope="session")
def production(synthesize: Synthesize) -> Templates:
    return synthesize(stage="prod", paymentProviderFunction="payments-live-charge")
