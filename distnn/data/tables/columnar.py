"""Parquet, Arrow and Feather files: columns in groups of rows, of which a rank reads what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from distnn.data.tables.files import DataFile, open_file
from distnn.data.tables.parts import PartsSource
from distnn.data.tables.source import listed, quoted
from distnn.errors import UserError, missing_package
from distnn.parallel.ranks import Ranks

INDEX = "__index_level_"  # how pandas names an index that it stores as a column


class Groups(Protocol):
    """The groups of rows of a file. Its methods are local."""

    def count(self, group: int) -> int:
        """The rows of a group."""

    def column(self, group: int, name: str) -> Any:
        """A column of a group: a pyarrow.ChunkedArray or Array."""


class ParquetGroups:
    """Row groups, which are decoded a column at a time."""

    def __init__(self, file: DataFile):
        from pyarrow import parquet

        self._file, self._reader = file, parquet.ParquetFile
        with file.open() as stream, damaged(file.path):
            found = parquet.ParquetFile(stream)
            self._metadata, self.schema = found.metadata, found.schema_arrow
        self.groups = self._metadata.num_row_groups

    def count(self, group: int) -> int:
        return self._metadata.row_group(group).num_rows

    def column(self, group: int, name: str) -> Any:
        with self._file.open() as stream, damaged(self._file.path):
            reader = self._reader(stream, metadata=self._metadata)
            return reader.read_row_group(group, columns=[name], use_threads=False).column(name)


class ArrowGroups:
    """Record batches of an Arrow file, which Feather is, too."""

    def __init__(self, file: DataFile):
        from pyarrow import ipc

        self._file, self._ipc = file, ipc
        with file.open() as stream, damaged(file.path):
            _refuse_other_arrows(file.path, stream.read(4))
            found = ipc.open_file(stream)
            self.groups, self.schema = found.num_record_batches, found.schema

    def count(self, group: int) -> int:
        with self._file.open() as stream, damaged(self._file.path):
            return self._ipc.open_file(stream).get_batch(group).num_rows

    def column(self, group: int, name: str) -> Any:
        options = self._ipc.IpcReadOptions(included_fields=[self.schema.get_field_index(name)], use_threads=False)
        with self._file.open() as stream, damaged(self._file.path):
            return self._ipc.open_file(stream, options=options).get_batch(group).column(0)


class GroupedColumn:
    """A column of a file; a `Part`. What was decoded last is kept, for the rows that follow."""

    def __init__(self, path: str, groups: Groups, name: str, dtype: np.dtype, firsts: np.ndarray, words: bool = False):
        self.columns: tuple[str, ...] = (name,)
        self.dtype, self.words = dtype, words
        self._path, self._groups, self._firsts = path, groups, firsts
        self._last: tuple[int, np.ndarray] = (-1, np.empty(0))

    def rows(self, start: int, stop: int) -> np.ndarray:
        first = int(np.searchsorted(self._firsts, start, side="right")) - 1
        parts: list[np.ndarray] = []
        for group in range(first, len(self._firsts) - 1):
            low = int(self._firsts[group])
            if low >= stop and parts:
                break
            if self._last[0] != group:
                with damaged(self._path):
                    self._last = group, _values(self._groups.column(group, self.columns[0]), self.dtype)
                if len(self._last[1]) != self._firsts[group + 1] - low:
                    raise UserError(f"{self._path} is damaged: its columns are not equally long.")
            parts.append(self._last[1][max(start - low, 0) : stop - low])
        found = np.ma.concatenate(parts) if any(map(np.ma.isMaskedArray, parts)) else np.concatenate(parts)
        return found[:, None]


class ColumnarSource(PartsSource):
    """A table of named columns, the last of which is the target where none is named."""

    def __init__(self, path: str, n: int, parts: Sequence[GroupedColumn], notes: tuple[str, ...]):
        super().__init__(path, n, parts, [len(parts) - 1])
        self.notes = notes

    def default_weights(self) -> int | None:
        return None


def open_parquet(path: str, ranks: Ranks, *, header: bool | None = None) -> ColumnarSource:
    """The table in a Parquet file. Collective; UserError on all ranks. header: for text tables only."""
    return _open(path, ranks, "A Parquet file", lambda file: ParquetGroups(file))


def open_arrow(path: str, ranks: Ranks, *, header: bool | None = None) -> ColumnarSource:
    """The table in an Arrow or Feather file. Collective; UserError on all ranks. header: for text tables only."""
    return _open(path, ranks, "An Arrow file", lambda file: ArrowGroups(file))


def _open(path: str, ranks: Ranks, what: str, opener: Any) -> ColumnarSource:
    file = open_file(path, ranks)
    with ranks.sharing_errors():
        try:
            import pyarrow as pyarrow
        except ImportError as error:
            raise missing_package("pyarrow", "tables", what) from error
        groups = opener(file)
        mine = range(groups.groups)[ranks.rank :: ranks.size]  # an Arrow file says only in each batch how long it is
        counts = np.zeros(groups.groups + 1, np.int64)
        counts[[group + 1 for group in mine]] = [groups.count(group) for group in mine]
    ranks.sum(counts)
    n = int(counts.sum())
    with damaged(path):
        index = _index(groups.schema)
        called = [name for name in index if not name.startswith(INDEX)]
        names = [*called, *(name for name in groups.schema.names if name not in index)]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"{path} has {names.count(twice)} columns of the name {quoted(twice)}: rename one of them.")
        types = {name: _dtype(groups.schema.field(name).type) for name in names}
    parts = [
        GroupedColumn(path, groups, name, dtype, np.cumsum(counts), _is_dictionary(groups.schema.field(name).type))
        for name, dtype in types.items()
        if dtype is not None
    ]
    odd = [f"{name} ({groups.schema.field(name).type})" for name, dtype in types.items() if dtype is None]
    if not parts:
        raise UserError(f"{path} has no columns of numbers or words.")
    notes = [f"its columns {listed(odd)} are neither numbers nor words, and left out"] if odd else []
    if index:
        notes.append(
            f"its index{f' ({listed(called)})' if called else ''} is left out" + " unless named" * bool(called)
        )
    source = ColumnarSource(path, n, parts, tuple(notes))
    source.aside = frozenset(j for j, name in enumerate(source.columns) if name in called)
    said = _categories(groups.schema)
    source.categories = frozenset(j for j, name in enumerate(source.columns) if name in said)
    return source


def _index(schema: Any) -> list[str]:
    """The columns that are the index of a frame of pandas, as the file says."""
    said = (schema.pandas_metadata or {}).get("index_columns", [])  # a range of numbers is no column, but a dict
    return [name for name in schema.names if name in said or name.startswith(INDEX)]


def _categories(schema: Any) -> set[str]:
    """The columns of categories, also those of numbers, which Parquet stores as numbers, by what pandas says."""
    of_pandas = (schema.pandas_metadata or {}).get("columns", [])
    said = {column.get("field_name") for column in of_pandas if column.get("pandas_type") == "categorical"}
    return {name for name in schema.names if name in said or _is_dictionary(schema.field(name).type)}


def _is_dictionary(kind: Any) -> bool:
    """Does it hold words of a list, as pandas' categories are?"""
    from pyarrow import types

    return bool(types.is_dictionary(kind))


def _dtype(kind: Any) -> np.dtype | None:
    """The NumPy dtype in which a column of an Arrow type is read; None: in none."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return np.dtype("U1")
    if types.is_temporal(kind) and not types.is_duration(kind):
        return np.dtype("M8[us]")
    if types.is_decimal(kind) or types.is_null(kind):
        return np.dtype(np.float64)
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind):
        return np.dtype(kind.to_pandas_dtype())
    return None


def _values(column: Any, dtype: np.dtype) -> np.ndarray:
    """A column as a vector of this dtype, masked where values are missing."""
    import pyarrow
    from pyarrow import compute

    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if dtype.kind == "U":
        if not pyarrow.types.is_dictionary(column.type):
            column = column.cast(pyarrow.large_string()).dictionary_encode()
        words = np.array([word or "" for word in column.dictionary.to_pylist()] or [""], str)
        return (
            words[column.indices.fill_null(0).to_numpy()]
            if not column.null_count
            else np.ma.masked_array(
                words[column.indices.fill_null(0).to_numpy()], column.is_null().to_numpy(zero_copy_only=False)
            )
        )
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if dtype.kind == "M":
        gaps = column.is_null().to_numpy(zero_copy_only=False)
        text = compute.cast(column, pyarrow.string()).fill_null("NaT").to_pylist()
        try:
            return np.ma.masked_array(np.array(text, dtype), gaps)
        except ValueError:  # times of day
            return np.ma.masked_array(np.full(len(text), "NaT", dtype), gaps)
    if pyarrow.types.is_decimal(column.type) or pyarrow.types.is_null(column.type):  # Arrow rounds decimals twice
        return np.array([np.nan if value is None else float(value) for value in column.to_pylist()])
    if not column.null_count:
        return column.to_numpy(zero_copy_only=False)
    gaps = column.is_null().to_numpy(zero_copy_only=False)
    if pyarrow.types.is_boolean(column.type):
        return np.ma.masked_array(column.fill_null(False).to_numpy(zero_copy_only=False), gaps)
    return np.ma.masked_array(column.fill_null(pyarrow.scalar(0).cast(column.type)).to_numpy(), gaps)


def _refuse_other_arrows(path: str, start: bytes) -> None:
    """UserError for what has the ending of an Arrow file, and no table of contents that says where its rows are."""
    kind = {b"FEA1": "a Feather file of version 1", b"\xff" * 4: "a stream of Arrow"}.get(start)
    if kind:
        raise UserError(f"{path} is {kind}, which cannot be read by rows; write it anew, by pandas' to_feather.")


@contextmanager
def damaged(path: str) -> Iterator[None]:
    """UserError for whatever a damaged file makes Arrow raise."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, EOFError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, UserError | MemoryError):
            raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(f"{path} is damaged or not of the format that its name says: {reason}.") from error
