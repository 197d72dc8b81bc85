"""A sum over any number of simulated ranks, in random order, to see whether the result depends on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from distnn.parallel.mpi import OneRank
from distnn.parallel.reduction import Sum, Term, over_ranks


class SimulatedRanks:
    """Makes sums (as `Sum` classes do) in which each rank plays its share of `size` simulated ranks.

    kind: ExactSum or PlainSum, whose own code every simulated rank runs. Terms are dealt to the simulated ranks at
    random, some of these get none, and what they found is combined in random order: anew for every sum. At least
    one simulated rank for each real one.
    """

    def __init__(self, kind: type[Sum], size: int, seed: int = 0):
        self.kind, self.size, self.seed = kind, size, seed

    def __call__(
        self, ranks: OneRank, sizes: Sequence[int], local: int, count: int, dtype: DTypeLike = np.float64
    ) -> Sum:
        share = self.size * (ranks.rank + 1) // ranks.size - self.size * ranks.rank // ranks.size
        generator = np.random.default_rng([self.seed, ranks.rank])
        return SimulatedSum(self.kind, max(1, share), generator, ranks, sizes, local, count, dtype)


class SimulatedSum:
    """The sum of one real rank that plays `played` simulated ones. A `Sum`, made by SimulatedRanks.

    Simulated ranks are made when it is their turn and then forgotten, so that thousands need no more memory than one:
    each computes its terms twice, and guesses k wrongly.
    """

    def __init__(
        self,
        kind: type[Sum],
        played: int,
        generator: np.random.Generator,
        ranks: OneRank,
        sizes: Sequence[int],
        local: int,
        count: int,
        dtype: DTypeLike,
    ):
        self.kind, self.played, self.generator = kind, played, generator
        self.ranks, self.sizes, self.local, self.count, self.dtype = ranks, sizes, local, count, dtype
        self.error: Exception | None = None
        self.together = kind(ranks, sizes, 0, count, dtype)  # has no terms: what the others found is combined in it
        self.message = self.together.message
        self.empty = kind(ranks, sizes, 0, count, dtype)
        self.dealt: list[np.ndarray] = []

    @property
    def sum(self) -> np.ndarray:
        return self.together.sum

    def __call__(self, term: Term) -> np.ndarray:
        return over_ranks(self, self.ranks, term)

    def first(self, term: Term) -> None:
        cuts = np.sort(self.generator.integers(0, self.local + 1, self.played - 1))
        self.dealt = np.split(self.generator.permutation(self.local), cuts)
        self.together.first(term)
        self.error = None
        for rank in self.generator.permutation(self.played):
            played, own = self._play(rank, term)
            played.first(own)
            np.maximum(self.message, played.message, out=self.message)
            self.error = self.error or played.error

    def second(self, term: Term) -> None:
        self.together.second(term)
        for rank in self.generator.permutation(self.played):
            played, own = self._play(rank, term)
            played.first(own)
            played.message[:] = self.message
            played.second(own)
            total = self.sum
            total += played.sum
            self.error = self.error or played.error

    def result(self) -> np.ndarray:
        return self.together.result()

    def _play(self, rank: int, term: Term) -> tuple[Sum, Term]:
        """A simulated rank, and its terms."""
        dealt = self.dealt[rank]
        if not len(dealt):
            return self.empty, term
        played = self.kind(self.ranks, self.sizes, len(dealt), self.count, self.dtype)
        return played, lambda j, out: term(int(dealt[j]), out)
