"""Columns that a user gives by name, by number, as a range or as a pattern."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from distnn.data.tables import Source, column_numbers
from distnn.data.tables.source import quoted
from distnn.errors import UserError

T = TypeVar("T")


def select(source: Source, wanted: Sequence[str]) -> tuple[int, ...]:
    """The numbers of columns, each once, in the order in which they are wanted. Local.

    Each of `wanted` is a name or number, as for `column_numbers`; a range first:last, both of them included; or a
    pattern with *, ? or [], of names. UserError for what no column is.
    """
    found: dict[int, None] = {}
    for name in wanted:
        found.update(dict.fromkeys(_select(source, name)))
    return tuple(found)


def _select(source: Source, name: str) -> Sequence[int]:
    if name in source.columns:
        return column_numbers(source, [name])
    first, colon, last = name.partition(":")
    if colon and first and last:
        low, high = (column_numbers(source, [end])[0] for end in (first, last))
        if low > high:
            raise UserError(f"{source.path}: in the range {quoted(name)}, the first column stands after the last.")
        return range(low, high + 1)
    if any(letter in name for letter in "*?["):
        found = [j for j, column in enumerate(source.columns) if fnmatchcase(column, name)]
        if not found:
            raise UserError(f"{source.path} has no column whose name is like {quoted(name)}.")
        return found
    return column_numbers(source, [name])


def assigned(source: Source, pairs: Sequence[str], flag: str, value: Callable[[str], T]) -> dict[int, T]:
    """What a user assigns to columns, COLUMN=VALUE each, by number; later ones win. Local.

    value: reads what stands after the =. UserError for what is no such pair; flag: the option, for the message.
    """
    found: dict[int, T] = {}
    for pair in pairs:
        name, equals, text = pair.rpartition("=")
        if not equals or not name:
            raise UserError(f"{flag} {pair}: give COLUMN=VALUE.")
        found.update(dict.fromkeys(_select(source, name), value(text)))
    return found
