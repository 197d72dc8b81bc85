"""Frames: every kind of column of pandas, polars and pyarrow, and what none of them is for."""

from __future__ import annotations

import datetime
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from scipy import sparse

from distnn.data.tables.frames import Frame, is_frame, refuse_sparse
from distnn.errors import UserError

TABLE = pandas.DataFrame(
    {
        "float": [1.5, None, 3.0],
        "single": np.float32([1, 2, 3]),
        "integer": pandas.array([1, None, 2**60 + 1], "Int64"),
        "byte": np.uint8([1, 2, 255]),
        "boolean": pandas.array([True, None, False], "boolean"),
        "plain": [True, True, False],
        "text": ["x", None, "12"],
        "category": pandas.Categorical(["u", None, "v"]),
        "date": pandas.to_datetime(["2020-01-01", None, "2021-01-01"]),
        "nothing": pandas.Series([None] * 3, dtype=object),
    }
)
EXPECTED: dict[str, tuple[str | None, list[Any]]] = {
    "float": ("numbers", [1.5, None, 3.0]),
    "single": ("numbers", [1, 2, 3]),
    "integer": ("integers", [1, None, 2**60 + 1]),
    "byte": ("integers", [1, 2, 255]),
    "boolean": ("booleans", [True, None, False]),
    "plain": ("booleans", [True, True, False]),
    "text": (None, ["x", None, "12"]),
    "category": ("words", ["u", None, "v"]),
    "date": ("dates", [0.0, None, 0.0]),
    "nothing": (None, [None] * 3),
}
LIBRARIES = {
    "pandas": lambda table: table,
    "pandas on Arrow": lambda table: table.convert_dtypes(dtype_backend="pyarrow"),
    "polars": polars.from_pandas,
    "pyarrow": pyarrow.Table.from_pandas,
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_kind_of_column(library: str) -> None:
    given = LIBRARIES[library](TABLE)
    frame = Frame(given, "X")
    assert is_frame(given) and frame.n == 3 and frame.names == tuple(EXPECTED)
    for i, (name, (kind, values)) in enumerate(EXPECTED.items()):
        found, held = frame.column(i)
        if library == "pandas on Arrow" and name == "single":
            kind = held  # 1.0, 2.0, 3.0 have become integers
        assert (held, found.tolist()) == (kind, values), name


def test_columns_of_objects() -> None:
    objects: dict[str, tuple[list[Any], str | None, list[Any]]] = {
        "decimals": ([Decimal("1.5"), None, 2], "numbers", [1.5, None, 2]),
        "booleans": ([True, None, np.False_], "booleans", [True, None, False]),
        "integers": ([2**63, 1, None], "integers", [2**63, 1, None]),
        "words": (["a", float("nan"), "b"], None, ["a", None, "b"]),
        "dates": ([datetime.date(2020, 1, 1), None, None], "dates", [0.0, None, None]),
    }
    given = pandas.DataFrame({name: pandas.Series(values, dtype=object) for name, (values, _, _) in objects.items()})
    frame = Frame(given, "X")
    for i, (name, (_, kind, values)) in enumerate(objects.items()):
        found, held = frame.column(i)
        assert (held, found.tolist()) == (kind, values), name


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1, "a", 2], "X, column c, row 1: 'a' is a word, but row 0 holds a number. A column holds values of one kind"),
        ([None, "a", True], "X, column c, row 2: 'True' is true or false, but row 1 holds a word"),
        ([[1], 2, 3], r"X, column c, row 0: '\[1\]' is a list, neither a number nor a word"),
        ([1, 2, 3j], "X, column c, row 2: '3j' is a complex, neither"),
        ([1, 2**70, None], "X, column c, row 1: 1180591620717411303424 has more than 64 bits"),
        (pandas.arrays.SparseArray([0, 0, 1]), "X, column c is sparse, and every value is computed with"),
    ],
)
def test_columns_that_are_refused(values: Any, sentence: str) -> None:
    given = pandas.DataFrame({"c": values if not isinstance(values, list) else pandas.Series(values, dtype=object)})
    with pytest.raises(UserError, match=sentence):
        Frame(given, "X").column(0)


def test_frames_that_are_refused() -> None:
    for given, sentence in [
        (
            polars.LazyFrame({"a": [1]}),
            r"X: this is a polars.LazyFrame that is not collected yet: pass what .collect\(\) gives",
        ),
        (
            pyarrow.record_batch({"a": [1]}),
            "X: this is a pyarrow.RecordBatch; pass a frame of pandas, polars or pyarrow",
        ),
        (TABLE[[]], "X: this frame has no columns"),
        (pandas.concat([TABLE, TABLE], axis=1), "X: 2 columns have the name 'float': rename one of them"),
    ]:
        with pytest.raises(UserError, match=sentence):
            Frame(given, "X")
    for given in (sparse.csr_matrix(np.eye(2)), sparse.coo_array(np.eye(2))):
        with pytest.raises(UserError, match=r"X is sparse, and every value is computed with: pass X.toarray\(\)"):
            refuse_sparse(given, "X")


def test_series_and_an_index() -> None:
    named, unnamed = pandas.Series([1, 2], name="q"), polars.Series([1, 2])
    assert (Frame(named, "Y").names, Frame(unnamed, "Y").names) == (("q",), ())
    assert Frame(unnamed, "Y").column(0)[0].tolist() == [1, 2]
    assert Frame(pyarrow.Table.from_pandas(TABLE[["plain"]].set_axis(list("abc"))), "X").names == ("plain",)
    assert Frame(pandas.DataFrame(np.eye(2)), "X").names == ("0", "1")


def test_arrays_and_lists_are_no_frames() -> None:
    assert not any(map(is_frame, (np.eye(2), [[1]], np.ma.masked_array([1]), ((1,),), 3.0)))


def test_without_narwhals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "narwhals.stable.v1", None)
    with pytest.raises(
        UserError, match=r"A frame of pandas needs the package narwhals.*pip install 'distnn\[frames\]'"
    ):
        Frame(TABLE, "X")
