"""Templates as dictionaries, written and loaded the way `cdk.out` is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sfnlocal.template import App, load_app
from sfnlocal.template.assembly import StackSource
from sfnlocal.template.cloudformation import Stack
from sfnlocal.template.deployment import Deployment

ACCOUNT = "123456789012"
REGION = "us-east-1"


@pytest.fixture
def deploy() -> Callable[..., Deployment]:
    """Deploys templates by stack name, without files."""

    def deploy(
        parameters: Mapping[str, str] | None = None, region: str = REGION, **templates: Any
    ) -> Deployment:
        sources = [
            StackSource(name, Path(f"{name}.json"), f"{name}.json", template)
            for name, template in templates.items()
        ]
        return Deployment(sources, ACCOUNT, region, parameters or {})

    return deploy


@pytest.fixture
def stack(deploy: Callable[..., Deployment]) -> Callable[..., Stack]:
    """The stack `Orders` with these resources."""

    def stack(resources: Mapping[str, Any], region: str = REGION, **sections: Any) -> Stack:
        template = {"Resources": resources, **sections}
        return deploy(region=region, Orders=template).stacks[0]

    return stack


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., App]:
    """Loads the one-template app `Orders` with these resources."""

    def load(
        resources: Mapping[str, Any], parameters: Mapping[str, str] | None = None, **sections: Any
    ) -> App:
        file = tmp_path / "Orders.template.json"
        file.write_text(json.dumps({"Resources": resources, **sections}), "utf-8")
        return load_app(file, parameters=parameters)

    return load
