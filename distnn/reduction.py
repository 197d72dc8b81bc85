"""Sums over blocks and ranks: the same bits for any number of ranks and any order (ExactSum), or plain ones.

ExactSum rounds every term to a multiple of 2^-k and adds the multiples as 64-bit integers, which is associative:
how D is cut over ranks, and how MPI orders its sums, cannot matter. k suits the largest term of *this* sum,
taken over all ranks, so the result is a pure function of the terms. See docs/exactness.md.

Each part of the vector (each G^(l), the error, each column's mean) has its own k. To add a way to sum: a class
with the methods of Sum, and an entry in REDUCTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from distnn.communicator import OneRank

Term = Callable[[int, np.ndarray], None]

BITS = 51  # a term is at most 2^51 of its units: then adding `magic` below rounds it in one instruction
STEP = 4  # k changes in steps of 4 bits, so that the k of the last sum is nearly always right for this one
FINEST = 1074  # 2^-1074 is the smallest positive float64, and the finest unit
KEPT_BYTES = 32 << 20  # the terms of this rank are kept, in case they must be rounded again, if they fit in this
CHUNK = 8192  # numbers handled at a time: the cache, not the memory, carries the passes over them


class Sum(Protocol):
    """A way to sum. sizes: lengths of the parts of a term; local: number of terms of this rank; count: of all ranks.

    count is replicated, and at least the sum of `local` over ranks. A call is `first`, MAX of `message` over ranks,
    `second`, SUM of `sum` over ranks, `result`: apart from one another, so that ranks can be simulated.

    message: float64, its last two places free for `OneRank.agree`. sum: int64 or float64, its last place the number of
    ranks whose term raised an exception. error: that exception, if this rank is one of them.
    """

    message: np.ndarray
    sum: np.ndarray
    error: Exception | None

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int): ...

    def __call__(self, term: Term) -> np.ndarray:
        """The sum over all terms of all ranks, float64, valid until the next call. Collective, replicated.

        term(j, out) writes this rank's term number j, float64; it may be called twice for the same j, and has to write
        the same both times. An exception in it is raised on all ranks.
        """

    def first(self, term: Term) -> None:
        """Compute this rank's terms, and its part of `message`. Local."""

    def second(self, term: Term) -> None:
        """After MAX: this rank's part of `sum`. Local."""

    def result(self) -> np.ndarray:
        """After SUM: the sum over all ranks. Local, replicated."""


def over_ranks(sums: Sum, ranks: OneRank, term: Term) -> np.ndarray:
    """What a Sum does when called. Collective, replicated."""
    with np.errstate(all="ignore"):
        sums.first(term)
        ranks.agree(sums.message)
        sums.second(term)
        ranks.sum(sums.sum)
        if sums.sum[-1]:
            ranks.raise_together(sums.error)
        return sums.result()


class PlainSum:
    """Terms added in floating point in the order in which they come. Another P or another MPI gives other bits.

    Where a part holds NaN or infinity, or overflows, so does its sum.
    """

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int):
        self.ranks, self.local = ranks, local
        self.error: Exception | None = None
        self.message = np.zeros(2)
        self.term = np.zeros(sum(sizes))
        self.sum = np.zeros(sum(sizes) + 1)

    def __call__(self, term: Term) -> np.ndarray:
        return over_ranks(self, self.ranks, term)

    def first(self, term: Term) -> None:
        self.error = None
        self.sum[:] = 0
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

    A part with a term that is NaN, infinite or beyond 2^1000 or so (`summable`) sums to NaN; a sum of finite terms that
    overflows is infinite.

    Terms are rounded at once with the k of the last sum, while they are in the cache. If the largest term shows that k
    to be wrong, they are rounded again: from memory, where this rank's terms fit in 32 MB, or else computed anew.
    Both are local choices, which cost time, not bits.
    """

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int):
        self.ranks, self.local, self.count = ranks, local, count
        size = sum(sizes)
        self.bits = min(BITS, 63 - count.bit_length())  # count · 2^bits < 2^63: no sum of multiples can overflow
        self.keep = local * size * 8 <= KEPT_BYTES
        self.error: Exception | None = None
        self.message = np.zeros(len(sizes) + 2)
        self.largest = self.message[:-2]
        self.sum = np.zeros(size + 2, np.int64)  # the last two count the terms, and the ranks that failed
        self.terms = np.empty((max(1, local) if self.keep else 1, size))
        self.total = np.zeros(size)
        self.chunks = chunks(sizes)
        self._scratch = np.empty(min(size, CHUNK))
        self._choose(np.zeros(len(sizes), np.int64))

    def __call__(self, term: Term) -> np.ndarray:
        return over_ranks(self, self.ranks, term)

    def first(self, term: Term) -> None:
        self.error = None
        self._add(term)
        np.nan_to_num(self.largest, copy=False, nan=np.inf)  # MAX over NaN would depend on the order

    def second(self, term: Term) -> None:
        k = exponents(self.largest, self.bits, self.k)
        if not np.array_equal(k, self.k):
            self._choose(k)
            if self.error is None:
                largest = self.largest.copy()
                self._add(_as_kept if self.keep else term)
                self.largest[:] = largest
        for chunk, offset in zip(self.chunks, self._offsets, strict=True):
            self.sum[chunk.place] -= self.local * offset  # modulo 2^64; what is left is a sum of multiples
        self.sum[-2:] = self.local, self.error is not None

    def result(self) -> np.ndarray:
        if self.sum[-2] > self.count:
            raise RuntimeError(f"{self.sum[-2]} terms were added, although {self.count} were announced")
        for chunk, unit in zip(self.chunks, self._units, strict=True):
            np.multiply(self.sum[chunk.place], unit, out=self.total[chunk.place])
        return self.total

    def _add(self, term: Term) -> None:
        """Raise `largest` to the magnitudes of this rank's terms, and add them, as multiples of 2^-k, to `sum`.

        t = g + magic with magic = 1.5 · 2^(52-k) lies between 2^(52-k) and 2^(53-k), where neighbouring float64 are
        2^-k apart: t is g rounded to a multiple of 2^-k, and the integers behind t and magic differ by that multiple.
        """
        self.largest[:] = 0
        self.sum[:] = 0
        work = [
            (chunk, self.largest[chunk.parts], self.sum[chunk.place], self._scratch[: self.sum[chunk.place].size], magic)
            for chunk, magic in zip(self.chunks, self._magics, strict=True)
        ]
        try:
            for j in range(self.local):
                row = self.terms[j if self.keep else 0]
                term(j, row)
                for (place, _, starts), largest, total, t, magic in work:
                    g = row[place]
                    np.maximum(largest, np.maximum.reduceat(np.abs(g, out=t), starts), out=largest)  # NaN stays NaN
                    np.add(g, magic, out=t)
                    total += t.view(np.int64)  # modulo 2^64
        except Exception as caught:
            self.error = caught

    def _choose(self, k: np.ndarray) -> None:
        """Use these k from now on."""
        self.k = k
        self._magics = [self._spread(chunk, np.ldexp(1.5, 52 - k)) for chunk in self.chunks]
        self._offsets = [magic.view(np.int64) for magic in self._magics]
