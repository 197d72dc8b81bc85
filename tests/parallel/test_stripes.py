"""The exact sum of a matrix, stripe after stripe, each number to one rank: the bits of the sum of all rows at once."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from threaded_ranks import on_ranks

from distnn.parallel import stripes as module
from distnn.parallel.ranks import OneRank, Ranks
from distnn.parallel.reduction import ExactSum
from distnn.parallel.simulated import SimulatedRanks
from distnn.parallel.stripes import StripeSum, stripes
from distnn.parallel.symmetric import TILE, DistributedMatrix, Tiling

SIZE, TERMS = 600, 5


@cache
def terms(broken: bool = False) -> list[np.ndarray]:
    """Lower triangles, of rows of different magnitudes."""
    generator, scale = np.random.default_rng(0), np.ldexp(1.0, np.arange(SIZE) * 7 % 90 - 45)[:, None]
    found = [np.tril(generator.standard_normal((SIZE, SIZE)) * scale) for _ in range(TERMS)]
    found[2][7, 5] = 0
    found[1][:, 3] = -0.0
    if broken:
        found[3][550, 520], found[4][100, 2] = np.nan, np.inf
    return found


@cache
def whole(broken: bool = False) -> np.ndarray:
    """Their ExactSum, as a matrix of which the lower triangle counts."""
    given, below = terms(broken), np.tri(SIZE, dtype=bool)

    def term(j: int, out: np.ndarray) -> None:
        out[:] = given[j][below]

    found = np.zeros((SIZE, SIZE))
    found[below] = ExactSum(OneRank(), range(1, SIZE + 1), TERMS, TERMS)(term)
    return found


def by_stripes(given: list[np.ndarray], ranks: Ranks, times: int = 1) -> np.ndarray:
    """The sum, the last of several, as this rank's tiles of it, zeros elsewhere."""
    own = range(ranks.rank * TERMS // ranks.size, (ranks.rank + 1) * TERMS // ranks.size)
    tiling = Tiling(SIZE, ranks.size)
    found = DistributedMatrix(tiling, ranks)
    for rows in stripes(SIZE, ranks.size):
        stripe = StripeSum(ranks, tiling, rows, len(own), TERMS)

        def term(j: int, out: np.ndarray, rows: slice = rows) -> None:
            out[:] = given[own[j]][rows, : rows.stop].ravel()

        for _ in range(times):
            result = stripe(term)
        assert not stripe.terms.size and not stripe.guess.sum.size
        found.write(rows, result)
    held = np.zeros((SIZE, SIZE))
    for (i, j), tile in found.tiles.items():
        held[tiling.numbers(i), tiling.numbers(j)] = tile
    return np.tril(held)


@pytest.mark.parametrize("ranks", [1, 2, 3, 5])
@pytest.mark.parametrize("height", [TILE, TILE // 4])
@pytest.mark.parametrize("kept", [0, 8 << 20])
def test_the_bits_are_those_of_one_sum(ranks: int, height: int, kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a stripe's terms are kept, and where they are computed anew since the guess was wrong."""
    monkeypatch.setattr(module, "STRIPE", height * SIZE)
    monkeypatch.setattr(module, "COPIES", 100)
    monkeypatch.setattr(module, "MESSAGE", 5 * SIZE)
    monkeypatch.setattr("distnn.parallel.reduction.KEPT_BYTES", kept)
    given = terms()
    parts = on_ranks(ranks, lambda all_ranks: by_stripes(given, all_ranks, times=2))
    np.testing.assert_array_equal(sum(parts), whole())
    assert len(stripes(SIZE, ranks)) == -(-SIZE // height)


def test_of_simulated_ranks() -> None:
    np.testing.assert_array_equal(by_stripes(terms(), SimulatedRanks(OneRank(), 3)), whole())


def test_a_row_that_is_not_finite_is_nan_in_all_tiles() -> None:
    given = terms(broken=True)
    expected, found = whole(broken=True), sum(on_ranks(2, lambda ranks: by_stripes(given, ranks)))
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(expected[550, :551]).all() and np.isnan(expected[100, :101]).all()


def test_an_error_in_a_term_is_raised_on_all_ranks() -> None:
    def work(ranks: Ranks) -> str:
        stripe = StripeSum(ranks, Tiling(SIZE, ranks.size), slice(0, 64), 1, 2)

        def term(j: int, out: np.ndarray) -> None:
            if ranks.rank == 1:
                raise ValueError("no Jacobian here")
            out[:] = 1

        with pytest.raises(Exception, match="rank 1 failed: ValueError: no Jacobian here") as caught:
            stripe(term)
        return str(caught.value)

    assert len(on_ranks(2, work)) == 2
