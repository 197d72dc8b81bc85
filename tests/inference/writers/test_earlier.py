"""The table is never written over; predictions of before are known by their columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distnn.errors import UserError
from distnn.inference.writers.earlier import holds_predictions, keep_table


def test_only_columns_of_the_same_names_are_predictions(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("y,class 1\n1,2\n")
    assert holds_predictions(path, ["y", "class 1"])
    for names in (["y"], ["class 1", "y"], ["y", "class 2"]):
        assert not holds_predictions(path, names)
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    assert holds_predictions(tmp_path / "a.npy", ["y", "z"])
    assert not holds_predictions(tmp_path / "a.npy", ["y"])
    (tmp_path / "a.parquet").write_text("no table")
    assert not holds_predictions(tmp_path / "a.parquet", ["y"])


def test_predictions_may_begin_alike(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("row,fold,y\n0,1,0.5\n")
    assert holds_predictions(path, ["row", "fold"], more=True)
    assert not holds_predictions(path, ["row", "id"], more=True)
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    assert not holds_predictions(tmp_path / "a.npy", ["row", "fold"], more=True)


@pytest.mark.parametrize("data", ["t.h5", "t.h5:/X", "t.h5:/X,/Y", ".", "t.*"])
def test_a_table_is_not_written_over(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.h5").touch()
    Path("other").mkdir()
    Path("other/t.h5").touch()
    keep_table(data, "other/t.h5")
    with pytest.raises(UserError, match=r"other/\.\./t\.h5 is the table itself"):
        keep_table(data, "other/../t.h5")
