"""A matrix in tiles over 1, 2, 3 and 5 ranks: the bits of the same on one, and right."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import scipy.linalg
from availability import need_instructions
from threaded_ranks import on_ranks

from distnn.kernels import algebra, factors
from distnn.parallel.ranks import Ranks
from distnn.parallel.stripes import stripes
from distnn.parallel.symmetric import TILE, DistributedMatrix, Place, Tiling

# A part of a tile; one row more than a tile; tiles and blocks that end within each other.
SIZES = [70, 513, 1100]
MU = 0.5


@cache
def definite(size: int) -> np.ndarray:
    J = np.random.default_rng(size).standard_normal((size, size + 20))
    lower = np.tril(algebra.row_products(J, J))
    return lower + np.tril(lower, -1).T


def distributed(A: np.ndarray, ranks: Ranks) -> DistributedMatrix:
    """A over the ranks; what is above its diagonal is not given."""
    lower, found = np.where(np.tri(len(A)), A, np.nan), DistributedMatrix(Tiling(len(A), ranks.size), ranks)
    for rows in stripes(len(A), ranks.size):
        own = [
            lower[rows, columns].ravel() for place, columns in found.tiling.across(rows).items() if place in found.tiles
        ]
        found.write(rows, np.concatenate([*own, np.empty(0)]))
    return found


@pytest.mark.parametrize("size", SIZES)
def test_the_bits_are_those_of_one_matrix(size: int) -> None:
    need_instructions()
    A, b = definite(size), np.random.default_rng(1).standard_normal(size)
    L = factors.cholesky(A + MU * np.eye(size))
    assert L is not None
    expected = [A.diagonal(), algebra.times(A, b), factors.solve(L, b)]

    def work(ranks: Ranks) -> list[np.ndarray]:
        matrix = distributed(A, ranks)
        factor = matrix.factor(MU)
        assert factor is not None
        return [matrix.diagonal(), matrix.times(b), factor.solve(b)]

    for count in (1, 2, 3, 5):
        for found in on_ranks(count, work):
            for ours, theirs in zip(found, expected, strict=True):
                assert ours.tobytes() == theirs.tobytes()


def test_equations_are_solved_as_scipy_solves_them() -> None:
    A, b = definite(1100), np.random.default_rng(1).standard_normal(1100)
    more = np.linspace(0, 1, 1100)

    def work(ranks: Ranks) -> tuple[np.ndarray, np.ndarray]:
        matrix = distributed(A, ranks)
        matrix.add_to_diagonal(more)
        factor = matrix.factor(MU)
        assert factor is not None
        return matrix.times(b), factor.solve(b)

    whole = A + np.diag(more)
    exact = scipy.linalg.solve(whole + MU * np.eye(1100), b, assume_a="pos")
    for product, solution in on_ranks(3, work):
        np.testing.assert_allclose(product, whole @ b, rtol=1e-10, atol=1e-9)
        np.testing.assert_allclose(solution, exact, rtol=1e-8, atol=1e-9 * np.abs(exact).max())


@pytest.mark.parametrize("row", [3, 600, 1099])
@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf])
def test_no_factor_of_what_is_not_positive_definite(row: int, value: float) -> None:
    """Whichever tile the pivot is in: all ranks are told, and another factor can be made after it."""
    A = definite(1100).copy()
    A[row, row] = value

    def work(ranks: Ranks) -> bool:
        matrix = distributed(A, ranks)
        assert matrix.factor(MU) is None
        if value == -1.0:
            assert matrix.factor(1e4) is not None
        return True

    assert all(on_ranks(2, work))


@pytest.mark.parametrize("size", [1, TILE, 5 * TILE + 3])
@pytest.mark.parametrize("ranks", [1, 2, 3, 7, 40])
def test_tiles_are_shared_out_evenly(size: int, ranks: int) -> None:
    """All of them, and those to the right of each column, which a step of the factor changes."""
    tiling = Tiling(size, ranks)
    every = [tiling.owned(rank) for rank in range(ranks)]
    whole = [Place(i, j) for i in range(tiling.count) for j in range(i + 1)]
    assert sorted(place for own in every for place in own) == whole
    for first in range(tiling.count):
        held = [sum(place.column >= first for place in own) for own in every]
        assert max(held) - min(held) <= 1
