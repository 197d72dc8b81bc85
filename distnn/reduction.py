"""Sums over blocks and ranks: the same bits for any number of ranks and any order (ExactSum), or plain ones.

ExactSum rounds every term to a multiple of 2^-k and adds the multiples as 64-bit integers, which is associative:
how D is cut over ranks, and how MPI orders its sums, cannot matter. k suits the largest term of *this* sum,
taken over all ranks, so the result is a pure function of the terms. See docs/exactness.md.

Each part of the vector (each G^(l), the error, each column's mean) has its own k. To add a way to sum: a class
with the same `__call__`, and an entry in REDUCTIONS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from distnn.communicator import OneRank

Term = Callable[[int, np.ndarray], None]

STEP = 4  # k changes in steps of 4 bits, so that the k of the last sum is nearly always right for this one
BITS = 50  # a term is at most 2^50 of its units: then adding `magic` below rounds it in one instruction
KEPT_BYTES = 32 << 20  # terms are kept, to be rounded once k is known, if those of this rank fit in this
CHUNK = 8192  # numbers rounded at a time: the cache, not the memory, carries the passes


class Sum(Protocol):
    """A way to sum. sizes: lengths of the parts of a term; local: number of terms of this rank; count: of all ranks."""

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int): ...

    def __call__(self, term: Term) -> np.ndarray:
        """The sum over all terms of all ranks, float64, valid until the next call. Collective, replicated.

        term(j, out) writes this rank's term number j, float64; it may be called twice for the same j. An exception in
        it is raised on all ranks.
        """


class PlainSum:
    """Terms added in floating point in the order in which they come. Another P or another MPI gives other bits.

    sizes: lengths of the parts of a term; local: number of terms of this rank; count: of all ranks together.
    """

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int):
        self.ranks, self.local = ranks, local
        self.message = np.zeros(2)
        self.term = np.zeros(sum(sizes))
        self.sum = np.zeros(sum(sizes) + 1)  # the last place counts the ranks that failed

    def __call__(self, term: Term) -> np.ndarray:
        """The sum over all terms of all ranks, float64, valid until the next call. Collective, replicated.

        term(j, out) writes this rank's term number j, float64. An exception in it is raised on all ranks.
        Where a part holds NaN or infinity, or overflows, so does its sum.
        """
        error = None
        total = self.sum[:-1]
        self.sum[:] = 0
        try:
            with np.errstate(all="ignore"):
                for j in range(self.local):
                    term(j, self.term)
                    total += self.term
        except Exception as caught:
            error = caught
            self.sum[-1] = 1
        self.ranks.agree(self.message)
        self.ranks.sum(self.sum)
        if self.sum[-1]:
            self.ranks.raise_together(error)
        return total


class ExactSum:
    """Terms added exactly after rounding to 50 bits below the largest: the same bits for every P.

    sizes: lengths of the parts of a term; local: number of terms of this rank; count: of all ranks together,
    replicated.

    Where this rank's terms fit in 32 MB they are computed first and rounded when k is known. Where they do not, they
    are rounded at once with the k of the last sum, and computed again if the largest term shows that k to be wrong.
    That is a local choice: it costs time, not bits.
    """

    def __init__(self, ranks: OneRank, sizes: Sequence[int], local: int, count: int):
        self.ranks, self.local = ranks, local
        size = sum(sizes)
        self.sizes = np.array(sizes)
        self.keep = local * size * 8 <= KEPT_BYTES
        self.terms = np.empty((max(1, local if self.keep else 1), size))
        self.message = np.zeros(len(sizes) + 2)  # and what ranks agree on besides
        self.largest = self.message[:-2]
        self.sum = np.zeros(size + 2, np.int64)  # the last two count the terms, and the ranks that failed
        self.result = np.zeros(size)
        self.bits = min(BITS, 62 - max(0, count - 1).bit_length())
        self.chunks = chunks(self.sizes, max(64, CHUNK // len(self.terms)))
        self.scratch = np.empty((len(self.terms), max(chunk.stop - chunk.start for chunk, _, _ in self.chunks)))
        self.k = np.zeros(len(sizes), np.int64)
        self._choose(self.k)

    def __call__(self, term: Term) -> np.ndarray:
        """The sum over all terms of all ranks, float64, valid until the next call. Collective, replicated.

        term(j, out) writes this rank's term number j, float64; it may be called twice for the same j. An exception in
        it is raised on all ranks. A part with a term that is NaN, infinite or beyond 2^1000 sums to NaN.
        """
        with np.errstate(all="ignore"):
            error = self._add_all(term)
            np.nan_to_num(self.largest, copy=False, nan=np.inf)  # MAX over NaN would depend on the order
            self.ranks.agree(self.message)
            k = exponents(self.largest, self.bits)
            again = not np.array_equal(k, self.k)
            if again:
                self._choose(k)
            if self.keep:
                self._round(self.terms[: self.local])
            elif again and error is None:
                largest = self.largest.copy()
                error = self._add_all(term)
                self.largest[:] = largest
            self.sum[-1] = error is not None
            self.ranks.sum(self.sum)
            if self.sum[-1]:
                self.ranks.raise_together(error)
            return self._decode()

    def _add_all(self, term: Term) -> Exception | None:
        self.largest[:] = 0
        self.sum[:] = 0
        try:
            if self.keep:
                for j in range(self.local):
                    term(j, self.terms[j])
                self._measure(self.terms[: self.local])
            else:
                for j in range(self.local):
                    term(j, self.terms[0])
                    self._measure(self.terms)
                    self._round(self.terms)
        except Exception as caught:
            return caught
        return None

    def _measure(self, terms: np.ndarray) -> None:
        """Raise `largest` to the magnitudes of these terms. NaN stays NaN."""
        if not len(terms):
            return
        for chunk, parts, starts in self.chunks:
            part = np.abs(terms[:, chunk], out=self.scratch[: len(terms), : chunk.stop - chunk.start])
            top = part[0] if len(part) == 1 else part.max(axis=0)
            np.maximum(self.largest[parts], np.maximum.reduceat(top, starts), out=self.largest[parts])

    def _round(self, terms: np.ndarray) -> None:
        """Add the terms, as multiples of 2^-k, to `sum`, modulo 2^64.

        t = g + magic with magic = 1.5 · 2^(52-k) lies between 2^(52-k) and 2^(53-k), where neighbouring float64 are
        2^-k apart: t is g rounded to a multiple of 2^-k, and the integers behind t and magic differ by that multiple.
        """
        if not len(terms):
            return
        for chunk, _, _ in self.chunks:
            t = np.add(terms[:, chunk], self.magic[chunk], out=self.scratch[: len(terms), : chunk.stop - chunk.start])
            integers = t.view(np.int64)
            self.sum[chunk] += integers[0] if len(integers) == 1 else integers.sum(axis=0)
        self.sum[-2] += len(terms)

    def _choose(self, k: np.ndarray) -> None:
        self.k = k
        self.magic = np.repeat(np.ldexp(1.5, 52 - k), self.sizes)
        self.offset = self.magic.view(np.int64)
        self.unit = np.repeat(np.ldexp(1.0, -k), self.sizes)

    def _decode(self) -> np.ndarray:
        multiples = self.sum[:-2] - self.sum[-2] * self.offset  # modulo 2^64
        np.multiply(multiples, self.unit, out=self.result)
        if not np.isfinite(self.largest).all():
            self.result[np.repeat(exponent_too_large(self.largest, self.bits), self.sizes)] = np.nan
        return self.result


def exponents(largest: np.ndarray, bits: int) -> np.ndarray:
    """k for each part: largest · 2^k ≤ 2^bits, the exponent of largest rounded up to a multiple of STEP. int64.

    k ≤ 1000, so that 2^-k is a normal number; 0 where a part cannot be summed.
    """
    exponent = np.frexp(largest)[1].astype(np.int64)
    exponent = -(-exponent // STEP) * STEP
    k = np.where(largest > 0, np.minimum(bits - exponent, 1000), 1000)
    return np.where(exponent_too_large(largest, bits), 0, k)


def exponent_too_large(largest: np.ndarray, bits: int) -> np.ndarray:
    """Where a part is not finite, or so large that `magic` would overflow (beyond 2^1000 or so)."""
    return ~np.isfinite(largest) | (np.frexp(largest)[1] + STEP > 970 + bits)


def chunks(sizes: np.ndarray, width: int) -> list[tuple[slice, slice, np.ndarray]]:
    """Cut the whole vector into slices of at most `width` numbers.

    With each slice: the parts that it touches, and where each of these begins within it.
    """
    first = np.concatenate([[0], np.cumsum(sizes)])
    cut = []
    for start in range(0, int(first[-1]), width):
        stop = min(start + width, int(first[-1]))
        low = int(np.searchsorted(first, start, "right")) - 1
        high = int(np.searchsorted(first, stop, "left"))
        cut.append((slice(start, stop), slice(low, high), np.maximum(first[low:high] - start, 0)))
    return cut


REDUCTIONS: dict[str, type[Sum]] = {"exact": ExactSum, "plain": PlainSum}
