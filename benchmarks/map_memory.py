"""One process that runs a Distributed Map in batches of 100, with a handler that does nothing:
prints the run's resident megabytes at their peak, and how many seconds it took.

    python -m benchmarks.map_memory SOURCE ITEMS

What it reads lies in the simulated S3 of the same process, and counts.
"""

from __future__ import annotations

import gzip
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from sfnlocal.jsontext import json_text
from sfnlocal.testing import LocalApp, load

_BUCKET = "data"
_ROLE = "arn:aws:iam::123456789012:role/benchmark"
_HANDLER = "def handler(event, context):\n    return None\n"
_BATCH = 100
# In a row group, and in each of many files.
_ROWS = 10_000


def _numbered(items: int) -> Iterator[dict[str, Any]]:
    return ({"id": number} for number in range(items))


def _json(file: IO[bytes], items: int) -> None:
    mark = b"["
    for item in _numbered(items):
        file.write(mark + json_text(item).encode())
        mark = b","
    file.write(b"]")


def _json_lines(file: IO[bytes], items: int) -> None:
    for item in _numbered(items):
        file.write(json_text(item).encode() + b"\n")


def _csv(file: IO[bytes], items: int) -> None:
    file.write(b"id\n")
    for item in _numbered(items):
        file.write(b"%d\n" % item["id"])


def _parquet(file: IO[bytes], items: int) -> None:
    import pyarrow
    import pyarrow.parquet

    schema = pyarrow.schema([("id", pyarrow.int64())])
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for first in range(0, items, _ROWS):
            numbers = list(range(first, min(first + _ROWS, items)))
            writer.write_table(pyarrow.table({"id": numbers}, schema))


_FILES: dict[str, Callable[[IO[bytes], int], None]] = {
    "JSON": _json,
    "JSONL": _json_lines,
    "CSV": _csv,
    "PARQUET": _parquet,
}
SOURCES = (*_FILES, "listed", "inventory", "export")


def _reader(source: str) -> dict[str, Any]:
    action, arguments = "getObject", {"Bucket": _BUCKET, "Key": "file"}
    config: dict[str, Any] = {"InputType": source}
    match source:
        case "CSV":
            config["CSVHeaderLocation"] = "FIRST_ROW"
        case "listed":
            action, arguments = "listObjectsV2", {"Bucket": _BUCKET, "Prefix": "in/"}
            config = {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"}
        case "inventory":
            config["InputType"] = "MANIFEST"
        case "export":
            config["InputType"] = "JSONL"
    resource_arn = f"arn:aws:states:::s3:{action}"
    return {"Resource": resource_arn, "Parameters": arguments, "ReaderConfig": config}


def _template(folder: Path, source: str) -> Path:
    task = {"Type": "Task", "Resource": {"Fn::GetAtt": ["Nothing", "Arn"]}, "End": True}
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
        "StartAt": "Nothing",
        "States": {"Nothing": task},
    }
    state: dict[str, Any] = {
        "Type": "Map",
        "ItemReader": _reader(source),
        "ItemBatcher": {"MaxItemsPerBatch": _BATCH},
        "ItemProcessor": processor,
        "ResultPath": None,
        "End": True,
    }
    if source == "export":
        put = "arn:aws:states:::s3:putObject"
        state["ResultWriter"] = {
            "Resource": put,
            "Parameters": {"Bucket": _BUCKET, "Prefix": "out"},
        }
    definition = {"StartAt": "Each", "States": {"Each": state}}
    (folder / "code").mkdir()
    (folder / "code" / "nothing.py").write_text(_HANDLER)
    function = {"Handler": "nothing.handler", "Runtime": "python3.12", "Role": _ROLE}
    resources = {
        "Data": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": _BUCKET}},
        "Nothing": {
            "Type": "AWS::Lambda::Function",
            "Properties": {**function, "Code": "code"},
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"RoleArn": _ROLE, "Definition": definition},
        },
    }
    path = folder / "template.json"
    path.write_text(json.dumps({"Resources": resources}))
    return path


def _put(app: LocalApp, source: str, items: int) -> None:
    s3 = app.client("s3")
    if source in ("listed", "inventory"):
        files = []
        for first in range(0, items, _ROWS):
            with io.BytesIO() as file:
                (_csv if source == "inventory" else _json_lines)(file, min(_ROWS, items - first))
                body = file.getvalue()
            key = f"in/{first:08}"
            s3.put_object(
                Bucket=_BUCKET, Key=key, Body=gzip.compress(body) if source == "inventory" else body
            )
            files.append({"key": key})
        manifest = {
            "fileFormat": "CSV",
            "fileSchema": "Id",
            "destinationBucket": f"arn:aws:s3:::{_BUCKET}",
            "files": files,
        }
        s3.put_object(Bucket=_BUCKET, Key="file", Body=json.dumps(manifest))
        return
    with tempfile.TemporaryFile() as file:
        _FILES.get(source, _json_lines)(file, items)
        file.seek(0)
        s3.put_object(Bucket=_BUCKET, Key="file", Body=file)


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024 / 1e6


def main(source: str, items: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        template = _template(Path(folder), source)
        with load(template, keep_histories=False) as app:
            _put(app, source, items)
            # Makes the peak so far the present one.
            Path("/proc/self/clear_refs").write_text("5")
            begin = time.perf_counter()
            run = app.run("Machine", {})
            seconds = time.perf_counter() - begin
            peak_mb = _peak_mb()
        assert run.execution.status == "SUCCEEDED", (run.execution.error, run.execution.cause)
    print(f"{peak_mb:.1f} {seconds:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
