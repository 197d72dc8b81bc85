"""Records of a text table to columns, field by field: slow, and it says in words what is wrong."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Sequence

import numpy as np

from distnn.data.tables.dialect import Dialect
from distnn.data.tables.parse import Values, Wanted
from distnn.data.tables.source import quoted
from distnn.errors import UserError

TOGETHER = re.compile(r"\s*[+-]?\d*\.\d+(\s*[+-]?\d*\.\d+)*([+-]\d*\.\d+)(\s*[+-]?\d*\.\d+)*\s*")


def parse_fields(
    records: Sequence[bytes], dialect: Dialect, columns: Sequence[str], wanted: Wanted, where: Callable[[int], str]
) -> Values:
    """What `Parser` gives, of any records; UserError for the first bad one, and in it the first bad column. Local.

    where: the place of a record, by its number among these, in words.
    """
    values = np.empty((len(records), len(wanted.numbers)))
    texts: list[list[str]] = [[] for _ in wanted.words]
    for i, record in enumerate(records):
        fields = _split(record, dialect, lambda i=i: where(i))  # type: ignore[misc]
        if len(fields) != len(columns):
            found = f"{len(fields)} {'field' if len(fields) == 1 else 'fields'}"
            hint = _misfit(fields, len(columns), dialect)
            raise UserError(f"{where(i)} has {found} where {len(columns)} belong: {hint}.")
        for column in sorted({*wanted.numbers, *wanted.words}):
            if wrong := _wrong(fields[column], column in wanted.numbers, dialect, wanted):
                raise UserError(f"{where(i)}, column {columns[column]}: {wrong}.")
        for k, column in enumerate(wanted.numbers):
            number = None if fields[column] in wanted.gaps else dialect.number(fields[column])
            values[i, k] = np.nan if number is None else number
        for k, column in enumerate(wanted.words):
            texts[k].append("" if fields[column] in wanted.gaps else fields[column])
    if wanted.missing is not None:
        wanted.missing.erase(values)
    return values, [np.array(text, str) for text in texts]


def _split(record: bytes, dialect: Dialect, where: Callable[[], str]) -> list[str]:
    try:
        text = record.decode().replace("\r\n", "\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UserError(f"{where()} is not UTF-8 text: say what it is with --encoding.") from error
    if not text.strip():
        raise UserError(f"{where()} is empty; remove it.")
    if "\r" in text:
        raise UserError(f"{where()} has a carriage return inside; remove it.")
    try:
        return dialect.split(text)
    except csv.Error as error:
        raise UserError(
            f"{where()} cannot be cut into fields ({error}); close its quotes, or write a quote inside a field twice."
        ) from error


def _misfit(fields: Sequence[str], width: int, dialect: Dialect) -> str:
    """What to do about a row with another number of fields than there are columns."""
    if len(fields) > width:
        mark = "a space" if dialect.delimiter is None else quoted(dialect.delimiter)
        return f"put a field with {mark} inside in quotes, or correct the row"
    if any(TOGETHER.fullmatch(field) for field in fields):
        return "numbers run together in it; write them with more room"
    if len(fields) == 1 and dialect.number(fields[0]) is None:
        return "remove it if it is a remark, or begin it with #"
    return "a row has a field for each column, which is empty if there is no value"


def _wrong(field: str, as_number: bool, dialect: Dialect, wanted: Wanted) -> str | None:
    """What is wrong with a field, or None."""
    if field in wanted.gaps:
        return None
    if not field:
        return "the field is empty; fill it in or leave the row out"
    if not as_number:
        return None
    number = dialect.number(field)
    if number is None:
        hint = ""
        if "," in field and dialect.decimal == ".":
            hint = "; a comma is no decimal point here, unless --decimal , says so, and groups of digits have no mark"
        if "." in field and dialect.decimal == ",":
            hint = (
                "; this table has decimal commas, unless --decimal . says otherwise, and groups of digits have no mark"
            )
        return f"{quoted(field)} stands where a number belongs{hint if field[-1].isdigit() else ''}"
    if math.isinf(number) or (wanted.missing is None and math.isnan(number)):
        return f"{quoted(field)} is not a finite number; replace it or leave the row out"
    return None
