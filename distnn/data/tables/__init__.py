"""Data sets: tables that give their rows by number, so that each rank reads only its own.

To add a format, write a function that opens a file as a `Source` and enter it in FORMATS.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from distnn.data.tables.arrays import ArraySource
from distnn.data.tables.exclusive_or import ExclusiveOr
from distnn.data.tables.files import open_file
from distnn.data.tables.forms import COMPRESSED
from distnn.data.tables.npy import open_npy
from distnn.data.tables.npz import open_npz
from distnn.data.tables.source import Source, column_numbers
from distnn.data.tables.text import open_text
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

__all__ = ["FORMATS", "KNOWN_FORMATS", "ArraySource", "ExclusiveOr", "Source", "column_numbers", "open_source"]

# By the ending of the file's name: open(path, ranks, header=...) is collective and gives a Source.
FORMATS: dict[str, Callable[..., Source]] = {
    ".csv": open_text,
    ".tsv": open_text,
    ".txt": open_text,
    ".dat": open_text,
    ".data": open_text,
    ".npy": open_npy,
    ".npz": open_npz,
}
KNOWN_FORMATS = f"{', '.join([*FORMATS][:-1])} or {[*FORMATS][-1]}"  # for messages
# Files of other names are known by their first bytes; what none of these begins is text.
MAGIC: dict[bytes, Callable[..., Source]] = {b"\x93NUMPY": open_npy, b"PK\3\4": open_npz}
OTHERS = {".xls": "a spreadsheet", ".xlsx": "a spreadsheet", ".ods": "a spreadsheet", ".pkl": "a pickle"}


def open_source(path: str | None, ranks: Ranks, *, seed: int = 0, n: int = 1000, header: bool | None = None) -> Source:
    """The table in a file, or the built-in exclusive-or with n rows where path is None. Collective.

    header: whether a text table begins with a line of names; None: judged by its look. UserError on all ranks.
    """
    if path is None:
        return ExclusiveOr(n, seed)
    name = PurePath(path)
    if name.suffix.lower() in COMPRESSED:
        name = name.with_suffix("")
    ending = name.suffix.lower()
    if ending in OTHERS:
        raise UserError(f"{path} is {OTHERS[ending]}; save it as CSV. The known formats are {', '.join(FORMATS)}.")
    if ending in FORMATS and (FORMATS[ending] is open_text or path.endswith(name.name)):
        return FORMATS[ending](path, ranks, header=header)
    if ending in FORMATS:
        raise UserError(f"{path} is compressed; decompress it first. Only text is read from a compressed file.")
    file = open_file(path, ranks)
    start = b""
    with ranks.sharing_errors():
        if ranks.rank == 0:
            with file.open() as stream:
                start = stream.read(8)
    start = ranks.broadcast(start)
    reader = next((reader for magic, reader in MAGIC.items() if start.startswith(magic)), open_text)
    return reader(path, ranks, header=header)
