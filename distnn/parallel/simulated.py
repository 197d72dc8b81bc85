"""Any number of ranks, simulated in random order by those there are: does a result depend on them?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import numpy as np

from distnn.parallel.ranks import AnyTerms, Ranks, RemoteTerms, T, TwoPhaseSum


class SimulatedRanks(Ranks):
    """Real ranks, each of which plays its share of `simulated` others in every sum; at least itself.

    Terms are dealt to the simulated ranks at random, some of these get none, and what they found is combined in random
    order: anew for every sum. Each runs the sum's own code. They are made when it is their turn and then forgotten, so
    that thousands need no more memory than one: each computes its terms twice, and guesses k wrongly.

    What is said outside of sums is said by the real ranks.
    """

    def __init__(self, real: Ranks, simulated: int, seed: int = 0):
        self.real, self.simulated = real, simulated
        self.rank, self.size, self.elastic = real.rank, real.size, real.elastic
        share = simulated * (real.rank + 1) // real.size - simulated * real.rank // real.size
        self.played = max(1, share)
        self.generator = np.random.default_rng([seed, real.rank])

    def add_up(self, sums: TwoPhaseSum, term: AnyTerms) -> np.ndarray:
        combined = sums.like(0)  # has no terms: what the simulated ranks found is combined in it
        deal = self._deal(sums.local)
        error: Exception | None = None
        with np.errstate(all="ignore"):
            combined.first(term)
            for dealt in self._in_random_order(deal):
                played, own = _play(sums, dealt, term)
                played.first(own)
                np.maximum(combined.message, played.message, out=combined.message)
                error = error or played.error
            self.agree(combined.message)
            combined.second(term)
            for dealt in self._in_random_order(deal):
                played, own = _play(sums, dealt, term)
                played.first(own)
                played.message[:] = combined.message
                played.second(own)
                total = combined.sum
                total += played.sum
                error = error or played.error
            combined.combine(self)
            if combined.sum[-1]:
                self.raise_together(error)
            return combined.result()

    def _deal(self, terms: int) -> list[np.ndarray]:
        """The numbers of this rank's terms, at random to the simulated ranks that it plays."""
        cuts = np.sort(self.generator.integers(0, terms + 1, self.played - 1))
        return np.split(self.generator.permutation(terms), cuts)

    def _in_random_order(self, deal: list[np.ndarray]) -> Iterator[np.ndarray]:
        for place in self.generator.permutation(len(deal)):
            yield deal[place]

    def agree(self, message: np.ndarray) -> None:
        self.real.agree(message)
        self.signal, self.now = self.real.signal, self.real.now

    def maximum(self, values: np.ndarray) -> None:
        self.real.maximum(values)

    def sum(self, values: np.ndarray) -> None:
        self.real.sum(values)

    def sum_shared_out(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        return self.real.sum_shared_out(values, counts)

    def concatenate(self, values: np.ndarray, counts: Sequence[int]) -> np.ndarray:
        return self.real.concatenate(values, counts)

    def broadcast(self, value: Any) -> Any:
        return self.real.broadcast(value)

    def merged(self, value: T, together: Callable[[T, T], T]) -> T:
        return self.real.merged(value, together)

    def in_order(self, parts: Iterable[Any]) -> Iterator[Any]:
        return self.real.in_order(parts)

    def exchange(self, parts: Sequence[Any]) -> list[Any]:
        return self.real.exchange(parts)

    def redistribute(self, rows: np.ndarray, start: int, stop: int) -> np.ndarray:
        return self.real.redistribute(rows, start, stop)

    def rest(self) -> None:
        self.real.rest()

    def sharing_errors(self) -> AbstractContextManager[None]:
        return self.real.sharing_errors()

    def raise_together(self, error: Exception | None) -> None:
        self.real.raise_together(error)

    def all_come(self, seconds: float) -> bool:
        return self.real.all_come(seconds)

    def split(self, group: int) -> Ranks:
        real = self.real.split(group)
        return SimulatedRanks(real, self.simulated * real.size // self.real.size)

    def free(self) -> None:
        self.real.free()

    def post(self, value: Any, rank: int) -> None:
        self.real.post(value, rank)

    def posted(self) -> list[tuple[int, Any]]:
        return self.real.posted()

    def be_elastic(self) -> bool:
        self.elastic = self.real.be_elastic()
        return self.elastic

    def all_finished(self, finished: bool) -> bool:
        return self.real.all_finished(finished)

    def regroup(self) -> None:
        self.real.regroup()
        self.rank, self.size = self.real.rank, self.real.size

    def abort(self, code: int) -> None:
        self.real.abort(code)

    def leave(self, code: int) -> NoReturn:
        self.real.leave(code)


def _play(sums: TwoPhaseSum, dealt: np.ndarray, term: AnyTerms) -> tuple[TwoPhaseSum, AnyTerms]:
    """The part of a simulated rank in a sum, and its terms."""
    if isinstance(term, RemoteTerms):
        return sums.like(len(dealt)), term.among(dealt.tolist())
    return sums.like(len(dealt)), lambda j, out: term(int(dealt[j]), out)
