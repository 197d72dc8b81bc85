"""What of files that are there already is replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distnn.errors import UserError
from distnn.storage.overwriting import keep_others


def test_what_is_there_stays(tmp_path: Path) -> None:
    path, other = tmp_path / "a.c", tmp_path / "b.c"
    os.mkfifo(tmp_path / "pipe")
    path.touch()
    keep_others([path, tmp_path / "none", tmp_path / "pipe", Path("/dev/null")], False)
    path.write_text("mine")
    with pytest.raises(UserError, match=r"a\.c is there already: name another file, or lose this one by --overwrite"):
        keep_others([other, path], False)
    with pytest.raises(UserError, match=r"a\.c is there already, and holds no song: name"):
        keep_others([other, path], False, lambda path: path == other, "song")
    keep_others([path], False, lambda path: path.read_text() == "mine", "song")
    keep_others([path], True)
    for overwrite in (False, True):
        with pytest.raises(UserError, match="is a folder: give the name of a file"):
            keep_others([tmp_path], overwrite)
