"""Predictions as Parquet, Arrow and Feather: columns with names and types, in groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import IO, Any

import numpy as np

from distnn.errors import missing_package
from distnn.inference.predictions import Field
from distnn.inference.writers.writer import Writer

GROUP, VALUES = 1 << 20, 1 << 24  # rows of a group, and values, at most, wherever the ranks' rows begin


def _require() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise missing_package("pyarrow", "tables", "A Parquet or Arrow file") from error


def _schema(fields: Sequence[Field]) -> Any:
    import pyarrow

    types = {
        "numbers": pyarrow.float64(),
        "words": pyarrow.string(),
        "integers": pyarrow.int64(),
        "booleans": pyarrow.bool_(),
    }
    return pyarrow.schema([(field.name, types[field.kind]) for field in fields])


def encode(fields: Sequence[Field], columns: Sequence[np.ndarray]) -> Any:
    """Some rows as a record batch; what is masked, and an empty word, is null."""
    import pyarrow

    schema = _schema(fields)
    arrays = []
    for field, column in zip(schema, columns, strict=True):
        gaps = column == "" if column.dtype.kind == "U" else np.ma.getmaskarray(column)
        values = np.ma.getdata(column)
        if values.dtype.kind == "U":
            values = values.astype(object)
        arrays.append(pyarrow.array(values, field.type, mask=gaps if gaps.any() else None))
    return pyarrow.record_batch(arrays, schema=schema)


class ColumnarSink:
    """Groups of so many rows each, but for the last. begin(file, schema): a writer of Arrow's."""

    def __init__(self, begin: Callable[[IO[bytes], Any], Any], file: IO[bytes], fields: Sequence[Field]):
        self._schema = _schema(fields)
        self._writer = begin(file, self._schema)
        self._group = min(GROUP, max(1, VALUES // len(fields)))
        self._waiting: list[Any] = []
        self._rows = 0

    def add(self, part: Any) -> None:
        self._waiting.append(part)
        self._rows += part.num_rows
        while self._rows >= self._group:
            self._write(self._group)

    def close(self) -> None:
        if self._rows:
            self._write(self._rows)
        self._writer.close()

    def _write(self, rows: int) -> None:
        """Write so many rows of those that wait, as one group."""
        import pyarrow

        table = pyarrow.Table.from_batches(self._waiting, self._schema)
        self._waiting, self._rows = table.slice(rows).to_batches(), self._rows - rows
        self._writer.write_table(table.slice(0, rows).combine_chunks(), rows)


def _parquet(file: IO[bytes], fields: Sequence[Field], n: int) -> ColumnarSink:
    from pyarrow import parquet

    return ColumnarSink(parquet.ParquetWriter, file, fields)


def _arrow(file: IO[bytes], fields: Sequence[Field], n: int) -> ColumnarSink:
    from pyarrow import ipc

    return ColumnarSink(ipc.new_file, file, fields)


PARQUET = Writer(encode, _parquet, "the same, with types", require=_require)
ARROW = Writer(encode, _arrow, "the same", require=_require)
