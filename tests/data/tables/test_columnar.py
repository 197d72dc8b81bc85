"""Parquet, Arrow and Feather: every kind of column, groups of rows, and only what is needed is read."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sources import count_bytes, opened
from threaded_ranks import on_ranks

from distnn.data.tables import open_source
from distnn.data.tables.source import Missing
from distnn.errors import UserError
from distnn.parallel.ranks import OneRank
from distnn.runs.options import Options
from distnn.runs.plan import choose_columns

N = 25
KINDS = ["numbers", "numbers", "integers", "booleans", None, "words", "numbers"]
KINDS += ["numbers", "integers", "booleans", None, "dates"]


@pytest.fixture
def columns() -> dict[str, Any]:
    import pyarrow

    return {
        "number": np.linspace(0, 1, N),
        "float32": np.linspace(0, 1, N, dtype=np.float32),
        "integer": pyarrow.array([2**53 + 1, *range(1, N)], pyarrow.int64()),
        "flag": [i % 3 == 0 for i in range(N)],
        "word": [("oak", "fir", "elm")[i % 3] for i in range(N)],
        "category": pyarrow.array([("oak", "fir")[i % 2] for i in range(N)]).dictionary_encode(),
        "decimal": pyarrow.array([Decimal(f"{i}.1") for i in range(N)]),
        "gaps": [None if i % 5 == 1 else i / 2 for i in range(N)],
        "integer_gaps": [None if i % 5 == 1 else i for i in range(N)],
        "flag_gaps": [None if i % 5 == 1 else i % 2 == 0 for i in range(N)],
        "word_gaps": [None if i % 5 == 1 else "oak" for i in range(N)],
        "date": [datetime.date(2026, 1, 1 + i) for i in range(N)],
        "list": [[i] for i in range(N)],
        "__index_level_0__": list(range(N)),
    }


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_categories_are_known_as_such(ending: str, tmp_path: Path) -> None:
    """Also those of numbers, which Parquet has as numbers."""
    import pandas

    frame = pandas.DataFrame({"n": [1, 2, 1], "k": pandas.Categorical([3, 1, 3]), "w": pandas.Categorical(list("aba"))})
    getattr(frame, f"to_{ending[1:]}")(path := tmp_path / f"t{ending}")
    source = open_source(str(path), OneRank())
    assert source.categories == {1, 2}
    assert [source.kind(j) for j in range(3)] == ["integers", "integers", "words"]


def write(path: Path, columns: Any, rows: int = 7) -> None:
    import pyarrow
    from pyarrow import feather, parquet

    table = columns if isinstance(columns, pyarrow.Table) else pyarrow.table(columns)
    if path.suffix == ".parquet":
        parquet.write_table(table, path, row_group_size=rows)
    else:
        feather.write_feather(table, str(path), chunksize=rows, compression="lz4")


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
@pytest.mark.parametrize("size", [1, 3])
def test_every_kind_of_column(ending: str, size: int, columns: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    write(path, columns)

    def read(ranks: Any) -> Any:
        source = open_source(str(path), ranks)
        assert source.n == N and source.named and source.columns == tuple(columns)[:12]
        assert [source.kind(i) for i in range(12)] == KINDS
        assert source.default_targets() == (11,) and source.default_weights() is None
        assert source.notes == (
            "its columns list (list<element: int64>) are neither numbers nor words, and left out"
            if ending == ".parquet"
            else "its columns list (list<item: int64>) are neither numbers nor words, and left out",
            "its index is left out",
        )
        start, stop = (N * (ranks.rank + i) // ranks.size for i in (0, 1))
        return source.read(start, stop, [0, 1, 3, 6, 7, 8, 9], [2, 4, 5, 10, 3], missing=Missing())

    found = on_ranks(size, read)
    values = np.concatenate([numbers for numbers, _ in found])
    gap = np.arange(N) % 5 == 1
    np.testing.assert_array_equal(values[:, 0], columns["number"])
    np.testing.assert_array_equal(values[:, 1], columns["float32"])
    np.testing.assert_array_equal(values[:, 2], columns["flag"])
    np.testing.assert_array_equal(values[:, 3], [float(f"{i}.1") for i in range(N)])
    np.testing.assert_array_equal(values[:, 4], np.where(gap, np.nan, np.arange(N) / 2))
    np.testing.assert_array_equal(values[:, 5], np.where(gap, np.nan, np.arange(N)))
    np.testing.assert_array_equal(values[:, 6], np.where(gap, np.nan, np.arange(N) % 2 == 0))
    words = [[word for _, texts in found for word in texts[i]] for i in range(5)]
    assert words[0] == [str(2**53 + 1), *map(str, range(1, N))]
    assert words[1] == columns["word"] and words[2] == columns["category"].to_pylist()
    assert words[3] == ["" if is_gap else "oak" for is_gap in gap]
    assert words[4] == [str(flag) for flag in columns["flag"]]


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_an_index_of_pandas_is_no_input_unless_it_is_named(ending: str, tmp_path: Path) -> None:
    """Pandas stores it behind the columns, where the target stands by default."""
    import pandas
    import pyarrow

    frame = pandas.DataFrame({"x": [1.0, 2.0], "y": [3.0, 4.0], "id": ["a", "b"], "k": [1, 1]}).set_index(["id", "k"])
    write(tmp_path / f"a{ending}", pyarrow.Table.from_pandas(frame))
    source = opened(tmp_path / f"a{ending}")
    assert (source.columns, source.default_targets()) == (("id", "k", "x", "y"), (3,))
    assert source.notes == ("its index (id, k) is left out unless named",)
    assert choose_columns(Options(), source).inputs == (2,)
    assert choose_columns(Options(inputs=("k", "x")), source).inputs == (1, 2)
    (values, (words,)) = source.read(0, 2, [1, 2], [0])
    np.testing.assert_array_equal(values, [[1, 1], [1, 2]])
    assert words.tolist() == ["a", "b"]
    for part in range(2):
        write(tmp_path / f"part-{part}{ending}", pyarrow.Table.from_pandas(frame))
    assert choose_columns(Options(), opened(tmp_path / f"part-*{ending}")).inputs == (2,)


@pytest.mark.parametrize("ending", [".parquet", ".feather"])
def test_two_columns_of_one_name(ending: str, tmp_path: Path) -> None:
    import pyarrow

    one = pyarrow.array([1.0, 2.0])
    write(tmp_path / f"a{ending}", pyarrow.Table.from_arrays([one, one, one], names=["x", "x", "y"]))
    with pytest.raises(UserError, match=r"has 2 columns of the name 'x': rename one of them\."):
        opened(tmp_path / f"a{ending}")


def test_other_formats_of_arrow(tmp_path: Path) -> None:
    import pyarrow

    table = pyarrow.table({"x": [1.0, 2.0]})
    (tmp_path / "old.feather").write_bytes(b"FEA1" + bytes(100))
    with pyarrow.ipc.new_stream(str(tmp_path / "a.arrow"), table.schema) as stream:
        stream.write_table(table)
    for name, kind in (("old.feather", "a Feather file of version 1"), ("a.arrow", "a stream of Arrow")):
        with pytest.raises(UserError, match=f"{name} is {kind}, which cannot be read by rows; write it anew"):
            opened(tmp_path / name)


def test_a_missing_value_is_refused_where_none_may_be(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": [1.0] * 20 + [None], "y": list(range(21))})
    with pytest.raises(UserError, match=r"a\.parquet, row 20, column x: nan is not a finite number"):
        opened(path).read(0, 21, [0, 1])


def test_only_the_rows_and_columns_that_are_needed_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    table = np.random.default_rng(0).normal(size=(8, 20_000))
    write(path, {str(i): row for i, row in enumerate(table)}, rows=1000)
    size = path.stat().st_size
    taken = count_bytes(monkeypatch)
    source = opened(path)
    taken()
    for start in range(5000, 10_000, 100):
        np.testing.assert_array_equal(source.read(start, start + 100, [3])[0][:, 0], table[3, start : start + 100])
    assert taken() < 1.5 * size / 8 / 4 + 5 * 8192


@pytest.mark.parametrize("ending", [".parquet", ".arrow"])
def test_tables_without_rows_or_columns(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    write(path, {"x": np.empty(0)})
    with pytest.raises(UserError, match="has no rows"):
        opened(path)
    write(path, {"x": [[1]]})
    with pytest.raises(UserError, match="has no columns of numbers or words"):
        opened(path)


def test_without_pyarrow_the_command_that_installs_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    write(path, {"x": [1]})
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(UserError, match=r"A Parquet file needs the package pyarrow\..*pip install 'distnn\[tables\]'"):
        opened(path)
