"""Sums over blocks and ranks: the same bits for any number of ranks and any order (ExactSum), or plain ones.

ExactSum rounds every term to a multiple of 2^-k and adds the multiples as 64-bit integers, which is associative:
how D is cut over ranks, and how MPI orders its sums, cannot matter. k suits the largest term of *this* sum,
taken over all ranks, so the result is a pure function of the terms. See docs/exactness.md.

Each part of the vector (the error, each column's mean) has its own k; of a matrix (each G^(l)) each row has. To add a
way to sum: a class with the methods of Sum, and an entry in REDUCTIONS.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike

from distnn.parallel.fixed_point import BITS, Exponents, Rounding, arithmetic, summable
from distnn.parallel.layout import Layout, Part
from distnn.parallel.ranks import AnyTerms, Ranks, RemoteTerms, TwoPhaseSum

KEPT_BYTES = 8 << 20  # the terms of this rank are kept, in case they must be rounded again, if they fit in this
DOUBT = 16  # sums for which a second guess is followed after a wrong one


class Sum(TwoPhaseSum, Protocol):
    """A way to sum. parts: of a term, lengths or shapes; local: number of terms of this rank; count: of all ranks;
    dtype: of the terms, float64 or float32; their sum is float64. tail: whether a term has one number more at its end,
    which is float64 whatever the dtype.

    count is replicated, and at least the sum of `local` over ranks. `sum` is made anew for each call, whose result lies
    in its memory.
    """

    def __init__(
        self,
        ranks: Ranks,
        parts: Sequence[Part],
        local: int,
        count: int,
        dtype: DTypeLike = np.float64,
        tail: bool = False,
    ): ...

    def __call__(self, term: AnyTerms) -> np.ndarray:
        """The sum over all terms of all ranks, float64, the caller's to keep and to change. Collective, replicated.

        term(j, out) writes this rank's term number j, of dtype, and returns its tail; it may be called twice for the
        same j, and has to give the same both times. An exception in it is raised on all ranks. ExactSum takes
        RemoteTerms, too.
        """


class PlainSum:
    """Terms added in floating point in the order in which they come. Another P or another MPI gives other bits.

    Where a part holds NaN or infinity, or overflows, so does its sum.
    """

    def __init__(
        self,
        ranks: Ranks,
        parts: Sequence[Part],
        local: int,
        count: int,
        dtype: DTypeLike = np.float64,
        tail: bool = False,
    ):
        self.ranks, self.local, self.count = ranks, local, count
        self.parts, self.dtype, self.tail = list(parts), dtype, tail
        self.error: Exception | None = None
        self.message = np.zeros(2)
        self.term = np.zeros(sum(part if isinstance(part, int) else part[0] * part[1] for part in parts), dtype)
        self.sum = np.zeros(len(self.term) + tail + 1)

    def __call__(self, term: AnyTerms) -> np.ndarray:
        return self.ranks.add_up(self, term)

    def like(self, local: int) -> PlainSum:
        return PlainSum(self.ranks, self.parts, local, self.count, self.dtype, self.tail)

    def first(self, term: AnyTerms) -> None:
        if isinstance(term, RemoteTerms):
            raise TypeError("terms that are added elsewhere need an ExactSum")
        self.error = None
        self.sum = np.zeros_like(self.sum)
        total = self.sum[: len(self.term)]
        try:
            for j in range(self.local):
                tail = term(j, self.term)
                total += self.term
                if self.tail:
                    self.sum[-2] += tail
        except Exception as caught:
            self.error = caught

    def second(self, term: AnyTerms) -> None:
        self.sum[-1] = self.error is not None

    def combine(self, ranks: Ranks) -> None:
        ranks.sum(self.sum)

    def result(self) -> np.ndarray:
        return self.sum[:-1]


class ExactSum:
    """Terms added exactly after rounding to multiples of 2^-k, 47 to 51 bits below the largest: same bits for every P.

    In a matrix each row has its own k: as that of the matrix, or finer by 16, 32, … bits where all terms of the row
    are so small that it may be. A part with a term that is NaN, infinite or beyond 2^1000 or so (see `summable`) sums
    to NaN; a sum of finite terms that overflows is infinite.

    Terms are rounded at once with the exponents of the last sum, while they are in the cache. If the largest term shows
    these to be wrong, they are rounded again: from memory, where this rank's terms fit in 8 MB, or else computed
    anew. That is expensive, so for a while after it a second guess is followed, too: the next exponents up or down.
    All of this is each rank's own choice, which costs time, not bits.
    """

    def __init__(
        self,
        ranks: Ranks,
        parts: Sequence[Part],
        local: int,
        count: int,
        dtype: DTypeLike = np.float64,
        tail: bool = False,
    ):
        self.ranks, self.count, self.tail = ranks, count, tail
        self.layout = Layout(parts, dtype, tail)
        self.bits = min(BITS, 63 - count.bit_length())  # count · 2^bits < 2^63: no sum of multiples can overflow
        self.arithmetic = arithmetic(self.layout)
        self.exponents = Exponents(self.layout, self.bits)
        self._start(local)

    def _start(self, local: int) -> None:
        """Make what belongs to one rank, with so many terms, and to one sum after another."""
        self.local = local
        self.keep = local * self.layout.width * 8 <= KEPT_BYTES
        self.terms = np.empty((max(1, local) if self.keep else 1, self.layout.width))
        self.heads = [self.layout.head(row) for row in self.terms]
        self.error: Exception | None = None
        self.message = np.zeros(len(self.layout.lengths) + 2)
        self.largest = self.message[:-2]
        self.guess = Rounding(self.layout, self.bits, self.exponents.rows)
        self.second_guess: Rounding | None = None
        self.guessed = False  # was there a last sum?
        self.doubt = 0  # sums for which a second guess will be followed
        self.below: np.ndarray  # how far below their parts rows were before they moved apart from these

    @property
    def sum(self) -> np.ndarray:
        return self.guess.sum

    def __call__(self, term: AnyTerms) -> np.ndarray:
        return self.ranks.add_up(self, term)

    def like(self, local: int) -> ExactSum:
        other = copy(self)
        other._start(local)
        return other

    def first(self, term: AnyTerms) -> None:
        self.error = None
        self._add(term, [self.guess, self.second_guess] if self.second_guess else [self.guess])
        np.fmin(self.largest, np.inf, out=self.largest)  # NaN becomes infinity: MAX over NaN would depend on the order

    def second(self, term: AnyTerms) -> None:
        self.doubt = max(0, self.doubt - 1)
        if not self.exponents.right(self.largest):
            guessed, self.exponents = self.exponents, self.exponents.for_largest(self.largest)
            if not np.array_equal(self.exponents.rows, guessed.rows):
                self._correct(guessed, term)
        self.guessed = True
        self._guess_again()
        self.sum[-2], self.sum[-1] = self.local, self.error is not None

    def combine(self, ranks: Ranks) -> None:
        ranks.sum(self.sum)

    def result(self) -> np.ndarray:
        self.check_count()
        total = self.arithmetic.decode(self.guess)
        if not self.exponents.all_summable:
            total[self.layout.numbers(~summable(self.layout.of_parts(self.largest), self.bits))] = np.nan
        return total

    def check_count(self) -> None:
        """RuntimeError if more terms were added than the bits are enough for. Local."""
        if self.sum[-2] > self.count:
            raise RuntimeError(f"{self.sum[-2]} terms were added, although {self.count} were announced")

    def _add(self, term: AnyTerms, guesses: list[Rounding]) -> None:
        """Raise `largest` to the magnitudes of this rank's terms, and add them, rounded, to the sum of each guess."""
        self.largest[:] = 0
        for guess in guesses:
            guess.begin(self.local)
        add = self.arithmetic.adder(self.largest, guesses)
        try:
            if isinstance(term, RemoteTerms):
                self._fetch(term)
                return
            for j in range(self.local):
                place = j if self.keep else 0
                tail = term(j, self.heads[place])
                row = self.terms[place]
                if self.tail:
                    row[-1] = tail
                add(row)
        except Exception as caught:
            self.error = caught

    def _fetch(self, term: RemoteTerms) -> None:
        """The same, of terms that are added elsewhere. They are computed anew where a guess was wrong."""
        if self.local:
            self.largest[:] = term.add(self.guess.magic, self.guess.sum[:-2])

    def _correct(self, guessed: Exponents, term: AnyTerms) -> None:
        """Turn from exponents that were wrong to the true ones."""
        exponent, other = self.exponents.rows, self.second_guess
        remote = isinstance(term, RemoteTerms)
        if other and ((exponent == guessed.rows) | (exponent == other.exponent)).all():
            taken = np.repeat(exponent != guessed.rows, self.layout.lengths)
            np.copyto(self.sum[:-2], other.sum[:-2], where=taken)
            self.guess.choose(exponent)
        else:
            self.guess.choose(exponent)
            if self.error is None:
                largest = self.largest.copy()
                self._add(self._as_kept if self.keep and not remote else term, [self.guess])
                self.largest[:] = largest
        if self.guessed and not self.keep and not remote:
            self.doubt = DOUBT
            stayed, below = np.repeat(self.exponents.part == guessed.part, self.layout.heights), self.exponents.below
            self.below = np.where(stayed & (guessed.below != below), guessed.below, np.where(stayed, self.below, below))

    def _as_kept(self, j: int, out: np.ndarray) -> float:
        """The term of a sum that has kept its terms: out holds it already."""
        return float(self.terms[j, -1])

    def _guess_again(self) -> None:
        """Let the second guess be exponents beside the first one's: of rows that moved apart from their part the last.

        None without doubt: it takes as much memory as the sum.
        """
        if not self.doubt:
            self.second_guess, self.below = None, self.exponents.below
            return
        exponent = self.exponents.neighbours(self.largest, self.below)
        if self.second_guess is None:
            self.second_guess = Rounding(self.layout, self.bits, exponent)
        elif not np.array_equal(exponent, self.second_guess.exponent):
            self.second_guess.choose(exponent)


REDUCTIONS: dict[str, type[Sum]] = {"exact": ExactSum, "plain": PlainSum}
