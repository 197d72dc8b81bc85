"""Data sets: tables that give their rows by number, so that each rank reads only its own.

To add a format, write a function that opens a file as a `Source` and enter it in FORMATS.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath

from distnn.data.tables.arrays import ArraySource
from distnn.data.tables.chain import Chain, is_many, open_many
from distnn.data.tables.columnar import open_arrow, open_parquet
from distnn.data.tables.exclusive_or import ExclusiveOr
from distnn.data.tables.files import open_file
from distnn.data.tables.foreign import refuse_ending
from distnn.data.tables.forms import COMPRESSED
from distnn.data.tables.hdf import open_hdf5, split_path
from distnn.data.tables.npy import open_npy
from distnn.data.tables.npz import open_npz
from distnn.data.tables.source import NoRows, Source, column_numbers
from distnn.data.tables.stdin import open_stdin
from distnn.data.tables.text import open_text
from distnn.data.tables.written import AS_IT_LOOKS, Written
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

__all__ = [
    "FORMATS",
    "KNOWN_FORMATS",
    "ArraySource",
    "Chain",
    "ExclusiveOr",
    "Source",
    "Written",
    "column_numbers",
    "open_source",
]

STDIN = "-"  # as a path
# By the ending of the file's name: open(path, ranks, header=...) is collective and gives a Source.
FORMATS: dict[str, Callable[..., Source]] = {
    ".csv": open_text,
    ".tsv": open_text,
    ".txt": open_text,
    ".dat": open_text,
    ".data": open_text,
    ".npy": open_npy,
    ".npz": open_npz,
    ".parquet": open_parquet,
    ".arrow": open_arrow,
    ".feather": open_arrow,
    ".h5": open_hdf5,
    ".nc": open_hdf5,
}
KNOWN_FORMATS = f"{', '.join([*FORMATS][:-1])} or {[*FORMATS][-1]}"  # for messages
# Files of other names are known by their first bytes; what none of these begins is text.
MAGIC: dict[bytes, Callable[..., Source]] = {
    b"\x93NUMPY": open_npy,
    b"PK\3\4": open_npz,
    b"PAR1": open_parquet,
    b"ARROW1": open_arrow,
    b"\x89HDF\r\n": open_hdf5,
}


def open_source(
    path: str | None,
    ranks: Ranks,
    *,
    seed: int = 0,
    n: int = 1000,
    header: bool | None = None,
    written: Written = AS_IT_LOOKS,
) -> Source:
    """The table in a file, in several ones, or the built-in exclusive-or with n rows where path is None. Collective.

    path: of a file; of a folder, or a pattern with *, ? or [], whose files make one table; of an HDF5 file with a colon
    and what is meant in it; -, for text on stdin. header: whether a text table begins with a line of names; None:
    judged by its look. written: what else is known of how a text table is written. UserError on all ranks.
    """
    if path is None:
        return ExclusiveOr(n, seed)
    if path == STDIN:
        return open_stdin(ranks, header=header, written=written)
    many = None
    with ranks.sharing_errors():
        many = ranks.rank == 0 and is_many(split_path(path)[0])
    if ranks.broadcast(many):
        return open_many(path, ranks, partial(_open_file, written=written), header)
    return _open_file(path, ranks, header=header, written=written)


def _open_file(path: str, ranks: Ranks, *, header: bool | None, written: Written = AS_IT_LOOKS) -> Source:
    """The table in one file. Collective. NoRows, on all ranks, where it has none."""
    reader = _reader(path, ranks)
    more = {"written": written} if reader is open_text else {}
    source = reader(path, ranks, header=header, **more)
    if source.n == 0:
        raise NoRows(f"{path} has no rows.", source.columns)
    return source


def _reader(path: str, ranks: Ranks) -> Callable[..., Source]:
    """What reads a file, by its name, or else by what it holds. Collective."""
    if split_path(path)[1]:
        return open_hdf5
    name = PurePath(path)
    ending = name.suffix.lower()
    if ending in COMPRESSED:
        inner = name.with_suffix("").suffix.lower()
        if FORMATS.get(inner, open_text) is not open_text:
            raise UserError(f"{path} is compressed; decompress it first. Only text is read from a compressed file.")
        return open_text
    refuse_ending(path, ending, ", ".join(FORMATS))
    if ending in FORMATS:
        return FORMATS[ending]
    file = open_file(path, ranks)
    start = b""
    with ranks.sharing_errors():
        if ranks.rank == 0:
            with file.open() as stream:
                start = stream.read(8)
    start = ranks.broadcast(start)
    return next((reader for magic, reader in MAGIC.items() if start.startswith(magic)), open_text)
