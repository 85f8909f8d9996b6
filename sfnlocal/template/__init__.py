"""cdk.out, or a CloudFormation template -> what it deploys, with physical names and ARNs."""

from __future__ import annotations

from sfnlocal.template.app import load_app
from sfnlocal.template.resources import App, Function, Resource, StateMachine
from sfnlocal.template.selection import (
    find_resource,
    find_state_machine,
    names_by_arn,
    short_ids,
)

__all__ = [
    "App",
    "Function",
    "Resource",
    "StateMachine",
    "find_resource",
    "find_state_machine",
    "load_app",
    "names_by_arn",
    "short_ids",
]
