"""Where a Map Run's items come from: its state's own list, a file in S3, or a list of S3's objects.

Every source is an iterator that reads as far as it is asked to: a file is never whole in memory
here, whatever its size.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from sfnlocal.interpreter.map_run import MapRun, Read
from sfnlocal.limits import MAP_ITEMS_MAX
from sfnlocal.ports import Json

_CHUNK_BYTES = 64 * 1024
_NOT_A_LIST = "Attempting to map over non-iterable node."


class ReaderError(Exception):
    """The items cannot be read; the message is States.ItemReaderFailed's cause."""


class MapItems:
    """The items of a Map Run in their order. `source` is what the Context object says of them."""

    def __init__(self, run: MapRun, s3: Callable[[], Any]) -> None:
        read = run.read
        if read is None:
            self.source = "STATE_DATA"
            self._items: Iterator[Json] = iter(run.items)
            return
        bucket, key = read.arguments.get("Bucket"), read.arguments.get("Key")
        self.source = f"s3://{bucket}" if key is None else f"s3://{bucket}/{key}"
        self._items = islice(_read(read, s3), min(read.items_max or MAP_ITEMS_MAX, MAP_ITEMS_MAX))

    def next(self, count: int) -> list[Json]:
        """At most `count` items; fewer where there are no more. Raises ReaderError."""
        try:
            return list(islice(self._items, count))
        except ClientError as error:
            raise ReaderError(s3_cause(error)) from None
        except (BotoCoreError, UnicodeDecodeError, EOFError, OSError) as error:
            raise ReaderError(str(error)) from None


def s3_cause(error: ClientError) -> str:
    """As version 1 of the AWS SDK for Java words it."""
    answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
    request_id = metadata.get("RequestId", "")
    return (
        f"{answer.get('Message', '')} (Service: Amazon S3; Status Code: "
        f"{metadata['HTTPStatusCode']}; Error Code: {answer.get('Code', '')}; Request ID: "
        f"{request_id}; S3 Extended Request ID: {metadata.get('HostId', request_id)}; Proxy: null)"
    )


def _read(read: Read, s3: Callable[[], Any]) -> Iterator[Json]:
    if read.reader.action == "listObjectsV2":
        yield from _objects(s3(), read.arguments)
        return
    assert read.reader.input_type is not None
    yield from _FORMATS[read.reader.input_type](s3(), read)


def _objects(s3: Any, arguments: Mapping[str, Json]) -> Iterator[Json]:
    pages = s3.get_paginator("list_objects_v2").paginate(**arguments)
    for page in pages:
        for found in page.get("Contents", ()):
            yield {
                "Etag": found["ETag"],
                "Key": found["Key"],
                "LastModified": int(found["LastModified"].timestamp()),
                "Size": found["Size"],
                "StorageClass": found.get("StorageClass", "STANDARD"),
            }


def _body(s3: Any, arguments: Mapping[str, Json]) -> Any:
    return s3.get_object(**arguments)["Body"]


def _lines(body: Any) -> Iterator[str]:
    """With their ends, without a byte order mark."""
    encoding = "utf-8-sig"
    for line in body.iter_lines(_CHUNK_BYTES, keepends=True):
        yield line.decode(encoding)
        encoding = "utf-8"


def _json_lines(s3: Any, read: Read) -> Iterator[Json]:
    for number, line in enumerate(_lines(_body(s3, read.arguments)), 1):
        if not line.strip():
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            raise ReaderError(f"Line {number} of the file is no JSON: {error}") from None


def _csv_rows(s3: Any, read: Read) -> Iterator[Json]:
    reader = read.reader
    lines = _lines(_body(s3, read.arguments))
    yield from _records(lines, reader.csv_headers, reader.csv_delimiter)


def _records(
    lines: Iterable[str], headers: tuple[str, ...] | None, delimiter: str
) -> Iterator[Json]:
    """Recorded: missing fields are empty, those without a header are left out."""
    # Its default refuses fields of 128 KiB; no item is larger than a payload.
    csv.field_size_limit(sys.maxsize)
    rows = (row for row in csv.reader(lines, delimiter=delimiter) if row)
    try:
        names = next(rows, None) if headers is None else list(headers)
        if names is None:
            raise ReaderError("The CSV file is empty.")
        if len(set(names)) < len(names):
            raise ReaderError("CSV headers cannot contain duplicates.")
        for row in rows:
            missing = len(names) - len(row)
            yield dict(zip(names, [*row, *[""] * missing], strict=False))
    except csv.Error as error:
        raise ReaderError(f"The CSV file cannot be read: {error}") from None


def _json_array(s3: Any, read: Read) -> Iterator[Json]:
    """The elements of one JSON array, each decoded as soon as it is there."""
    body = _body(s3, read.arguments)
    window = _Window(body)
    if window.next_character() != "[":
        window.value()
        raise ReaderError(_NOT_A_LIST)
    window.skip()
    if window.next_character() == "]":
        return
    while True:
        yield window.value()
        match window.next_character():
            case ",":
                window.skip()
            case "]":
                return
            case other:
                raise ReaderError(f"The JSON file cannot be read: unexpected {other!r}")


class _Window:
    """The part of a text that is decoded next."""

    def __init__(self, body: Any) -> None:
        self._body = body
        self._characters = codecs.getincrementaldecoder("utf-8-sig")()
        self._buffer = ""
        self._at = 0
        self._over = False
        self._decoder = json.JSONDecoder()

    def skip(self) -> None:
        self._at += 1

    def next_character(self) -> str:
        """The first one that is no white space; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if not self._buffer[self._at].isspace():
                    return self._buffer[self._at]
                self._at += 1
            if self._over:
                return ""
            self._more(_CHUNK_BYTES)

    def value(self) -> Json:
        self.next_character()
        chunk = _CHUNK_BYTES
        while True:
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except ValueError as error:
                if self._over:
                    raise ReaderError(f"The JSON file cannot be read: {error}") from None
            else:
                # A number that reaches the end may go on after it.
                if end < len(self._buffer) or self._over:
                    self._at = end
                    return value
            self._more(chunk)
            # An item that takes many chunks is not begun anew for each.
            chunk *= 2

    def _more(self, count: int) -> None:
        read = self._body.read(count)
        self._over = not read
        self._buffer = self._buffer[self._at :] + self._characters.decode(read, self._over)
        self._at = 0


def _inventory(s3: Any, read: Read) -> Iterator[Json]:
    """The objects that an S3 inventory lists: its manifest names CSV files, compressed."""
    try:
        manifest = json.loads(_body(s3, read.arguments).read())
        file_format = manifest["fileFormat"]
        names = tuple(name.strip() for name in manifest["fileSchema"].split(","))
        bucket = manifest["destinationBucket"].removeprefix("arn:aws:s3:::")
        keys = [file["key"] for file in manifest["files"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReaderError("The file is no manifest of an S3 inventory.") from None
    if file_format != "CSV":
        raise ReaderError(f"Inventories in {file_format} are not read here.")
    for key in keys:
        body: BinaryIO = _body(s3, {"Bucket": bucket, "Key": key})
        with gzip.open(body, "rt", encoding="utf-8", newline="") as lines:
            yield from _records(lines, names, ",")


_Format: TypeAlias = Callable[[Any, Read], Iterator[Json]]
_FORMATS: Mapping[str, _Format] = {
    "JSON": _json_array,
    "JSONL": _json_lines,
    "CSV": _csv_rows,
    "MANIFEST": _inventory,
}
