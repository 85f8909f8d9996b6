"""Where a Map Run's items come from: its state's own list, a file in S3, the files that a manifest
or a prefix names, or the list of S3's objects itself.

Nothing is read before it is asked for, and what was read is not kept.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from sfnlocal.interpreter.map_run import MapRun, Read
from sfnlocal.limits import MAP_ITEMS_MAX
from sfnlocal.ports import Json
from sfnlocal.services.item_files import csv_records, file_items, text_lines, uncompressed
from sfnlocal.services.item_json import ReaderError


class _Part(NamedTuple):
    """Items that are from one place; `source` is what the Context object says of it."""

    source: str
    items: Iterator[Json]


class MapItems:
    """The items of a Map Run in their order. `source` is that of the items given last, `all_read`
    tells whether they were the last ones."""

    def __init__(self, run: MapRun, s3: Callable[[], Any]) -> None:
        read = run.read
        self.all_read = False
        self._left = MAP_ITEMS_MAX
        self._parts: Iterator[_Part] = iter(())
        self._part: _Part | None
        if read is None:
            self.source = "STATE_DATA"
            self._part = _Part(self.source, iter(run.items))
        else:
            self.source = _address(read)
            self._left = min(read.items_max or MAP_ITEMS_MAX, MAP_ITEMS_MAX)
            self._part = None
            self._parts = _parts(read, s3)

    def next(self, count: int) -> list[Json]:
        """At most `count` items, of one source; none where there are no more. Raises
        ReaderError."""
        try:
            return self._next(min(count, self._left))
        except ClientError as error:
            raise ReaderError(f"{self.source}: {s3_cause(error)}") from None
        except (BotoCoreError, UnicodeDecodeError, EOFError, OSError, zlib.error) as error:
            raise ReaderError(f"{self.source}: {error}") from None

    def _next(self, count: int) -> list[Json]:
        items: list[Json] = []
        while not items and count:
            if self._part is None:
                self._part = next(self._parts, None)
            if self._part is None:
                break
            self.source = self._part.source
            items = list(islice(self._part.items, count))
            if len(items) < count:
                self._part = None
        self._left -= len(items)
        self.all_read = not self._left or (len(items) < count and self._no_more())
        return items

    def _no_more(self) -> bool:
        if self._part is None:
            self._part = next(self._parts, None)
        return self._part is None


def s3_cause(error: ClientError) -> str:
    """As version 1 of the AWS SDK for Java words it."""
    answer, metadata = error.response["Error"], error.response["ResponseMetadata"]
    request_id = metadata.get("RequestId", "")
    return (
        f"{answer.get('Message', '')} (Service: Amazon S3; Status Code: "
        f"{metadata['HTTPStatusCode']}; Error Code: {answer.get('Code', '')}; Request ID: "
        f"{request_id}; S3 Extended Request ID: {metadata.get('HostId', request_id)}; Proxy: null)"
    )


def _parts(read: Read, s3: Callable[[], Any]) -> Iterator[_Part]:
    reader, source = read.reader, _address(read)
    if reader.action == "listObjectsV2":
        listed = _objects(s3, read.arguments)
        if reader.input_type is None:
            yield _Part(source, (_metadata(found) for found in listed))
            return
        bucket = read.arguments.get("Bucket")
        for found in listed:
            address = f"s3://{bucket}/{found['Key']}"
            yield _Part(address, _file(read, s3, {"Bucket": bucket, "Key": found["Key"]}, address))
    elif reader.manifest == "S3_INVENTORY":
        yield _Part(source, _inventory(read, s3))
    elif reader.manifest == "ATHENA_DATA":
        yield _Part(source, _athena_data(read, s3))
    else:
        yield _Part(source, _file(read, s3, read.arguments, source))


def _address(read: Read) -> str:
    bucket, key = read.arguments.get("Bucket"), read.arguments.get("Key")
    return f"s3://{bucket}" if key is None else f"s3://{bucket}/{key}"


def _body(s3: Callable[[], Any], arguments: Mapping[str, Json]) -> Any:
    return s3().get_object(**arguments)["Body"]


def _file(
    read: Read, s3: Callable[[], Any], arguments: Mapping[str, Json], where: str
) -> Iterator[Json]:
    yield from file_items(_body(s3, arguments), read.reader, where)


# --- lists of objects


def _objects(s3: Callable[[], Any], arguments: Mapping[str, Json]) -> Iterator[dict[str, Any]]:
    for page in s3().get_paginator("list_objects_v2").paginate(**arguments):
        yield from page.get("Contents", ())


def _metadata(found: Mapping[str, Any]) -> Json:
    return {
        "Etag": found["ETag"],
        "Key": found["Key"],
        "LastModified": int(found["LastModified"].timestamp()),
        "Size": found["Size"],
        "StorageClass": found.get("StorageClass", "STANDARD"),
    }


def _inventory(read: Read, s3: Callable[[], Any]) -> Iterator[Json]:
    """The objects that an S3 inventory lists: its manifest names CSV files, compressed."""
    where = _address(read)
    try:
        manifest = json.loads(_body(s3, read.arguments).read())
        file_format = manifest["fileFormat"]
        names = tuple(name.strip() for name in manifest["fileSchema"].split(","))
        bucket = manifest["destinationBucket"].removeprefix("arn:aws:s3:::")
        keys = [file["key"] for file in manifest["files"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReaderError(f"{where}: the file is no manifest of an S3 inventory.") from None
    if file_format != "CSV":
        raise ReaderError(f"{where}: inventories in {file_format} are not read here.")
    for key in keys:
        listed = f"s3://{bucket}/{key}"
        body = uncompressed(_body(s3, {"Bucket": bucket, "Key": key}), listed)
        yield from csv_records(text_lines(body, "utf-8"), names, ",", listed)


def _athena_data(read: Read, s3: Callable[[], Any]) -> Iterator[Json]:
    """The items of the files that Athena's UNLOAD has written; its manifest has their addresses, a
    line each. https://docs.aws.amazon.com/athena/latest/ug/unload.html"""
    where = _address(read)
    for number, line in enumerate(text_lines(_body(s3, read.arguments)), 1):
        address = line.strip().strip('"')
        if not address:
            continue
        bucket, _, key = address.removeprefix("s3://").partition("/")
        if not address.startswith("s3://") or not key:
            raise ReaderError(f"{where}, line {number}: {address!r} is no address of an S3 object.")
        body = uncompressed(_body(s3, {"Bucket": bucket, "Key": key}), address)
        yield from file_items(body, read.reader, address)
