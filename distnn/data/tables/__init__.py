"""Data sets: tables that give their rows by number, so that each rank reads only its own.

To add a format, write a function that opens a file as a `Source` and enter it in FORMATS.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from distnn.data.tables.arrays import ArraySource
from distnn.data.tables.exclusive_or import ExclusiveOr
from distnn.data.tables.npy import open_npy
from distnn.data.tables.npz import open_npz
from distnn.data.tables.source import Source, column_numbers, quoted
from distnn.data.tables.text import open_text
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

__all__ = ["FORMATS", "KNOWN_FORMATS", "ArraySource", "ExclusiveOr", "Source", "column_numbers", "open_source"]

# By the ending of the file's name: open(path, ranks, header=...) is collective and gives a Source.
FORMATS: dict[str, Callable[..., Source]] = {
    ".csv": open_text,
    ".tsv": open_text,
    ".txt": open_text,
    ".npy": open_npy,
    ".npz": open_npz,
}
KNOWN_FORMATS = f"{', '.join([*FORMATS][:-1])} or {[*FORMATS][-1]}"  # for messages


def open_source(path: str | None, ranks: Ranks, *, seed: int = 0, n: int = 1000, header: bool | None = None) -> Source:
    """The table in a file, or the built-in exclusive-or with n rows where path is None. Collective.

    header: whether a text table begins with a line of names; None: judged by its look. UserError on all ranks.
    """
    if path is None:
        return ExclusiveOr(n, seed)
    ending = PurePath(path).suffix.lower()
    if ending not in FORMATS:
        raise UserError(
            f"{path} ends with {quoted(ending)}, which is no known format; the known ones are {', '.join(FORMATS)}."
        )
    return FORMATS[ending](path, ranks, header=header)
