"""Tables that are arrays beside each other: X, Y and the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from distnn.data.tables.source import Source, check_range, quoted
from distnn.errors import UserError


class Part(Protocol):
    """Columns of a table that lie in one array."""

    columns: tuple[str, ...]
    dtype: np.dtype

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows [start, stop) of all columns, in the array's own dtype: (stop - start) × columns. Local."""


class PartsSource(Source):
    """The parts of a file beside each other; all have n rows."""

    def __init__(self, path: str, n: int, parts: Sequence[Part], targets: Sequence[int]):
        self.path, self.n = path, n
        self.columns = tuple(column for part in parts for column in part.columns)
        self._parts, self._targets = parts, tuple(targets)

    def is_word(self, column: int) -> bool:
        return [part.dtype.kind for part in self._parts for _ in part.columns][column] == "U"

    def default_targets(self) -> tuple[int, ...]:
        return self._targets

    def default_weights(self) -> int | None:
        return weights_column(self.columns)

    def read(
        self,
        start: int,
        stop: int,
        numbers: Sequence[int],
        words: Sequence[int] = (),
        keep: np.ndarray | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        check_range(self, start, stop)
        return read_parts(self._parts, start, stop, numbers, words, keep, lambda row: f"{self.path}, row {row}")


def weights_column(columns: Sequence[str]) -> int | None:
    """The array of weights stands last, beside X and Y, where there is one."""
    return len(columns) - 1 if columns[-1] == "weights" else None


def read_parts(
    parts: Sequence[Part],
    start: int,
    stop: int,
    numbers: Sequence[int],
    words: Sequence[int],
    keep: np.ndarray | None,
    place: Callable[[int], str],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """`Source.read` for parts beside each other. Local; place: a row's number as words for messages."""
    values = np.empty((stop - start, len(numbers)))
    texts = {column: np.empty(0, "U1") for column in words}
    names = [column for part in parts for column in part.columns]
    first = 0
    for part in parts if start < stop else ():
        columns = range(first, first + len(part.columns))
        first = columns.stop
        if not {*numbers, *words}.intersection(columns):
            continue
        rows = part.rows(start, stop)
        if part.dtype.kind == "U":
            if keep is not None:
                rows = np.where(keep[:, None], rows, "-")
            _refuse_not_unicode(rows, lambda row: place(start + row))
        here = [i for i, column in enumerate(numbers) if column in columns]
        chosen = [numbers[i] - columns.start for i in here]
        if here and part.dtype.kind == "U":
            word = quoted(str(rows[0, chosen[0]]))
            raise UserError(f"{place(start)}, column {part.columns[chosen[0]]}: {word} stands where a number belongs.")
        if here:
            with np.errstate(over="ignore", invalid="ignore"):  # what becomes NaN or infinite is refused below
                values[:, here] = rows[:, chosen]
        for column in set(words).intersection(columns):
            texts[column] = np.array(rows[:, column - columns.start]).astype(str)
            empty = np.flatnonzero(texts[column] == "")
            if len(empty):
                where = f"{place(start + int(empty[0]))}, column {names[column]}"
                raise UserError(f"{where}: the word is empty; fill it in or leave the row out.")
    finite = np.isfinite(values)
    if keep is not None:
        finite |= ~keep[:, None]
    if not finite.all():
        row, i = np.argwhere(~finite)[0]
        where = f"{place(start + int(row))}, column {names[numbers[i]]}"
        raise UserError(f"{where}: {values[row, i]} is not a finite number; replace it or leave the row out.")
    return values, [texts[column] for column in words]


def _refuse_not_unicode(rows: np.ndarray, place: Callable[[int], str]) -> None:
    """UserError for strings, as a damaged file may hold, that Python could neither make nor print."""
    codes = rows.astype(rows.dtype.newbyteorder("="), order="C").view(np.uint32)
    bad = ((codes > 0x10FFFF) | (codes // 0x800 == 0xD800 // 0x800)).any(axis=1)
    if bad.any():
        raise UserError(f"{place(int(np.argmax(bad)))} holds text that is not Unicode.")


def column_names(letter: str, width: int) -> tuple[str, ...]:
    """x1, x2, ... for X; y, or y1, y2, ... for Y."""
    if letter == "y" and width == 1:
        return ("y",)
    return tuple(f"{letter}{i}" for i in range(1, width + 1))


def check_dtype(dtype: np.dtype, what: str, words: bool) -> None:
    """UserError unless an array of this dtype holds real numbers, or, with `words`, strings. Local."""
    if dtype.kind in "biuf" or (words and dtype.kind == "U"):
        return
    kinds = {"O": "Python objects", "c": "complex numbers", "U": "words", "S": "bytes", "V": "records"}
    held = kinds.get(dtype.kind, f"the type {dtype}")
    wanted = "real numbers or words" if words else "real numbers"
    raise UserError(f"{what} holds {held}; it must hold {wanted} (convert it with .astype).")


def check_shape(shape: tuple[int, ...], what: str) -> tuple[int, int]:
    """Rows and columns of a 1-D (one column) or 2-D array; UserError for any other, or one without columns. Local."""
    if len(shape) not in (1, 2):
        raise UserError(f"{what} has {len(shape)} dimensions; it must have two: rows and columns.")
    rows, columns = shape if len(shape) == 2 else (*shape, 1)
    if columns == 0:
        raise UserError(f"{what} has no columns.")
    return rows, columns
