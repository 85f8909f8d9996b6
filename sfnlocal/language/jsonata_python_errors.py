"""The messages of jsonata-python's errors, as the reference implementation writes them.

The port drops the quotes around what it inserts, and its templates say "Object" where the
reference says "function".
"""

from __future__ import annotations

import re

from jsonata.jexception import JException  # type: ignore[import-untyped]

from sfnlocal.jsontext import json_text

_INSERTED = re.compile(r"\{\{\{\w+\}\}\}|\{\{\w+\}\}")
_ABOUT_FUNCTIONS = re.compile(
    r"T041[012]|T1010|T2006|D301[012]|D3020|D3040|D3050|D306[01]|D3070|D31[012]0|D3121|D313[89]"
)


def message_of(error: JException) -> str:
    values = [error.current, error.expected, error.extra]
    template: str = JException.error_codes.get(error.error, str(error))
    if _ABOUT_FUNCTIONS.fullmatch(error.error):
        template = template.replace("Object", "function")

    def inserted(match: re.Match[str]) -> str:
        value = values.pop(0) if values else None
        if match[0].startswith("{{{"):
            return str(value)
        return json_text(value) if isinstance(value, str | int | float) else str(value)

    return _INSERTED.sub(inserted, template)
