"""How one line of a text table is cut into fields."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

# In this order where several fit: a file with decimal commas is delimited by one of the first two.
DELIMITERS = ("\t", ";", ",", None)


@dataclass(frozen=True)
class Dialect:
    """Fields between delimiters (None: white space), in double quotes where they contain one."""

    delimiter: str | None

    def rows(self, lines: Iterable[str], quotes: bool) -> Iterable[list[str]]:
        """The fields of each line; `quotes` says whether a quote may occur. csv.Error for an open quote."""
        if not quotes:
            return (line.split(self.delimiter) for line in lines)
        if self.delimiter is None:  # csv knows no runs of white space, but skips spaces after one
            lines = (line.strip().replace("\t", " ") for line in lines)
        return csv.reader(lines, delimiter=self.delimiter or " ", skipinitialspace=self.delimiter is None, strict=True)

    def split(self, line: str) -> list[str]:
        """The fields of one line, without white space around them."""
        return [field.strip() for field in next(iter(self.rows([line], '"' in line)))]

    def parse(self, lines: Sequence[str], columns: Sequence[int] | None) -> np.ndarray:
        """Lines of numbers as a float64 array; ValueError for what is not a number.

        columns: those wanted, or None for all, which must then be as many in each line. Empty lines are
        skipped and quoted line breaks join two lines: the caller compares the number of rows.
        """
        return np.loadtxt(
            lines, delimiter=self.delimiter, comments=None, quotechar='"', ndmin=2, usecols=columns, dtype=np.float64
        )


def detect_dialect(lines: Sequence[str]) -> Dialect:
    """The dialect in which most of a table's first lines, and at least half, have the same number of fields > 1."""
    best, most = Dialect(","), (len(lines) - 1) // 2
    for dialect in map(Dialect, DELIMITERS):
        try:
            widths = Counter(len(dialect.split(line)) for line in lines)
        except csv.Error:
            continue
        fitting = max((count for width, count in widths.items() if width > 1), default=0)
        if fitting > most:
            best, most = dialect, fitting
    return best


def is_number(field: str) -> bool:
    """Is this field a number for `Dialect.parse`? NaN and infinity are."""
    if "_" in field or not field.isascii():  # float() takes 1_000, and the digits of every script
        return False
    try:
        float(field)
    except ValueError:
        return False
    return True
