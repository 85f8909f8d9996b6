"""Items in one object of S3, by its format. Every reader is an iterator that reads as far as it is
asked to: a file is never whole in memory here, whatever its size.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias, cast

from sfnlocal.language.program import InputType, ItemReader
from sfnlocal.ports import Json
from sfnlocal.services.item_json import CHUNK_BYTES, Body, ReaderError, json_items
from sfnlocal.services.item_parquet import parquet_rows

_GZIP = b"\x1f\x8b"
_ZSTANDARD = b"\x28\xb5\x2f\xfd"


def file_items(body: Body, reader: ItemReader, where: str) -> Iterator[Json]:
    """The items of an object, in the format that the reader names. `where` names it in errors.
    Raises ReaderError."""
    assert reader.input_type is not None
    return _FORMATS[reader.input_type](body, reader, where)


def text_lines(body: Body, encoding: str = "utf-8-sig") -> Iterator[str]:
    """With their ends, without a byte order mark."""
    return io.TextIOWrapper(_Buffered(body), encoding, newline="")


def uncompressed(body: Body, where: str) -> Body:
    """What an object compressed with GZIP holds; any other as it is."""
    buffered = _Buffered(body)
    start = buffered.peek(4)
    if start.startswith(_ZSTANDARD):
        raise ReaderError(f"{where}: objects compressed with ZSTD are not read here.")
    return cast(Body, gzip.open(buffered, "rb")) if start.startswith(_GZIP) else buffered


class _Raw(io.RawIOBase):
    """An object's body as Python's own buffers want it."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        read = self._body.read(len(buffer))
        buffer[: len(read)] = read
        return len(read)


class _Buffered(io.BufferedReader):
    def __init__(self, body: Body) -> None:
        super().__init__(_Raw(body), CHUNK_BYTES)


def _json_array(body: Body, reader: ItemReader, where: str) -> Iterator[Json]:
    return json_items(body, reader.items_pointer, where)


def _json_lines(body: Body, reader: ItemReader, where: str) -> Iterator[Json]:
    for number, line in enumerate(text_lines(body), 1):
        if line.isspace():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ReaderError(f"{where}, line {number}: the line is no JSON: {error}") from None


def _csv_rows(body: Body, reader: ItemReader, where: str) -> Iterator[Json]:
    return csv_records(text_lines(body), reader.csv_headers, reader.csv_delimiter, where)


def csv_records(
    lines: Iterable[str], headers: tuple[str, ...] | None, delimiter: str, where: str
) -> Iterator[Json]:
    """Recorded: missing fields are empty, those without a header are left out."""
    # Its default refuses fields of 128 KiB; no item is larger than a payload.
    csv.field_size_limit(sys.maxsize)
    reader = csv.reader(lines, delimiter=delimiter)
    rows = (row for row in reader if row)
    try:
        names = next(rows, None) if headers is None else list(headers)
        if names is None:
            raise ReaderError(f"{where}: the CSV file is empty.")
        if len(set(names)) < len(names):
            raise ReaderError("CSV headers cannot contain duplicates.")
        for row in rows:
            missing = len(names) - len(row)
            yield dict(zip(names, [*row, *[""] * missing], strict=False))
    except csv.Error as error:
        line = reader.line_num
        raise ReaderError(f"{where}, line {line}: the CSV file cannot be read: {error}") from None


def _parquet(body: Body, reader: ItemReader, where: str) -> Iterator[Json]:
    return parquet_rows(body, where)


_Format: TypeAlias = Callable[[Body, ItemReader, str], Iterator[Json]]
_FORMATS: Mapping[InputType, _Format] = {
    "JSON": _json_array,
    "JSONL": _json_lines,
    "CSV": _csv_rows,
    "PARQUET": _parquet,
}
