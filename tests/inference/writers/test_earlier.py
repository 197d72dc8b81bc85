"""What of files that are there already is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distnn.errors import UserError
from distnn.inference.writers.earlier import keep_others, keep_table


def test_only_columns_of_the_same_names_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    keep_others(str(path), ["y"])
    path.touch()
    keep_others(str(path), ["y"])
    keep_others("/dev/null", ["y"])
    path.write_text("y,class 1\n1,2\n")
    keep_others(str(path), ["y", "class 1"])
    for names in (["y"], ["class 1", "y"], ["y", "class 2"]):
        with pytest.raises(
            UserError, match=r"a\.csv is there already, and holds no such predictions: write to another"
        ):
            keep_others(str(path), names)
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    keep_others(str(tmp_path / "a.npy"), ["y", "z"])
    with pytest.raises(UserError, match="is there already"):
        keep_others(str(tmp_path / "a.npy"), ["y"])


def test_predictions_that_begin_alike_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("row,fold,y\n0,1,0.5\n")
    keep_others(str(path), ["row", "fold"], more=True)
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    for out, names in ((path, ["row", "id"]), (tmp_path / "a.npy", ["row", "fold"])):
        with pytest.raises(UserError, match="is there already"):
            keep_others(str(out), names, more=True)


@pytest.mark.parametrize("data", ["t.h5", "t.h5:/X", "t.h5:/X,/Y", ".", "t.*"])
def test_a_table_is_not_written_over(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.h5").touch()
    Path("other").mkdir()
    Path("other/t.h5").touch()
    keep_table(data, "other/t.h5")
    with pytest.raises(UserError, match=r"other/\.\./t\.h5 is the table itself"):
        keep_table(data, "other/../t.h5")
