"""Where the rows of a text table lie in its file, and what its columns are called, found from its first lines."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, NoReturn

from distnn.data.tables.dialect import Dialect, detect_dialect, fitted
from distnn.data.tables.header import read_head, titles
from distnn.data.tables.lines import LONGEST_LINE, Marks
from distnn.data.tables.source import NoRows, listed, quoted
from distnn.data.tables.written import AS_IT_LOOKS, Written
from distnn.errors import UserError

SAMPLE = 1 << 16  # bytes
SAMPLE_LINES = 20
WHITE = b" \t\n\r\v\f\x1a"
SEP = re.compile(rb"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)  # how a CSV file tells Excel its delimiter


@dataclass(frozen=True)
class Layout:
    """What rank 0 finds out and tells the others."""

    dialect: Dialect
    columns: tuple[str, ...]
    named: bool  # are these names from the file?
    first_row: tuple[str, ...]
    first_line: int  # the line of row 0, counted from 1
    start: int  # the byte where row 0 begins
    stop: int  # the byte after the last row, its line break not counted
    notes: tuple[str, ...]

    @property
    def marks(self) -> Marks:
        """Where records end."""
        return marks(self.dialect)


class Record(NamedTuple):
    """A record of the file's head: its first byte and line, the latter from 1, and its bytes."""

    place: int
    line: int
    data: bytes


def marks(dialect: Dialect) -> Marks:
    """Where records end in a dialect."""
    delimiter = " \t" if dialect.delimiter is None else dialect.delimiter
    return Marks(dialect.quote.encode(), f"{delimiter}\n\r{dialect.quote}".encode(), dialect.comment.encode())


def find_layout(stream: BinaryIO, path: str, header: bool | None, written: Written = AS_IT_LOOKS) -> Layout:
    """The layout of a text table; header: whether the first line holds names, None to judge by its look. Local.

    written: its delimiter and decimal mark, if they are known.

    UserError for what is no text table, or one without rows.
    """
    records = _records(_head(stream, path))
    full = [record for record in records if record.data.decode("utf-8", "replace").strip()]
    separator = SEP.fullmatch(full[0].data) if full else None
    full = full[1:] if separator else full
    if not full:
        raise NoRows(f"{path} holds nothing but empty lines.")
    mark, comment, table = _without_comments(full)
    lines = [decode(record.data, path, record.line) for record in table[:SAMPLE_LINES]]
    dialect = _dialect(path, lines, separator[1].decode("latin-1") if separator else None, written)
    dialect = Dialect(dialect.delimiter, dialect.quote, dialect.decimal, comment=mark)
    sound = next((i for i, line in enumerate(lines) if _is_open(dialect, line)), len(lines))
    if sound == 0:
        raise UserError(f"{path}, line {table[0].line} cannot be cut into fields; close its quotes.")
    above = titles(dialect, lines[:sound])
    table = table[above:]
    head = read_head(dialect, lines[above:sound], comment, header)
    after = table[head.skipped :]
    if not after:
        raise NoRows(
            f"{path} has a header ({listed(head.names or ())}) but no rows; "
            "if its first line is a row, say that the file has no header (--no-header).",
            _named(head.names or ()),
        )
    first = after[0]
    if head.names is not None and head.skipped == 1:  # an empty line after the header is an empty row
        at = next(i for i, record in enumerate(records) if record.place == table[0].place)
        between = [record for record in records[at + 1 :] if not marks(dialect).is_comment(record.data)]
        first = between[0]
    text = decode(first.data, path, first.line)
    row = [] if not text.strip() or _is_open(dialect, text) else head.dialect.split(text)
    columns = tuple(map(str, range(len(row)))) if head.names is None else head.names
    if row and len(row) != len(columns):
        _refuse_width(f"{path}, line {first.line} (row 0)", len(row), len(columns), head.dialect.delimiter)
    stop, blank = _end(stream, first.place, (dialect.delimiter or "").encode())
    commas = dialect.decimal == "," and written.decimal is None
    return Layout(
        head.dialect,
        _named(columns),
        head.names is not None,
        tuple(row) or ("",) * len(columns),
        first.line,
        first.place,
        stop,
        (*_notes(lines[:above], commas), *head.notes, *_blanks(blank)),
    )


def _named(columns: Sequence[str]) -> tuple[str, ...]:
    """The names of columns, numbers where they have none."""
    return tuple(name or str(i) for i, name in enumerate(columns))


def _refuse_width(where: str, fields: int, columns: int, delimiter: str | None) -> NoReturn:
    """UserError for a first row of another number of fields than there are names."""
    twice = delimiter == "," and fields == 2 * columns
    remedy = "decimal commas, between commas? Write points" if twice else "give each column a name and each row all"
    raise UserError(f"{where} has {fields} fields where the header has {columns}: {remedy}.")


def _notes(titles: Sequence[str], commas: bool) -> list[str]:
    """What is to be said of lines before the table, and of decimal commas that nobody has spoken of."""
    notes = ["its numbers have decimal commas"] * commas
    if len(titles) == 1:
        return [f"its first line ({quoted(titles[0])}) is taken for a title, and left out", *notes]
    return [f"its first {len(titles)} lines are taken for titles, and left out", *notes] if titles else notes


def _blanks(count: int) -> list[str]:
    """What is to be said of so many lines at the end that are nothing but delimiters."""
    return [f"its last {count} lines have only empty fields, and are left out"] if count else []


def _dialect(path: str, lines: list[str], separator: str | None, written: Written) -> Dialect:
    """The dialect that a user says, or the file, or its first lines by their look."""
    if written.delimiter is None:
        return fitted(lines, separator, written.decimal) if separator else detect_dialect(lines, written.decimal)
    dialect = fitted(lines, written.splits_at, written.decimal)
    if not any(_is_open(dialect, line) or len(dialect.all_fields(line)) > 1 for line in lines):
        raise UserError(f"{path}: no line begins with a field and --delimiter {written.delimiter!r} after it.")
    return dialect


def decode(data: bytes, path: str, line: int) -> str:
    """UTF-8 text without carriage returns at the ends of lines; line: the number of its first line. Local."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line += data.count(b"\n", 0, error.start)
        raise UserError(f"{path}, line {line} is not UTF-8 text: say what it is with --encoding.") from error
    return text.replace("\r\n", "\n").removesuffix("\r")


def _records(head: bytes) -> list[Record]:
    """The head, cut into records; line breaks in quotes are part of one, where all quotes are closed."""
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    every = Marks(b'"', b'\t;|, \n\r"', comment=b"")
    inside = False if len(every.quotes(head, start, len(head))) % 2 == 0 else None
    ends = every.ends(head, start, len(head), inside).tolist()
    records, line = [], 1
    for low, high in zip([start, *(end + 1 for end in ends)], [*ends, len(head)], strict=True):
        records.append(Record(low, line, head[low:high]))
        line += 1 + records[-1].data.count(b"\n")
    return records


def _without_comments(records: list[Record]) -> tuple[str, str, list[Record]]:
    """What comments begin with, the last one before the table without that, and the table's records without comments.

    It is what the first line begins with, of #, % and !, the latter two before white space; else #. Lines that begin
    with it are none where most do ("" is the mark then), nor is the first one where # is a name: "#,a,b".
    """
    found = re.match(rb"#|%(?=[\s%])|!(?=[\s!])", records[0].data)
    mark = found[0] if found else b"#"
    is_comment = Marks(comment=mark).is_comment
    if re.match(rb"#\s*[,;|\t]", records[0].data):
        table, comment = records, ""
    else:
        first = next((i for i, record in enumerate(records) if not is_comment(record.data)), 0)
        comment = records[first - 1].data.lstrip(mark).strip().decode("utf-8", "replace") if first else ""
        table = records[first:]
    body = [record for record in table[1:] if not is_comment(record.data)]
    if 2 * len(body) >= len(table) - 1:
        return mark.decode(), comment, [table[0], *body]
    return "", comment, table


def _is_open(dialect: Dialect, line: str) -> bool:
    """Does a quote that is opened in this record end nowhere?"""
    try:
        dialect.all_fields(line)
    except csv.Error:
        return True
    return False


def _head(stream: BinaryIO, path: str) -> bytes:
    """The first whole lines of a file, two that are neither empty nor comments among them where it has so many."""
    size = SAMPLE
    while True:
        stream.seek(0)
        data = stream.read(size)
        if (place := data.find(0)) >= 0:
            raise UserError(
                f"{path}, line {data.count(10, 0, place) + 1} holds null characters, as no text does. If a crash left "
                f"them there, remove them: tr -d '\\0' <{path} >new.csv."
            )
        if len(data) < size:
            return data
        lines = data[: data.rfind(b"\n") + 1]
        if sum(1 for line in lines.split(b"\n") if line.strip() and not line.startswith(b"#")) > 1:
            return lines
        if size >= LONGEST_LINE:
            raise UserError(f"{path} has no two lines in its first {size >> 20} MiB: it is not a table.")
        size *= 4


def _end(stream: BinaryIO, first: int, delimiter: bytes) -> tuple[int, int]:
    """The end of the last line that says something, as a byte number without its line break, not before `first`.

    And how many lines there are after it that are nothing but delimiters. Old editors of DOS end a file with \\x1a.
    """
    last = _last(stream, WHITE + delimiter)
    last = last if last > first else max(first, _last(stream, WHITE))
    stop = last
    stream.seek(last)
    while (data := stream.read(SAMPLE)) and b"\n" not in data:
        stop += len(data)
    stop += data.find(b"\n") if data else 0
    stream.seek(stop)
    blank = sum(1 for line in stream if delimiter and line.strip(WHITE))
    return stop, blank


def _last(stream: BinaryIO, nothing: bytes) -> int:
    """The byte after the last one that is none of these."""
    stop = stream.seek(0, 2)
    while stop:
        low = max(0, stop - SAMPLE)
        stream.seek(low)
        if kept := stream.read(stop - low).rstrip(nothing):
            return low + len(kept)
        stop = low
    return 0
