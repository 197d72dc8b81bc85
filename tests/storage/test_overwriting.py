"""What of files that are there already is replaced, and that folders are made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distnn.errors import UserError
from distnn.storage.overwriting import make_way, write


def test_what_is_there_stays(tmp_path: Path) -> None:
    path, other = tmp_path / "a.c", tmp_path / "b.c"
    os.mkfifo(tmp_path / "pipe")
    path.touch()
    make_way([path, tmp_path / "none", tmp_path / "pipe", Path("/dev/null")], False)
    path.write_text("mine")
    with pytest.raises(UserError, match=r"a\.c is there already: name another file, or lose this one by --overwrite"):
        make_way([other, path], False)
    with pytest.raises(UserError, match=r"a\.c is there already, and holds no song: name"):
        make_way([other, path], False, lambda path: path == other, "song")
    make_way([path], False, lambda path: path.read_text() == "mine", "song")
    make_way([path], True)
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is a folder: give the name of a file"):
            make_way([tmp_path], overwrite)
        with pytest.raises(UserError, match="new/ is a folder: give the name of a file"):
            make_way([f"{tmp_path}/new/"], overwrite)


def test_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "a/b/c.txt"
    make_way([path], False)
    assert path.parent.is_dir() and not path.exists()
    other = tmp_path / "d/e.txt"
    write(other, "θ", "--out")
    assert other.read_bytes() == "θ".encode()
    for below in (other / "f.txt", other / "f/g.txt"):
        with pytest.raises(UserError, match=rf"^{below} cannot be written: Not a directory\.$"):
            make_way([below], False)
        with pytest.raises(UserError, match=rf"^--out {below} cannot be written: Not a directory\.$"):
            write(below, b"x", "--out")


def test_nothing_is_made_where_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UserError, match="is there already"):
        make_way([tmp_path / "folder/a.txt", tmp_path / "mine"], False)
    assert not (tmp_path / "folder").exists()
