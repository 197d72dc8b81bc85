"""How the terms of an exact sum lie in memory: parts, rows of parts, and chunks that fit in the cache. All local."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

CHUNK = 16384  # numbers handled at a time: the second-level cache, not the memory, carries the passes over them

Part = int | tuple[int, int]  # its length, or its shape where each row has an exponent of its own


class Chunk(NamedTuple):
    """A slice of the sum that fits in the cache: within one row, or the rest of a row and some whole ones.

    place: the slice. rows: those that it touches; starts: where each of them begins within it. dtype: of its numbers in
    a term; source: their slice there, the term seen as that dtype. row: for each number the row that it is in, of
    `shape` or broadcast to it: what a chunk within one row, or of rows of one length, need not read.
    """

    place: slice
    rows: slice
    starts: np.ndarray
    dtype: np.dtype
    source: slice
    row: np.ndarray
    shape: tuple[int, ...]

    def of(self, term: np.ndarray) -> np.ndarray:
        """Its numbers in a term."""
        return term.view(self.dtype)[self.source]


class Layout:
    """Where the numbers of a term are. A term is kept as float64 (width,), in which other numbers lie: see `head`.

    parts: of a term. dtype: float64 or float32. tail: whether there is one more part, one number, float64 whatever the
    dtype. heights: rows of each part. lengths: of each row. first: where rows begin, and the end. narrow: the number of
    rows of dtype, the first ones. tail_at: where the others begin, in bytes.
    """

    def __init__(self, parts: Sequence[Part], dtype: DTypeLike, tail: bool):
        self.dtype = np.dtype(dtype)
        shapes = [(1, part) if isinstance(part, int) else part for part in parts] + [(1, 1)] * tail
        self.heights = np.array([height for height, _ in shapes])
        self.lengths = np.repeat([length for _, length in shapes], self.heights)
        self.first = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.intp)
        self.size = int(self.first[-1])
        self._first_rows = np.cumsum(self.heights) - self.heights
        self._head = self.size - tail
        self.tail_at = -(-self._head * self.dtype.itemsize // 8) * 8
        self.width = self.tail_at // 8 + tail
        self.narrow = len(self.lengths) if self.dtype == np.float64 else len(self.lengths) - tail
        self.chunks = _chunks(self.first[: self.narrow + 1], self.dtype)
        if self.narrow < len(self.lengths):
            self.chunks += _chunks(self.first[self.narrow :], np.dtype(np.float64), self.narrow, self.tail_at // 8)

    def head(self, term: np.ndarray) -> np.ndarray:
        """The numbers of a term that are of dtype, but for the tail."""
        return term.view(self.dtype)[: self._head]

    def of_parts(self, largest: np.ndarray) -> np.ndarray:
        """The largest number of each part, from those of each row."""
        return np.maximum.reduceat(largest, self._first_rows)

    def numbers(self, of_parts: np.ndarray) -> np.ndarray:
        """What there is for each part, for each number of the sum."""
        return np.repeat(np.repeat(of_parts, self.heights), self.lengths)


def _chunks(first: np.ndarray, dtype: np.dtype, row: int = 0, source: int = 0) -> list[Chunk]:
    """Cut rows, which begin at `first`, into chunks. row: number of the first; source: where it begins in a term."""
    cut, start, end = [], int(first[0]), int(first[-1])
    source -= start
    while start < end:
        low = int(np.searchsorted(first, start, "right")) - 1
        high = int(np.searchsorted(first, start + CHUNK, "right")) - 1  # the rows before this end within the chunk
        stop = int(first[high]) if high > low else start + CHUNK
        high = max(high, low + 1)
        starts, rows = np.maximum(first[low:high] - start, 0), slice(row + low, row + high)
        of_numbers, shape = _rows_of_numbers(rows, np.diff(starts, append=stop - start))
        cut.append(
            Chunk(slice(start, stop), rows, starts, dtype, slice(source + start, source + stop), of_numbers, shape)
        )
        start = stop
    return cut


def _rows_of_numbers(rows: slice, lengths: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """`row` and `shape` of a chunk in which the rows have these lengths."""
    numbers, length = np.arange(rows.start, rows.stop), int(lengths[0])
    if len(numbers) == 1:
        return numbers, (length,)
    if (lengths == length).all():
        return numbers[:, None], (len(numbers), length)
    return np.repeat(numbers, lengths), (int(lengths.sum()),)
