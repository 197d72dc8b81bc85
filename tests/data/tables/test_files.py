"""Files that cannot be read, or change while they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from formats import write_table
from sources import (
    opened,
)

from distnn.data.tables import FORMATS, files
from distnn.errors import UserError


@pytest.mark.parametrize("ending", FORMATS)
def test_files_that_cannot_be_read(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"table{ending}"
    with pytest.raises(UserError, match=r"cannot be read: No such file or directory\.$"):
        opened(path)
    with pytest.raises(UserError, match="is empty"):
        opened(path, "")
    (tmp_path / f"tmp_path{ending}").mkdir()
    with pytest.raises(UserError, match="there is no file in it"):
        opened(tmp_path / f"tmp_path{ending}")
    os.mkfifo(tmp_path / f"pipe{ending}")
    with pytest.raises(UserError, match="is not a regular file"):  # and does not wait for a writer
        opened(tmp_path / f"pipe{ending}")
    with pytest.raises(UserError, match="null"):
        opened(f"a\0b{ending}")
    write_table(path, np.eye(3))
    source = opened(path)
    state = os.stat(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    with pytest.raises(UserError, match="was changed while it was being read"):
        source.read(0, 3, [0])
    path.unlink()
    with pytest.raises(UserError, match="cannot be read: No such file"):
        source.read(0, 3, [0])
    write_table(path, np.eye(3))

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(files, "open", refuse, raising=False)  # root may read everything
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        opened(path)


def test_a_change_during_a_read_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    source = opened(path, "1,2\n" * 50)
    with pytest.raises(UserError, match="was changed"), source._file.open() as stream:  # type: ignore[attr-defined]
        path.write_text("3\n" * 20)
        for _ in source._index.pieces(stream, 0, source.n):  # type: ignore[attr-defined]
            pass
