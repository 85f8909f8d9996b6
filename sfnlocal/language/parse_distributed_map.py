"""What a Map state has in distributed mode only: where its items come from, how they are put
together into batches, and where the results go.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import re
from typing import cast

from sfnlocal.language.fields import Fields
from sfnlocal.language.paths import constant
from sfnlocal.language.program import (
    DistributedMap,
    Evaluator,
    InputType,
    ItemBatcher,
    ItemReader,
    ManifestType,
    ReaderAction,
    ResultWriter,
    Transformation,
)
from sfnlocal.language.quantities import read_integer
from sfnlocal.limits import MAP_INPUT_BYTES_MAX

_LABEL_CHARS_MAX = 40
_ITEMS_MAX = 2**63 - 1

# https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html, Label
_BAD_IN_LABEL = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")
_BAD_ESCAPE = re.compile(r"~(?![01])")
_INPUT_TYPES = ("CSV", "JSON", "JSONL", "PARQUET")
_FIELDS = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
_GET_OBJECT = "arn:aws:states:::s3:getObject"
_READERS = {_GET_OBJECT: "getObject", "arn:aws:states:::s3:listObjectsV2": "listObjectsV2"}
_WRITER = "arn:aws:states:::s3:putObject"
_DELIMITERS = {"COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "SPACE": " ", "TAB": "\t"}


def refuse_distributed_fields(fields: Fields) -> None:
    for name in _FIELDS:
        if name in fields:
            fields.take(name)
            fields.unsupported(
                f"Map field {name}", name, hint="set ProcessorConfig's Mode to DISTRIBUTED"
            )


def check_label(fields: Fields) -> None:
    label = fields.string("Label")
    if label is None:
        return
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


def read_execution_type(config: Fields) -> DistributedMap:
    if config.compilation.express:
        config.error("Express state machine does not support Distributed Map", "Mode")
    config.require("ExecutionType")
    return DistributedMap(
        express=config.keyword("ExecutionType", "STANDARD", "EXPRESS") == "EXPRESS"
    )


def read_distributed(fields: Fields, *, express: bool) -> DistributedMap:
    return DistributedMap(
        express=express,
        label=fields.string("Label"),
        reader=_read_reader(fields.child(fields.take("ItemReader"), "ItemReader"))
        if "ItemReader" in fields
        else None,
        batcher=_read_batcher(fields.child(fields.take("ItemBatcher"), "ItemBatcher"))
        if "ItemBatcher" in fields
        else None,
        writer=_read_writer(fields.child(fields.take("ResultWriter"), "ResultWriter"))
        if "ResultWriter" in fields
        else None,
    )


def _arguments(fields: Fields) -> Evaluator | None:
    return fields.payload("Arguments" if fields.language == "JSONata" else "Parameters")


def _read_reader(reader: Fields) -> ItemReader:
    reader.require("Resource")
    resource = reader.keyword("Resource", *_READERS) or _GET_OBJECT
    action = cast(ReaderAction, _READERS[resource])
    arguments = _arguments(reader) or constant({})
    config = reader.child(reader.take("ReaderConfig") or {}, "ReaderConfig")
    input_type, manifest = _input_type(config, action)
    read = ItemReader(
        action=action,
        arguments=arguments,
        input_type=input_type,
        manifest=manifest,
        items_pointer=_items_pointer(config, input_type),
        csv_headers=_csv_headers(config),
        csv_delimiter=_DELIMITERS[config.keyword("CSVDelimiter", *_DELIMITERS) or "COMMA"],
        max_items=read_integer(config, "MaxItems", 0, _ITEMS_MAX, from_text=True),
    )
    config.close()
    reader.close()
    return read


def _input_type(
    config: Fields, action: ReaderAction
) -> tuple[InputType | None, ManifestType | None]:
    """What holds the items, and what lists the files that do."""
    text = config.string("InputType")
    if text is not None and text not in (*_INPUT_TYPES, "MANIFEST"):
        config.error(f"Value must be one of [{', '.join(_INPUT_TYPES)}, MANIFEST]", "InputType")
    input_type = cast(InputType, text) if text in _INPUT_TYPES else None
    manifest = config.keyword("ManifestType", "S3_INVENTORY", "ATHENA_DATA")
    transformation = config.keyword("Transformation", "NONE", "LOAD_AND_FLATTEN")
    if action == "listObjectsV2" and transformation != "LOAD_AND_FLATTEN":
        return None, None
    if action == "getObject" and manifest != "ATHENA_DATA":
        if manifest == "S3_INVENTORY" or text == "MANIFEST":
            # An inventory says itself what its files are.
            return None, "S3_INVENTORY"
        manifest = None
    config.require("InputType")
    if text == "MANIFEST":
        config.error(f"Value must be one of [{', '.join(_INPUT_TYPES)}]", "InputType")
    return input_type, "ATHENA_DATA" if action == "getObject" and manifest else None


def _items_pointer(config: Fields, input_type: InputType | None) -> tuple[str, ...]:
    """https://www.rfc-editor.org/rfc/rfc6901"""
    pointer = config.string("ItemsPointer")
    if not pointer:
        return ()
    if not pointer.startswith("/") or _BAD_ESCAPE.search(pointer):
        config.error("Value must be a valid JSONPointer.", "ItemsPointer", hint="such as /orders/0")
        return ()
    if input_type not in ("JSON", None):
        config.unsupported(
            f"ItemsPointer with InputType {input_type}", "ItemsPointer", hint="it is for JSON"
        )
    steps = pointer[1:].split("/")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)


def _csv_headers(config: Fields) -> tuple[str, ...] | None:
    """The given ones; None: they stand in the first row."""
    location = config.keyword("CSVHeaderLocation", "FIRST_ROW", "GIVEN")
    headers = config.strings("CSVHeaders") if "CSVHeaders" in config else None
    if location == "GIVEN":
        config.require("CSVHeaders")
        return headers or ()
    return None


def _read_batcher(batcher: Fields) -> ItemBatcher:
    batcher_max = read_integer(batcher, "MaxItemsPerBatch", 1, _ITEMS_MAX, from_text=True)
    bytes_max = read_integer(
        batcher, "MaxInputBytesPerBatch", 1, MAP_INPUT_BYTES_MAX, from_text=True
    )
    if batcher_max is None and bytes_max is None:
        names = "MaxItemsPerBatch, MaxItemsPerBatchPath, MaxInputBytesPerBatch"
        batcher.error(f"One of these fields is required: [{names}, MaxInputBytesPerBatchPath]")
    read = ItemBatcher(
        max_items=batcher_max,
        max_input_bytes=bytes_max,
        batch_input=batcher.payload("BatchInput"),
    )
    batcher.close()
    return read


def _read_writer(writer: Fields) -> ResultWriter:
    resource = writer.keyword("Resource", _WRITER)
    arguments = _arguments(writer)
    if resource is None and "WriterConfig" not in writer:
        writer.error("One of these fields is required: [Resource, WriterConfig]")
    config = writer.child(writer.take("WriterConfig") or {}, "WriterConfig")
    transformation = config.keyword("Transformation", "NONE", "COMPACT", "FLATTEN")
    json_lines = config.keyword("OutputType", "JSON", "JSONL") == "JSONL"
    if json_lines and resource is None:
        config.unsupported("OutputType JSONL of a state's output", "OutputType", hint="export it")
    read = ResultWriter(
        arguments=None if resource is None else arguments or constant({}),
        transformation=cast(Transformation, transformation or "NONE"),
        json_lines=json_lines,
    )
    config.close()
    writer.close()
    return read
