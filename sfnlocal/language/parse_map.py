"""The states that hold state machines: Parallel, and Map in inline mode.

Distributed Map is refused by its name: https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import re

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_text
from sfnlocal.language.fields import Fields
from sfnlocal.language.parse_state import read_common
from sfnlocal.language.paths import RUNTIME, PathField, path_evaluator, read_path
from sfnlocal.language.payload import compile_jsonata_template
from sfnlocal.language.program import Evaluator, MapState, ParallelState, Program, Scope
from sfnlocal.language.quantities import read_integer
from sfnlocal.language.query import QUERY_EVALUATION_ERROR
from sfnlocal.ports import Json

_CONCURRENCY_MAX = 2**31 - 1
_FAILURES_MAX = 2**31 - 1
_LABEL_CHARS_MAX = 40

# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html, Label
_BAD_IN_LABEL = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")

_DISTRIBUTED_FIELDS = (
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
)


def read_parallel(fields: Fields, pointer: str) -> ParallelState:
    fields.require("Branches")
    compile_program = fields.compilation.compile_program
    return ParallelState(
        **read_common(fields, "Parallel"),
        pointer=pointer,
        branches=tuple(
            compile_program(fields.child(branch, "Branches", index))
            for index, branch in enumerate(fields.array("Branches") or [])
        ),
    )


def read_map(fields: Fields, pointer: str) -> MapState:
    _refuse_distributed(fields)
    return MapState(
        **read_common(fields, "Map"),
        pointer=pointer,
        processor=_processor(fields),
        items=_jsonata_items(fields) if fields.language == "JSONata" else _jsonpath_items(fields),
        item_selector=_item_selector(fields),
        max_concurrency=read_integer(fields, "MaxConcurrency", 0, _CONCURRENCY_MAX),
        tolerated_failure_count=read_integer(fields, "ToleratedFailureCount", 0, _FAILURES_MAX),
        tolerated_failure_percentage=read_integer(fields, "ToleratedFailurePercentage", 0, 100),
    )


def _refuse_distributed(fields: Fields) -> None:
    """Fields that only a Distributed Map has; a Label is checked, as AWS checks it first."""
    label = fields.string("Label")
    if label is not None:
        _check_label(fields, label)
    for name in _DISTRIBUTED_FIELDS:
        if name in fields:
            fields.take(name)
            fields.unsupported(
                f"Map field {name}", name, hint="only inline Map runs here; Mode INLINE has none"
            )


def _check_label(fields: Fields, label: str) -> None:
    bad = _BAD_IN_LABEL.search(label)
    if not label:
        message = "Label cannot be empty"
    elif bad:
        message = f"Label contains invalid character: {bad[0]!r}"
    elif len(label) > _LABEL_CHARS_MAX:
        message = f"Label cannot exceed {_LABEL_CHARS_MAX} characters"
    else:
        return
    fields.error(message, "Label", code="INVALID_LABEL_NAME", hint="letters, digits, - and _")


def _processor(fields: Fields) -> Program:
    name = fields.one_of("ItemProcessor", "Iterator", required=True) or "ItemProcessor"
    processor = fields.child(fields.take(name) if name in fields else {}, name)
    if "ProcessorConfig" in processor:
        config = processor.child(processor.take("ProcessorConfig"), "ProcessorConfig")
        if config.keyword("Mode", "INLINE", "DISTRIBUTED") == "DISTRIBUTED":
            config.unsupported(
                "Map mode DISTRIBUTED", "Mode", hint="only Mode INLINE runs here, up to 40 at once"
            )
            config.keyword("ExecutionType", "STANDARD", "EXPRESS")
        config.close()
    if name not in fields:
        # What the missing processor lacks is no further error.
        return Program("", {})
    return fields.compilation.compile_program(processor)


def _item_selector(fields: Fields) -> Evaluator | None:
    """`Parameters` is the older name of ItemSelector."""
    if fields.language == "JSONata":
        return fields.payload("ItemSelector")
    name = fields.one_of("ItemSelector", "Parameters")
    return fields.payload(name) if name else None


def _jsonpath_items(fields: Fields) -> Evaluator:
    path = fields.reference("ItemsPath") or read_path("$")
    return _array_at(path)


def _array_at(path: PathField) -> Evaluator:
    find = path_evaluator(path).call

    def call(data: Json, scope: Scope) -> Json:
        value = find(data, scope)
        if isinstance(value, list):
            return value
        raise StateError(RUNTIME, f'Reference path "{path.own_text}" must point to array.')

    return Evaluator(call, 0, 1)


def _jsonata_items(fields: Fields) -> Evaluator | None:
    if "Items" not in fields:
        return Evaluator(_whole_input, 0, 1)
    query = fields.query("Items", "array", lambda value: isinstance(value, list))
    if query is not None:
        return query
    items = fields.array("Items", may_be_empty=True)
    if items is None:
        return None
    return compile_jsonata_template(
        items,
        field=fields.query_field("Items").name,
        engine=fields.compilation.engine,
        diagnostics=fields.compilation.diagnostics,
        place=(*fields.place, "Items"),
    )


def _whole_input(data: Json, _scope: Scope) -> Json:
    value = data["input"]
    if isinstance(value, list):
        return value
    raise StateError(
        QUERY_EVALUATION_ERROR, f"Map state input must be an array but was: {json_text(value)}"
    )
