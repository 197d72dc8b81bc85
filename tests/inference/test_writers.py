"""Predictions in every format: what is written reads back to the bit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from tables import assembled, regression, words
from threaded_ranks import on_ranks

from distnn import UserError
from distnn.inference.model import Model
from distnn.inference.writers import WRITERS, write, writer_for
from distnn.parallel.ranks import OneRank, Ranks

N = 17


def numbers() -> tuple[Model, np.ndarray]:
    X, Y = regression(N, m=2)
    return assembled(OneRank(), X, Y).model, X


def fruit() -> tuple[Model, np.ndarray]:
    X, Y = words(N)
    return assembled(OneRank(), X, Y).model, X


def read(path: Path) -> np.ndarray:
    """The numbers in a file: a format that is not known here needs its line."""
    if path.suffix == ".npy":
        return np.load(path)
    with path.open(newline="") as file:
        _, *lines = csv.reader(file)
    return np.array([[float(field) for field in line if not field.isalpha()] for line in lines])


@pytest.mark.parametrize("make", [numbers, fruit])
@pytest.mark.parametrize("ending", WRITERS)
def test_outputs_read_back_to_the_bit(ending: str, make: object, tmp_path: Path) -> None:
    model, X = make()  # type: ignore[operator]
    outputs = model.outputs(X)
    parts = np.array_split(outputs, 4, axis=1)
    for size in (1, 3):
        out = tmp_path / f"{size}{ending}"

        def work(ranks: Ranks, out: Path = out) -> None:
            owned = [parts[j] for j in range(4 * ranks.rank // ranks.size, 4 * (ranks.rank + 1) // ranks.size)]
            write(model, owned, N, str(out), ranks)

        on_ranks(size, work)
        np.testing.assert_array_equal(read(out), model.unscale(outputs).T)
    assert (tmp_path / f"1{ending}").read_bytes() == (tmp_path / f"3{ending}").read_bytes()


def test_the_csv_of_classes_begins_with_the_class(tmp_path: Path) -> None:
    model, X = fruit()
    write(model, [model.outputs(X)], N, str(tmp_path / "a.csv"), OneRank())
    header, *lines = (tmp_path / "a.csv").read_text().splitlines()
    assert header == "y,output apple,output pear,output plum"
    assert [line.split(",")[0] for line in lines] == model.classify(X).tolist()


@pytest.mark.parametrize("size", [1, 3])
def test_what_cannot_be_written_is_said_on_all_ranks(size: int, tmp_path: Path) -> None:
    model, X = numbers()
    with pytest.raises(UserError, match=r"--out .*nowhere/a.npy cannot be written: No such file or directory"):
        on_ranks(size, lambda ranks: write(model, [model.outputs(X)], N, str(tmp_path / "nowhere/a.npy"), ranks))


def test_unknown_endings() -> None:
    assert writer_for(None) is WRITERS[".csv"]
    for out in ("a.parquet", "csv", ".npy"):
        with pytest.raises(UserError, match=f"--out {out}: the name must end with .csv or .npy"):
            writer_for(out)
