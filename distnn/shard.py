"""Which rows of D make a block, and which rank owns it.

Where blocks begin depends on n, the architecture and the dtype only, never on P: the bits of every block's
gradient are then the same for every P.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

CACHE_BYTES = 640 << 10  # a block's x, δ and θ' should stay in a core's second-level cache (1 MiB or more)
WORK_BYTES = 64 << 20  # and never take more memory than this
FEWEST, MOST = 512, 2048


class Cut(NamedTuple):
    """D cut into blocks: `rows` rows each, the last one shorter; `count` blocks."""

    n: int
    rows: int
    count: int  # type: ignore[assignment]  # hides a method of tuple

    def bounds(self, block: int) -> tuple[int, int]:
        """The first row of the block, and the one after its last."""
        return block * self.rows, min((block + 1) * self.rows, self.n)

    def owned(self, rank: int, size: int) -> range:
        """The blocks of one rank: consecutive, equal in number up to one; none where P > count."""
        return range(rank * self.count // size, (rank + 1) * self.count // size)

    def rows_owned(self, rank: int, size: int) -> tuple[int, int]:
        """The rows [start, stop) of one rank."""
        blocks = self.owned(rank, size)
        return min(blocks.start * self.rows, self.n), min(blocks.stop * self.rows, self.n)


def cut(n: int, d: Sequence[int], dtype: DTypeLike) -> Cut:
    """Cut n rows into blocks for the layers d, counted without the output layer.

    The output layer is left out because the number of classes is known only once the rows are read. docs/blocks.md
    has the measurements.
    """
    widths = list(d)
    column = np.dtype(dtype).itemsize * (widths[0] + sum(3 * width for width in widths[1:]))
    weights = sum((below + 1) * above for below, above in pairwise(widths))
    fits = CACHE_BYTES // column
    # A wide network's blocks cannot stay in the cache; they are long, so that summing |W| numbers a block stays cheap.
    rows = MOST if weights > 64 * sum(widths) else min(max(fits, FEWEST), MOST)
    rows = max(1, min(rows, WORK_BYTES // column))
    count = max(1, -(-n // rows))
    if count > 8:
        count = -(-count // 8) * 8  # the same number of blocks for each of 2, 4 or 8 ranks
    rows = max(1, -(-n // count))
    return Cut(n, rows, -(-n // rows))
