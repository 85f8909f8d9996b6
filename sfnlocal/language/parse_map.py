"""The states that hold state machines: Parallel, and Map in inline and distributed mode.

What only distributed mode has is read by `parse_distributed_map`.
https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html
"""

from __future__ import annotations

from sfnlocal.errors import StateError
from sfnlocal.jsontext import json_text
from sfnlocal.language.fields import Fields
from sfnlocal.language.parse_distributed_map import (
    check_label,
    read_distributed,
    read_execution_type,
    refuse_distributed_fields,
)
from sfnlocal.language.parse_state import read_common
from sfnlocal.language.paths import RUNTIME, PathField, path_evaluator, read_path
from sfnlocal.language.payload import compile_jsonata_template
from sfnlocal.language.program import (
    DistributedMap,
    Evaluator,
    MapState,
    ParallelState,
    Program,
    Scope,
)
from sfnlocal.language.quantities import read_integer, read_percentage
from sfnlocal.language.query import QUERY_EVALUATION_ERROR
from sfnlocal.ports import Json

_CONCURRENCY_MAX = 2**31 - 1
_TOLERATED_MAX = 2**63 - 1


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
    if "Label" in fields:
        check_label(fields)
    processor, distributed = _processor(fields)
    if distributed is not None:
        distributed = read_distributed(fields, express=distributed.express)
    else:
        refuse_distributed_fields(fields)
    return MapState(
        **read_common(fields, "Map"),
        pointer=pointer,
        processor=processor,
        items=_jsonata_items(fields) if fields.language == "JSONata" else _jsonpath_items(fields),
        item_selector=_item_selector(fields),
        max_concurrency=read_integer(fields, "MaxConcurrency", 0, _CONCURRENCY_MAX),
        tolerated_failure_count=read_integer(
            fields, "ToleratedFailureCount", 0, _TOLERATED_MAX, from_text=True
        ),
        tolerated_failure_percentage=read_percentage(fields, "ToleratedFailurePercentage"),
        distributed=distributed,
    )


def _processor(fields: Fields) -> tuple[Program, DistributedMap | None]:
    """The item processor, and in distributed mode the type of its child executions."""
    name = fields.one_of("ItemProcessor", "Iterator", required=True) or "ItemProcessor"
    processor = fields.child(fields.take(name) if name in fields else {}, name)
    distributed = None
    if "ProcessorConfig" in processor:
        config = processor.child(processor.take("ProcessorConfig"), "ProcessorConfig")
        if config.keyword("Mode", "INLINE", "DISTRIBUTED") == "DISTRIBUTED":
            distributed = read_execution_type(config)
        config.close()
    if name not in fields:
        # What the missing processor lacks is no further error.
        return Program("", {}), distributed
    compilation = fields.compilation
    express = compilation.express
    compilation.express = distributed.express if distributed else express
    try:
        return compilation.compile_program(processor), distributed
    finally:
        compilation.express = express


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
