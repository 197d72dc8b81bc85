"""Tables that are arrays beside each other: X, Y and the weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np

from distnn.data.classes import class_name
from distnn.data.tables.dialect import number
from distnn.data.tables.source import Kind, Missing, Source, check_range, quoted
from distnn.errors import UserError

KINDS: dict[str, Kind] = {"U": "words", "b": "booleans", "i": "integers", "u": "integers", "f": "numbers", "M": "dates"}


class Part(Protocol):
    """Columns of a table that lie in one array."""

    columns: tuple[str, ...]
    dtype: np.dtype
    words: bool  # is text what it is, even if it looks like numbers?

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Rows [start, stop) of all columns, in the array's own dtype: (stop - start) × columns. Local.

        A masked array where values are missing.
        """


class PartsSource(Source):
    """The parts of a file beside each other; all have n rows."""

    typed = True

    def __init__(self, path: str, n: int, parts: Sequence[Part], targets: Sequence[int], named: bool = True):
        self.path, self.n, self.named = path, n, named
        self.columns = tuple(column for part in parts for column in part.columns)
        self._parts, self._targets = parts, tuple(targets)

    def kind(self, column: int) -> Kind | None:
        part = [part for part in self._parts for _ in part.columns][column]
        return None if part.dtype.kind == "U" and not part.words else KINDS[part.dtype.kind]

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
        missing: Missing | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        check_range(self, start, stop)
        place = lambda row: f"{self.path}, row {row}"  # noqa: E731
        return read_parts(self._parts, start, stop, numbers, words, keep, missing, place)


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
    missing: Missing | None,
    place: Callable[[int], str],
) -> tuple[np.ndarray, list[np.ndarray]]:
    """`Source.read` for parts beside each other. Local; place: a row's number as words for messages."""
    values = np.empty((stop - start, len(numbers)))
    texts = {column: np.empty(0, "U1") for column in words}
    names = [column for part in parts for column in part.columns]
    kept = np.ones(stop - start, bool) if keep is None else keep

    def where(row: int, column: int) -> str:
        return f"{place(start + int(row))}, column {names[column]}"

    first = 0
    for part in parts if start < stop else ():
        columns = range(first, first + len(part.columns))
        first = columns.stop
        if not {*numbers, *words}.intersection(columns):
            continue
        rows = part.rows(start, stop)
        gaps = np.ma.getmaskarray(rows) if np.ma.isMaskedArray(rows) else None
        rows = np.ma.getdata(rows)
        if part.dtype.kind == "U":
            if gaps is not None or keep is not None:
                rows = np.where(kept[:, None] if gaps is None else kept[:, None] & ~gaps, rows, "")
            _refuse_not_unicode(rows, lambda row: place(start + row))
        for i, column in enumerate(numbers):
            if column in columns:
                own = column - columns.start
                if part.dtype.kind == "U":
                    values[:, i] = _parsed(rows[:, own], kept, missing, partial(where, column=column))
                else:
                    _copy(rows[:, own], None if gaps is None else gaps[:, own], values[:, i])
        for column in set(words).intersection(columns):
            own = column - columns.start
            text = as_words(rows[:, own])
            text = text if gaps is None else np.where(gaps[:, own], "", text)
            texts[column] = _without_missing(text, kept, missing, partial(where, column=column))
    if missing is not None:
        missing.erase(values)
    _refuse_infinite(values, kept, missing, lambda row, i: where(row, numbers[i]))
    return values, [texts[column] for column in words]


def _copy(numbers: np.ndarray, gaps: np.ndarray | None, out: np.ndarray) -> None:
    """Numbers (r,) as float64, NaN where there are gaps; what becomes infinite is refused later. Local."""
    with np.errstate(over="ignore", invalid="ignore"):
        out[:] = numbers
    if gaps is not None:
        out[gaps] = np.nan


def _without_missing(
    text: np.ndarray, kept: np.ndarray, missing: Missing | None, where: Callable[[int], str]
) -> np.ndarray:
    """Words (r,), "" for what stands for a missing one. UserError if none may be missing. Local."""
    absent = text == "" if missing is None else missing.holds(text)
    text[absent] = ""
    if missing is None and (absent & kept).any():
        row = int(np.argmax(absent & kept))
        raise UserError(f"{where(row)}: the word is empty; fill it in or leave the row out.")
    return text


def _refuse_infinite(
    values: np.ndarray, kept: np.ndarray, missing: Missing | None, where: Callable[[int, int], str]
) -> None:
    """UserError for a number of a row that counts that is not finite, nor missing where it may be."""
    wrong = ~np.isfinite(values) if missing is None else np.isinf(values)
    wrong &= kept[:, None]
    if wrong.any():
        row, i = np.argwhere(wrong)[0]
        raise UserError(f"{where(row, i)}: {values[row, i]} is not a finite number; replace it or leave the row out.")


def _parsed(text: np.ndarray, kept: np.ndarray, missing: Missing | None, where: Callable[[int], str]) -> np.ndarray:
    """The numbers that words (r,) spell, float64, NaN for a missing one. Local; where: a row in words."""
    different, inverse = np.unique(np.char.strip(text), return_inverse=True)
    absent = np.zeros(len(different), bool) if missing is None else missing.holds(different)
    found = [number(word) for word in different.tolist()]
    wrong = kept & ~absent[inverse] & np.array([value is None for value in found], bool)[inverse]
    if wrong.any():
        row = int(np.argmax(wrong))
        raise UserError(f"{where(row)}: {quoted(str(text[row]).strip())} stands where a number belongs.")
    values = np.array([np.nan if value is None else value for value in found])
    return np.where(absent, np.nan, values)[inverse]


def as_words(values: np.ndarray) -> np.ndarray:
    """Values (r,) as words: whole numbers to the last digit, True and False, 3 for 3.0, and "" for NaN. Local."""
    if values.dtype.kind != "f":
        return values.astype(str)
    found, inverse = np.unique(values, return_inverse=True)
    return np.array(["" if np.isnan(value) else class_name(value) for value in found], str)[inverse]


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
