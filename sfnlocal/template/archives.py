"""Function code that is no folder yet: zip files and inline code, put into a temporary folder.

The folder is made when the first function needs it and removed when Python ends. A zip file is
somebody else's data: what would leave the folder, link or fill the disk is refused.
"""

from __future__ import annotations

import atexit
import shutil
import stat
import tempfile
import zipfile
from pathlib import Path

from sfnlocal.errors import HandlerError
from sfnlocal.limits import LAMBDA_UNZIPPED_BYTES_MAX


class CodeFolders:
    """One folder for each archive or inline function of an app."""

    def __init__(self) -> None:
        self._root: Path | None = None
        self._unpacked: dict[Path, Path] = {}
        self._count = 0

    def unpacked(self, archive: Path, where: str) -> Path:
        """Raises HandlerError where the archive is none, or is refused."""
        if archive not in self._unpacked:
            folder = self._new_folder()
            try:
                with zipfile.ZipFile(archive) as opened:
                    _check(opened, archive, where)
                    opened.extractall(folder)
            except (OSError, zipfile.BadZipFile, RuntimeError) as error:
                raise HandlerError(
                    f"{archive.name} cannot be unpacked: {error}", where=where
                ) from None
            self._unpacked[archive] = folder
        return self._unpacked[archive]

    def inline(self, code: str) -> Path:
        """Lambda names the file of inline Python code index.py."""
        folder = self._new_folder()
        (folder / "index.py").write_text(code, "utf-8")
        return folder

    def _new_folder(self) -> Path:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="sfnlocal-code-"))
            atexit.register(shutil.rmtree, self._root, ignore_errors=True)
        self._count += 1
        folder = self._root / str(self._count)
        folder.mkdir()
        return folder


def _check(opened: zipfile.ZipFile, archive: Path, where: str) -> None:
    entries = opened.infolist()
    for entry in entries:
        problem = refused_entry(entry)
        if problem is not None:
            raise HandlerError(f"{archive.name} is refused: {problem}", where=where)
    if sum(entry.file_size for entry in entries) > LAMBDA_UNZIPPED_BYTES_MAX:
        raise HandlerError(
            f"{archive.name} is larger than Lambda's {LAMBDA_UNZIPPED_BYTES_MAX} bytes unzipped",
            where=where,
        )


def refused_entry(entry: zipfile.ZipInfo) -> str | None:
    """What is wrong with a file of an archive."""
    parts = entry.filename.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0]:
        return f"{entry.filename} would be written outside of the function's folder"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return f"{entry.filename} is a symbolic link"
    return None
