from __future__ import annotations

import stat
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

from sfnlocal.errors import HandlerError
from sfnlocal.template import archives
from sfnlocal.template.archives import CodeFolders


def zip_of(folder: Path, *entries: ZipInfo | str) -> Path:
    path = folder / "code.zip"
    with ZipFile(path, "w") as archive:
        for entry in entries:
            archive.writestr(entry, "x")
    return path


def test_an_archive_is_unpacked_once(tmp_path: Path) -> None:
    folders = CodeFolders()
    archive = zip_of(tmp_path, "app.py")
    folder = folders.unpacked(archive, "here")
    assert [path.name for path in folder.iterdir()] == ["app.py"]
    assert folders.unpacked(archive, "here") is folder


@pytest.mark.parametrize("name", ["../app.py", "a/../../app.py", "/etc/app.py", "C:/app.py"])
def test_an_entry_that_would_leave_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match="outside of the function's folder") as caught:
        CodeFolders().unpacked(zip_of(tmp_path, "ok.py", name), "here")
    assert caught.value.where == "here"


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    link = ZipInfo("app.py")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(HandlerError, match=r"app\.py is a symbolic link"):
        CodeFolders().unpacked(zip_of(tmp_path, link), "here")


def test_more_than_lambda_takes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LAMBDA_UNZIPPED_BYTES_MAX", 1)
    with pytest.raises(HandlerError, match="larger than Lambda's 1 bytes"):
        CodeFolders().unpacked(zip_of(tmp_path, "a.py", "b.py"), "here")


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "code.zip"
    path.write_bytes(b"not a zip file")
    with pytest.raises(HandlerError, match=r"code\.zip cannot be unpacked"):
        CodeFolders().unpacked(path, "here")
