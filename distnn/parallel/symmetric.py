"""A symmetric matrix distributed over ranks, its Cholesky factor, and equations solved with it.

Its lower triangle is cut into tiles of TILE × TILE numbers. They are numbered column by column, and tile k belongs to
rank k mod P: so each column of tiles, and all that lies to the right of one, is shared out evenly. A rank holds its own
tiles of the matrix and of a factor, together 8 |W|² / P bytes; all hold one column of tiles at a time, and those on the
factor's diagonal, which is O(|W|).

The bits are those of `kernels.algebra` on the whole matrix, whatever P is. There each number of the factor has sums of
TILE products subtracted from it, one after the other (csrc/factors.h). Here a column of tiles is finished, shown to
all, and at once subtracted from all tiles to the right of it: the same sums in the same order. So it is with the
triangular equations, and with the product with a vector.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from distnn.kernels import algebra, factors
from distnn.parallel.ranks import Ranks

TILE = 512  # rows and columns: as many float64 as csrc/algebra.h adds up at a time, in SUM_BYTES


class Place(NamedTuple):
    """Where a tile is: its row and its column of tiles."""

    row: int
    column: int


@dataclass(frozen=True)
class Tiling:
    """Which of so many ranks holds which tiles of the lower triangle of a matrix of size × size numbers."""

    size: int
    ranks: int

    @property
    def count(self) -> int:
        """Rows of tiles."""
        return -(-self.size // TILE)

    def numbers(self, i: int) -> slice:
        """The rows, or columns, of the matrix that tiles number i have."""
        return slice(i * TILE, min(self.size, (i + 1) * TILE))

    def length(self, i: int) -> int:
        """How many those are."""
        return min(self.size - i * TILE, TILE)

    def owner(self, place: Place) -> int:
        """The rank that holds the tile there."""
        i, j = place
        return (j * self.count - j * (j - 1) // 2 + i - j) % self.ranks

    def across(self, rows: slice) -> dict[Place, slice]:
        """The tiles that rows within one row of tiles go through, up to the last one's diagonal; and their columns."""
        i = rows.start // TILE
        return {Place(i, j): slice(j * TILE, min((j + 1) * TILE, rows.stop)) for j in range(i + 1)}

    def owned(self, rank: int) -> list[Place]:
        """All tiles of a rank."""
        every = (Place(i, j) for i in range(self.count) for j in range(i + 1))
        return [place for place in every if self.owner(place) == rank]


class SharedOut:
    """Tiles, as `tiling` shares them out, of which this rank holds some: those in `tiles`, float64."""

    def __init__(self, tiling: Tiling, ranks: Ranks, tiles: dict[Place, np.ndarray]):
        self.tiling, self.ranks, self.tiles = tiling, ranks, tiles

    def shown(self, made: dict[Place, np.ndarray], shapes: Mapping[Place, tuple[int, ...]]) -> dict[Place, np.ndarray]:
        """What the owners of some tiles have made of them, for all. Collective, replicated.

        made: what this rank has, float64; shapes: of all that is shown. Nothing is sent where that is nothing.
        """
        owner = {place: self.tiling.owner(place) for place in shapes}
        counts = np.bincount(list(owner.values()), [math.prod(shape) for shape in shapes.values()], self.ranks.size)
        if not counts.any():
            return {}
        mine = [made[place].ravel() for place in shapes if owner[place] == self.ranks.rank]
        numbers = self.ranks.concatenate(np.concatenate([*mine, np.empty(0)]), counts.astype(int).tolist())
        start, found = (np.cumsum(counts) - counts).astype(int).tolist(), {}
        for place, shape in shapes.items():
            first = start[owner[place]]
            start[owner[place]] = stop = first + math.prod(shape)
            found[place] = numbers[first:stop].reshape(shape)
        return found


class DistributedMatrix(SharedOut):
    """A symmetric matrix A. Every method is collective, and takes and returns what is replicated.

    It begins as 0, and is filled by `write`; on the diagonal tiles are whole.
    """

    def __init__(self, tiling: Tiling, ranks: Ranks):
        length = tiling.length
        super().__init__(tiling, ranks, {})
        with ranks.sharing_errors():
            self.tiles = {place: np.zeros([length(i) for i in place]) for place in tiling.owned(ranks.rank)}

    def write(self, rows: slice, numbers: np.ndarray) -> None:
        """Write rows within one row of tiles. Local.

        numbers: of this rank's tiles, one after another, of the columns that `Tiling.across` says; what is above A's
        diagonal may be anything.
        """
        for place, columns in self.tiling.across(rows).items():
            if place in self.tiles:
                shape = rows.stop - rows.start, columns.stop - columns.start
                values, numbers = np.split(numbers, [shape[0] * shape[1]])
                first, tile = place.row * TILE, self.tiles[place]
                tile[rows.start - first : rows.stop - first, : shape[1]] = values.reshape(shape)
                if place.row == place.column:
                    _mirror(tile, rows.start - first, rows.stop - first)

    def diagonal(self) -> np.ndarray:
        """A's diagonal, (size,)."""
        corners = {Place(i, i): (self.tiling.length(i),) for i in range(self.tiling.count)}
        shown = self.shown({place: tile.diagonal() for place, tile in self._corners()}, corners)
        return np.concatenate([shown[place] for place in corners])

    def add_to_diagonal(self, values: np.ndarray) -> None:
        """Add these to A's diagonal, (size,)."""
        for place, tile in self._corners():
            tile[np.diag_indices_from(tile)] += values[self.tiling.numbers(place.row)]

    def times(self, v: np.ndarray) -> np.ndarray:
        """A v, (size,). v: (size,)."""
        product = np.zeros(self.tiling.size)
        numbers = self.tiling.numbers
        for j in range(self.tiling.count):
            terms, part = np.zeros_like(product), v[numbers(j)]
            for (row, column), tile in self.tiles.items():
                if column == j:
                    terms[numbers(row)] = algebra.times(tile, part)
                elif row == j:
                    terms[numbers(column)] = algebra.times(np.ascontiguousarray(tile.T), part)
            self.ranks.sum(terms)
            product += terms
        return product

    def factor(self, mu: float) -> DistributedFactor | None:
        """L with L Lᵀ = A + μ I; None where that is not positive definite in floating point."""
        with self.ranks.sharing_errors():
            L = SharedOut(self.tiling, self.ranks, {place: tile.copy() for place, tile in self.tiles.items()})
        for place, tile in L.tiles.items():
            if place.row == place.column:
                tile[np.diag_indices_from(tile)] += mu
        corners = []
        for j in range(self.tiling.count):
            corner = _finish_corner(L, j)
            if corner is None:
                return None
            corners.append(corner)
            _subtract_column(L, j, _finish_column(L, j, corner))
        return DistributedFactor(L, corners)

    def _corners(self) -> list[tuple[Place, np.ndarray]]:
        """This rank's tiles on the diagonal."""
        return [(place, tile) for place, tile in self.tiles.items() if place.row == place.column]


class DistributedFactor:
    """The Cholesky factor L of a distributed matrix. corners: its tiles on the diagonal, on every rank."""

    def __init__(self, L: SharedOut, corners: Sequence[np.ndarray]):
        self.L, self.corners, self.tiling = L, corners, L.tiling

    def solve(self, b: np.ndarray) -> np.ndarray:
        """x with L Lᵀ x = b, (size,). Collective, replicated. b: (size,)."""
        x, numbers, length = np.array(b, np.float64), self.tiling.numbers, self.tiling.length
        for j, corner in enumerate(self.corners):
            known = x[numbers(j)] = factors.solve_lower(corner, x[numbers(j)])
            below = {Place(i, j): (length(i),) for i in range(j + 1, self.tiling.count)}
            made = {place: algebra.times(self.L.tiles[place], known) for place in below if place in self.L.tiles}
            for place, term in self.L.shown(made, below).items():
                x[numbers(place.row)] -= term
        for i, corner in reversed(list(enumerate(self.corners))):
            known = x[numbers(i)] = factors.solve_upper(corner, x[numbers(i)])
            left = {Place(i, j): (length(j),) for j in range(i)}
            made = {
                place: factors.subtract_columns(self.L.tiles[place], known, x[numbers(place.column)])
                for place in left
                if place in self.L.tiles
            }
            for place, remainder in self.L.shown(made, left).items():
                x[numbers(place.column)] = remainder
        return x


def _finish_corner(L: SharedOut, j: int) -> np.ndarray | None:
    """The factor's tile on the diagonal of column j, on all ranks; None where a pivot is not above 0. Collective."""
    place, made = Place(j, j), {}
    if place in L.tiles:
        factor = factors.cholesky(L.tiles.pop(place))
        made[place] = np.full([L.tiling.length(j)] * 2, np.nan) if factor is None else factor
    corner = L.shown(made, {place: (L.tiling.length(j),) * 2})[place]
    return None if np.isnan(corner[0, 0]) else corner


def _finish_column(L: SharedOut, j: int, corner: np.ndarray) -> dict[Place, np.ndarray]:
    """The factor's tiles below that, on all ranks. Collective."""
    shapes = {Place(i, j): (L.tiling.length(i), len(corner)) for i in range(j + 1, L.tiling.count)}
    made = {place: L.tiles[place] for place in shapes if place in L.tiles}
    for tile in made.values():
        factors.divide(tile, corner)
    return L.shown(made, shapes)


def _subtract_column(L: SharedOut, j: int, column: dict[Place, np.ndarray]) -> None:
    """Subtract the products of its tiles from this rank's tiles to the right of it. Local."""
    room = np.empty((TILE, TILE))
    for place, tile in L.tiles.items():
        if place.column > j:
            product = room[: tile.shape[0], : tile.shape[1]]
            algebra.write_row_products(column[Place(place.row, j)], column[Place(place.column, j)], product)
            with np.errstate(all="ignore"):
                np.subtract(tile, product, out=tile)


def _mirror(tile: np.ndarray, start: int, stop: int) -> None:
    """Write what rows [start, stop) of a tile on the diagonal have left of it to where it is above it, too."""
    tile[:start, start:stop] = tile[start:stop, :start].T
    lower = np.tril(tile[start:stop, start:stop])
    tile[start:stop, start:stop] = lower + np.tril(lower, -1).T
