"""Arrays and frames as rows for a model."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.data.encoding import PLAIN, Encoding
from distnn.data.preparation import Preparation
from distnn.data.scaling import Scaling
from distnn.errors import UserError
from distnn.inference.inputs import rows_of


def preparation(*encodings: Encoding) -> Preparation:
    names = ("a", "b", "c")[: len(encodings)]
    return Preparation(names, ("y",), None, Scaling.identity(9), Scaling.identity(1), None, encodings)


def test_columns_of_a_frame_are_found_by_name() -> None:
    import pandas
    import polars

    table = {"b": [3.0, 4.0], "q": ["x", "y"], "a": [1, 2]}
    for frame in (pandas.DataFrame(table), polars.DataFrame(table)):
        with pytest.warns(UserWarning, match="does not use the columns q"):
            assert rows_of(frame, preparation(PLAIN, PLAIN)).inputs.tolist() == [[1, 3], [2, 4]]
        with pytest.raises(UserError, match="The inputs lack the column c; their columns are b, q, a"):
            rows_of(frame, preparation(PLAIN, PLAIN, PLAIN))


def test_words_and_gaps() -> None:
    known = preparation(Encoding(fill=7.0), Encoding("words", ("fir", "oak"), fill=0.0), Encoding("booleans"))
    X = np.array([[1.5, "oak", True], [None, "fir", False], [2, None, True]], object)
    assert rows_of(X, known).inputs.tolist() == [[1.5, 0, 1, 1], [7, 1, 0, 0], [2, 0, 0, 1]]
    X[1, 1] = "ash"
    with pytest.raises(UserError, match="The inputs, row 1, column b: 'ash' is not one of the words"):
        rows_of(X, known)


def test_refused() -> None:
    for X, sentence in [
        (np.zeros((2, 3)), r"have shape \(2, 3\); this model needs \(any, 2\)"),
        ([[1, 2], [3]], "are no array: their rows have different lengths"),
        ([["1", "2"], ["3", "four"]], "hold 'four' in row 1, column 1; this model needs a number there"),
        (np.array([[1, 2], ["x", 3]], object), "hold 'x' in row 1, column 0"),
        (np.zeros((2, 2), complex), "hold complex numbers"),
        (np.zeros(2), r"have shape \(2,\)"),
        (np.array([[1, np.inf]]), "hold inf in row 0, column 1; every value must be finite"),
    ]:
        with pytest.raises(UserError, match=sentence):
            rows_of(X, preparation(PLAIN, PLAIN))
    assert rows_of([["1", "2.5"]], preparation(PLAIN, PLAIN)).inputs.tolist() == [[1, 2.5]]
