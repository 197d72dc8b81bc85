"""How a record of a text table is cut into fields, and what of a field is a number."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

# In this order where several fit equally well.
DELIMITERS = ("\t", ";", "|", ",", None)
MINUS = "\u2212"  # the typographic one
DECIMAL_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eEdD][+-]?\d+)?")
DECIMAL_POINT = re.compile(r"[+-]?(\d+\.\d*|\.\d+)([eEdD][+-]?\d+)?")
# Fortran's exponents: 2.7D-01 or 1D+00 (a D alone, as in 1D2, may be a name), and 3.14-114, where E has no room.
FORTRAN = re.compile(
    r"(?P<d>[+-]?(?:\d+\.\d*|\.\d+)(?=[dDqQ][+-]?\d)|[+-]?\d+(?=[dDqQ][+-]\d))[dDqQ](?P<e>[+-]?\d{1,4})"
    r"|(?P<m>[+-]?\d?\.\d{2,})(?P<s>[+-]\d{2,3})"
)
NAN = re.compile(r"[+-]?nan(\(\w*\))?", re.IGNORECASE)  # C's: -nan(ind), which Arrow takes, too
IN_TEXT = re.compile(rf"(?<![^\s,;|\"'])(?:{FORTRAN.pattern})(?![^\s,;|\"'])")


@dataclass(frozen=True)
class Dialect:
    """Fields between delimiters (None: white space), in quotes where they contain one; numbers with a decimal mark.

    row_names: records begin with a field more than there are columns, a name, as R's write.table has it. trailing: they
    end with a delimiter. Neither is a column. comment: what lines begin with that are no records, # or another; or "".
    """

    delimiter: str | None
    quote: str = '"'
    decimal: str = "."
    row_names: bool = False
    trailing: bool = False
    comment: str = "#"

    def rows(self, records: Iterable[str], quotes: bool) -> Iterable[list[str]]:
        """All fields of each record; `quotes` says whether a quote may occur. csv.Error for an open quote."""
        if not quotes:
            return (record.split(self.delimiter) for record in records)
        if self.delimiter is None:  # csv knows no runs of white space, but skips spaces after one
            records = (record.strip().replace("\t", " ") for record in records)
        return csv.reader(
            records,
            delimiter=self.delimiter or " ",
            quotechar=self.quote,
            skipinitialspace=self.delimiter is None,
            strict=True,
        )

    def all_fields(self, record: str) -> list[str]:
        """All fields of one record, without white space around them. csv.Error for an open quote."""
        if self.delimiter and (self.quote + " " in record or self.quote + "\t" in record):
            record = _quoted_fields(self.quote, self.delimiter).sub(r"\1", record)
        lines = io.StringIO(record) if "\n" in record else [record]
        return [field.strip() for field in next(iter(self.rows(lines, self.quote in record)), [""])]

    def split(self, record: str) -> list[str]:
        """The columns of one record. csv.Error for an open quote."""
        fields = self.all_fields(record)
        if self.trailing and len(fields) > 1 and fields[-1] == "":
            fields = fields[:-1]
        return fields[1:] if self.row_names else fields

    def number(self, field: str) -> float | None:
        """The number that a field holds, or None. NaN and infinity are numbers."""
        if field.isascii() and self.decimal == "." and "_" not in field:
            try:
                return float(field)
            except ValueError:
                pass
        return number(field, self.decimal)


@cache
def _quoted_fields(quote: str, delimiter: str) -> re.Pattern[str]:
    """Whole quoted fields, and the blanks between their quotes and what ends them, at which csv takes offence."""
    q, d, blank = quote, re.escape(delimiter), " " if delimiter == "\t" else " \t"
    return re.compile(rf"((?:^|(?<=[{d}])){q}(?:[^{q}]|{q}{q})*+{q})[{blank}]*+(?=[{d}\r\n]|\Z)")


def number(field: str, decimal: str = ".") -> float | None:
    """The number that a field without white space holds, or None; correctly rounded."""
    if decimal == ",":
        if "." in field:  # 1.234,5 or 1.234: whatever the point is, it is not the decimal mark
            return None
        field = field.replace(",", ".")
    if NAN.fullmatch(field):
        return math.nan
    field = tidy(field)
    if "_" in field or not field.isascii():  # float() takes 1_000, and the digits of every script
        return None
    try:
        return float(field)
    except ValueError:
        return None


def is_number(field: str) -> bool:
    """Is this field a number? NaN and infinity are."""
    return number(field) is not None


def tidy(text: str) -> str:
    """The text with its typographic minus signs and Fortran's exponents as Python's float takes them."""
    if MINUS in text:
        text = text.replace(MINUS, "-")
    return IN_TEXT.sub(_exponent, text)


def _exponent(found: re.Match[str]) -> str:
    return f"{found['d']}e{found['e']}" if found["d"] else f"{found['m']}e{found['s']}"


def detect_dialect(lines: Sequence[str], decimal: str | None = None) -> Dialect:
    """The dialect of a table's first records; decimal: its decimal mark, if that is known.

    It is the one in which most of them, and at least half, have the same number of fields > 1; of several, the one
    with most numbers.
    """
    best, most = fitted(lines, "," if decimal != "," else ";", decimal), (float((len(lines) - 1) // 2), 1.0)
    for delimiter in DELIMITERS:
        if delimiter == "," == decimal:
            continue
        dialect = fitted(lines, delimiter, decimal)
        try:
            rows = [dialect.all_fields(line) for line in lines]
        except csv.Error:
            continue
        fitting = max((count for width, count in Counter(map(len, rows)).items() if width > 1), default=0)
        fields = [field for row in rows for field in row]
        numbers = sum(dialect.number(field) is not None for field in fields) / max(len(fields), 1)
        if (fitting, numbers) > most:
            best, most = dialect, (fitting, numbers)
    return best


def fitted(lines: Sequence[str], delimiter: str | None, decimal: str | None = None) -> Dialect:
    """The dialect of a table's first records with this delimiter, and decimal mark if that is known."""
    dialect = Dialect(delimiter, _quote(lines), decimal or ".")
    if decimal is not None:
        return dialect
    try:
        rows = [dialect.all_fields(line) for line in lines]
    except csv.Error:
        return dialect
    return replace(dialect, decimal=_decimal(dialect, rows))


def _quote(lines: Sequence[str]) -> str:
    """The single quote where it encloses fields of most lines, and no double quote is there; else the double quote."""
    enclosed = [re.search(r"(?:^|[\t;|, ])'[^']*'(?:$|[\t;|, ])", line) for line in lines]
    single = not any('"' in line for line in lines) and sum(map(bool, enclosed)) > len(lines) // 2
    return "'" if single else '"'


def _decimal(dialect: Dialect, rows: Sequence[Sequence[str]]) -> str:
    """The decimal comma where numbers have one, and none has a point."""
    fields = [field for row in rows for field in row]
    commas = dialect.delimiter != "," and any(DECIMAL_COMMA.fullmatch(field) for field in fields)
    return "," if commas and not any(DECIMAL_POINT.fullmatch(field) for field in fields) else "."
