"""Code that the Lambda API is given: archives, unpacked into a temporary folder.

An archive is somebody else's data: what would leave the folder, link or fill the disk is refused.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

from sfnlocal.errors import ApiError
from sfnlocal.limits import LAMBDA_UNZIPPED_BYTES_MAX
from sfnlocal.services.function_registry import Code
from sfnlocal.template.archives import refused_entry


class CodeArchives:
    """The folder is made for the first archive and removed by `close`. An archive that comes
    twice is unpacked once."""

    def __init__(self) -> None:
        self._root: Path | None = None
        self._unpacked: dict[str, Code] = {}
        self._lock = threading.Lock()

    def unpack(self, archive: bytes) -> Code:
        """Raises ApiError where the archive is none, or is refused."""
        sha256 = base64.b64encode(hashlib.sha256(archive).digest()).decode()
        with self._lock:
            if sha256 not in self._unpacked:
                folder = self._extract(archive)
                self._unpacked[sha256] = Code(folder, sha256=sha256, size_bytes=len(archive))
            return self._unpacked[sha256]

    def _extract(self, archive: bytes) -> Path:
        unreadable = "Could not unzip uploaded file. Please check your file, then try to upload"
        try:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                _check(opened)
                folder = self._new_folder()
                opened.extractall(folder)
        except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
            raise _refusal(f"{unreadable} again.") from None
        return folder

    def _new_folder(self) -> Path:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="sfnlocal-functions-"))
        folder = self._root / str(len(self._unpacked) + 1)
        # What a broken archive has left behind.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def close(self) -> None:
        with self._lock:
            if self._root is not None:
                shutil.rmtree(self._root, ignore_errors=True)
                self._root = None
            self._unpacked.clear()


def _check(opened: zipfile.ZipFile) -> None:
    entries = opened.infolist()
    if not entries:
        raise _refusal("Uploaded file must be a non-empty zip")
    for entry in entries:
        problem = refused_entry(entry)
        if problem is not None:
            raise _refusal(f"Could not unzip uploaded file: {problem}.")
    if sum(entry.file_size for entry in entries) > LAMBDA_UNZIPPED_BYTES_MAX:
        limit = f"{LAMBDA_UNZIPPED_BYTES_MAX} bytes"
        raise _refusal(f"Unzipped size must be smaller than {limit}")


def _refusal(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message)


def measured(code: Code) -> tuple[str, int]:
    """CodeSha256 and CodeSize. A folder has no archive: its hash is over its files' names and
    contents, its size is theirs. Of an asset only the hash is known."""
    if code.sha256 or code.folder is None:
        return code.sha256, code.size_bytes
    digest, size_bytes = hashlib.sha256(), 0
    for path in sorted(code.folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            content = path.read_bytes()
            digest.update(f"{path.relative_to(code.folder)}\0{len(content)}\0".encode() + content)
            size_bytes += len(content)
    return base64.b64encode(digest.digest()).decode(), size_bytes
