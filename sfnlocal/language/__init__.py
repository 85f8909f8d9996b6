"""The Amazon States Language: a definition compiled to a frozen Program."""

from __future__ import annotations

from sfnlocal.language.parse import compile_definition, diagnose

__all__ = ["compile_definition", "diagnose"]
