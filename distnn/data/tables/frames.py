"""Frames of pandas, polars, pyarrow and others as columns that are read as those of a file are.

By narwhals, which is small, needs no other package, and lets an object column be looked at row by row; the PyCapsule
interface of Arrow would need pyarrow, for pandas too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from distnn.data.tables.source import Kind, quoted
from distnn.errors import UserError, missing_package

MARKS = ("__narwhals_dataframe__", "__narwhals_series__", "__arrow_c_stream__", "__dataframe__", "iloc", "collect")
DATES = ("Date", "Datetime", "Time", "Duration")
CATEGORIES = ("Categorical", "Enum")
LETTERS: dict[str, tuple[type, ...]] = {  # of NumPy's dtypes for what Python objects are; True is an int, too
    "b": (bool, np.bool_),
    "i": (int, np.integer),
    "f": (float, np.floating, Decimal, Fraction),
    "U": (str,),
    "M": (date, time, timedelta, np.datetime64, np.timedelta64),
}
INDEX = "__index_level_"  # how pandas names an index in a table of pyarrow
WORDS = {"b": "true or false", "i": "a number", "f": "a number", "U": "a word", "M": "a date"}


def is_frame(values: Any) -> bool:
    """Is it a frame or a series, of any library? Local. Nothing is imported."""
    return any(hasattr(values, mark) for mark in MARKS) and not isinstance(values, np.ndarray)


def refuse_sparse(values: Any, what: str) -> None:
    """UserError for a sparse array or matrix of SciPy. Local."""
    if hasattr(values, "tocsr"):
        raise UserError(f"{what} is sparse, and every value is computed with: pass {what}.toarray(), if it has room.")


def refuse_other_order(X: Any, values: Any, name: str) -> None:
    """UserError where a frame of pandas has the index of X in another order: rows go by their places. Local."""
    if not (hasattr(X, "iloc") and hasattr(values, "iloc") and hasattr(X.index, "isin")):
        return
    own, other = X.index, values.index
    if len(own) != len(other) or own.nlevels != other.nlevels or own.equals(other):
        return
    if own.isin(other).all() and other.isin(own).all():
        raise UserError(
            f"{name} has the index of X in another order, and rows are taken as they stand: pass {name}.loc[X.index], "
            f"or {name}.to_numpy() if they belong together as they stand."
        )


class Frame:
    """A frame of n rows, or a series, which is a frame of one column. Local.

    names: of its columns; () for a series without one. what: its name, for messages. UserError for what narwhals does
    not know, for rows that have not been collected, and for two columns of one name.
    """

    def __init__(self, values: Any, what: str):
        try:
            import narwhals.stable.v1 as narwhals
        except ImportError as error:
            raise missing_package("narwhals", "frames", f"A frame of {_library(values)}") from error
        given = [str(name) for name in getattr(values, "columns", ())] if hasattr(values, "iloc") else []
        if twice := next((name for name in given if given.count(name) > 1), None):
            raise UserError(f"{what}: {given.count(twice)} columns have the name {quoted(twice)}: rename one of them.")
        try:
            found = narwhals.from_native(values, eager_only=True, allow_series=True)
        except (TypeError, ValueError, narwhals.exceptions.NarwhalsError) as error:
            lazy = " that is not collected yet: pass what .collect() gives" if hasattr(values, "collect") else ""
            kind = f"{_library(values)}.{type(values).__name__}"
            raise UserError(
                f"{what}: this is a {kind}{lazy or '; pass a frame of pandas, polars or pyarrow, or an array'}."
            ) from error
        self.n, self._what = len(found), what
        if isinstance(found, narwhals.Series):
            self._series = [found]
            self.names: tuple[str, ...] = () if found.name in (None, "") else (str(found.name),)
        else:
            self._series = [series for series in found.iter_columns() if not str(series.name).startswith(INDEX)]
            self.names = tuple(str(series.name) for series in self._series)
            if not self.names and self.n:
                raise UserError(f"{what}: this frame has no columns.")

    def column(self, number: int) -> tuple[np.ndarray, Kind | None]:
        """A column (n,), masked where values are missing, and what it holds; None for text and for nothing. Local.

        UserError for values of several kinds, such as words and numbers, and for what is neither number nor word.
        """
        series = self._series[number]
        where = f"{self._what}, column {self.names[number]}" if self.names else self._what
        native = str(getattr(series.to_native(), "dtype", ""))
        if native.startswith("Sparse"):
            raise UserError(f"{where} is sparse, and every value is computed with: make it dense first.")
        kind, gaps = str(series.dtype).split("(")[0], series.is_null().to_numpy().astype(bool)
        if gaps.all():
            return np.ma.masked_array(np.zeros(self.n), True), None
        if kind in DATES:
            return np.ma.masked_array(np.zeros(self.n), gaps), "dates"
        if series.dtype.is_float():
            return np.ma.masked_array(series.to_numpy().astype(np.float64), gaps), "numbers"
        if kind == "Boolean":
            return _whole(series, False, gaps).astype(bool), "booleans"
        if series.dtype.is_integer() and "128" not in kind:
            return _whole(series, 0, gaps), "integers"
        values, letter = _objects(series.to_list(), gaps, where)
        categories = self.is_category(number)
        kinds: dict[str, Kind | None] = {"b": "booleans", "i": "integers", "f": "numbers", "M": "dates"}
        return values, kinds.get(letter, "words" if categories else None)

    def is_category(self, number: int) -> bool:
        """Are the values of a column categories, of whatever kind? Local."""
        return str(self._series[number].dtype).split("(")[0] in CATEGORIES


def _library(values: Any) -> str:
    return type(values).__module__.split(".")[0]


def _whole(series: Any, nothing: int | bool, gaps: np.ndarray) -> np.ndarray:
    """A series of whole numbers or booleans; what is missing is masked."""
    if not gaps.any():
        return np.asarray(series.to_numpy())
    filled = np.asarray(series.fill_null(nothing).to_numpy())
    if filled.dtype == object:
        filled = filled.astype(np.int64)
    return np.ma.masked_array(filled, gaps)


def _objects(values: Sequence[Any], gaps: np.ndarray, where: str) -> tuple[np.ndarray, str]:
    """Python objects as a vector, masked where gaps are, and the letter of what they are. UserError if several."""
    kinds = {kind: _letter(kind) for kind in {type(v) for v, gap in zip(values, gaps, strict=True) if not gap}}
    found = set(kinds.values())
    if found > {"i"} and found <= {"i", "f"}:
        found = {"f"}
    if len(found) > 1 or "" in found:
        _refuse_objects(values, gaps, kinds, where)
    letter = found.pop()
    nothing: Any = "" if letter == "U" else 0
    if letter == "M":
        return np.ma.masked_array(np.zeros(len(values)), gaps), letter
    filled = [nothing if gap else value for value, gap in zip(values, gaps, strict=True)]
    dtype = {"b": np.bool_, "f": np.float64, "U": np.str_}.get(letter)
    array = np.array(filled) if dtype is None else np.array(filled, dtype)
    if array.dtype == object:
        row = next(row for row, value in enumerate(filled) if not -(2**63) <= value < 2**64)
        raise UserError(f"{where}, row {row}: {values[row]} has more than 64 bits; make words or decimals of it.")
    return np.ma.masked_array(array, gaps), letter


def _letter(kind: type) -> str:
    return next((letter for letter, kinds in LETTERS.items() if issubclass(kind, kinds)), "")


def _refuse_objects(values: Sequence[Any], gaps: np.ndarray, kinds: dict[type, str], where: str) -> None:
    """UserError that names the first value that is not as those before it."""
    first: tuple[int, str] | None = None
    for row, value in enumerate(values):
        letter = "" if gaps[row] else kinds[type(value)]
        if gaps[row]:
            continue
        shown = quoted(str(value))
        if not letter:
            raise UserError(
                f"{where}, row {row}: {shown} is a {type(value).__name__}, neither a number nor a word; convert the "
                "column, or leave it out."
            )
        if first is not None and WORDS[letter] != first[1]:
            raise UserError(
                f"{where}, row {row}: {shown} is {WORDS[letter]}, but row {first[0]} holds {first[1]}. A column holds "
                "values of one kind: convert it, to words with .astype(str), for example."
            )
        first = first or (row, WORDS[letter])
