"""NumPy's .npz archives: X, Y and weights, or one table. Read by rows, never as a whole."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

import numpy as np

from distnn.data.tables.files import DataFile, open_file
from distnn.data.tables.npy import Header, MappedPart, read_header
from distnn.data.tables.parts import Part, PartsSource, column_names
from distnn.data.tables.source import listed, quoted
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

MOST_INFLATION = 1032  # deflate cannot do better
SKIP = 1 << 20  # bytes decompressed at a time on the way to the wanted ones
LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a zip member: signature, ..., lengths of its name and extra field
ROLES = {"X": "X", "x": "X", "Y": "Y", "y": "Y", "weights": "weights"}


def open_npz(path: str, ranks: Ranks, *, header: bool | None = None) -> PartsSource:
    """The arrays X (n × d^(0)), Y (n or n × d^(L)) and weights (n) of a .npz file, or its only array. Collective.

    Y and weights may be missing, Y may hold words. header: for text tables only.
    """
    file = open_file(path, ranks)
    with ranks.sharing_errors():
        return _open_archive(file)


def _open_archive(file: DataFile) -> PartsSource:
    with file.open() as stream, _damaged(file.path), zipfile.ZipFile(stream) as archive:
        held = archive.namelist()
        if held and not any(name.endswith(".npy") for name in held):
            raise UserError(f"{file.path} is a zip archive of {listed(held)}: unpack it, and name what was in it.")
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        chosen = _choose(file.path, list(members))
        found = {role: _open_member(file, stream, archive, members[name], name) for role, name in chosen.items()}
    lengths = {header.n for header, _ in found.values()}
    if len(lengths) > 1:
        rows = ", ".join(f"{chosen[role]} has {header.n}" for role, (header, _) in found.items())
        raise UserError(f"{file.path}: all arrays must have the same number of rows, but {rows}.")
    widths = {role: header.width for role, (header, _) in found.items()}
    if widths.get("weights", 1) != 1:
        raise UserError(f"{file.path}, array weights has {widths['weights']} columns; it must have one.")
    if "table" in found:
        targets = range(widths["table"] - 1, widths["table"])
    else:
        targets = range(widths["X"], widths["X"] + widths.get("Y", 0))
    parts = [part for _, part in found.values()]
    source = PartsSource(file.path, lengths.pop(), parts, targets, named="table" not in found)
    if left := sorted(set(members) - set(chosen.values())):
        source.notes = (f"it also holds {listed(left)}: left out",)
    return source


def _choose(path: str, names: list[str]) -> dict[str, str]:
    """Which array plays which role: X, Y and weights, or table for one that stands alone."""
    chosen: dict[str, str] = {}
    for name, role in ROLES.items():
        if name in names and role in chosen:
            raise UserError(f"{path} holds both {chosen[role]} and {name}; leave one of them out.")
        if name in names:
            chosen[role] = name
    if "X" in chosen:
        return chosen
    if len(names) == 1 and not chosen:
        return {"table": names[0]}
    held = f"the arrays {listed(map(quoted, sorted(names)))}" if names else "no arrays"
    raise UserError(f"{path} holds {held}; it must hold X and Y (and, if wanted, weights), or one table.")


def _open_member(
    file: DataFile, stream: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str
) -> tuple[Header, Part]:
    """One array of the archive: its header, and a way to its rows."""
    what = f"{file.path}, array {name}"
    role = ROLES.get(name)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UserError(f"{what} is compressed in an unusual way; write it with numpy.savez_compressed.")
    stored, offset = info.compress_type == zipfile.ZIP_STORED, _member_offset(stream, info)
    held = info.file_size if stored else info.compress_size
    if offset + held > file.size or info.file_size > MOST_INFLATION * (held + 1):
        raise UserError(f"{what} is damaged or cut short: the file cannot hold its {info.file_size} bytes.")
    with archive.open(info) as member:
        header = read_header(member, info.file_size, what, words=role in ("Y", None))
    if role is None:
        columns = tuple(map(str, range(header.width)))
    else:
        columns = ("weights",) if role == "weights" else column_names(role.lower(), header.width)
    if stored:
        return header, MappedPart(file, header, columns, offset)
    return header, CompressedPart(file, info, what, header, columns)


def _member_offset(stream: BinaryIO, info: zipfile.ZipInfo) -> int:
    """The byte where a member's data begin, compressed or not."""
    stream.seek(info.header_offset)
    signature, name, extra = LOCAL_HEADER.unpack(stream.read(LOCAL_HEADER.size))
    if signature != b"PK\3\4":
        raise zipfile.BadZipFile("a member is not where the directory says")
    return info.header_offset + LOCAL_HEADER.size + int(name) + int(extra)


@contextmanager
def _damaged(path: str) -> Iterator[None]:
    """UserError for whatever a damaged or encrypted archive makes zipfile and zlib raise."""
    try:
        yield
    except UserError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        KeyError,
    ) as error:
        raise UserError(f"{path} is damaged or not a .npz file: {str(error) or 'its data end too early'}.") from error


class CompressedPart:
    """A compressed array: the stream is decompressed up to the rows that are wanted, and only these are kept.

    Reading on from where the last read ended continues the stream; reading from further back starts it again.
    A Fortran-ordered array takes one pass over the stream for every read.
    """

    def __init__(self, file: DataFile, info: zipfile.ZipInfo, what: str, header: Header, columns: tuple[str, ...]):
        self.columns, self.dtype, self.words = columns, header.dtype, True
        self._file, self._info, self._what, self._header = file, info, what, header
        self._member: IO[bytes] | None = None

    def rows(self, start: int, stop: int) -> np.ndarray:
        header, size = self._header, self.dtype.itemsize
        with self._file.open(), _damaged(self._what):
            if header.fortran:
                parts = [self._bytes((c * header.n + start) * size, (stop - start) * size) for c in range(header.width)]
                return np.stack([np.frombuffer(part, self.dtype) for part in parts], axis=1)
            row = header.width * size
            return np.frombuffer(self._bytes(start * row, (stop - start) * row), self.dtype).reshape(-1, header.width)

    def _bytes(self, start: int, count: int) -> bytes:
        """`count` bytes of the array from `start` on."""
        start += self._header.offset
        if self._member is None:
            self._member = zipfile.ZipFile(self._file.path).open(self._info)  # noqa: SIM115 - kept to read on
        if self._member.tell() > start:
            self._member.seek(0)
        while skip := start - self._member.tell():
            if not self._member.read(min(skip, SKIP)):
                break
        data = self._member.read(count)
        if len(data) < count:
            raise EOFError("the data end too early")
        return data
