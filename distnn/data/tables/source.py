"""What every data format offers: a table whose rows are given by number."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol

import numpy as np

from distnn.data.tables.dialect import number
from distnn.errors import UserError

Kind = Literal["numbers", "integers", "booleans", "words", "dates"]
HUGE = 1e20  # numbers from here on stand for what is missing in float32 files, and are known by six digits


@dataclass(frozen=True)
class Missing:
    """What stands in a table where a value is missing, besides what cannot be anything else: nothing, null and NaN.

    words: such fields of text. numbers: such numbers. Replicated.
    """

    words: frozenset[str] = frozenset({"NA", "N/A", "#N/A", "<NA>", "NaN", "nan", "?", "NULL", "null"})
    numbers: tuple[float, ...] = ()

    def holds(self, words: np.ndarray) -> np.ndarray:
        """Which of the words, a string array of any shape, stand for a missing value: bool, of that shape. Local."""
        return np.isin(words, ["", *self.words])

    def erase(self, values: np.ndarray) -> None:
        """Put NaN, in place, where a number of a float64 array stands for a missing value. Local."""
        for sentinel in self.numbers:
            found = values == sentinel
            if HUGE <= abs(sentinel) < np.inf:
                found |= np.abs(values - sentinel) <= 1e-6 * abs(sentinel)
            values[found] = np.nan


class NoRows(UserError):
    """A table without rows. columns: what theirs would be called."""

    def __init__(self, sentence: str, columns: Sequence[str] = ()):
        super().__init__(sentence)
        self.columns = tuple(columns)


class Source(Protocol):
    """A table of n rows, numbered from 0. All attributes are replicated."""

    path: str  # for messages
    n: int  # rows of data: a header line does not count
    columns: tuple[str, ...]  # names; "0", "1", ... where the file has none
    named: bool = True  # are `columns` names that the file gives?
    aside: frozenset[int] = frozenset()  # columns that are no inputs unless a user names them: a frame's index
    typed: bool = False  # do columns have types, so that numbers in one of text are stored as text?
    categories: frozenset[int] = frozenset()  # columns of numbers or words that the file says are categories
    notes: tuple[str, ...] = ()  # what is to be said of how the file is read: clauses that begin with "it" or "its"

    def kind(self, column: int) -> Kind | None:
        """What the file itself says that a column holds; None where it does not say: of text. Replicated."""
        return None

    def number(self, field: str) -> float | None:
        """The number that a word of this table spells, with its decimal mark; None where it spells none. Local."""
        return number(field)

    def default_targets(self) -> tuple[int, ...]:
        """The columns taken as targets where the user names none. Replicated."""
        return (len(self.columns) - 1,)

    def default_weights(self) -> int | None:
        """The column taken as weights where the user names none. Replicated."""
        return None

    def place(self, row: int) -> str:
        """A row, given by number from 0, in words, as error messages have it. Local."""
        return f"row {row}"

    def prepare(self, start: int, stop: int) -> None:
        """Say that this rank is going to read within rows [start, stop). Collective."""
        return

    def read(
        self,
        start: int,
        stop: int,
        numbers: Sequence[int],
        words: Sequence[int] = (),
        keep: np.ndarray | None = None,
        missing: Missing | None = None,
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Rows [start, stop) of some columns. Local.

        Returns a float64 array of (stop - start) × len(numbers) in C order, and for each column in `words`
        a string array of (stop - start): text as it is written, whole numbers to the last digit, True and False.
        missing: what stands for a missing value, which is NaN among numbers and "" among words; None: none may be
        missing. UserError, with file, row and column, for a row of another length, a word where a number belongs,
        infinity, and for a missing value if none may be. keep: bool, (stop - start); rows where it is false may hold
        anything, and anything is returned for them.
        """


def check_range(source: Source, start: int, stop: int) -> None:
    """IndexError unless [start, stop) are rows of the table. Local."""
    if not 0 <= start <= stop <= source.n:
        raise IndexError(f"rows [{start}, {stop}) of a table with {source.n} rows")


def column_numbers(source: Source, names: Sequence[str]) -> tuple[int, ...]:
    """The numbers of columns that a user gave by name or by number; -1 is the last one. Local.

    A name wins over a number. UserError for an unknown or ambiguous name, a number out of range, and a
    column that is given twice.
    """
    found: dict[int, str] = {}
    for name in names:
        column = _column_number(source, name)
        if column in found:
            raise UserError(
                f"{source.path}: column {source.columns[column]} is named twice, "
                f"as {quoted(found[column])} and as {quoted(name)}."
            )
        found[column] = name
    return tuple(found)


def _column_number(source: Source, name: str) -> int:
    columns = source.columns
    if columns.count(name) > 1:
        places = ", ".join(str(i) for i, column in enumerate(columns) if column == name)
        raise UserError(f"{source.path} has several columns named {quoted(name)}; give one of their numbers: {places}.")
    if name in columns:
        return columns.index(name)
    try:
        number = int(name)
    except ValueError:
        close = get_close_matches(name, columns)
        hint = f" Did you mean {' or '.join(map(quoted, close))}?" if close else ""
        raise UserError(
            f"{source.path} has no column {quoted(name)}; its columns are {listed(columns)}.{hint}"
        ) from None
    if not -len(columns) <= number < len(columns):
        raise UserError(
            f"{source.path} has no column {number}; it has {len(columns)}, numbered from 0 to {len(columns) - 1}."
        )
    return number % len(columns)


def typed(text: str) -> str:
    """Text from a file as it has to be typed in a shell."""
    return shlex.quote(text)


def quoted(text: str) -> str:
    """Text from a file or a user for use inside a sentence: in quotes, on one line, not too long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names for use inside a sentence: the first few of them, and how many more there are. Commas stand in quotes."""
    names = [f"'{name}'" if "," in name else name for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
