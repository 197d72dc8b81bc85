"""What the first records of a text table are: names, units, or rows; and what of a record is no column."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from distnn.data.tables.dialect import Dialect
from distnn.data.tables.source import listed

GAPS = frozenset(
    ("", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", ".")
)  # fields that say nothing about a column
Fields = Sequence[str]


@dataclass(frozen=True)
class Head:
    """names: None where the table has none; skipped: records before row 0; notes: what is to be said about it."""

    dialect: Dialect
    names: tuple[str, ...] | None
    skipped: int
    notes: tuple[str, ...]


def titles(dialect: Dialect, lines: Sequence[str]) -> int:
    """How many lines before the table are no part of it, such as a title. Local.

    Each has another number of fields than the table, or one field and nothing after it. What follows them are names,
    which all columns have, and then numbers; where each line before is a single field, numbers may follow at once.
    """
    rows = [dialect.all_fields(line) for line in lines]
    width = Counter(map(len, rows)).most_common(1)[0][0]
    single = [not any(row[1:]) for row in rows]
    above = next((i for i, row in enumerate(rows) if len(row) == width and not (single[i] and width > 2)), len(rows))
    if width == 1 or not 0 < above < len(rows) - 1:
        return 0
    numbers = [[dialect.number(field) is not None for field in row] for row in rows]
    named = all(rows[above]) and not any(numbers[above]) and any(map(any, numbers[above + 1 : above + 3]))
    alone = width > 2 and any(numbers[above]) and all(single[:above]) and not any(map(any, numbers[:above]))
    return above if named or alone else 0


def read_head(dialect: Dialect, lines: Sequence[str], comment: str, header: bool | None) -> Head:
    """What a table's first records, comments left out, are. Local.

    comment: the last comment line before them, without its #. header: are there names? None: judged by their looks,
    as docs/data.md says.
    """
    rows: list[Fields] = [dialect.all_fields(line) for line in lines]
    notes: list[str] = []
    first, body = rows[0], rows[1:]
    if _trails(dialect, first, body):
        dialect = replace(dialect, trailing=True)
    if header is not False and (why := _row_names(dialect, first, body, lines[1:])):
        dialect = replace(dialect, row_names=True)
        names = first[1:] if why == "unnamed" else first
        notes.append(f"its first column, which has no name ({', '.join(row[0] for row in body[:3])}, …), is left out")
        names = names[:-1] if dialect.trailing and names[-1] == "" else names
        return _with_units(dialect, names, rows, notes)
    rows = [_columns(dialect, row) for row in rows]
    commented = _columns(dialect, _fields(dialect, comment))
    if header is not False and _names_in_comment(dialect, commented, rows, header):
        notes.append(f"its columns are named by the comment line before the first row: {listed(commented)}")
        return Head(dialect, tuple(commented), 0, tuple(notes))
    if header is None:
        header, note = _looks_like_names(dialect, rows)
        notes += [note] if note else []
    return _with_units(dialect, rows[0], rows, notes) if header else Head(dialect, None, 0, tuple(notes))


def _with_units(dialect: Dialect, names: Fields, rows: Sequence[Fields], notes: list[str]) -> Head:
    """The head of a table with names, and maybe a row of units after them."""
    body = [_columns(dialect, row) if len(row) != len(names) else row for row in rows[1:]]
    units = _are_units(dialect, body)
    if units:
        notes.append(
            f"its first line is taken for names ({listed(names)}), and its second, which is left out, for units "
            f"({listed(body[0])})"
        )
    return Head(dialect, tuple(names), 1 + units, tuple(notes))


def _columns(dialect: Dialect, fields: Fields) -> Fields:
    """Fields without the empty one after a trailing delimiter, and without the row's name."""
    if dialect.trailing and len(fields) > 1 and fields[-1] == "":
        fields = fields[:-1]
    return fields[1:] if dialect.row_names else fields


def _fields(dialect: Dialect, text: str) -> Fields:
    try:
        return dialect.all_fields(text)
    except csv.Error:
        return []


def _trails(dialect: Dialect, first: Fields, body: Sequence[Fields]) -> bool:
    """Do all records end with a delimiter, but for a header that has one field less?"""
    if dialect.delimiter is None or not body or any(len(row) < 2 or row[-1] for row in body):
        return False
    widths = {len(row) for row in body}
    return first[-1] == "" or widths == {len(first) + 1}


def _row_names(dialect: Dialect, first: Fields, body: Sequence[Fields], lines: Sequence[str]) -> str | None:
    """How it is seen that records begin with a name, or None.

    "short": the header is one field shorter, and all records begin with a number one larger than the last or with a
    word in quotes (R's write.table). "unnamed": only the header's first field is empty (pandas' to_csv, R's write.csv).
    """
    width = len(first) - (dialect.trailing and first[-1] == "")
    widths = {len(row) - dialect.trailing for row in body}
    if not body or any(dialect.number(name) is not None for name in first):
        return None
    if width > 1 and first[0] in ("", "Unnamed: 0") and all(first[1:width]) and widths == {width}:
        return "unnamed"
    if widths != {width + 1}:
        return None
    numbers = [row[0] for row in body]
    counted = numbers[0].isdecimal() and numbers == [str(int(numbers[0]) + i) for i in range(len(numbers))]
    if (counted and numbers[0] in "01") or all(line.lstrip().startswith(dialect.quote) for line in lines):
        return "short"
    return None


def _names_in_comment(dialect: Dialect, names: Fields, rows: Sequence[Fields], header: bool | None) -> bool:
    """Does the comment name the columns? It has a field for each, no number among them, and no header follows."""
    fitting = len(names) == len(rows[0]) and all(name and dialect.number(name) is None for name in names)
    if not fitting or header:
        return False
    return any(dialect.number(field) is not None for field in rows[0])


def _looks_like_names(dialect: Dialect, rows: Sequence[Fields]) -> tuple[bool, str | None]:
    """Is the first record one of names, and what is to be said about it?

    It is where no field is a number. Where some are, it must be beyond doubt: they are counting numbers, as a year or a
    wavelength is, and all others in their columns have decimals; then a word above numbers is a name, and so are
    0, 1, 2 …, which pandas writes: these also where one column alone has decimals, or words.
    """
    first, body = rows[0], rows[1:]
    values = [dialect.number(field) for field in first]
    if all(value is None for value in values):
        return True, None
    below = [[row[i] if i < len(row) else "" for row in body] for i in range(len(first))]
    numeric = [[dialect.number(field) for field in column if field.lower() not in GAPS] for column in below]
    fractions = [bool(column) and any(v is not None and v % 1 for v in column) for column in numeric]
    words = [bool(column) and all(v is None for v in column) for column in numeric]
    a_row = f"its first line ({listed(first)}) is taken for a row; --header takes it for names"
    named = f"its first line is taken for names ({listed(first)}); --no-header takes it for a row"
    if len(first) > 2 and list(first) == [str(i) for i in range(len(first))]:
        return (True, named) if any(fractions) or any(words) else (False, a_row)
    counting = [re.fullmatch(r"\d+", field) is not None for field in first]
    if len(set(first)) < len(first):
        return False, None
    if not all(counting[i] and fractions[i] for i, value in enumerate(values) if value is not None):
        return False, a_row if all(counting) and (any(fractions) or any(words)) else None
    if any(
        value is None and first[i].lower() not in GAPS and numeric[i] and None not in numeric[i]
        for i, value in enumerate(values)
    ):
        return True, named
    if list(first) == ["0", "1"]:
        return True, named
    return False, a_row if None not in values else None


def _are_units(dialect: Dialect, body: Sequence[Fields]) -> bool:
    """Is the record after the names one of units? It holds no number; all others do, in two columns or more.

    Above other columns, such as those of words and dates, it holds nothing.
    """
    if len(body) < 3 or len({len(row) for row in body}) > 1:
        return False
    if any(field.lower() in GAPS - {"", "-"} or dialect.number(field) is not None for field in body[0]):
        return False
    columns = list(zip(*body, strict=True))
    numbers = [column for column in columns if _holds_numbers(dialect, column[1:])]
    others = [column for column in columns if column not in numbers]
    return len(numbers) > 1 and any(unit for unit, *_ in numbers) and not any(unit for unit, *_ in others)


def _holds_numbers(dialect: Dialect, column: Fields) -> bool:
    """Are all fields of a column numbers, or gaps?"""
    return all(field.lower() in GAPS or dialect.number(field) is not None for field in column)
