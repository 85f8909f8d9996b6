"""cdk.out, or a CloudFormation template -> what it deploys, with physical names and ARNs."""

from __future__ import annotations

from sfnlocal.template.app import load_app
from sfnlocal.template.resources import App, Function, Resource, StateMachine
from sfnlocal.template.selection import find_state_machine

__all__ = ["App", "Function", "Resource", "StateMachine", "find_state_machine", "load_app"]
