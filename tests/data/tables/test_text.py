"""Text tables: every slice equals what Python's csv module reads; bad text is one sentence."""

from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from sources import (
    check_slices,
    count_bytes,
    everything,
    finite,
    opened,
    quick,
    small_pieces,  # noqa: F401, a fixture
    words,
)

from distnn.data.tables import layout, lines
from distnn.errors import UserError


@quick
@given(
    table=st.integers(1, 4).flatmap(lambda d: st.lists(st.lists(finite, min_size=d, max_size=d), min_size=1)),
    labels=st.lists(words, min_size=1, max_size=3),
    delimiter=st.sampled_from([",", ";", "\t"]),
    header=st.booleans(),
    ending=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    bom=st.booleans(),
    blanks=st.integers(0, 3),
    last=st.booleans(),
)
def test_text_reads_like_pythons_csv_module(
    table: list[list[float]],
    labels: list[str],
    delimiter: str,
    header: bool,
    ending: str,
    quoting: Any,
    bom: bool,
    blanks: int,
    last: bool,
    tmp_path: Path,
) -> None:
    if delimiter == "," and quoting == csv.QUOTE_MINIMAL:  # ";,1" in every line is a table for either delimiter
        labels = [label.replace(";", "_") for label in labels]
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=ending, quoting=quoting)
    names = ["label", *(f"column {i}" for i in range(len(table[0])))]
    if header:
        writer.writerow(names)
    for i, row in enumerate(table):
        writer.writerow([labels[i % len(labels)], *row])
    text = written.getvalue()
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))[header:]  # the oracle
    text = text + blanks * ending if last else text.removesuffix(ending)
    source = opened(tmp_path / "table.csv", b"\xef\xbb\xbf" * bom + text.encode(), header=header)
    assert source.columns == tuple(names if header else map(str, range(len(names))))
    check_slices(source, np.array([list(map(float, row[1:])) for row in rows]), [[row[0] for row in rows]])


@quick
@given(rows=st.lists(st.lists(finite, min_size=3, max_size=3), min_size=1), tabs=st.booleans())
def test_white_space_delimits(rows: list[list[float]], tabs: bool, tmp_path: Path) -> None:
    gap = " \t " if tabs else "   "
    text = "".join(f"  {gap.join(map(repr, row))} \n" for row in rows)
    if tabs:
        text = text.replace(" \t ", "  ")
    check_slices(opened(tmp_path / "table.txt", text), np.array(rows), [])


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
    assert [source.is_word(column) for column in range(3)] == [False, True, False]
    values, (texts,) = source.read(0, 3, [2, 0], [1])
    assert values.tolist() == [[2, 1], [3, 2], [4, 3]]
    assert list(texts) == ["cat", "7", "dög"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n", r"has a header \(a, b\) but no rows; if its first line is a row"),
        ("a,b\n\n \n", r"has a header \(a, b\) but no rows"),
        ("\n \r\n\n", "holds nothing but empty lines"),
        ("1,2\0\n", "holds binary data or UTF-16"),
        ("1,2\n".encode("utf-16"), "holds binary data or UTF-16"),
        (b"a,b\n1,2\n1,\xe4\n", r"line 3 is not UTF-8 text; convert"),
        (b"a,b\n" + b"1,2\n" * 40 + b"1,\xe4\n", r"line 42 is not UTF-8 text"),
        ("a,b\r1,2\r", "lines that end with a carriage return only"),
        ("a,b\n1,2,3\n", r"line 2 \(row 0\) has 3 fields where the header has 2\.$"),
        ("a,b\n1,2\n3,4\n5\n", r"line 4 \(row 2\) has 1 fields where 2 belong\.$"),
        ("a,b\n1,2\n3,4\n5,6,7\n", r"line 4 \(row 2\) has 3 fields where 2 belong\.$"),
        ("a,b\n1,2\n" + "3,4,5\n" * 30, r"line 3 \(row 1\) has 3 fields where 2 belong\.$"),
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
        ('a,b\n1,2\n3,"4\n5"\n6,7\n', r"line 3 \(row 1\) cannot be cut into fields \(.*\); a quoted field must end on"),
        ('a,b\n1,2\n3,"4\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,b\n1,"c"\n3,"4\n5"\n6,d\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,b\n1,c\n3,"d\n', r"line 3 \(row 1\) cannot be cut into fields"),
        ('a,"b\n1,2"\n', r"line 1 cannot be cut into fields"),
        ("a,b\n1,c\n2,\n", r"line 3 \(row 1\), column b: the field is empty"),
        ("a,b\n1,2\n3\r,4\n5,6\n", r"line 3 \(row 1\) has a carriage return inside; remove it"),
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
    with pytest.raises(UserError, match=r"line 51 \(row 50\) has 1 fields"):
        source.read(0, 60, [0])  # a ragged row counts even where the column is there
    source.read(0, 50, [0])


def test_a_quoted_line_break_is_refused_where_only_words_are_read(tmp_path: Path) -> None:
    source = opened(tmp_path / "a.csv", '1,a\n2,"b\nc"\n3,d\n')
    with pytest.raises(UserError, match=r"line 2 \(row 1\) cannot be cut into fields"):
        source.read(0, 4, [], [1])


def test_lines_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, layout):
        monkeypatch.setattr(module, "LONGEST_LINE", 1 << 20)
    with pytest.raises(UserError, match="has no two lines in its first 1 MiB: it is not a table"):
        opened(tmp_path / "a.csv", "1" * (5 << 20))
    with pytest.raises(UserError, match=r"row 2 is longer than 3 MiB"):
        everything(opened(tmp_path / "a.csv", "1,2\n1,2\n" + "1" * (5 << 20)))


def test_a_long_first_line_is_read(tmp_path: Path) -> None:
    row = np.arange(60_000.0)
    text = ",".join(map(repr, row.tolist()))
    assert len(text) > 4 * layout.SAMPLE
    values, _ = everything(opened(tmp_path / "a.csv", f"{text}\n{text}\n"))
    np.testing.assert_array_equal(values, [row, row])


def test_a_rank_reads_only_about_its_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 12)
    monkeypatch.setattr(lines, "PIECE", 1 << 11)
    path = tmp_path / "a.csv"
    path.write_text("".join(f"{i},{i % 7},{i / 3}\n" for i in range(40_000)))
    size = path.stat().st_size
    taken = count_bytes(monkeypatch)
    source = opened(path)
    assert size < taken() < size + 3 * layout.SAMPLE + 2048  # one rank counts the lines of all of it
    values, _ = source.read(10_000, 20_000, [0, 2])
    assert list(values[:, 0]) == list(range(10_000, 20_000))
    assert size // 5 < taken() < size * 0.3
    for start in range(20_000, 24_000, 100):  # on from there: no search, and hardly anything twice
        assert source.read(start, start + 100, [0])[0][0, 0] == start
    assert taken() < 3 * (size // 10)


def test_memory_is_the_rows_and_a_few_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "SEGMENT", 1 << 16)
    monkeypatch.setattr(lines, "PIECE", 1 << 16)
    path = tmp_path / "a.csv"
    path.write_text("1.2345678901234567,2.3456789012345678\n" * 200_000)
    tracemalloc.start()
    try:
        source = opened(path)
        source.read(0, 200_000, [0, 1])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 200_000 * 16 + (2 << 20) < path.stat().st_size
