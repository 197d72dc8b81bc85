"""Arrays in memory, of which each rank passes its own rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distnn.data.tables.parts import KINDS, check_dtype, check_shape, column_names, read_parts, weights_column
from distnn.data.tables.source import Kind, Missing, Source, check_range
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

NAMES = ("X", "Y", "weights")
DTYPES = {"i": np.int64, "u": np.uint64, "b": np.bool_}  # of all ranks' arrays together, by the letter of their kind


class MemoryPart:
    """Rows of a table in memory, the first of which is row `first` of the table."""

    def __init__(self, values: np.ndarray, first: int, columns: tuple[str, ...]):
        self.columns, self.dtype = columns, values.dtype
        self._values, self._first = values, first

    def rows(self, start: int, stop: int) -> np.ndarray:
        if not self._first <= start <= stop <= self._first + len(self._values):
            raise IndexError(f"rows [{start}, {stop}) were not prepared for this rank")
        return self._values[start - self._first : stop - self._first]


class ArraySource(Source):
    """The table made of all ranks' rows, one rank's after another's.

    X: n_rank × d^(0), Y: n_rank or n_rank × d^(L), weights: n_rank, local; Y and weights may be None on all
    ranks. A rank may pass any number of rows, also none; then its shapes and types do not matter. Y may hold
    words. `prepare` must be called before `read`. Collective; UserError on all ranks.
    """

    path = "the arrays"

    def __init__(self, X: Any, Y: Any, weights: Any, ranks: Ranks):
        with ranks.sharing_errors():
            local = _tables(X, Y, weights)
        n = 0 if local["X"] is None else len(local["X"])
        shapes = {name: _describe(table) for name, table in local.items()}
        self._first_rows = np.cumsum([0, *ranks.gather(n)])
        self.n = int(self._first_rows[-1])
        agreed = _agree(ranks.gather(shapes if n else None))
        self._ranks = ranks
        self._tables: dict[str, np.ndarray] = {}
        self._columns: dict[str, tuple[str, ...]] = {}
        for name, (width, letter) in agreed.items():
            table = local[name] if n else None
            if table is None:
                table = np.empty((0, width), "U1" if letter == "U" else np.float64)
            whole = DTYPES.get(letter)
            self._tables[name] = table if whole is None else table.astype(whole, copy=False)
            self._columns[name] = ("weights",) if name == "weights" else column_names(name.lower(), width)
        self.columns = tuple(column for name in agreed for column in self._columns[name])
        self._kinds = [KINDS[letter] for width, letter in agreed.values() for _ in range(width)]
        self._parts = [MemoryPart(table[:0], 0, self._columns[name]) for name, table in self._tables.items()]

    def kind(self, column: int) -> Kind | None:
        return self._kinds[column]

    def default_targets(self) -> tuple[int, ...]:
        first = len(self._columns["X"])
        return tuple(range(first, first + len(self._columns.get("Y", ()))))

    def default_weights(self) -> int | None:
        return weights_column(self.columns)

    def prepare(self, start: int, stop: int) -> None:
        """Bring rows [start, stop), each rank's own choice, to this rank. Collective."""
        check_range(self, start, stop)
        self._parts = [
            MemoryPart(move(self._ranks, table, start, stop), start, self._columns[name])
            for name, table in self._tables.items()
        ]

    def read(
        self,
        start: int,
        stop: int,
        numbers: Sequence[int],
        words: Sequence[int] = (),
        keep: np.ndarray | None = None,
        missing: Missing | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        check_range(self, start, stop)
        return read_parts(self._parts, start, stop, numbers, words, keep, missing, self._place)

    def _place(self, row: int) -> str:
        """A row as the user knows it: by its number among the rows of the rank that passed it."""
        if self._ranks.size == 1:
            return f"{self.path}, row {row}"
        rank = int(np.searchsorted(self._first_rows, row, side="right")) - 1
        return f"{self.path} of rank {rank}, row {row - self._first_rows[rank]}"


def move(ranks: Ranks, table: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Rows [start, stop) of the ranks' tables, one after another; words travel as numbers. Collective."""
    if table.dtype.kind == "U":
        vocabulary = np.unique(np.concatenate(ranks.gather(np.unique(table))))
        codes = np.searchsorted(vocabulary, table).astype(np.float64)
        return vocabulary[ranks.redistribute(codes, start, stop).astype(np.int64)]
    if table.dtype in (np.int64, np.uint64):  # their bits travel: beyond 2^53 they are no float64
        return ranks.redistribute(np.ascontiguousarray(table).view(np.float64), start, stop).view(table.dtype)
    return ranks.redistribute(table, start, stop).astype(table.dtype, copy=False)


def _tables(X: Any, Y: Any, weights: Any) -> dict[str, np.ndarray | None]:
    """This rank's arrays as two-dimensional ones, checked against each other."""
    if X is None:
        raise UserError("X is missing.")
    tables = {name: _table(name, values) for name, values in zip(NAMES, (X, Y, weights), strict=True)}
    rows = {name: len(table) for name, table in tables.items() if table is not None}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name} has {count}" for name, count in rows.items())
        raise UserError(f"All arrays of a rank must have the same number of rows, but {counts}.")
    if tables["weights"] is not None and tables["weights"].shape[1] != 1:
        raise UserError(f"weights has {tables['weights'].shape[1]} columns; it must have one.")
    return tables


def _table(name: str, values: Any) -> np.ndarray | None:
    if values is None:
        return None
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        if values.dtype.kind not in "biuf":
            raise UserError(f"{name} is a masked array of words; fill it, with '' for a missing one.")
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise UserError(f"{name} is not a table: its rows are not all alike.") from error
    if name == "Y" and array.dtype == object and all(isinstance(value, str) for value in array.flat):
        array = array.astype(str)
    if len(array.shape) and len(array) == 0:
        return np.empty((0, 1))
    check_dtype(array.dtype, name, words=name == "Y")
    return array.reshape(check_shape(array.shape, name))


def _describe(table: np.ndarray | None) -> tuple[int, str] | None:
    """An array's columns, and what it holds: the letter of its dtype's kind."""
    if table is None:
        return None
    letter = table.dtype.kind
    return table.shape[1], "i" if letter == "u" and table.dtype.itemsize < 8 else letter


def _agree(shapes: list[dict[str, tuple[int, str] | None] | None]) -> dict[str, tuple[int, str]]:
    """What all ranks with rows say about the arrays; UserError unless they say the same. Replicated in and out.

    Numbers of several kinds together are float64.
    """
    spoken = {rank: shape for rank, shape in enumerate(shapes) if shape}
    if not spoken:
        raise UserError("The arrays have no rows on any rank.")
    leader, agreed = next(iter(spoken.items()))
    for rank, shape in spoken.items():
        for name in NAMES:
            if _words(shape[name]) != _words(agreed[name]):
                raise UserError(
                    f"{name} differs over the ranks: {_words(agreed[name])} on rank {leader}, "
                    f"{_words(shape[name])} on rank {rank}."
                )
    together = {}
    for name, found in agreed.items():
        if found:
            letters = {shape[name][1] for shape in spoken.values()}  # type: ignore[index]
            together[name] = found[0], letters.pop() if len(letters) == 1 else "f"
    return together


def _words(shape: tuple[int, str] | None) -> str:
    if shape is None:
        return "missing"
    width, letter = shape
    return f"{width} {'column' if width == 1 else 'columns'} of {'words' if letter == 'U' else 'numbers'}"
