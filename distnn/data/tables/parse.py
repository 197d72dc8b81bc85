"""Records of a text table to columns at the speed of compiled code: by Arrow where it is installed, else by NumPy.

Few records go to NumPy first: to import Arrow takes longer.

Either gives the number nearest to what is written, as Python's float does. What they do not understand they refuse, and
text.py looks at it field by field.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from distnn.data.tables.dialect import Dialect, tidy
from distnn.data.tables.source import Missing

ARROW = importlib.util.find_spec("pyarrow") is not None
SMALL = 1 << 16  # bytes, which NumPy has read long before Arrow is imported
RARE_WHITE = b"\v\f\x1c\x1d\x1e\x1f"  # of ASCII
Values = tuple[np.ndarray, list[np.ndarray]]


class Unfit(Exception):
    """The records must be looked at field by field."""


class Wanted(NamedTuple):
    """What `Source.read` is asked for."""

    numbers: tuple[int, ...]
    words: tuple[int, ...] = ()
    missing: Missing | None = None

    @property
    def gaps(self) -> frozenset[str]:
        """Fields that stand for a missing value, where one may be missing."""
        return frozenset() if self.missing is None else self.missing.words | {""}


@dataclass
class Parser:
    """Makes columns of records: `width` columns, in one dialect, with line breaks in quotes where it is `quoted`.

    Its methods are local. They take whole records without comments, and return float64, rows × len(numbers), and an
    array of strings for each of `words`.
    """

    dialect: Dialect
    width: int
    quoted: bool
    untidy: bool = False  # were there numbers that only `tidy` makes right?

    def __call__(self, data: bytes | bytearray, wanted: Wanted, stop: int | None = None) -> Values:
        """Columns of values that are what belongs there, of data[:stop]. Unfit for whatever is out of the ordinary."""
        stop, quote = len(data) if stop is None else stop, self.dialect.quote.encode()
        if data.find(b"\r", 0, stop) >= 0:
            data = data[:stop].replace(b"\r\n", b"\n").removesuffix(b"\r")
            stop = len(data)
            if b"\r" in data:
                raise Unfit
        has_quotes = data.find(quote, 0, stop) >= 0
        if has_quotes and not self._is_well_quoted(np.frombuffer(data, np.uint8)[:stop]):
            raise Unfit
        values, texts = self._columns(data, stop, wanted)
        if has_quotes and not self.quoted and len(values) != data.count(b"\n", 0, stop) + 1:
            raise Unfit
        if self.width == 1 and any((text == "").any() for text in texts):
            raise Unfit  # a line of white space
        missing = wanted.missing
        if missing is None:
            right = np.isfinite(values).all() and not any((text == "").any() for text in texts)
        else:
            missing.erase(values)
            for text in texts:
                text[missing.holds(text)] = ""
            right = not np.isinf(values).any()
        if not right:
            raise Unfit
        return values, texts

    def _is_well_quoted(self, text: np.ndarray) -> bool:
        """Do quotes enclose whole fields, or stand in the midst of them only? Else Arrow makes 12 of "1"2."""
        places = np.flatnonzero(text == ord(self.dialect.quote))
        delimiters = (self.dialect.delimiter or " \t").encode()
        edge = np.isin(text[places - 1], list(delimiters + b"\n")) | (places == 0)
        if not edge.any():
            return True
        if len(places) % 2:
            return False
        opening, closing = places[::2], places[1::2]
        doubled = opening[1:] == closing[:-1] + 1
        ends = np.isin(text[closing[:-1] + 1], list(delimiters + b"\n"))
        last = closing[-1] + 1 == len(text) or text[closing[-1] + 1] in delimiters + b"\n"
        return bool(last and (edge[::2][1:] | doubled).all() and edge[0] and (ends | doubled).all())

    def _columns(self, data: bytes | bytearray, stop: int, wanted: Wanted) -> Values:
        """The columns, with numbers that are written as Fortran or a typesetter does, too: tidied."""
        try:
            if self.untidy and wanted.numbers:
                raise Unfit
            return self._fast(data, stop, wanted)
        except Unfit:
            neat = _tidied(data[:stop]) if wanted.numbers else data
            if neat == data[:stop]:
                raise
            values, _ = self._fast(neat, len(neat), wanted._replace(words=()))
            self.untidy = True
            return values, self._fast(data, stop, wanted._replace(numbers=()))[1] if wanted.words else []

    def _fast(self, data: bytes | bytearray, stop: int, wanted: Wanted) -> Values:
        dialect = self.dialect
        plain = not (wanted.words or self.quoted or dialect.trailing) and dialect.decimal == "."
        if plain and (stop <= SMALL or not ARROW):
            found = self._by_numpy(data[:stop], wanted.numbers)
            if found is not None:
                return found, []
        if not ARROW or (dialect.delimiter is None and data.find(dialect.quote.encode(), 0, stop) >= 0):
            raise Unfit
        return self._by_arrow(data, stop, wanted)

    def _by_arrow(self, data: bytes | bytearray, stop: int, wanted: Wanted) -> Values:
        import pyarrow
        from pyarrow import csv

        numbers, words, _ = wanted
        if set(numbers) & set(words):
            raise Unfit
        delimiter = self.dialect.delimiter
        if delimiter is None:
            data, delimiter = _single_spaces(data[:stop]), " "
            stop = len(data)
        first = int(self.dialect.row_names)
        tail = [str(first + self.width)] if self.dialect.trailing else []
        if stop == 0 or b"\n" in (data[:1], data[stop - 1 : stop]):
            raise Unfit  # an empty line, which would be a row without values
        types = {str(first + i): pyarrow.float64() for i in numbers}
        types |= {str(first + i): pyarrow.dictionary(pyarrow.int32(), pyarrow.string()) for i in words}
        types |= dict.fromkeys(tail, pyarrow.string())
        try:
            table = csv.read_csv(
                pyarrow.BufferReader(pyarrow.py_buffer(data).slice(0, stop)),
                csv.ReadOptions(
                    use_threads=False,
                    block_size=stop + 1,
                    column_names=[str(i) for i in range(first + self.width + len(tail))],
                ),
                csv.ParseOptions(
                    delimiter=delimiter,
                    quote_char=self.dialect.quote,
                    newlines_in_values=self.quoted,
                    ignore_empty_lines=False,
                ),
                csv.ConvertOptions(
                    column_types=types,
                    include_columns=list(types) or [str(first)],
                    null_values=sorted(wanted.gaps),
                    strings_can_be_null=False,
                    decimal_point=self.dialect.decimal,
                ),
            )
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError) as error:
            raise Unfit from error
        if tail and any(table.column(tail[0]).to_pylist()):
            raise Unfit
        if all(table.column(str(first + i)).null_count for i in numbers) and data.find(b"\n\n", 0, stop) >= 0:
            raise Unfit  # an empty line, too; the search takes a third of the time of the rest
        values = np.empty((table.num_rows, len(numbers)))
        for i, column in enumerate(numbers):
            values[:, i] = _numbers(table.column(str(first + column)))
        return values, [_strings(table.column(str(first + column))) for column in words]

    def _by_numpy(self, data: bytes | bytearray, numbers: Sequence[int]) -> np.ndarray | None:
        """None where it finds anything but numbers."""
        try:
            lines = data.decode().split("\n")
            values = np.loadtxt(
                lines,
                delimiter=self.dialect.delimiter,
                comments=None,
                quotechar=self.dialect.quote,
                ndmin=2,
                dtype=np.float64,
            )
        except ValueError:  # UnicodeDecodeError is one
            return None
        first = int(self.dialect.row_names)
        if values.shape != (len(lines), first + self.width):  # loadtxt skips empty lines
            return None
        return np.ascontiguousarray(values[:, [first + column for column in numbers]])


def _numbers(column) -> np.ndarray:  # type: ignore[no-untyped-def]  # a pyarrow.ChunkedArray
    """Numbers, NaN where one is missing."""
    column = column.combine_chunks()
    values, valid = _buffer(column, np.float64), column.buffers()[0]
    if valid is None:
        return values
    bits = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little")
    return np.where(bits[column.offset :][: len(column)], values, np.nan)


def _strings(column) -> np.ndarray:  # type: ignore[no-untyped-def]  # a pyarrow.ChunkedArray
    """Words, without white space around them; most columns of words have few different ones."""
    column = column.combine_chunks()
    vocabulary = np.array([word.strip() for word in column.dictionary.to_pylist()], str)
    return vocabulary[_buffer(column.indices, np.int32)] if len(vocabulary) else np.empty(0, "U1")


def _buffer(column, dtype: type) -> np.ndarray:  # type: ignore[no-untyped-def]  # a pyarrow.Array
    """A column's values as they lie in memory. Its own `to_numpy` imports pandas, where that is installed."""
    return np.frombuffer(column.buffers()[1], dtype, len(column), column.offset * np.dtype(dtype).itemsize)


def _single_spaces(data: bytes | bytearray) -> bytes | bytearray:
    """Fields between white space as fields between single spaces."""
    if not data.isascii() or data != data.translate(None, RARE_WHITE):
        return "\n".join(" ".join(line.split()) for line in _text(data).split("\n")).encode()
    data = data.replace(b"\t", b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data.replace(b"\n ", b"\n").replace(b" \n", b"\n").strip(b" ")


def _tidied(data: bytes | bytearray) -> bytes:
    return tidy(_text(data)).encode()


def _text(data: bytes | bytearray) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unfit from error
