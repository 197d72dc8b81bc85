"""Predictions as HDF5: a dataset for each column, (n,), which distnn reads as a table again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from distnn.errors import UserError, missing_package
from distnn.inference.predictions import Field
from distnn.inference.writers.writer import Writer


def _require() -> None:
    try:
        import h5py  # noqa: F401
    except ImportError as error:
        raise missing_package("h5py", "hdf5", "An HDF5 file") from error


def encode(fields: Sequence[Field], columns: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The columns. UserError for a missing value where there can be none, and for words that HDF5 does not have."""
    for field, column in zip(fields, columns, strict=True):
        if np.ma.is_masked(column):
            raise UserError(
                f"Column {field.name} lacks values, which HDF5 cannot say of {field.kind}: write .parquet or .csv."
            )
        if column.dtype.kind == "U" and any("\0" in word for word in column.tolist()):
            raise UserError(f"Column {field.name} holds words with null characters, which HDF5 has not: write .csv.")
    return [np.ma.getdata(column) for column in columns]


class _Kept:
    """A file whose first error is kept, and after which nothing is done: HDF5 writes until it is closed, and ends the
    process where that fails again."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.error: Exception | None = None

    def _do(self, what: str, *arguments: Any, otherwise: Any = None) -> Any:
        if self.error is None:
            try:
                return getattr(self._file, what)(*arguments)
            except (OSError, ValueError) as error:  # ValueError: it is closed
                self.error = error
        return otherwise

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def seek(self, *arguments: int) -> int:
        return self._do("seek", *arguments, otherwise=0)

    def tell(self) -> int:
        return self._do("tell", otherwise=0)

    def read(self, size: int = -1) -> bytes:
        return self._do("read", size, otherwise=b"")

    def readinto(self, buffer: Any) -> int:
        return self._do("readinto", buffer, otherwise=len(buffer))

    def write(self, data: Any) -> int:
        return self._do("write", data, otherwise=len(data))

    def truncate(self, size: int) -> int:
        return self._do("truncate", size, otherwise=size)

    def flush(self) -> None:
        self._do("flush")


class HDF5Sink:
    """Datasets of n rows, filled one part after another. A / in a name would make a group, and becomes _."""

    def __init__(self, file: IO[bytes], fields: Sequence[Field], n: int):
        import h5py

        types = {"numbers": "<f8", "words": h5py.string_dtype(), "integers": "<i8", "booleans": "?"}
        self._kept = _Kept(file)
        self._file = h5py.File(self._kept, "w")
        self._row = 0
        self._datasets: list[Any] = []
        for field in fields:
            name = field.name.replace("/", "_")
            if name in self._file:
                raise UserError(f"Two columns would be called {name!r} in HDF5: write another format.")
            self._datasets.append(self._file.create_dataset(name, (n,), types[field.kind], chunks=True))

    def add(self, part: Sequence[np.ndarray]) -> None:
        stop = self._row + len(part[0])
        try:
            for dataset, column in zip(self._datasets, part, strict=True):
                dataset[self._row : stop] = column.astype(object) if column.dtype.kind == "U" else column
        finally:
            self._kept.check()
        self._row = stop

    def close(self) -> None:
        try:
            self._file.close()
        finally:
            self._kept.check()


HDF5 = Writer(encode, HDF5Sink, "a dataset for each column", require=_require)
