"""The exact sum of a symmetric matrix, stripe after stripe of its rows, each number to the rank that holds its tile.

So no rank needs memory for the whole: a reduce-scatter of the integers in the place of the allreduce of an `ExactSum`
of all rows, with the same bits.
"""

from __future__ import annotations

import numpy as np

from distnn.parallel.fixed_point import summable
from distnn.parallel.mpi import MESSAGE
from distnn.parallel.ranks import AnyTerms, Ranks
from distnn.parallel.reduction import ExactSum
from distnn.parallel.symmetric import TILE, Tiling

STRIPE = 1 << 20  # numbers of a stripe that may take memory in any case
COPIES = 8  # of a stripe that there are at a time: its term, product, sums, and what is sent and received
NOTHING = np.empty(0)


class StripeSum(ExactSum):
    """An ExactSum of some rows of the lower triangle, within one row of tiles: of each rank's own tiles, to it alone.

    A term is what `network.second_order.GaussNewton.rows` writes: rows up to the last one's diagonal, and zeros above
    the diagonal, so that each row has the unit that it has among all rows. Memory for numbers is given back after each
    sum; the exponents stay, as a guess for the next.
    """

    def __init__(self, ranks: Ranks, tiling: Tiling, rows: slice, local: int, count: int):
        self.tiling, self.rows = tiling, rows
        super().__init__(ranks, [rows.stop] * (rows.stop - rows.start), local, count)

    def _start(self, local: int) -> None:
        super()._start(local)
        self._give_back()

    def _give_back(self) -> None:
        self.terms, self.heads, self.guess.sum = NOTHING[None], [], NOTHING
        if self.second_guess:
            self.second_guess.sum = NOTHING

    def first(self, term: AnyTerms) -> None:
        self.terms = np.empty((max(1, self.local) if self.keep else 1, self.layout.width))
        self.heads = [self.layout.head(row) for row in self.terms]
        super().first(term)

    def combine(self, ranks: Ranks) -> None:
        """A few rows at a time, so that MPI needs little memory."""
        ranks.sum(self.sum[-2:])
        whole = self.sum[:-2].reshape(-1, self.rows.stop)
        held: list[list[slice]] = [[] for _ in range(ranks.size)]  # the columns of each rank's tiles
        for place, columns in self.tiling.across(self.rows).items():
            held[self.tiling.owner(place)].append(columns)
        mine = [whole[:, columns] for columns in held[ranks.rank]]
        self.own = np.empty(sum(tile.size for tile in mine))
        self.tiles = np.split(self.own, np.cumsum([tile.size for tile in mine])[:-1]) if mine else []
        self.tiles = [own.reshape(tile.shape) for own, tile in zip(self.tiles, mine, strict=True)]
        step = max(1, MESSAGE // self.rows.stop)
        for first in range(0, len(whole), step):
            rows = slice(first, min(first + step, len(whole)))
            parts = [[whole[rows, columns].ravel() for columns in of_rank] for of_rank in held]
            counts = [sum(map(len, part)) for part in parts]
            got = ranks.sum_shared_out(np.concatenate([tile for part in parts for tile in part]), counts)
            for out in self.tiles:
                tile, got = np.split(got, [out[rows].size])
                np.multiply(tile.reshape(out[rows].shape), self.guess.unit[rows, None], out=out[rows])

    def result(self) -> np.ndarray:
        """This rank's tiles of the rows, one after another, as `DistributedMatrix.write` takes them. Local."""
        self.check_count()
        if not self.exponents.all_summable:
            for tile in self.tiles:
                tile[~summable(self.largest, self.bits)] = np.nan
        own, self.own, self.tiles = self.own, NOTHING, []
        self._give_back()
        return own


def stripes(size: int, ranks: int) -> list[slice]:
    """The rows of a matrix of size × size numbers, cut into stripes that lie within rows of tiles.

    As high as they can be, with less memory than the factor, which is not there yet, and a column of tiles will take:
    for each stripe J is made once more. The bits do not depend on it.
    """
    height = TILE
    while height > TILE // 4 and height * size > STRIPE and COPIES * height > size // (2 * ranks) + 2 * TILE:
        height //= 2
    return [slice(start, min(start + height, size)) for start in range(0, size, height)]
