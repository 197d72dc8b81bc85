"""Arrays and lists as a table."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sources import arrays, check_slices, everything, is_word, quick, words

from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank


@quick
@given(X=arrays, labels=st.none() | st.lists(words, min_size=12, max_size=12), weights=st.booleans())
def test_arrays_are_a_table(X: np.ndarray, labels: list[str] | None, weights: bool) -> None:
    n, shares = len(X), np.arange(len(X)) if weights else None
    Y = np.arange(2 * n).reshape(n, 2) if labels is None else labels[:n]
    source = ArraySource(X, Y, shares, OneRank())
    columns = [X.astype(np.float64).reshape(n, -1)]
    d = columns[0].shape[1]
    if labels is None:
        columns.append(np.asarray(Y, float))
    if weights:
        columns.append(np.arange(n, dtype=float)[:, None])
    ys = ("y1", "y2") if labels is None else ("y",)
    assert source.columns == (*(f"x{i + 1}" for i in range(d)), *ys, *["weights"] * weights)
    assert source.default_targets() == tuple(range(d, d + len(ys)))
    source.prepare(0, n)
    check_slices(source, np.column_stack(columns), [] if labels is None else [labels[:n]])


def test_arrays_without_targets() -> None:
    source = ArraySource([[1, 2], [3, 4]], None, None, OneRank())
    source.prepare(1, 2)
    assert source.default_targets() == ()
    assert source.read(1, 2, [1, 0])[0].tolist() == [[4, 3]]
    with pytest.raises(IndexError, match="not prepared"):
        source.read(0, 2, [0])


def test_arrays_of_python_strings_are_words() -> None:
    source = ArraySource(np.eye(2), np.array(["a", "bc"], dtype=object), None, OneRank())
    source.prepare(0, 2)
    assert is_word(source, 2) and list(source.read(0, 2, [], [2])[1][0]) == ["a", "bc"]


@pytest.mark.parametrize(
    ("X", "Y", "weights", "sentence"),
    [
        (None, [1], None, "X is missing"),
        ([], [], None, "The arrays have no rows on any rank"),
        ([[1], [2]], [1], None, "must have the same number of rows, but X has 2, Y has 1"),
        ([[1], [2]], [1, 2], [[1, 2], [3, 4]], "weights has 2 columns; it must have one"),
        ([[1], [2, 3]], [1, 2], None, "X is not a table: its rows are not all alike"),
        ([["a"]], [1], None, "X holds words; it must hold real numbers"),
        ([[1j]], [1], None, "X holds complex numbers"),
        ([[1]], [None], None, "Y holds Python objects; it must hold real numbers or words"),
        (np.ones((2, 2, 2)), None, None, "X has 3 dimensions"),
        (3.0, None, None, "X has 0 dimensions"),
        (np.ones((2, 0)), None, None, "X has no columns"),
        ([[1.0, 2.0], [3.0, np.nan]], None, None, r"the arrays, row 1, column x2: nan is not a finite number"),
        ([[1.0]], [np.inf], None, r"the arrays, row 0, column y: inf is not a finite number"),
        ([[1.0]], [""], None, r"the arrays, row 0, column y: the word is empty"),
    ],
)
def test_bad_arrays_are_one_sentence(X: Any, Y: Any, weights: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        source = ArraySource(X, Y, weights, OneRank())
        source.prepare(0, source.n)
        everything(source)
