"""Sums over blocks and ranks: the same bits for any number of ranks and any order (ExactSum), or plain ones.

ExactSum rounds every term to a multiple of 2^-k and adds the multiples as 64-bit integers, which is associative:
how D is cut over ranks, and how MPI orders its sums, cannot matter. k suits the largest term of *this* sum,
taken over all ranks, so the result is a pure function of the terms. See docs/exactness.md.

Each part of the vector (each G^(l), the error, each column's mean) has its own k. To add a way to sum: a class
with the methods of Sum, and an entry in REDUCTIONS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from distnn.parallel.fixed_point import BITS, STEP, Rounding, arithmetic, chunks, exponents, summable
from distnn.parallel.ranks import Ranks, Term, TwoPhaseSum

KEPT_BYTES = 8 << 20  # the terms of this rank are kept, in case they must be rounded again, if they fit in this
DOUBT = 16  # sums for which a second guess is followed after a wrong one


class Sum(TwoPhaseSum, Protocol):
    """A way to sum. sizes: lengths of the parts of a term; local: number of terms of this rank; count: of all ranks;
    dtype: of the terms, float64 or float32; their sum is float64.

    count is replicated, and at least the sum of `local` over ranks. `sum` is made anew for each call, whose result lies
    in its memory.
    """

    def __init__(self, ranks: Ranks, sizes: Sequence[int], local: int, count: int, dtype: DTypeLike = np.float64): ...

    def __call__(self, term: Term) -> np.ndarray:
        """The sum over all terms of all ranks, float64, the caller's to keep and to change. Collective, replicated.

        term(j, out) writes this rank's term number j, of dtype; it may be called twice for the same j, and has to write
        the same both times. An exception in it is raised on all ranks.
        """


class PlainSum:
    """Terms added in floating point in the order in which they come. Another P or another MPI gives other bits.

    Where a part holds NaN or infinity, or overflows, so does its sum.
    """

    def __init__(self, ranks: Ranks, sizes: Sequence[int], local: int, count: int, dtype: DTypeLike = np.float64):
        self.ranks, self.local, self.count = ranks, local, count
        self.sizes, self.dtype = list(sizes), dtype
        self.error: Exception | None = None
        self.message = np.zeros(2)
        self.term = np.zeros(sum(sizes), dtype)
        self.sum = np.zeros(sum(sizes) + 1)

    def __call__(self, term: Term) -> np.ndarray:
        return self.ranks.add_up(self, term)

    def like(self, local: int) -> PlainSum:
        return PlainSum(self.ranks, self.sizes, local, self.count, self.dtype)

    def first(self, term: Term) -> None:
        self.error = None
        self.sum = np.zeros(len(self.term) + 1)
        total = self.sum[:-1]
        try:
            for j in range(self.local):
                term(j, self.term)
                total += self.term
        except Exception as caught:
            self.error = caught

    def second(self, term: Term) -> None:
        self.sum[-1] = self.error is not None

    def result(self) -> np.ndarray:
        return self.sum[:-1]


class ExactSum:
    """Terms added exactly after rounding to multiples of 2^-k, 47 to 51 bits below the largest: same bits for every P.

    A part with a term that is NaN, infinite or beyond 2^1000 or so (see `summable`) sums to NaN; a sum of finite terms
    that overflows is infinite.

    Terms are rounded at once with the exponents of the last sum, while they are in the cache. If the largest term shows
    these to be wrong, they are rounded again: from memory, where this rank's terms fit in 8 MB, or else computed
    anew. That is expensive, so for a while after it a second guess is followed, too: the next exponents up or down.
    All of this is each rank's own choice, which costs time, not bits.
    """

    def __init__(self, ranks: Ranks, sizes: Sequence[int], local: int, count: int, dtype: DTypeLike = np.float64):
        self.ranks, self.local, self.count = ranks, local, count
        size, dtype = sum(sizes), np.dtype(dtype)
        self.sizes = np.array(sizes)
        self.bits = min(BITS, 63 - count.bit_length())  # count · 2^bits < 2^63: no sum of multiples can overflow
        self.keep = local * size * dtype.itemsize <= KEPT_BYTES
        self.terms = np.empty((max(1, local) if self.keep else 1, size), dtype)
        self.error: Exception | None = None
        self.message = np.zeros(len(sizes) + 2)
        self.largest = self.message[:-2]
        self.chunks = chunks(self.sizes)
        self.arithmetic = arithmetic(sizes, self.chunks, dtype)
        self.guess = Rounding(size, self.chunks, self.bits, np.zeros(len(sizes), np.int64))
        self.second_guess: Rounding | None = None
        self.right = True  # were the exponents right for the last sum's largest terms?
        self.guessed = False  # was there a last sum?
        self.doubt = 0  # sums for which a second guess will be followed

    @property
    def sum(self) -> np.ndarray:
        return self.guess.sum

    def __call__(self, term: Term) -> np.ndarray:
        return self.ranks.add_up(self, term)

    def like(self, local: int) -> ExactSum:
        return ExactSum(self.ranks, self.sizes.tolist(), local, self.count, self.terms.dtype)

    def first(self, term: Term) -> None:
        self.error = None
        self._add(term, [self.guess, self.second_guess] if self.second_guess else [self.guess])
        np.copyto(self.largest, np.inf, where=np.isnan(self.largest))  # MAX over NaN would depend on the order

    def second(self, term: Term) -> None:
        self.doubt = max(0, self.doubt - 1)
        self.right = self.guess.right(self.largest)
        if not self.right:
            exponent = exponents(self.largest, self.bits, self.guess.exponent)
            if not np.array_equal(exponent, self.guess.exponent):
                self._correct(exponent, term)
        self.guessed = True
        self._guess_again()
        self.sum[-2], self.sum[-1] = self.local, self.error is not None

    def result(self) -> np.ndarray:
        if self.sum[-2] > self.count:
            raise RuntimeError(f"{self.sum[-2]} terms were added, although {self.count} were announced")
        total = self.arithmetic.decode(self.guess)
        if not self.right:
            total[np.repeat(~summable(self.largest, self.bits), self.sizes)] = np.nan
        return total

    def _add(self, term: Term, guesses: list[Rounding]) -> None:
        """Raise `largest` to the magnitudes of this rank's terms, and add them, rounded, to the sum of each guess."""
        self.largest[:] = 0
        for guess in guesses:
            guess.begin(self.local)
        add = self.arithmetic.adder(self.largest, guesses)
        try:
            for j in range(self.local):
                row = self.terms[j if self.keep else 0]
                term(j, row)
                add(row)
        except Exception as caught:
            self.error = caught

    def _correct(self, exponent: np.ndarray, term: Term) -> None:
        """Turn to these exponents, in which the guess was wrong."""
        other = self.second_guess
        if other and ((exponent == self.guess.exponent) | (exponent == other.exponent)).all():
            taken = np.repeat(exponent != self.guess.exponent, self.sizes)
            np.copyto(self.sum[:-2], other.sum[:-2], where=taken)
            self.guess.choose(exponent)
        else:
            self.guess.choose(exponent)
            if self.error is None:
                largest = self.largest.copy()
                self._add(_as_kept if self.keep else term, [self.guess])
                self.largest[:] = largest
        if not self.keep and self.guessed:
            self.doubt = DOUBT

    def _guess_again(self) -> None:
        """Let the second guess be the neighbouring exponents, on that side where the largest terms are nearer to.

        None without doubt: it takes as much memory as the sum.
        """
        if not self.doubt:
            self.second_guess = None
            return
        guess = self.guess
        exponent = guess.exponent + np.where(self.largest > np.ldexp(guess.upper, -STEP // 2), STEP, -STEP)
        if self.second_guess is None:
            self.second_guess = Rounding(self.terms.shape[1], self.chunks, self.bits, exponent)
        elif not np.array_equal(exponent, self.second_guess.exponent):
            self.second_guess.choose(exponent)


def _as_kept(j: int, out: np.ndarray) -> None:
    """The term of a sum that has kept its terms: out holds it already."""


REDUCTIONS: dict[str, type[Sum]] = {"exact": ExactSum, "plain": PlainSum}
