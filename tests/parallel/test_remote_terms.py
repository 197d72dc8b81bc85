"""Terms that are added elsewhere: the bits of the same terms in memory, on any ranks, for right and wrong guesses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from distnn.parallel.ranks import OneRank, RemoteTerms
from distnn.parallel.reduction import ExactSum, PlainSum
from distnn.parallel.simulated import SimulatedRanks

PARTS = [(2, 3), 4]
ROWS = [3, 3, 4, 1]  # the last one is the tail
TERMS = np.random.default_rng(0).normal(size=(9, 11)) * 10.0 ** np.linspace(-9, 9, 11)


class Elsewhere(RemoteTerms):
    """In numpy. additions: how often it was asked."""

    def __init__(self, terms: np.ndarray):
        self.terms, self.additions = terms, 0

    def among(self, numbers: Sequence[int]) -> Elsewhere:
        return Elsewhere(self.terms[list(numbers)])

    def add(self, magic: np.ndarray, total: np.ndarray) -> np.ndarray:
        self.additions += 1
        behind = magic.repeat(ROWS)
        total[:] = ((self.terms + behind).view(np.int64) - behind.view(np.int64)).sum(axis=0)
        return np.asarray(np.maximum.reduceat(np.abs(self.terms).max(axis=0), np.cumsum([0, *ROWS[:-1]])))


def exact(terms: np.ndarray) -> ExactSum:
    return ExactSum(OneRank(), PARTS, len(terms), len(terms), tail=True)


def in_memory(sums: ExactSum, terms: np.ndarray) -> np.ndarray:
    def term(j: int, out: np.ndarray) -> float:
        out[:] = terms[j, :-1]
        return float(terms[j, -1])

    return sums(term)


def test_the_bits_of_terms_in_memory() -> None:
    here, there = exact(TERMS), exact(TERMS)
    for factor, additions in ((1.0, 2), (1.0, 1), (1.1, 1), (1e5, 2), (0.0, 1)):  # twice where the guess was wrong
        remote = Elsewhere(TERMS * factor)
        np.testing.assert_array_equal(there(remote), in_memory(here, TERMS * factor))
        assert remote.additions == additions


def test_on_simulated_ranks_and_on_ranks_without_terms() -> None:
    expected = in_memory(exact(TERMS), TERMS)
    for size in (2, 40):
        found = SimulatedRanks(OneRank(), size).add_up(exact(TERMS), Elsewhere(TERMS))
        np.testing.assert_array_equal(found, expected)
    assert not exact(TERMS[:0])(Elsewhere(TERMS[:0])).any()


def test_nan_and_errors() -> None:
    bad = TERMS.copy()
    bad[4, 7] = np.nan
    assert np.isnan(exact(bad)(Elsewhere(bad))).tolist() == [False] * 6 + [True] * 4 + [False]

    class Failing(Elsewhere):
        def add(self, magic: np.ndarray, total: np.ndarray) -> np.ndarray:
            raise ValueError("the device is gone")

    with pytest.raises(ValueError, match="the device is gone"):
        exact(TERMS)(Failing(TERMS))
    with pytest.raises(TypeError, match="need an ExactSum"):
        PlainSum(OneRank(), PARTS, 9, 9, tail=True)(Elsewhere(TERMS))
