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
CHUNK = 4096  # numbers handled at a time: the cache, not the memory, carries the passes over them


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


class Chunk(NamedTuple):
    """A slice of the vector that fits in the cache: within one part, or the rest of a part and some whole ones.

    parts: those that it touches; starts: where each of them begins within it.
    """

    place: slice
    parts: slice
    starts: np.ndarray


class ExactSum:
    """Terms added exactly after rounding to multiples of 2^-k, 47 to 51 bits below the largest: same bits for every P.

    A part with a term that is NaN, infinite or beyond 2^1000 or so (see `summable`) sums to NaN; a sum of finite terms
    that overflows is infinite.

    Terms are rounded at once with the k of the last sum, while they are in the cache. If the largest term shows that k
    to be wrong, they are rounded again: from memory, where this rank's terms fit in 32 MB, or else computed anew.
    Both are local choices, which cost time, not bits.
    """

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int):
        self.ranks, self.local, self.count = ranks, local, count
        size = sum(sizes)
        self.sizes = np.array(sizes)
        self.bits = min(BITS, 63 - count.bit_length())  # count · 2^bits < 2^63: no sum of multiples can overflow
        self.keep = local * size * 8 <= KEPT_BYTES
        self.terms = np.empty((max(1, local) if self.keep else 1, size))
        self.error: Exception | None = None
        self.message = np.zeros(len(sizes) + 2)
        self.largest = self.message[:-2]
        self.sum = np.zeros(size + 2, np.int64)  # the last two count the terms, and the ranks that failed
        self.total = np.zeros(size)
        self.scratch = np.empty(min(size, CHUNK))
        self.chunks = chunks(self.sizes)
        self._views = [self._view(chunk) for chunk in self.chunks]
        self._choose(np.zeros(len(sizes), np.int64))  # as if the largest were just below 1

    def __call__(self, term: Term) -> np.ndarray:
        return over_ranks(self, self.ranks, term)

    def first(self, term: Term) -> None:
        self.error = None
        self._add(term)
        np.nan_to_num(self.largest, copy=False, nan=np.inf)  # MAX over NaN would depend on the order

    def second(self, term: Term) -> None:
        if not ((self.largest >= self.lower) & (self.largest < self.upper)).all():
            exponent = exponents(self.largest, self.bits, self.exponent)
            if not np.array_equal(exponent, self.exponent):
                self._choose(exponent)
                if self.error is None:
                    largest = self.largest.copy()
                    self._add(_as_kept if self.keep else term)
                    self.largest[:] = largest
        for (place, _, _), (_, offset, _) in zip(self.chunks, self.constants, strict=True):
            self.sum[place] -= self.local * offset  # modulo 2^64; what is left is a sum of multiples, below 2^63
        self.sum[-2:] = self.local, self.error is not None

    def result(self) -> np.ndarray:
        if self.sum[-2] > self.count:
            raise RuntimeError(f"{self.sum[-2]} terms were added, although {self.count} were announced")
        for (place, _, _), (_, _, unit) in zip(self.chunks, self.constants, strict=True):
            np.multiply(self.sum[place], unit, out=self.total[place])
        if not (self.largest < self.upper).all():
            self.total[np.repeat(~summable(self.largest, self.bits), self.sizes)] = np.nan
        return self.total

    def _add(self, term: Term) -> None:
        """Raise `largest` to the magnitudes of this rank's terms; add them, as multiples of 2^-k, to `sum`.

        t = g + magic with magic = 1.5 · 2^(52-k) lies between 2^(52-k) and 2^(53-k), where neighbouring float64 are
        2^-k apart: t is g rounded to a multiple of 2^-k, and the integers behind t and magic differ by that multiple.
        """
        self.largest[:] = 0
        self.sum[:] = 0
        work = list(zip(self.chunks, self.constants, self._views, strict=True))
        try:
            for j in range(self.local):
                row = self.terms[j if self.keep else 0]
                term(j, row)
                for (place, _, starts), (magic, _, _), (largest, total, t, integers) in work:
                    g = row[place]
                    np.abs(g, out=t)
                    np.maximum(largest, np.maximum.reduceat(t, starts), out=largest)  # NaN stays NaN
                    np.add(g, magic, out=t)
                    np.add(total, integers, out=total)  # modulo 2^64
        except Exception as caught:
            self.error = caught

    def _view(self, chunk: Chunk) -> tuple[np.ndarray, ...]:
        """Of one chunk: `largest`, `sum`, and a scratch as floats and as integers."""
        t = self.scratch[: chunk.place.stop - chunk.place.start]
        return self.largest[chunk.parts], self.sum[chunk.place], t, t.view(np.int64)

    def _choose(self, exponent: np.ndarray) -> None:
        """Use these exponents from now on. constants: magic, the integer behind it, and 2^-k, for each chunk."""
        self.exponent = exponent
        k = np.minimum(self.bits - exponent, FINEST)
        self.upper = np.ldexp(1.0, exponent)  # exponents are right for largest terms from `lower` up to this
        self.lower = np.where(k == FINEST, 0, np.ldexp(self.upper, -STEP))
        self.constants = []
        for place, parts, starts in self.chunks:
            # One number serves a chunk within one part, and saves reading an array.
            lengths = np.diff(starts, append=place.stop - place.start) if len(starts) > 1 else 1
            spread = np.repeat(k[parts], lengths)
            magic = np.ldexp(1.5, 52 - spread)
            self.constants.append((magic, magic.view(np.int64), np.ldexp(1.0, -spread)))


def _as_kept(j: int, out: np.ndarray) -> None:
    """The term of a sum that has kept its terms: out holds it already."""


def exponents(largest: np.ndarray, bits: int, last: np.ndarray) -> np.ndarray:
    """For each part the smallest multiple of STEP with largest < 2^exponent; k = bits - exponent, or FINEST. int64.

    The last exponent where any will do: all terms are 0, or cannot be summed.
    """
    return np.where((largest > 0) & summable(largest, bits), _exponent(largest), last)


def summable(largest: np.ndarray, bits: int) -> np.ndarray:
    """Whether a part can be summed: it is finite, and 2^(53-k), above which t cannot be, is a float64."""
    return np.isfinite(largest) & (_exponent(largest) <= 970 + bits)


def _exponent(largest: np.ndarray) -> np.ndarray:
    return -(-np.frexp(largest)[1].astype(np.int64) // STEP) * STEP


def chunks(sizes: np.ndarray) -> list[Chunk]:
    """Cut a vector of parts of these sizes into chunks."""
    first = np.concatenate([[0], np.cumsum(sizes)])
    cut, start, end = [], 0, int(first[-1])
    while start < end:
        low = int(np.searchsorted(first, start, "right")) - 1
        high = int(np.searchsorted(first, start + CHUNK, "right")) - 1  # the parts before this end within the chunk
        stop = int(first[high]) if high > low else start + CHUNK
        high = max(high, low + 1)
        cut.append(Chunk(slice(start, stop), slice(low, high), np.maximum(first[low:high] - start, 0)))
        start = stop
    return cut


REDUCTIONS: dict[str, type[Sum]] = {"exact": ExactSum, "plain": PlainSum}
