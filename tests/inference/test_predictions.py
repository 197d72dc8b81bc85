"""The columns of predictions, and what is kept beside them: words and whole numbers as they are written."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from tables import assembled, regression, words, write_csv

from distnn import UserError
from distnn.inference.application import Application
from distnn.inference.options import ApplyOptions
from distnn.inference.predictions import Predictions
from distnn.parallel.ranks import OneRank

X, Y = regression(40)
IDS = [f"{2**62 + i:025d}" for i in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of y from x1, x2, x3, and a table with more columns as text and as Parquet."""
    folder = tmp_path_factory.mktemp("predictions")
    assembled(OneRank(), X, Y).model.save(folder / "model.safetensors")
    inputs = {f"x{j}": values for j, values in enumerate(X.T, 1)}
    flags = ["yes" if i % 3 else "" for i in range(40)]
    write_csv(folder / "table.csv", {"id": IDS, "flag": flags, **inputs, "y": Y[:, 0]})
    typed = {
        "id": pyarrow.array([2**62 + i for i in range(39)] + [None], pyarrow.int64()),
        "good": [True, None, False, True] * 10,
        "limit": [np.inf, 1.5] * 20,
        "day": pyarrow.array(np.arange(40), pyarrow.timestamp("s")),
    }
    parquet.write_table(pyarrow.table({**typed, **inputs, "y": Y[:, 0]}), folder / "table.parquet")
    return folder


def of(folder: Path, table: str, **options: Any) -> tuple[list[tuple[str, str]], list[np.ndarray]]:
    """Names and kinds of the columns, and their values."""
    apply = ApplyOptions(model=str(folder / "model.safetensors"), data=str(folder / table))
    predictions = Predictions(Application(apply, OneRank(), with_targets=False), **options)
    return [tuple(field) for field in predictions.fields], predictions.block(0)


def test_text_is_kept_as_it_is_written(folder: Path) -> None:
    fields, columns = of(folder, "table.csv", keep=["id", "f*", "y"])
    assert fields == [("id", "words"), ("flag", "words"), ("true y", "words"), ("y", "numbers")]
    assert columns[0].tolist() == IDS
    assert columns[1].tolist()[:3] == ["", "yes", "yes"]
    assert columns[2].tolist() == [repr(y) for y in Y[:, 0].tolist()]


def test_what_is_known_to_be_numbers_is_that_where_types_are_kept(folder: Path) -> None:
    fields, columns = of(folder, "table.csv", keep=["id", "x1", "y"], typed=True)
    assert fields == [("id", "words"), ("x1", "numbers"), ("true y", "numbers"), ("y", "numbers")]
    np.testing.assert_array_equal(columns[1], X[:, 0])
    np.testing.assert_array_equal(columns[2], Y[:, 0])


def test_types_of_a_table_that_has_them(folder: Path) -> None:
    fields, columns = of(folder, "table.parquet", keep=["id:day"], typed=True)
    assert fields[:4] == [("id", "integers"), ("good", "booleans"), ("limit", "numbers"), ("day", "words")]
    assert columns[0].tolist() == [*(2**62 + i for i in range(39)), None]
    assert columns[1].tolist() == [True, None, False, True] * 10
    assert columns[2].tolist() == [np.inf, 1.5] * 20
    assert columns[3][1].startswith("1970-01-01T00:00:01")
    fields, columns = of(folder, "table.parquet", keep=["id"])
    assert columns[0].tolist() == [*(str(2**62 + i) for i in range(39)), ""]


def test_derivatives_have_names(folder: Path) -> None:
    fields, columns = of(folder, "table.csv", derivatives=True)
    assert [name for name, _ in fields] == ["y", *(f"d y / d x{j}" for j in (1, 2, 3))]
    assert [column.shape for column in columns] == [(40,)] * 4


def test_all_columns_and_none_that_there_is_not(folder: Path) -> None:
    fields, _ = of(folder, "table.csv", keep=["*"])
    assert [name for name, _ in fields] == ["id", "flag", "x1", "x2", "x3", "true y", "y"]
    with pytest.raises(UserError, match=r"table\.csv has no column 'nope'"):
        of(folder, "table.csv", keep=["nope"])


def test_two_columns_of_one_name(folder: Path, tmp_path: Path) -> None:
    inputs = {f"x{j}": values for j, values in enumerate(X.T, 1)}
    write_csv(tmp_path / "odd.csv", {"true y": [1] * 40, "y": [1] * 40, **inputs})
    with pytest.raises(UserError, match="Two columns would be called 'true y': choose others with --keep"):
        of(folder, str(tmp_path / "odd.csv"), keep=["true y", "y"])


def test_the_target_of_a_table_without_names_is_the_true_one(tmp_path: Path) -> None:
    """Where the inputs are found by their numbers; by their places a number says nothing."""
    model = assembled(OneRank(), X, Y).model
    model.preparation = replace(model.preparation, inputs=("0", "2", "3"), targets=("1",))
    model.save(tmp_path / "model.safetensors")
    np.save(tmp_path / "whole.npy", np.column_stack([X[:, 0], Y, X[:, 1:]]))
    fields, columns = of(tmp_path, "whole.npy", keep=["*"], typed=True)
    assert [name for name, _ in fields] == ["0", "true 1", "2", "3", "1"]
    np.testing.assert_array_equal(columns[1], Y[:, 0])
    np.save(tmp_path / "bare.npy", X)
    with pytest.raises(UserError, match="Two columns would be called '1': choose others with --keep"):
        of(tmp_path, "bare.npy", keep=["*"])


def test_a_target_with_the_name_of_what_is_written_beside_another(folder: Path, tmp_path: Path) -> None:
    model = assembled(OneRank(), *regression(40, m=2)).model
    model.preparation = replace(model.preparation, targets=("y", "d y / d x1"))
    model.save(tmp_path / "model.safetensors")
    shutil.copy(folder / "table.csv", tmp_path)
    assert len(of(tmp_path, "table.csv")[0]) == 2
    with pytest.raises(UserError, match="Two columns would be called 'd y / d x1': train with targets of other names"):
        of(tmp_path, "table.csv", derivatives=True)


@pytest.mark.parametrize("typed", [False, True])
def test_classes_are_what_they_are(typed: bool, tmp_path: Path) -> None:
    X, Z = words(40)
    codes = np.searchsorted(np.unique(Z), Z) + 7
    model = assembled(OneRank(), X, codes, classes=True).model
    model.save(tmp_path / "model.safetensors")
    write_csv(tmp_path / "table.csv", {"x1": X[:, 0], "x2": X[:, 1]})
    fields, columns = of(tmp_path, "table.csv", typed=typed)
    assert fields[0] == ("y", "integers" if typed else "words")
    assert columns[0].tolist() == [value if typed else str(value) for value in model.classify(X).tolist()]
    fields, _ = of(tmp_path, "table.csv", words=False)
    assert [name for name, _ in fields] == ["output 7", "output 8", "output 9"]
