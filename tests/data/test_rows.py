"""Rows as they were read: the same from every kind of table, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from formats import write_table

from distnn import UserError
from distnn.data.columns import Columns
from distnn.data.rows import Rows
from distnn.data.tables import FORMATS, ArraySource, ExclusiveOr, Source, open_source
from distnn.parallel.ranks import OneRank

X = np.array([[1.5, -2.0], [0.1, 1e300], [3.0, 4.0], [-0.0, 5.0], [7.0, 1 / 3]])
Y = np.array([3.0, 2.0, 2.5, 3.0, -1.0])
W = np.array([1.0, 0.25, 2.0, 0.5, 3.0])


def arrays(Y: np.ndarray, weights: np.ndarray | None = W, X: np.ndarray = X) -> Source:
    source = ArraySource(X, Y, weights, OneRank())
    source.prepare(0, source.n)
    return source


def stored(ending: str, folder: Path) -> Source:
    """X, W and Y side by side, in a file of this format."""
    path, table = folder / f"table{ending}", np.column_stack([X, W, Y])
    write_table(path, table)
    return open_source(str(path), OneRank())


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_rows_from_every_format(ending: str, tmp_path: Path) -> None:
    rows = Rows.read(stored(ending, tmp_path), Columns((1, 0), (3,), 2), 1, 4)
    assert rows.numbers.tolist() == [1, 2, 3] and rows.labels is None and rows.weights is not None
    np.testing.assert_array_equal(rows.inputs, X[1:4, ::-1])
    np.testing.assert_array_equal(rows.targets, Y[1:4, None])
    np.testing.assert_array_equal(rows.weights, W[1:4])


def test_arrays_and_the_built_in_table() -> None:
    rows = Rows.read(arrays(Y), Columns((0, 1), (2,), 3), 0, 5)
    np.testing.assert_array_equal(np.column_stack([rows.inputs, rows.targets]), np.column_stack([X, Y]))
    rows = Rows.read(ExclusiveOr(9, 0), Columns((0, 1), (2,)), 4, 9)
    assert (rows.inputs.shape, rows.targets.shape, rows.weights) == ((5, 2), (5, 1), None)


def test_words_and_numbers_as_classes() -> None:
    fruit = np.array(["pear", "fig", "fig", "pear", "plum"])
    rows = Rows.read(arrays(fruit), Columns((0, 1), (2,), classes=True), 0, 5)
    assert rows.targets.shape == (5, 0) and rows.has_targets
    assert rows.labels is not None and rows.labels.tolist() == fruit.tolist()
    labels = Rows.read(arrays(Y), Columns((0, 1), (2,), classes=True), 0, 5).labels
    assert labels is not None and labels.tolist() == ["3", "2", "2.5", "3", "-1"]
    assert not Rows.read(arrays(Y), Columns((0, 1), ()), 0, 5).has_targets


def test_a_selection_has_all_that_the_rows_have() -> None:
    mask = np.array([False, True, False, True])
    fruit = np.array(["pear", "fig", "fig", "pear", "plum"])
    for targets in (Y, fruit):
        rows = Rows.read(arrays(targets), Columns((0, 1), (2,), 3, classes=targets is fruit), 1, 5)
        chosen = rows.select(mask)
        assert chosen.numbers.tolist() == [2, 4]
        np.testing.assert_array_equal(chosen.inputs, X[[2, 4]])
        np.testing.assert_array_equal(chosen.weights, W[[2, 4]])  # type: ignore[arg-type]
        np.testing.assert_array_equal(chosen.targets, rows.targets[mask])
        assert (chosen.labels is None) == (targets is Y)
        if chosen.labels is not None:
            assert chosen.labels.tolist() == ["fig", "plum"]


@pytest.mark.parametrize("ending", FORMATS)
def test_rows_of_weight_0_are_left_out(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = np.array([0.0, 1.0, 0.0, 0.0, 2.0])
    monkeypatch.setitem(globals(), "W", weights)
    monkeypatch.setitem(globals(), "X", np.where(weights[:, None] == 0, np.nan, X))
    rows = Rows.read(stored(ending, tmp_path), Columns((1, 0), (3,), 2), 0, 5)
    assert rows.numbers.tolist() == [1, 4]
    np.testing.assert_array_equal(rows.inputs, X[[1, 4], ::-1])
    np.testing.assert_array_equal(rows.weights, [1, 2])  # type: ignore[arg-type]
    assert len(Rows.read(stored(ending, tmp_path), Columns((1, 0), (3,), 2), 2, 4)) == 0


def test_pieces_of_text_without_a_row_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.data.tables.lines.PIECE", 16)  # a row or two
    rows = [f"{i},oak,1" if i in (0, 30) else ["inf,ash,0", "a,b,c,0", "1e999,,0"][i % 3] for i in range(40)]
    (tmp_path / "a.csv").write_text("a,b,w\n" + "\n".join(rows) + "\n")
    source = open_source(str(tmp_path / "a.csv"), OneRank())
    values, (words,) = source.read(0, 40, (0,), (1,), np.isin(np.arange(40), (0, 30)))
    assert (values[[0, 30], 0].tolist(), words[[0, 30]].tolist()) == ([0, 30], ["oak", "oak"])


def test_what_is_refused() -> None:
    negative = W.copy()
    negative[3] = -0.5
    with pytest.raises(UserError, match=r"^the arrays, row 3, column weights: the weight -0.5 is negative"):
        Rows.read(arrays(Y, negative), Columns((0, 1), (2,), 3), 2, 5)
    Rows.read(arrays(Y, negative), Columns((0, 1), (2,), 3), 0, 3)
    ones = np.array([[1, 0], [0, 1], [1, 1]])
    several = ArraySource(X[:3], ones, None, OneRank())
    several.prepare(0, 3)
    columns = Columns((0, 1), (2, 3), classes=True)
    assert Rows.read(several, columns, 0, 2).labels.tolist() == ["y1", "y2"]  # type: ignore[union-attr]
    with pytest.raises(UserError, match=r"row 2: with --classes, one of the targets y1, y2 is 1"):
        Rows.read(several, columns, 0, 3)
