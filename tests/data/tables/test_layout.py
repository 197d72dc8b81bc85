"""What the first lines of a text table say: delimiter, header, columns of words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sources import (
    is_word,
    opened,
)

from distnn.data.tables import layout


@pytest.mark.parametrize(
    ("text", "header", "columns", "n"),
    [
        ("a,b\n1,2\n", None, ("a", "b"), 1),
        ("1,2\n3,4\n", None, ("0", "1"), 2),
        ("1,b\n3,4\n", None, ("0", "1"), 2),  # one number in the first line makes it a row
        ("1,b\n3,4\n", True, ("1", "b"), 1),
        ("a,b\nc,d\n", False, ("0", "1"), 2),
        ("a,b\nc,d\n", None, ("a", "b"), 1),
        ('"a;b";c\n1;2\n', None, ("a;b", "c"), 1),
        ("a,,c\n1,2,3\n", None, ("a", "1", "c"), 1),
        ("\n\n a , b \n1,2\n", None, ("a", "b"), 1),
        ("# a b\n1 2\n", None, ("a", "b"), 1),  # numpy.savetxt
        ("x\n1\n2\n", None, ("x",), 2),
        ("1\n", None, ("0",), 1),
        ("1.5;2,5\n1.5;3,5\n", None, ("0", "1"), 2),  # not three columns
        ("name\nNew York\nParis\nRome\nBerlin\n", None, ("name",), 4),
        ("a b,c\n1,2\n", None, ("a b", "c"), 1),
        ("p;q,5\nr,6\ns,7\n", False, ("0", "1"), 3),  # a semicolon in one word is no delimiter
        ('"p;q",5\n"r;s",6\n', False, ("0", "1"), 2),
    ],
)
def test_delimiter_and_header(text: str, header: bool | None, columns: tuple[str], n: int, tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", text, header=header)
    assert (source.columns, source.n) == (columns, n)


def test_words_are_judged_by_the_first_row_and_stripped(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", 'x,y,z\n1, cat ,"2"\n2,"7",3\n3,dög,4\n')
    assert [is_word(source, column) for column in range(3)] == [False, True, False]
    values, (texts,) = source.read(0, 3, [2, 0], [1])
    assert values.tolist() == [[2, 1], [3, 2], [4, 3]]
    assert list(texts) == ["cat", "7", "dög"]


def test_a_long_first_line_is_read(tmp_path: Path) -> None:
    row = np.arange(15_000) + 1 / 3
    text = ",".join(map(repr, row.tolist()))
    assert len(text) > 4 * layout.SAMPLE
    values, _ = opened(tmp_path / "a.csv", f"{text}\n{text}\n").read(0, 2, range(len(row)))
    np.testing.assert_array_equal(values, [row, row])
