"""Text tables: .csv, .tsv and .txt, one row a line, with or without a header."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence

import numpy as np

from distnn.data.tables.dialect import is_number
from distnn.data.tables.files import DataFile, open_file
from distnn.data.tables.layout import Layout, decode, find_layout, open_quote
from distnn.data.tables.lines import LineIndex, count_breaks
from distnn.data.tables.source import Missing, Source, check_range, quoted
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks


def open_text(path: str, ranks: Ranks, *, header: bool | None = None) -> TextSource:
    """The text table at `path`. Collective: each rank counts the lines of its share of the bytes.

    header: whether the first line holds names; None: it does where none of its fields is a number. The
    delimiter (tab, semicolon, comma or white space) is found from the first lines. UserError on all ranks.
    """
    file = open_file(path, ranks)
    layout = None
    with ranks.sharing_errors():
        if ranks.rank == 0:
            with file.open() as stream:
                layout = find_layout(stream, path, header)
    layout = ranks.broadcast(layout)
    with ranks.sharing_errors(), file.open() as stream:
        breaks = count_breaks(stream, layout.start, layout.stop, ranks.rank, ranks.size)
    index = LineIndex(path, layout.start, layout.stop, np.concatenate(ranks.gather(breaks)))
    return TextSource(file, layout, index)


class TextSource(Source):
    """A text table, of which any rows are read without reading the others."""

    def __init__(self, file: DataFile, layout: Layout, index: LineIndex):
        self.path, self.columns, self.n = file.path, layout.columns, index.n
        self.named = layout.named
        self._file, self._layout, self._index = file, layout, index

    def is_word(self, column: int) -> bool:
        field = self._layout.first_row[column]
        return field != "" and not is_number(field)

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
        values = np.empty((stop - start, len(numbers)))
        found: list[list[np.ndarray]] = [[np.empty(0, "U1")] for _ in words]
        if start == stop:
            return values, [parts[0] for parts in found]
        with self._file.open() as stream:
            for row, data in self._index.pieces(stream, start, stop):
                lines = decode(data, self.path, self._layout.first_line + row).split("\n")
                if keep is not None:
                    lines = _without(lines, keep[row - start : row - start + len(lines)])
                some, texts = self._parse(lines, row, numbers, words, missing)
                values[row - start : row - start + len(lines)] = some
                for parts, text in zip(found, texts, strict=True):
                    parts.append(text)
        return values, [np.concatenate(parts) for parts in found]

    def _parse(
        self, lines: list[str], row: int, numbers: Sequence[int], words: Sequence[int], missing: Missing | None
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Numbers and words of some lines at the speed of C; where anything is wrong, find out slowly what."""
        reason = "its rows are not all alike"
        for parse in (self._parse_fast, self._parse_fields):
            try:
                values, texts, right = parse(lines, numbers, words, missing)
            except (ValueError, csv.Error) as error:
                reason = str(error)
            else:
                if right:
                    return values, texts
        self._refuse_first_error(lines, row, numbers, words, missing)
        line = self._layout.first_line + row
        raise UserError(f"{self.path}, lines {line} to {line + len(lines) - 1} cannot be read: {reason}.")

    def _parse_fields(
        self, lines: list[str], numbers: Sequence[int], words: Sequence[int], missing: Missing | None
    ) -> tuple[np.ndarray, list[np.ndarray], bool]:
        """The same where values are missing: field by field."""
        values = np.empty((len(lines), len(numbers)))
        rows = list(self._layout.dialect.rows(lines, any('"' in line for line in lines)))
        if missing is None or set(map(len, rows)) != {len(self.columns)} or len(rows) != len(lines):
            return values, [], False
        texts = [np.char.strip(np.array([fields[column] for fields in rows])) for column in (*numbers, *words)]
        for i, text in enumerate(texts):
            absent = missing.holds(text)
            if i < len(numbers):
                if not all(map(is_number, text[~absent].tolist())):
                    return values, [], False
                values[:, i] = np.where(absent, "nan", text).astype(np.float64)
            else:
                text[absent] = ""
        missing.erase(values)
        return values, texts[len(numbers) :], not np.isinf(values).any()

    def _parse_fast(
        self, lines: list[str], numbers: Sequence[int], words: Sequence[int], missing: Missing | None
    ) -> tuple[np.ndarray, list[np.ndarray], bool]:
        dialect, width = self._layout.dialect, len(self.columns)
        texts: list[np.ndarray] = []
        right = True
        if '"' in lines[-1]:
            dialect.split(lines[-1])  # loadtxt would let a quote be open at the end
        if words or set(numbers) != set(range(width)):  # else loadtxt compares the numbers of fields itself
            rows = list(dialect.rows(lines, any('"' in line for line in lines)))
            right = set(map(len, rows)) == {width} and len(rows) == len(lines)
            if right:
                texts = [np.char.strip(np.array([fields[column] for fields in rows])) for column in words]
                absent = [text == "" if missing is None else missing.holds(text) for text in texts]
                right = not any(gaps.any() for gaps in absent)
        values = np.empty((len(lines), 0))
        if right and len(numbers) and any(line.strip() for line in lines):
            if set(numbers) == set(range(width)):
                values = dialect.parse(lines, None)
                values = values[:, list(numbers)] if values.shape[1] == width else values
            else:
                values = dialect.parse(lines, list(numbers))
        if missing is not None:
            missing.erase(values)
        right = right and values.shape == (len(lines), len(numbers))
        right = right and bool((np.isfinite(values) if missing is None else ~np.isinf(values)).all())
        return values, texts, right

    def _refuse_first_error(
        self, lines: list[str], row: int, numbers: Sequence[int], words: Sequence[int], missing: Missing | None
    ) -> None:
        """UserError for the first bad row, and in it the first bad column, if there is one."""
        for number, line in enumerate(lines, row):
            where = f"{self.path}, line {self._layout.first_line + number} (row {number})"
            if not line.strip():
                raise UserError(f"{where} is empty; remove it.")
            if "\r" in line:
                raise UserError(f"{where} has a carriage return inside; remove it.")
            try:
                fields = self._layout.dialect.split(line)
            except csv.Error as error:
                raise UserError(f"{where} {open_quote(error)}") from error
            if len(fields) != len(self.columns):
                raise UserError(f"{where} has {len(fields)} fields where {len(self.columns)} belong.")
            for column in sorted({*numbers, *words}):
                if missing is not None and missing.holds(np.array(fields[column])):
                    continue
                wrong = _wrong(fields[column], column in numbers)
                if wrong:
                    raise UserError(f"{where}, column {self.columns[column]}: {wrong}.")


def _wrong(field: str, number: bool) -> str | None:
    """What is wrong with a field, or None."""
    if not field:
        return "the field is empty; fill it in or leave the row out"
    if number and not is_number(field):
        return f"{quoted(field)} stands where a number belongs"
    if number and not math.isfinite(float(field)):
        return f"{quoted(field)} is not a finite number; replace it or leave the row out"
    return None


def _without(lines: list[str], keep: np.ndarray) -> list[str]:
    """The lines, with one that is to be kept in the place of each that is not; these cannot be wrong, then."""
    spare = lines[int(np.argmax(keep))]
    return [line if kept else spare for line, kept in zip(lines, keep.tolist(), strict=True)]
