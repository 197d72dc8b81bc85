"""Rows with gaps: filled in later, left out, or refused with what to type."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sources import opened

from distnn.data.columns import Columns
from distnn.data.encoding import PLAIN, Encoding
from distnn.data.fields import read_fields
from distnn.data.tables import Source
from distnn.data.tables.source import Missing
from distnn.errors import UserError

TWO = Missing(numbers=(2.0,))
FILLED = Encoding(fill=0.0)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return opened(tmp_path / "a.csv", "a,b,w,y\n1,2,1,3\n,5,1,6\n7,,0,x\n8,9,2,\n-9,1,1,2\n")


def test_rows_are_left_out(source: Source) -> None:
    columns = Columns((0, 1), (3,), 2, leave_out=("inputs", "targets"))
    fields = read_fields(source, columns, 0, 5)
    assert fields.rows.tolist() == [0, 4] and fields.table.tolist() == [[1, 2, 3], [-9, 1, 2]]
    assert fields.weights is not None and fields.weights.tolist() == [1, 1]
    np.testing.assert_array_equal(fields.column(1), [2, 1])
    some = Columns((0, 1), (3,), 2, (FILLED, FILLED), missing=Missing(numbers=(-9.0,)), leave_out=("targets",))
    assert np.isnan(read_fields(source, some, 0, 5).column(0)).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [  # the number 2 stands for a missing value in the last two
        (Columns((0, 1), (3,), 2, leave_out=("targets",)), r"line 3 \(row 1\), column a: .*--impute median, mean, con"),
        (Columns((1,), (3,), 2), r"line 5 \(row 3\), column y: .*to have such rows left out, train with --impute drop"),
        (Columns((0,), (3,)), r"line 4 \(row 2\), column y: 'x' stands where a number belongs\.$"),
        (Columns((1,), (0,), 3), r"line 4 \(row 2\), column y: 'x' stands"),
        (Columns((1,), (2,), 0, missing=Missing()), r"line 3 \(row 1\), column a: the field is empty"),
        (
            Columns((0,), (2,), 1, (FILLED,), missing=Missing(numbers=(2.0,))),
            r"row 0, column b: the weight nan is miss",
        ),
        (
            Columns((0, 1), (2,), encodings=(FILLED, PLAIN), missing=Missing(numbers=(2.0,))),
            r"line 2 \(row 0\), column b: .* missing",
        ),
    ],
)
def test_refused(source: Source, columns: Columns, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        read_fields(source, columns, 0, 5 if columns.weight != 1 else 2)


def test_a_word_that_says_that_it_is_missing(tmp_path: Path) -> None:
    """It is no number that is wrong, and it may be a word like any other."""
    columns = Columns((0,), (1,), None, (Encoding("words", ("EU", "US")),))
    source = opened(tmp_path / "a.csv", "k,y\nEU,1\nNA,2\n,3\n")
    with pytest.raises(UserError, match=r"row 1\), column k: 'NA' says that the value is missing, unless --missing na"):
        read_fields(source, columns, 0, 2)
    with pytest.raises(UserError, match=r"line 4 \(row 2\), column k: the field is empty; .*--impute"):
        read_fields(source, columns, 2, 3)
