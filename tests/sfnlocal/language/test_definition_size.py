"""The quota of a definition's size."""

from __future__ import annotations

import json

import pytest

from sfnlocal.errors import DefinitionError
from sfnlocal.language import compile_definition

_DEFINITION = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Comment": "", "End": True}}}
_COMMENT_CHARS = 1_048_576 - len(json.dumps(_DEFINITION, separators=(",", ":")))


@pytest.mark.parametrize(("chars", "taken"), [(_COMMENT_CHARS, True), (_COMMENT_CHARS + 1, False)])
def test_a_definition_has_at_most_one_mebibyte(chars: int, taken: bool) -> None:
    definition = json.loads(json.dumps(_DEFINITION))
    definition["States"]["P"]["Comment"] = "x" * chars
    if taken:
        compile_definition(definition)
    else:
        with pytest.raises(DefinitionError, match="has 1048577 bytes"):
            compile_definition(definition)
