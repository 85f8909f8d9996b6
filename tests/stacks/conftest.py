"""The stacks built in this process: for stages and mistakes that the dev assembly does not show.

The whole app takes seconds, so each of these is made once for all processes of a test run."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

import app
from tests.conftest import app_context

Templates = dict[str, dict[str, Any]]
Synthesize = Callable[..., Path]

MINIMAL_PRODUCTION = {"stage": "prod", "paymentProviderFunction": "payments-live-charge"}
# With all that a stage may have, in an account and region of its own.
FULL_PRODUCTION = {
    **MINIMAL_PRODUCTION,
    "account": "111122223333",
    "region": "eu-central-1",
    "tokenIssuer": "https://issuer.example.com",
    "tokenAudience": "api",
    "scoreService": "https://scores.example.org/v1",
    "notificationSender": "news@shop.example.com",
    "reportProviderFunction": "reports-live",
    "reportAccounts": '[{"accountId": "a-7", "size": 2}]',
    "reportTimeZone": "Europe/Berlin",
    "prices": {"standardTransition": 0.00003},
}
SHOP = "https://shop.example"
# The dev stage as somebody may deploy it later.
CHANGED = {"stage": "dev", "paymentProviderFunction": "another", "webOrigins": [SHOP]}


def read_templates(assembly: Path) -> Templates:
    """Each stack's template, by its name."""
    artifacts = json.loads((assembly / "manifest.json").read_text())["artifacts"].values()
    return {
        one["properties"]["stackName"]: json.loads(
            (assembly / one["properties"]["templateFile"]).read_text()
        )
        for one in artifacts
        if one["type"] == "aws:cloudformation:stack"
    }


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Synthesizes the app with a context into a folder of this name."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def run(name: str, **context: object) -> Path:
        folder = shared / f"assembly-{name}"
        with (shared / f"assembly-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "manifest.json").exists():
                root = cdk.App(
                    outdir=str(folder),
                    context=app_context(**{"aws:cdk:disable-asset-staging": True, **context}),
                )
                app.build(root)
                root.synth()
        return folder

    return run


@pytest.fixture(scope="session")
def production(synthesize: Synthesize) -> Templates:
    return read_templates(synthesize("minimal-production", **MINIMAL_PRODUCTION))


@pytest.fixture(scope="session")
def full_production(synthesize: Synthesize) -> Templates:
    return read_templates(synthesize("full-production", **FULL_PRODUCTION))


@pytest.fixture(scope="session")
def changed_assembly(synthesize: Synthesize) -> Path:
    return synthesize("changed", **CHANGED)
