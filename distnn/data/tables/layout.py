"""Where the rows of a text table lie in its file, and what its columns are called, found from its first lines."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from typing import BinaryIO

from distnn.data.tables.dialect import Dialect, detect_dialect, is_number
from distnn.data.tables.lines import LONGEST_LINE
from distnn.data.tables.source import listed
from distnn.errors import UserError

SAMPLE = 1 << 16  # bytes
SAMPLE_LINES = 20


@dataclass(frozen=True)
class Layout:
    """What rank 0 finds out and tells the others."""

    dialect: Dialect
    columns: tuple[str, ...]
    named: bool  # does the first line hold names?
    first_row: tuple[str, ...]
    first_line: int  # the line of row 0, counted from 1
    start: int  # the byte where row 0 begins
    stop: int  # the byte after the last row, its line break not counted


def find_layout(stream: BinaryIO, path: str, header: bool | None) -> Layout:
    """The layout of a text table; header: whether the first line holds names, None to judge by its look. Local.

    It does where none of its fields is a number. UserError for what is no text table, or one without rows.
    """
    head = _head(stream, path)
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    raw = head[start:].split(b"\n")
    blank = next((i for i, line in enumerate(raw) if line.strip()), None)
    if blank is None:
        raise UserError(f"{path} holds nothing but empty lines.")
    start += sum(len(line) + 1 for line in raw[:blank])
    lines = [decode(line, path, number) for number, line in enumerate(raw[blank:][:SAMPLE_LINES], blank + 1)]
    if "\r" in lines[0]:
        raise UserError(f"{path} has lines that end with a carriage return only; save it with line feeds.")
    dialect = detect_dialect([line for line in lines if line.strip()])
    row = 0
    columns = names = _split(dialect, lines[0].removeprefix("# "), path, blank + 1)
    if header is None:
        header = not any(map(is_number, names))
    if header:
        row = 1
        start += len(raw[blank]) + 1
        columns = [name or str(i) for i, name in enumerate(names)]
        if not any(line.strip() for line in raw[blank + 1 :]):
            raise UserError(
                f"{path} has a header ({listed(names)}) but no rows; "
                "if its first line is a row, say that the file has no header."
            )
    first_row = _split(dialect, lines[row], path, blank + row + 1)
    if not header:
        columns = [str(i) for i in range(len(first_row))]
    if len(first_row) != len(columns):
        raise UserError(
            f"{path}, line {blank + row + 1} (row 0) has {len(first_row)} fields where the header has {len(columns)}."
        )
    return Layout(dialect, tuple(columns), header, tuple(first_row), blank + row + 1, start, _end(stream))


def decode(data: bytes, path: str, line: int) -> str:
    """UTF-8 text without carriage returns at the ends of lines; line: the number of its first line. Local."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise UserError(f"{path}, line {line} is not UTF-8 text; convert the file to UTF-8.") from error
    return text.replace("\r\n", "\n").removesuffix("\r")


def _head(stream: BinaryIO, path: str) -> bytes:
    """The first whole lines of a file, two that are not empty among them where it has so many."""
    size = SAMPLE
    while True:
        stream.seek(0)
        data = stream.read(size)
        if b"\0" in data:
            raise UserError(f"{path} holds binary data or UTF-16, not UTF-8 text.")
        if len(data) < size:
            return data
        lines = data[: data.rfind(b"\n") + 1]
        if sum(1 for line in lines.split(b"\n") if line.strip()) > 1:
            return lines
        if size >= LONGEST_LINE:
            raise UserError(f"{path} has no two lines in its first {size >> 20} MiB: it is not a table.")
        size *= 4


def _split(dialect: Dialect, line: str, path: str, number: int) -> list[str]:
    try:
        return dialect.split(line)
    except csv.Error as error:
        raise UserError(f"{path}, line {number} {open_quote(error)}") from error


def open_quote(error: csv.Error) -> str:
    """The end of the sentence for a line that cannot be cut into fields."""
    return f"cannot be cut into fields ({error}); a quoted field must end on the line where it begins."


def _end(stream: BinaryIO) -> int:
    """The end of the last line that is not empty, as a byte number without its line break."""
    stop = stream.seek(0, 2)
    last = 0
    while stop and not last:
        low = max(0, stop - SAMPLE)
        stream.seek(low)
        kept = stream.read(stop - low).rstrip()
        last = low + len(kept) if kept else 0
        stop = low
    stream.seek(last)
    while data := stream.read(SAMPLE):
        if b"\n" in data:
            return last + data.index(b"\n")
        last += len(data)
    return last
