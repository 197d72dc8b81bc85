"""Arrays and frames in memory, of which each rank passes its own rows."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from itertools import groupby
from typing import Any

import numpy as np

from distnn.data.tables.parts import read_parts
from distnn.data.tables.passed import DTYPES, KINDS, Passed, Shape, Shapes, agreed, passed
from distnn.data.tables.source import Kind, Missing, Source, check_range, quoted
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks


class MemoryPart:
    """Rows of a table in memory, the first of which is row `first` of the table."""

    def __init__(self, values: np.ndarray, first: int, columns: tuple[str, ...]):
        self.columns, self.dtype, self.words = columns, values.dtype, True
        self._values, self._first = values, first

    def rows(self, start: int, stop: int) -> np.ndarray:
        if not self._first <= start <= stop <= self._first + len(self._values):
            raise IndexError(f"rows [{start}, {stop}) were not prepared for this rank")
        return self._values[start - self._first : stop - self._first]


class ArraySource(Source):
    """The table made of all ranks' rows, one rank's after another's.

    X: n_rank × d^(0), Y: n_rank or n_rank × d^(L), weights: n_rank, local: arrays or frames; Y and weights may be None
    on all ranks. A rank may pass any number of rows, also none; then its shapes and types do not matter. Y may hold
    words, and a frame too. `prepare` must be called before `read`. Collective; UserError on all ranks.
    """

    typed = True

    def __init__(self, X: Any, Y: Any, weights: Any, ranks: Ranks):
        with ranks.sharing_errors():
            local = passed(X, Y, weights)
        x = local["X"]
        n = 0 if x is None else x.n
        self._first_rows = np.cumsum(np.append(0, ranks.tabled([n])))
        self.n = int(self._first_rows[-1])
        shapes = {name: table.shape if table else None for name, table in local.items()}
        found = agreed(ranks.merged({ranks.rank: shapes} if n else {}, _each_once))
        _refuse_targets_among_inputs(found)
        self.path = "the frame" if found["X"].framed else "the arrays"
        self.columns = tuple(column for shape in found.values() for column in shape.names)
        self._kinds = [KINDS[letter] for shape in found.values() for letter in shape.letters]
        said = frozenset().union(*(shape.categories for shape in found.values()))
        self.categories = frozenset(j for j, name in enumerate(self.columns) if name in said)
        self._targets = range(
            len(found["X"].names), len(found["X"].names) + len(found["Y"].names if "Y" in found else ())
        )
        self._weighted = "weights" in found
        self._ranks = ranks
        self._tables = [
            (names, block)
            for name, shape in found.items()
            for names, block in _blocks(shape, local[name] if n else None)
        ]
        self._parts = [MemoryPart(block[:0], 0, names) for names, block in self._tables]

    @property
    def nbytes(self) -> int:
        """Of this rank's own rows. Local."""
        return sum(block.nbytes for _, block in self._tables)

    def of_group(self, group: Ranks) -> ArraySource:
        """The same table for a group of these ranks, each of which gets its share of all rows. Collective over all."""
        start, stop = (self.n * rank // group.size for rank in (group.rank, group.rank + 1))
        made = copy(self)
        made._tables = [(names, move(self._ranks, block, start, stop)) for names, block in self._tables]
        made._parts = [MemoryPart(block[:0], 0, names) for names, block in made._tables]
        made._ranks = group
        return made

    def kind(self, column: int) -> Kind | None:
        return self._kinds[column]

    def default_targets(self) -> tuple[int, ...]:
        return tuple(self._targets)

    def default_weights(self) -> int | None:
        return len(self.columns) - 1 if self._weighted else None

    def prepare(self, start: int, stop: int) -> None:
        """Bring rows [start, stop), each rank's own choice, to this rank. Collective."""
        check_range(self, start, stop)
        self._parts = [MemoryPart(move(self._ranks, block, start, stop), start, names) for names, block in self._tables]

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

    def place(self, row: int) -> str:
        return self._place(row).removeprefix(self.path).lstrip(" ,")

    def _place(self, row: int) -> str:
        """A row as the user knows it: by its number among the rows of the rank that passed it."""
        if len(self._first_rows) == 2:
            return f"{self.path}, row {row}"
        rank = int(np.searchsorted(self._first_rows, row, side="right")) - 1
        return f"{self.path} of rank {rank}, row {row - self._first_rows[rank]}"


def _blocks(shape: Shape, own: Passed | None) -> list[tuple[tuple[str, ...], np.ndarray]]:
    """Columns beside each other that hold the same, with their names, as one array each. Local."""
    found = []
    for (letter, gaps), group in groupby(range(len(shape.names)), lambda i: (shape.letters[i], shape.gaps[i])):
        columns = list(group)
        masked = gaps and letter in DTYPES
        chosen = slice(columns[0], columns[-1] + 1)
        if own is not None:
            block = own.block(chosen, letter, masked)
        else:
            block = np.empty((0, len(columns)), "U1" if letter in "Ut" else DTYPES.get(letter, np.float64))
            block = np.ma.masked_array(block) if masked else block
        found.append((shape.names[chosen], block))
    return found


def _each_once(a: dict[int, Shapes], b: dict[int, Shapes]) -> dict[int, Shapes]:
    """What some ranks say of their tables, and later ones, where these say something else."""
    return a | {rank: shapes for rank, shapes in b.items() if shapes not in a.values()}


def _refuse_targets_among_inputs(shapes: dict[str, Shape]) -> None:
    """UserError for a frame with the target, which is passed as well."""
    if "Y" in shapes and shapes["X"].framed and shapes["Y"].framed:
        for name in shapes["Y"].names:
            if name in shapes["X"].names:
                raise UserError(f"X has the column {quoted(name)}, too, which Y is: leave it out of X, or rename Y.")


def move(ranks: Ranks, table: np.ndarray, start: int, stop: int) -> np.ndarray:
    """Rows [start, stop) of the ranks' tables, one after another; words travel as numbers. Collective."""
    if np.ma.isMaskedArray(table):
        gaps = ranks.redistribute(np.ma.getmaskarray(table), start, stop) > 0
        return np.ma.masked_array(move(ranks, np.ma.getdata(table), start, stop), gaps)
    if table.dtype.kind == "U":
        vocabulary = ranks.merged(np.unique(table), np.union1d)
        codes = np.searchsorted(vocabulary, table).astype(np.float64)
        return vocabulary[ranks.redistribute(codes, start, stop).astype(np.int64)]
    if table.dtype in (np.int64, np.uint64):  # their bits travel: beyond 2^53 they are no float64
        return ranks.redistribute(np.ascontiguousarray(table).view(np.float64), start, stop).view(table.dtype)
    return ranks.redistribute(table, start, stop).astype(table.dtype, copy=False)
