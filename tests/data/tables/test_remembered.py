"""A table whose answers are kept: the same answers, asked for once, and no more kept than there is room for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas
import pytest

from distnn.data.tables import open_source
from distnn.data.tables.remembered import Remembered
from distnn.data.tables.source import Missing, Source
from distnn.parallel.ranks import OneRank


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("a,b,c\n" + "".join(f"{i},{i / 3!r},w{i}\n" for i in range(40)))
    return path


def test_what_was_read_is_not_read_again(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(table), OneRank())
    remembered, asked = Remembered(source, 10**6), []
    assert (remembered.n, remembered.columns, remembered.path) == (source.n, source.columns, source.path)
    read = source.read
    monkeypatch.setattr(source, "read", lambda *given, **more: asked.append(given) or read(*given, **more))
    for _ in range(2):
        values, (words,) = remembered.read(5, 9, [1, 0], [2], missing=Missing())
        np.testing.assert_array_equal(values, [[i / 3, i] for i in range(5, 9)])
        assert words.tolist() == ["w5", "w6", "w7", "w8"]
        values[:] = 0  # the caller's to change
    assert len(asked) == 1
    remembered.read(5, 10, [1, 0], [2], missing=Missing())
    remembered.read(5, 9, [1, 0], [2])  # none may be missing: another question
    assert len(asked) == 3


def test_what_is_known_of_a_table_is_known_of_the_remembered_one(tmp_path: Path) -> None:
    """Of a file of pandas, too, whose index is no input."""
    frame = pandas.DataFrame({"a": [1.5, 2.5], "size": pandas.Categorical(["1", "2"]), "y": ["3", "4"]})
    frame.set_index(pandas.Index(["p", "q"], name="id")).to_parquet(tmp_path / "table.parquet")
    source = open_source(str(tmp_path / "table.parquet"), OneRank())
    assert (source.aside, source.typed, source.categories) == ({0}, True, {2})
    remembered = Remembered(source, 1000)
    for name in Source.__annotations__:
        assert getattr(remembered, name) == getattr(source, name), name
    assert [remembered.kind(j) for j in range(4)] == [source.kind(j) for j in range(4)]


def test_what_there_is_no_room_for_is_read_each_time(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(table), OneRank())
    remembered, asked = Remembered(source, 100), []
    read = source.read
    monkeypatch.setattr(source, "read", lambda *given, **more: asked.append(given) or read(*given, **more))
    for rows in (12, 1, 12, 1):  # 96 bytes, then 8 more
        assert remembered.read(0, rows, [0])[0].tolist() == [[float(i)] for i in range(rows)]
    assert [given[1] for given in asked] == [12, 1, 1]
