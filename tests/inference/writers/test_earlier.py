"""What of files that are there already is replaced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from distnn.errors import UserError
from distnn.inference.writers.earlier import keep_others


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
            UserError, match=r"a\.csv is there already, and holds no such predictions: give another --out"
        ):
            keep_others(str(path), names)
    np.save(tmp_path / "a.npy", np.zeros((3, 2)))
    keep_others(str(tmp_path / "a.npy"), ["y", "z"])
    with pytest.raises(UserError, match="is there already"):
        keep_others(str(tmp_path / "a.npy"), ["y"])
