"""The Amazon States Language: a definition compiled to a frozen Program."""

from __future__ import annotations

from sfnlocal.language.parse import compile_definition, compile_to_test, diagnose
from sfnlocal.language.variable_references import variable_references

__all__ = ["compile_definition", "compile_to_test", "diagnose", "variable_references"]
