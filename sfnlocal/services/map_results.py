"""The export of a Map Run's results: files in S3 by status, and a manifest that names them.

Results wait on disk, not in memory, and files of a bounded size are sent as they fill up.
https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from sfnlocal.interpreter.map_run import MapRun
from sfnlocal.jsontext import json_text
from sfnlocal.ports import Json
from sfnlocal.services.map_items import s3_cause

# Objects from 5 MiB on wait on disk in the simulated S3 too.
_FILE_BYTES_MAX = 5 * 1024 * 1024
# What Step Functions names the files by; who was stopped before its end is pending.
_FILES = {
    "SUCCEEDED": "SUCCEEDED",
    "FAILED": "FAILED",
    "TIMED_OUT": "FAILED",
    "ABORTED": "PENDING",
}


class WriterError(Exception):
    """The results cannot be written; the message is States.ResultWriterFailed's cause."""


class MapResults:
    def __init__(self, run: MapRun, s3: Callable[[], Any]) -> None:
        assert run.export is not None
        arguments = run.export.arguments
        self._run = run
        self._s3 = s3
        self._bucket = arguments.get("Bucket")
        prefix = str(arguments.get("Prefix", "")).removesuffix("/")
        run_id = run.arn.rpartition(":")[2]
        self._folder = f"{prefix}/{run_id}" if prefix else run_id
        self._lines = run.export.json_lines
        self._files = {name: _Files(self, name) for name in ("FAILED", "PENDING", "SUCCEEDED")}

    def add(self, status: str, result: Json) -> None:
        """What the files say of a child execution that has ended. Raises WriterError."""
        files = self._files[_FILES[status]]
        if self._run.transformation == "FLATTEN" and isinstance(result, list):
            for one in result:
                files.add(json_text(one))
        else:
            files.add(json_text(result))

    def finish(self) -> Json:
        """The state's result: where the manifest is. Raises WriterError."""
        manifest = {
            "DestinationBucket": self._bucket,
            "MapRunArn": self._run.arn,
            "ResultFiles": {name: files.finish() for name, files in self._files.items()},
        }
        key = f"{self._folder}/manifest.json"
        self.put(key, json_text(manifest).encode())
        details = {"Bucket": self._bucket, "Key": key}
        return {"MapRunArn": self._run.arn, "ResultWriterDetails": details}

    def forget_unsuccessful(self) -> None:
        """Those whose results these were run again. What succeeded stays."""
        for name in ("FAILED", "PENDING"):
            self._files[name].close()
            self._files[name] = _Files(self, name)

    def close(self) -> None:
        """What was not sent will not be."""
        for files in self._files.values():
            files.close()

    def put(self, key: str, body: bytes | IO[bytes]) -> None:
        try:
            self._s3().put_object(Bucket=self._bucket, Key=key, Body=body)
        except ClientError as error:
            raise WriterError(s3_cause(error)) from None
        except BotoCoreError as error:
            raise WriterError(str(error)) from None

    def key(self, name: str, number: int) -> str:
        return f"{self._folder}/{name}_{number}.{'jsonl' if self._lines else 'json'}"

    @property
    def marks(self) -> tuple[bytes, bytes, bytes]:
        """What stands before, between and after the results of a file."""
        return (b"", b"\n", b"\n") if self._lines else (b"[", b",", b"]")


class _Files:
    """The files of one status."""

    def __init__(self, results: MapResults, name: str) -> None:
        self._results = results
        self._name = name
        self._file: IO[bytes] | None = None
        self._sent: list[Json] = []

    def add(self, text: str) -> None:
        before, between, _ = self._results.marks
        if self._file is None:
            # Open until it is sent.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115
            self._file.write(before)
        else:
            self._file.write(between)
        self._file.write(text.encode())
        if self._file.tell() >= _FILE_BYTES_MAX:
            self._sent.append(self._send(self._file))
            self.close()

    def finish(self) -> list[Json]:
        """More may be added: a redriven Map Run sends its last file again."""
        return self._sent if self._file is None else [*self._sent, self._send(self._file)]

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _send(self, file: IO[bytes]) -> Json:
        end = file.tell()
        file.write(self._results.marks[2])
        size = file.tell()
        file.seek(0)
        key = self._results.key(self._name, len(self._sent))
        try:
            self._results.put(key, file)
        finally:
            file.seek(end)
            file.truncate()
        return {"Key": key, "Size": size}
