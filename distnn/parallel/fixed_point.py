"""Terms as multiples of a power of two, added as integers: what makes a sum independent of its order. All local.

Each row of a part of a vector (of each G^(l), for one) has its own power of two, 2^-k, that suits its largest term. See
docs/exactness.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from functools import cache, cached_property
from typing import Any, Protocol

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, REAL, SIZE
from distnn.kernels.memory import address
from distnn.parallel.layout import Layout

BITS = 51  # a term is at most 2^51 of its units: then adding `magic` below rounds it in one instruction
STEP = 4  # a part's k changes in steps of 4 bits, so that the k of the last sum is nearly always right for this one;
ROW_STEP = 16  # for the same reason, a row's k is finer than its part's by whole steps of 16 bits
FINEST = 1074  # 2^-1074 is the smallest positive float64, and the finest unit


class Exponents:
    """Powers of two above the largest terms of a sum; for each row, k = bits - exponent, or FINEST where that is less.

    part: for each part a multiple of STEP, the smallest one for its largest term. below: for each row how many bits its
    own is below its part's, whole steps of ROW_STEP, as many as its largest term allows. Any for a part whose terms are
    all 0 or cannot be summed, and any steps for such rows: they keep the last ones. rows: the exponent of each row.
    all_summable: whether all parts can be summed whose terms these were found for.
    """

    def __init__(self, layout: Layout, bits: int):
        self.layout, self.bits = layout, bits
        rows = len(layout.lengths)
        self.part, self.below, self.rows = np.zeros(len(layout.heights), np.int64), *np.zeros((2, rows), np.int64)
        self._lower, self._upper = np.full(rows, np.inf), np.zeros(rows)
        self.all_summable = True

    def right(self, largest: np.ndarray) -> bool:
        """Whether they are surely right for terms of which the largest are these, of each row."""
        within = (largest >= self._lower) & (largest < self._upper)
        return bool(np.count_nonzero(within) == len(within))  # twice as fast as all()

    def for_largest(self, largest: np.ndarray) -> Exponents:
        """The right ones for terms of which the largest are these; where any will do, these here.

        With them it is noted from where up to where the largest terms may go while they stay right. A row that is the
        largest of its part must stay in the part's step, and what is 0 must stay 0: else others may be right.
        """
        right = copy(self)
        if library.instructions() is None:
            right._fit(largest)
        else:
            right._fit_in_c(largest)
        return right

    def _fit_in_c(self, largest: np.ndarray) -> None:
        heights, rows = self.layout.heights, len(self.rows)
        self.part, self.below, self.rows = self.part.copy(), self.below.copy(), np.empty(rows, np.int64)
        self._lower, self._upper = np.empty(rows), np.empty(rows)
        numbers = self.bits, STEP, ROW_STEP, FINEST, _limit(self.bits)
        found = map(address, (largest, self.part, self.below, self.rows, self._lower, self._upper))
        self.all_summable = bool(_in_c()(len(heights), address(heights), *numbers, *found))

    def _fit(self, largest: np.ndarray) -> None:
        of_parts, heights = self.layout.of_parts(largest), self.layout.heights
        can = summable(of_parts, self.bits)
        self.all_summable = bool(can.all())
        self.part = np.where((of_parts > 0) & can, _exponent(of_parts), self.part)
        self.below = np.where(can.repeat(heights), self._below(self.part, largest), self.below)
        self.rows = self.part.repeat(heights) - self.below
        top = largest == of_parts.repeat(heights)
        lower = np.ldexp(1.0, self.rows - np.where(top, STEP, ROW_STEP))
        self._lower = np.where((largest == 0) | (self.bits - self.rows >= FINEST), 0, lower)
        self._upper = np.ldexp(1.0, np.where(largest == 0, -FINEST, self.rows))

    def neighbours(self, largest: np.ndarray, below: np.ndarray) -> np.ndarray:
        """For each row another exponent that may soon be right, where these here are right for the largest terms.

        Its part's step on that side where the part's largest term is nearer to; or in its part as it is, where `below`
        has other steps for it than it has now.
        """
        up = self.layout.of_parts(largest) > np.ldexp(1.0, self.part - STEP // 2)
        part, heights = self.part + np.where(up, STEP, -STEP), self.layout.heights
        moved = part.repeat(heights) - self._below(part, largest)
        return np.where(below == self.below, moved, self.part.repeat(heights) - below)

    def _below(self, part: np.ndarray, largest: np.ndarray) -> np.ndarray:
        """`below` for these largest terms in parts of these exponents."""
        below = (part.repeat(self.layout.heights) - _frexp(largest)) // ROW_STEP * ROW_STEP
        return np.where(largest > 0, np.maximum(below, 0), self.below)  # below 0 for parts a step too low


class Rounding:
    """Terms as multiples of 2^-k, added as integers; for each row k = bits - exponent, or FINEST where that is less.

    t = g + magic with magic = 1.5 · 2^(52-k) lies between 2^(52-k) and 2^(53-k), where neighbouring float64 are 2^-k
    apart: t is g rounded to a multiple of 2^-k, and the integers behind t and magic differ by that multiple.
    """

    def __init__(self, layout: Layout, bits: int, exponent: np.ndarray):
        self.layout, self.bits = layout, bits
        magic, self.unit = np.zeros(len(exponent) + 1), np.empty(len(exponent))
        self.sum: np.ndarray  # int64, by `begin`; the last two count the terms, and the ranks that failed
        self.terms = 0
        self.magic, self._behind = magic[:-1], magic.view(np.int64)  # behind magic, for each row, and 0 for these two
        self._lengths = np.append(layout.lengths, 2)
        self.choose(exponent)

    @cached_property
    def addresses(self) -> tuple[int, int]:
        """Of magic and unit, which stay where they are."""
        return address(self.magic), address(self.unit)

    def choose(self, exponent: np.ndarray) -> None:
        """Use this exponent for each row from now on."""
        self.exponent = exponent
        k = np.minimum(self.bits - exponent, FINEST)
        np.ldexp(1.5, 52 - k, out=self.magic)
        np.ldexp(1.0, -k, out=self.unit)

    def begin(self, terms: int) -> None:
        """Memory for a new sum of so many terms. The first one is not added, but written."""
        self.terms, self.sum = terms, (np.empty if terms else np.zeros)(self.layout.size + 2, np.int64)

    def before(self) -> np.ndarray:
        """What takes off the integers behind magic that all terms will bring along, for each number of the sum."""
        return (-self.terms * self._behind).repeat(self._lengths)  # modulo 2^64; the sum of all terms is below 2^63


Add = Callable[[np.ndarray], None]


class Arithmetic(Protocol):
    """A way to add terms of a layout to Roundings, and to read them: all have the same bits."""

    def adder(self, largest: np.ndarray, roundings: Sequence[Rounding]) -> Add:
        """What adds each of the terms to the sum of each of the roundings, as now begun.

        It also raises `largest`, of each row, float64, to the magnitudes of the term; or to NaN, for good.
        """

    def decode(self, rounding: Rounding) -> np.ndarray:
        """The sum as float64, in its own memory: of millions of numbers, a copy is worth saving."""


class InNumpy:
    """Chunk by chunk, four passes over each."""

    def __init__(self, layout: Layout):
        self.layout = layout
        length = max(chunk.place.stop - chunk.place.start for chunk in layout.chunks)
        self.magnitudes = {dtype: np.empty(length, dtype) for dtype in (layout.dtype, np.dtype(np.float64))}
        self.rounded = np.empty(length)

    def adder(self, largest: np.ndarray, roundings: Sequence[Rounding]) -> Add:
        work = []
        for rounding in roundings:
            rounding.sum[:] = rounding.before()
        for chunk in self.layout.chunks:
            length = chunk.place.stop - chunk.place.start
            a, t = self.magnitudes[chunk.dtype][:length], self.rounded[:length].reshape(chunk.shape)
            sums = [
                (rounding.magic[chunk.row], rounding.sum[chunk.place].reshape(chunk.shape)) for rounding in roundings
            ]
            work.append((chunk, largest[chunk.rows], a, t, t.view(np.int64), sums))

        def add(term: np.ndarray) -> None:
            for chunk, largest, a, t, integers, sums in work:
                g = chunk.of(term)
                np.abs(g, out=a)
                np.maximum(largest, np.maximum.reduceat(a, chunk.starts), out=largest)  # NaN stays NaN
                g = g.reshape(chunk.shape)
                for magic, total in sums:
                    np.add(g, magic, out=t)
                    np.add(total, integers, out=total)  # modulo 2^64

        return add

    def decode(self, rounding: Rounding) -> np.ndarray:
        out = rounding.sum[:-2].view(np.float64)
        for chunk in self.layout.chunks:
            place, shape = chunk.place, chunk.shape
            np.multiply(rounding.sum[place].reshape(shape), rounding.unit[chunk.row], out=out[place].reshape(shape))
        return out


class InC:
    """In one pass, by fixed_point.c. instruction_set: one that is available."""

    def __init__(self, layout: Layout, instruction_set: str):
        self.layout, wide = layout, np.dtype(np.float64)
        self.add = library.function(
            "add_term", layout.dtype, instruction_set, *[ADDRESS, SIZE] * 2, *[ADDRESS] * 4, SIZE
        )
        self.read = library.function("decode", wide, instruction_set, ADDRESS, SIZE, ADDRESS, ADDRESS)
        self.rows, self.first = len(layout.lengths), address(layout.first)

    def adder(self, largest: np.ndarray, roundings: Sequence[Rounding]) -> Add:
        function, narrow, tail_at = self.add, self.layout.narrow, self.layout.tail_at
        rows, first, most = self.rows, self.first, address(largest)
        sums = [(rounding.addresses[0], address(rounding.sum)) for rounding in roundings]
        begins = roundings[0].terms

        def add(term: np.ndarray) -> None:
            nonlocal begins
            g = address(term)
            for magic, total in sums:
                function(g, narrow, g + tail_at, rows, first, magic, total, most, begins)
            begins = 0

        return add

    def decode(self, rounding: Rounding) -> np.ndarray:
        self.read(address(rounding.sum), self.rows, self.first, rounding.addresses[1])
        return rounding.sum[:-2].view(np.float64)


def arithmetic(layout: Layout) -> Arithmetic:
    """The fastest one there is for terms of this layout."""
    instruction_set = library.instructions()
    return InNumpy(layout) if instruction_set is None else InC(layout, instruction_set)


def summable(largest: np.ndarray, bits: int) -> np.ndarray:
    """Whether parts can be summed: they are finite, and 2^(53-k), above which t cannot be, is a float64."""
    return largest < _limit(bits)


def _limit(bits: int) -> float:
    return math.ldexp(1.0, (970 + bits) // STEP * STEP)


@cache
def _in_c() -> Callable[..., int]:
    """exponents.c."""
    made: Any = library.of_all_sets("exponents", SIZE, ADDRESS, *[SIZE] * 4, REAL["float64"], *[ADDRESS] * 6)
    made.restype = SIZE
    return made


def _exponent(largest: np.ndarray) -> np.ndarray:
    """The smallest multiple of STEP with largest < 2^exponent."""
    return -(-_frexp(largest) // STEP) * STEP


def _frexp(largest: np.ndarray) -> np.ndarray:
    """The smallest number with largest < 2^number: int64."""
    return np.frexp(largest)[1].astype(np.int64)
