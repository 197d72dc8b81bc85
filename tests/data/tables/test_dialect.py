"""How the lines of a text table are cut into fields."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from sources import (
    check_slices,
    finite,
    opened,
    quick,
    words,
)


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
    if quoting == csv.QUOTE_MINIMAL:  # such a line would be a comment
        labels = [label.replace("#", "_") for label in labels]
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
