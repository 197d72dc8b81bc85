"""NumPy's .npy files, memory-mapped."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

import numpy as np

from distnn.data.tables.files import DataFile, open_file
from distnn.data.tables.parts import PartsSource, check_dtype, check_shape
from distnn.errors import UserError
from distnn.parallel.ranks import Ranks

LONGEST_HEADER = 1 << 16  # bytes; a real one has about 128


@dataclass(frozen=True)
class Header:
    """What a .npy file says about its array: a vector counts as one column."""

    n: int
    width: int
    dtype: np.dtype
    fortran: bool  # column after column
    offset: int  # bytes before the first number


def read_header(stream: IO[bytes], size: int, what: str, words: bool) -> Header:
    """The header at the stream's position, where an array takes `size` bytes. Local; the stream moves on.

    what: the array's name for messages; words: whether it may hold strings. UserError for a damaged header,
    a type or shape that is no table, and an array that would be longer than the file.
    """
    data = io.BytesIO(stream.read(min(size, LONGEST_HEADER)))
    readers: dict[tuple[int, int], Callable] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(data)
        # Version 3 differs from 2 in the names of a record's fields only, and records are refused.
        shape, fortran, dtype = readers.get(version, np.lib.format.read_array_header_2_0)(data)
    except Exception as error:  # whatever a damaged header makes NumPy's parser raise
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise UserError(f"{what} is damaged or not in NumPy's format: {reason}.") from error
    check_dtype(dtype, what, words)
    n, width = check_shape(shape, what)
    if n < 0 or width < 0 or dtype.itemsize == 0 or n * width * dtype.itemsize > size - data.tell():
        raise UserError(f"{what} is damaged or cut short: {n} rows of {width} columns need more than its {size} bytes.")
    return Header(n, width, dtype, fortran, data.tell())


class MappedPart:
    """An array stored as it is inside a file, mapped into memory while rows are copied from it."""

    def __init__(self, file: DataFile, header: Header, columns: tuple[str, ...], offset: int = 0):
        self.columns, self.dtype, self.words = columns, header.dtype, True
        self._file, self._header, self._offset = file, header, offset + header.offset

    def rows(self, start: int, stop: int) -> np.ndarray:
        header = self._header
        offset, shape, rows = self._offset, (header.n, header.width), slice(start, stop)
        if not header.fortran:  # these rows alone, since a process may be allowed less memory than the file is long
            offset += start * header.width * header.dtype.itemsize
            shape, rows = (stop - start, header.width), slice(None)
        if start == stop:
            return np.empty((0, header.width), header.dtype)
        with self._file.open() as stream:
            order = "F" if header.fortran else "C"
            array = np.memmap(stream, header.dtype, "r", offset, shape, order)  # type: ignore[call-overload]
            return np.array(array[rows])


def open_npy(path: str, ranks: Ranks, *, header: bool | None = None) -> PartsSource:
    """The one- or two-dimensional array in a .npy file. Collective. header: for text tables only."""
    file = open_file(path, ranks)
    with ranks.sharing_errors(), file.open() as stream:
        found = read_header(stream, file.size, path, words=True)
    columns = tuple(map(str, range(found.width)))
    return PartsSource(path, found.n, [MappedPart(file, found, columns)], [found.width - 1], named=False)
