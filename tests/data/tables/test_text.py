"""Text tables: every slice equals what Python's csv module reads; bad text is one sentence."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sources import (
    check_slices,
    everything,
    opened,
)

from distnn.data.tables import lines
from distnn.errors import UserError


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n", r"has a header \(a, b\) but no rows; if its first line is a row"),
        ("a,b\n\n \n", r"has a header \(a, b\) but no rows"),
        ("\n \r\n\n", "holds nothing but empty lines"),
        ("sep=;\n\n", "holds nothing but empty lines"),
        ("1,2\0\n", "holds binary data, not text"),
        (b"a,b\n1,2\n1,\xe4\n", r"line 3 \(row 1\), column b: 'ä' stands where"),
        (b"a,b\n" + b"1,2\n" * 40 + b"1,\xe4\n", r"line 42 \(row 40\), column b: 'ä' stands where"),
        ("a,b\r1,2\rx,2", r"line 3 \(row 1\), column a: 'x' stands where"),
        ("a,b\n4,2,3\n", r"line 2 \(row 0\) has 3 fields where the header has 2: give each column a name"),
        ("a,b\n1,2\n3,4\n5\n", r"line 4 \(row 2\) has 1 field where 2 belong: a row has a field for each column"),
        ("a,b\n1,2\n3,4\n5,6,7\n", r"line 4 \(row 2\) has 3 fields where 2 belong: put a field with ',' inside"),
        ("a,b\n1,2\n" + "3,4,5\n" * 30, r"line 3 \(row 1\) has 3 fields where 2 belong: put"),
        ("a,b\n1,2\n\n3,4\n", r"line 3 \(row 1\) is empty; remove it\.$"),
        ("a,b\n1,2\n" + "\n" * 100 + "3,4\n", r"line 3 \(row 1\) is empty; remove it\.$"),
        ("a b\n1 2\n   \n3 4\n", r"line 3 \(row 1\) is empty; remove it\.$"),
        ("a,b\n1,2\n3,\n", r"line 3 \(row 1\), column b: the field is empty; fill it in or leave the row out\.$"),
        ("\n\na,b\n1,2\n3,\n", r"line 5 \(row 1\), column b: the field is empty"),
        ("1,2\n3,x4\n", r"line 2 \(row 1\), column 1: 'x4' stands where a number belongs\.$"),
        ("a,b\n1,2\n3,1_0\n", r"line 3 \(row 1\), column b: '1_0' stands where"),
        ("a,b\n1,2\n3,١\n", r"line 3 \(row 1\), column b: '١' stands where"),
        ("a,b\n1,2\n3,NaN\n", r"line 3 \(row 1\), column b: 'NaN' is not a finite number; replace it"),
        ("a,b\n1,2\n3,1e999\n", r"line 3 \(row 1\), column b: '1e999' is not a finite number"),
        ("a,b\n1,2\nx,nan\n", r"line 3 \(row 1\), column a: 'x' stands"),
        ("a,b\n1,nan\nx,3\n", r"line 2 \(row 0\), column b: 'nan' is not"),
        ('a,b\n1,2\n3,"4\n5"\n6,7\n', r"line 3 \(row 1\), column b: '4\\n5' stands where a number belongs"),
        ('a,b\n1,2\n3,"4\n5"\n6,7\nx,1\n', r"line 3 \(row 1\), column b: '4\\n5' stands where a number belongs"),
        ('a,b\n1,2\n3,"4\n', r"line 3 \(row 1\) cannot be cut into fields \(.*\); close its quotes"),
        ('a,b\n1,2\n3,"4\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,b\n1,"c\nd"\nx,"4\n5"\n6,d\n', r"line 4 \(row 1\), column a: 'x' stands where"),
        ('a,b\n1,c\n3,"d\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,"b\n1,2\n', r"line 1 cannot be cut into fields"),
        ("a;b\n1,5;2\n1.234,5;3\n", r"line 3 \(row 1\), column a: '1.234,5' stands .*; this table has decimal commas"),
        ("a;b\n1.5;2\n2,5;3\n", r"line 3 \(row 1\), column a: '2,5' stands .*; a comma is no decimal point here"),
        ("a,b\n1,c\n2,\n", r"line 3 \(row 1\), column b: the field is empty"),
        ("a,b\n1,2\n3\r,4\n5,6\n", r"line 3 \(row 1\) has a carriage return inside; remove it"),
        ("a,b\n1,2\n3,4\n(3 rows)\n", r"line 4 \(row 2\) has 1 field where 2 belong: remove it if it is a remark"),
        ("a b\n1.5 2.5\n3.5 4.5\n-1.500-2.500\n", r"line 4 \(row 2\) has 1 field .*: numbers run together"),
        ("a b\n1 2\n3 4 5\n", r"line 3 \(row 1\) has 3 fields where 2 belong: put a field with a space inside in"),
        ("a,b\n1,5,2,5\n3,5,4,5\n", r"line 2 \(row 0\) has 4 fields where the header has 2: decimal commas"),
        ("a,b\n" + "1,2\n" * 50 + "3\0,4\n", r"line 52 holds null characters, .*: tr -d"),
        ("1," + "x" * 500 + "\n2,b\n", None),
    ],
)
def test_bad_text_is_one_sentence(text: str | bytes, sentence: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    if sentence is None:
        everything(opened(path, text))
        return
    with pytest.raises(UserError, match=sentence) as info:
        everything(opened(path, text))
    assert str(info.value).startswith(str(path)) and "\n" not in str(info.value)


def test_the_first_bad_row_is_named_in_every_cut(tmp_path: Path) -> None:
    rows = [f"{i},{i * 2}" for i in range(60)]
    rows[40], rows[50] = "40,x", "50"
    source = opened(tmp_path / "a.csv", "\n".join(rows))
    for start in range(41):
        with pytest.raises(UserError, match=r"line 41 \(row 40\), column 1: 'x'"):
            source.read(start, 60, [0, 1])
    with pytest.raises(UserError, match=r"line 51 \(row 50\) has 1 field"):
        source.read(0, 60, [0])  # a ragged row counts even where the column is there
    source.read(0, 50, [0])


@pytest.mark.parametrize("first", [0, 1, 2])
def test_line_breaks_in_quotes(first: int, tmp_path: Path) -> None:
    rows = [(f"{i}", f"{'#' * (i % 3)}a{chr(10) * (i % 4)}b") for i in range(50)]
    text = "\n" * first + "x,y\n" + "".join(f'{a},"{b}"\n' for a, b in rows)
    source = opened(tmp_path / "a.csv", text)
    assert source.n == 50
    check_slices(source, np.arange(50.0)[:, None], [[b for _, b in rows]])


def test_inches_are_no_quotes(tmp_path: Path) -> None:
    rows = [(f"{i}", f'{i}" pipe') for i in range(30)]
    source = opened(tmp_path / "a.csv", "x,y\n" + "".join(f"{a},{b}\n" for a, b in rows))
    check_slices(source, np.arange(30.0)[:, None], [[b for _, b in rows]])


def test_memory_is_the_rows_and_a_few_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 16)
    monkeypatch.setattr(lines, "PIECE", 1 << 16)
    path = tmp_path / "a.csv"
    path.write_text("1.2345678901234567,2.3456789012345678\n" * 120_000)
    tracemalloc.start()
    try:
        source = opened(path)
        source.read(0, 120_000, [0, 1])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120_000 * 16 + (2 << 20) < path.stat().st_size
