"""Where the lines of a large text file begin, known without having stored it for every line.

The file is cut into segments. Each rank counts the line breaks of its own segments; together they know how
many lines begin before each segment, and a row is found by looking at one segment only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from distnn.errors import UserError

SEGMENT = 1 << 22  # bytes
PIECE = 1 << 20  # bytes of text parsed at a time
LONGEST_LINE = 1 << 26  # bytes


def count_breaks(stream: BinaryIO, start: int, stop: int, rank: int, size: int) -> np.ndarray:
    """The line breaks in each of this rank's segments of the bytes [start, stop), as an int64 vector. Local."""
    segments = -(-(stop - start) // SEGMENT)
    mine = range(rank * segments // size, (rank + 1) * segments // size)
    counts = np.zeros(len(mine), np.int64)
    for i, segment in enumerate(mine):
        low = start + segment * SEGMENT
        stream.seek(low)
        counts[i] = stream.read(min(SEGMENT, stop - low)).count(b"\n")
    return counts


class LineIndex:
    """The rows of a text file, one a line, in the bytes [start, stop), of which `stop` ends the last row.

    breaks: the line breaks in each segment, replicated. All methods are local.
    """

    def __init__(self, path: str, start: int, stop: int, breaks: np.ndarray):
        self.path, self.start, self.stop = path, start, stop
        self.breaks_before = np.concatenate([[0], np.cumsum(breaks)])
        self.n = int(self.breaks_before[-1]) + 1
        self._next = (0, start)  # a row and the byte where it begins: reading on needs no search

    def pieces(self, stream: BinaryIO, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
        """Rows [start, stop) in pieces of whole lines: the number of the first row, and the text."""
        row, position = start, self.find(stream, start)
        mean = (self.stop - self.start) // self.n + 1
        while row < stop:
            size = min(PIECE, 4096 + mean * (stop - row) * 9 // 8)
            data, ends = self._lines(stream, row, position, size)
            ends = ends[: stop - row]
            yield row, data[: ends[-1]]
            row += len(ends)
            position += int(ends[-1]) + 1
            self._next = (row, position)

    def find(self, stream: BinaryIO, row: int) -> int:
        """The byte where a row begins."""
        if row == 0:
            return self.start
        if row == self._next[0]:
            return self._next[1]
        segment = int(np.searchsorted(self.breaks_before, row)) - 1
        low = self.start + segment * SEGMENT
        stream.seek(low)
        ends = line_ends(stream.read(min(SEGMENT, self.stop - low)))
        found = row - int(self.breaks_before[segment]) - 1
        if found >= len(ends):
            raise UserError(f"{self.path} was changed while it was being read.")
        return low + int(ends[found]) + 1

    def _lines(self, stream: BinaryIO, row: int, position: int, size: int) -> tuple[bytes, np.ndarray]:
        """Some `size` bytes from `position`, more if needed for one line, and where lines end in them."""
        while True:
            stream.seek(position)
            data = stream.read(min(size, self.stop - position))
            ends = line_ends(data)
            if position + len(data) == self.stop:
                ends = np.append(ends, len(data))
            if len(ends):
                return data, ends
            if size >= LONGEST_LINE:
                raise UserError(f"{self.path}: row {row} is longer than {size >> 20} MiB.")
            size *= 4


def line_ends(data: bytes) -> np.ndarray:
    """The places of the line breaks in some text."""
    return np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
