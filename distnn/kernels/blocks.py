"""Blocks of D: what one holds, which rows make one, and which rank owns it.

Where blocks begin depends on n, the architecture, the dtype, the optimizer and whether a GPU computes, never on P: the
bits of every block's gradient are then the same for every P.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from distnn.kernels.memory import is_in_rows, rows_at

# Measured; docs/blocks.md has the tables.
CACHE_BYTES = 704 << 10  # x, δ and θ' of a narrow network's block stay in a core's second-level cache, 1 MiB or more
FEWEST_BYTES = 8000  # but a block has this much of each unit (1,000 float64): summing |W| numbers a block stays cheap
MANY = 64  # where there are more blocks than this, they grow, so that their calls cost less,
LONG_BYTES = 4 << 20  # up to what the third-level cache holds for each core
MOST = 8192  # the calls of a block cost little beside the work on this many rows
SHARED = 2048  # where there are fewer than MANY blocks, they have at most this many rows, to be shared out
WORK_BYTES = 64 << 20  # and never takes more memory than this
SHARES = (8, 4, 2)  # few blocks become as many as this, to be shared out evenly,
LOSS = 0.03  # where that costs one rank no larger share of its time
NARROW, PANEL_BYTES = 128, 256  # compiled code takes such panels of columns through layers up to this width,
WIDE_PANEL_BYTES = 128  # and such ones through wider ones
KEPT_BYTES = 64 << 20  # for what is made of blocks once for several sums of second order
# Of a GPU, for which a block is a dozen calls of some microseconds, however few its rows. Predicted, not measured.
GPU_SHARES = 8  # blocks at least, to be shared out,
GPU_FEWEST, GPU_MOST = 1024, 1 << 18  # unless they had fewer rows than this; so many keep its memory busy,
GPU_WORK_BYTES = 256 << 20  # x, δ and θ' of which take about this much of its memory
GPU_TILE = 128  # rows that a GPU's products take at a time


class Arrays(NamedTuple):
    """Those of a block."""

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None


class Block(Arrays):
    """Consecutive rows of D as columns. Local.

    x: x^(0), (d^(0)+1) × rows, row 0 of ones; y: d^(L) × rows; weights: (rows,) or None for all one.
    Of the same block an iteration asks for the same addresses again, so they are kept.
    """

    def __reduce__(self) -> tuple[type[Block], tuple[np.ndarray | None, ...]]:  # a copy has other addresses
        return Block, tuple(self)

    @cached_property
    def kind(self) -> tuple[int, int, np.dtype] | None:
        """The rows of x and of y, and the dtype of all; None if compiled code cannot read these arrays as they lie."""
        x, y, weights = self
        fits = weights is None or (weights.dtype == x.dtype and weights.flags.c_contiguous)
        return (len(x), len(y), x.dtype) if fits and all(is_in_rows(a, x.dtype) for a in (x, y)) else None

    @cached_property
    def places(self) -> tuple[int | None, int, int | None, int, int | None, int]:
        """Where x begins, and from one row to the next; the same of y; where weights begin, if any; the columns."""
        return *rows_at(self.x), *rows_at(self.y), rows_at(self.weights)[0], self.x.shape[1]


class Cut(NamedTuple):
    """D cut into `count` blocks, as even as they can be of whole units, `unit` rows each. The last unit may be shorter.

    A unit is what compiled code takes at once, filled or not: ranks with as many blocks have the same work, up to one.
    """

    n: int
    unit: int
    count: int  # type: ignore[assignment]  # hides a method of tuple

    @property
    def rows(self) -> int:
        """Rows of the longest block, or 1."""
        return max(1, min(-(-self._units // max(1, self.count)) * self.unit, self.n))

    @property
    def fewest(self) -> int:
        """Rows of the first block; the last one alone may be shorter. A cut is known by them in records.

        Older versions made all blocks but the last one equal, so where they say the same number it is the same cut.
        """
        return self._start(1) if self.count else 1

    @property
    def _units(self) -> int:
        return -(-self.n // self.unit)

    def _start(self, block: int) -> int:
        """Where it begins; of `count`: where D ends."""
        return min(block * self._units // max(1, self.count) * self.unit, self.n)

    def bounds(self, block: int) -> tuple[int, int]:
        """The first row of the block, and the one after its last."""
        return self._start(block), self._start(block + 1)

    def owned(self, rank: int, size: int) -> range:
        """The blocks of one rank: consecutive, equal in number up to one; none where P > count."""
        return range(rank * self.count // size, (rank + 1) * self.count // size)

    def rows_owned(self, rank: int, size: int) -> tuple[int, int]:
        """The rows [start, stop) of one rank."""
        blocks = self.owned(rank, size)
        return self._start(blocks.start), self._start(blocks.stop)


def cut(n: int, d: Sequence[int], dtype: DTypeLike, squares: bool = False) -> Cut:
    """Cut n rows into blocks for the layers d, counted without the output layer.

    The output layer is left out because the number of classes is known only once the rows are read. squares: whether
    the optimizer has JᵀJ made, of |W|² numbers, so that a row is more work.
    """
    widths, itemsize = list(d), np.dtype(dtype).itemsize
    column = itemsize * (sum(widths) + widths[-1])
    few = max(CACHE_BYTES // column, FEWEST_BYTES // itemsize)
    most = min(max(few, LONG_BYTES // column), MOST, WORK_BYTES // column)
    rows = max(1, min(max(min(few, SHARED), n // MANY), most))
    count = max(1, -(-n // rows))
    if count > 8:
        count = -(-count // 8) * 8  # about the same number of blocks for each of 2, 4 or 8 ranks
    else:
        spare = LOSS * n / overhead(widths, itemsize, squares)  # blocks
        count = next((share for share in SHARES if count < share <= count + spare), count)
        if count == 5 and -(-n // 4) <= few:
            count = 4
    return _even(n, (PANEL_BYTES if max(widths) <= NARROW else WIDE_PANEL_BYTES) // itemsize, count)


def gpu_cut(n: int, d: Sequence[int], dtype: DTypeLike) -> Cut:
    """The same for a GPU: longer blocks, whatever the optimizer."""
    column = np.dtype(dtype).itemsize * (sum(d) + d[-1])
    most = max(1, min(GPU_MOST, GPU_WORK_BYTES // column))
    count = max(1, -(-n // min(max(-(-n // GPU_SHARES), GPU_FEWEST), most)))
    if count > GPU_SHARES:
        count = -(-count // GPU_SHARES) * GPU_SHARES
    return _even(n, GPU_TILE, count)


def _even(n: int, unit: int, count: int) -> Cut:
    """So many blocks, if there is a unit of rows for each."""
    return Cut(n, unit, min(count, -(-n // unit)))


def overhead(d: Sequence[int], itemsize: int, squares: bool) -> float:
    """How many rows take as long as what is done once for a block: calls, and summing its gradient or JᵀJ. Measured."""
    weights = sum((below + 1) * above for below, above in pairwise((*d, 1)))
    if squares:
        return (28e6 + 200 * weights**2) / (itemsize / 8 * (2.6 * weights**2 + 320 * weights))
    sums = 15 if itemsize == 8 else 50
    return sums + 1.4e6 / (itemsize * (weights + 12 * sum(d)))
