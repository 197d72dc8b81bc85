"""Predictions as Parquet and Arrow: types, nulls, and groups of one length however the parts come."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from distnn.inference.predictions import Field
from distnn.inference.writers import columnar
from distnn.inference.writers.columnar import ARROW, PARQUET

FIELDS = [Field("x", "numbers"), Field("w", "words"), Field("k", "integers"), Field("b", "booleans")]
COLUMNS = [
    np.array([0.5, np.nan, 2.5]),
    np.array(["a", "", "c"]),
    np.ma.masked_array([2**60 + 1, 0, 3], [False, True, False]),
    np.ma.masked_array([True, False, False], [False, False, True]),
]


def read(file: Any) -> Any:
    from pyarrow import ipc, parquet

    start = file.getvalue()[:4]
    file.seek(0)
    return parquet.read_table(file) if start == b"PAR1" else ipc.open_file(file).read_all()


@pytest.mark.parametrize("writer", [PARQUET, ARROW])
def test_types_and_nulls(writer: Any) -> None:
    file = io.BytesIO()
    sink = writer.open(file, FIELDS, 3)
    sink.add(writer.encode(FIELDS, COLUMNS))
    sink.close()
    table = read(io.BytesIO(file.getvalue()))
    assert [str(kind) for kind in table.schema.types] == ["double", "string", "int64", "bool"]
    assert table["w"].to_pylist() == ["a", None, "c"]
    assert table["k"].to_pylist() == [2**60 + 1, None, 3]
    assert table["b"].to_pylist() == [True, False, None]
    assert table["x"].null_count == 0  # NaN is what was predicted


@pytest.mark.parametrize("parts", [[10], [1] * 10, [3, 4, 3], [4, 4, 2]])
def test_groups_have_one_length(parts: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    from pyarrow import parquet

    monkeypatch.setattr(columnar, "GROUP", 4)
    fields, values = [Field("x", "numbers")], np.arange(10.0)
    file = io.BytesIO()
    sink = PARQUET.open(file, fields, 10)
    for part in np.split(values, np.cumsum(parts)[:-1]):
        sink.add(PARQUET.encode(fields, [part]))
    sink.close()
    found = parquet.ParquetFile(io.BytesIO(file.getvalue()))
    assert [found.metadata.row_group(group).num_rows for group in range(3)] == [4, 4, 2]
    assert found.read()["x"].to_pylist() == values.tolist()
