"""Files that are no tables of a known format are named for what they are."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from threaded_ranks import on_ranks

from distnn.data.tables import open_source
from distnn.errors import UserError


def tar() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("a.xlsx", b"PK", "is a spreadsheet; save it as CSV. The known formats are .csv"),
        ("a.csv", b"PK\3\4[Content_Types].xml", "is a zip archive, as spreadsheets are, too: unpack it"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\nsize 12\n", "is a note of Git LFS .*: fetch the file"),
        ("a.csv", b"\xef\xbb\xbf<!DOCTYPE html>\n<p>1,2</p>\n", "is a web page: download the file itself"),
        ("a.data", b"@RELATION iris\n@ATTRIBUTE a NUMERIC\n", "is Weka's own format: save it as CSV"),
        ("a.txt", b'{"a": 1}\n{"a": 2}\n', "is JSON: save it as CSV"),
        ("a.tgz", gzip.compress(tar()), "is a tar archive: unpack it"),
    ],
)
@pytest.mark.parametrize("size", [1, 3])
def test_what_it_is(name: str, data: bytes, sentence: str, size: int, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} {sentence}"):
        on_ranks(size, lambda ranks: open_source(str(tmp_path / name), ranks))
