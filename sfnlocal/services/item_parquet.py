"""Items in a Parquet file: one for each row, an object with the columns' names.

pyarrow is asked for only when such a file is read. The file waits on disk, since its columns are
found from its end; one batch of rows is decoded at a time.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time
from math import isfinite
from typing import Any, cast

from sfnlocal.errors import UnsupportedError
from sfnlocal.ports import Json
from sfnlocal.services.item_json import CHUNK_BYTES, Body, ReaderError

_ROWS_AT_ONCE = 1_000


def parquet_rows(body: Body, where: str) -> Iterator[Json]:
    """Raises UnsupportedError where pyarrow is not installed."""
    try:
        import pyarrow.lib
        import pyarrow.parquet
    except ImportError:
        raise UnsupportedError(
            "InputType PARQUET needs pyarrow, which is not installed",
            where=where,
            hint="pip install 'sfnlocal[parquet]'",
        ) from None
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(cast(Any, body), file, CHUNK_BYTES)
        try:
            rows = pyarrow.parquet.ParquetFile(file, pre_buffer=False)
            for batch in rows.iter_batches(_ROWS_AT_ONCE, use_threads=False):
                for row in batch.to_pylist():
                    yield {name: _json(value) for name, value in row.items()}
        except pyarrow.lib.ArrowException as error:
            raise ReaderError(f"{where}: the Parquet file cannot be read: {error}") from None


def _json(value: Any) -> Json:
    """Of a column's value. What JSON has no form for becomes a text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(value)
        case dict():
            return {str(key): _json(item) for key, item in value.items()}
        case list() | tuple():
            return [_json(item) for item in value]
        case bytes():
            return base64.b64encode(value).decode()
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)
