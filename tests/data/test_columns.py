"""Which columns are read as words, and what they are called."""

from __future__ import annotations

from pathlib import Path

from sources import opened

from distnn.data.columns import Columns
from distnn.data.encoding import PLAIN, Encoding


def test_columns_that_are_read_as_words(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", "a,flag,kind,y\n1,True,oak,2\n")
    words, flag = Encoding("words", ("oak",)), Encoding("booleans")
    columns = Columns((0, 1, 2), (3,), encodings=(PLAIN, flag, words))
    assert columns.spelled(source) == (1, 2) and columns.labels is None and not columns.all_plain
    assert [columns.encoding(j) for j in (0, 1, 2)] == [PLAIN, flag, words]
    assert columns.names(source) == (("a", "flag", "kind"), ("y",), None)
    classes = Columns((0,), (3,), classes=True)
    assert classes.labels == 3 and classes.spelled(source) == (3,) and classes.all_plain
    one_of_two = Columns((0,), (1, 3), classes=True)
    assert one_of_two.labels is None and one_of_two.spelled(source) == ()
