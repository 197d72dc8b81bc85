"""Terms as multiples of a power of two, added as integers: what makes a sum independent of its order. All local.

Each part of a vector (each G^(l), the error, each column's mean) has its own power of two, 2^-k, that suits its largest
term. See docs/exactness.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, SIZE, address

BITS = 51  # a term is at most 2^51 of its units: then adding `magic` below rounds it in one instruction
STEP = 4  # k changes in steps of 4 bits, so that the k of the last sum is nearly always right for this one
FINEST = 1074  # 2^-1074 is the smallest positive float64, and the finest unit
CHUNK = 16384  # numbers handled at a time: the second-level cache, not the memory, carries the passes over them


class Chunk(NamedTuple):
    """A slice of the vector that fits in the cache: within one part, or the rest of a part and some whole ones.

    parts: those that it touches; starts: where each of them begins within it.
    """

    place: slice
    parts: slice
    starts: np.ndarray


class Rounding:
    """Terms as multiples of 2^-k, added as integers; for each part k = bits - exponent, or FINEST where that is less.

    t = g + magic with magic = 1.5 · 2^(52-k) lies between 2^(52-k) and 2^(53-k), where neighbouring float64 are 2^-k
    apart: t is g rounded to a multiple of 2^-k, and the integers behind t and magic differ by that multiple.
    """

    def __init__(self, size: int, cut: list[Chunk], bits: int, exponent: np.ndarray):
        self.cut, self.bits = cut, bits
        # For each chunk the part of each number. One number serves a chunk within one part, and saves reading an array.
        lengths = (np.diff(c.starts, append=c.place.stop - c.place.start) for c in cut)
        self.part = [
            np.repeat(np.arange(c.parts.start, c.parts.stop), n if len(n) > 1 else 1)
            for c, n in zip(cut, lengths, strict=True)
        ]
        self.magic, self.unit = np.empty(len(exponent)), np.empty(len(exponent))
        self.sum = np.zeros(size + 2, np.int64)  # the last two count the terms, and the ranks that failed
        self.choose(exponent)

    def choose(self, exponent: np.ndarray) -> None:
        """Use this exponent for each part from now on."""
        self.exponent = exponent
        k = np.minimum(self.bits - exponent, FINEST)
        self.upper = np.ldexp(1.0, exponent)  # exponents are right for largest terms from `lower` up to this
        self.lower = np.where(k == FINEST, 0, np.ldexp(self.upper, -STEP))
        self.magic[:] = np.ldexp(1.5, 52 - k)
        self.unit[:] = np.ldexp(1.0, -k)
        self.magics = [self.magic[part] for part in self.part]
        self.units = [self.unit[part] for part in self.part]

    def right(self, largest: np.ndarray) -> bool:
        """Whether the exponents are right for terms of which the largest are these."""
        return bool(((largest >= self.lower) & (largest < self.upper)).all())

    def begin(self, terms: int) -> None:
        """A new sum, empty but for what takes off the integers behind magic, which so many terms will bring along."""
        self.sum = np.empty_like(self.sum)
        for chunk, magic in zip(self.cut, self.magics, strict=True):
            self.sum[chunk.place] = -terms * magic.view(np.int64)  # modulo 2^64; the sum of all terms is below 2^63


Add = Callable[[np.ndarray], None]


class Arithmetic(Protocol):
    """A way to add terms of one dtype to Roundings, and to read them: all have the same bits."""

    def adder(self, largest: np.ndarray, roundings: Sequence[Rounding]) -> Add:
        """What adds a term, and with it the integers behind magic, to the sum of each of the roundings, as now begun.

        It also raises `largest`, of each part, float64, to the magnitudes of the term; or to NaN, for good.
        """

    def decode(self, rounding: Rounding) -> np.ndarray:
        """The sum as float64, in its own memory: of millions of numbers, a copy is worth saving."""


class InNumpy:
    """Chunk by chunk, four passes over each."""

    def __init__(self, cut: list[Chunk], dtype: np.dtype):
        lengths = [chunk.place.stop - chunk.place.start for chunk in cut]
        magnitudes, rounded = np.empty(max(lengths), dtype), np.empty(max(lengths))
        self.cut = cut
        self.scratch = [(magnitudes[:length], rounded[:length]) for length in lengths]

    def adder(self, largest: np.ndarray, roundings: Sequence[Rounding]) -> Add:
        work = []
        for i, ((place, parts, starts), (a, t)) in enumerate(zip(self.cut, self.scratch, strict=True)):
            targets = [(rounding.magics[i], rounding.sum[place]) for rounding in roundings]
            work.append((place, starts, largest[parts], a, t, t.view(np.int64), targets))

        def add(term: np.ndarray) -> None:
            for place, starts, largest, a, t, integers, targets in work:
                g = term[place]
                np.abs(g, out=a)
                np.maximum(largest, np.maximum.reduceat(a, starts), out=largest)  # NaN stays NaN
                for magic, total in targets:
                    np.add(g, magic, out=t)
                    np.add(total, integers, out=total)  # modulo 2^64

        return add

    def decode(self, rounding: Rounding) -> np.ndarray:
        out = rounding.sum[:-2].view(np.float64)
        for (place, _, _), unit in zip(self.cut, rounding.units, strict=True):
            np.multiply(rounding.sum[place], unit, out=out[place])
        return out


class InC:
    """In one pass, by fixed_point.c. instruction_set: one that is available."""

    def __init__(self, sizes: Sequence[int], dtype: np.dtype, instruction_set: str):
        self.first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
        self.add = library.function("add_term", dtype, instruction_set, ADDRESS, SIZE, *[ADDRESS] * 4)
        self.read = library.function("decode", np.dtype(np.float64), instruction_set, ADDRESS, SIZE, ADDRESS, ADDRESS)

    def adder(self, largest: np.ndarray, roundings: Sequence[Rounding]) -> Add:
        function, parts, first, most = self.add, len(self.first) - 1, address(self.first), address(largest)
        targets = [(address(rounding.magic), address(rounding.sum)) for rounding in roundings]

        def add(term: np.ndarray) -> None:
            g = address(term)
            for magic, total in targets:
                function(g, parts, first, magic, total, most)

        return add

    def decode(self, rounding: Rounding) -> np.ndarray:
        self.read(address(rounding.sum), len(self.first) - 1, address(self.first), address(rounding.unit))
        return rounding.sum[:-2].view(np.float64)


def arithmetic(sizes: Sequence[int], cut: list[Chunk], dtype: np.dtype) -> Arithmetic:
    """The fastest one there is for terms of parts of these sizes. cut: these as chunks."""
    instruction_set = library.instructions()
    return InNumpy(cut, dtype) if instruction_set is None else InC(sizes, dtype, instruction_set)


def exponents(largest: np.ndarray, bits: int, last: np.ndarray) -> np.ndarray:
    """For each part the smallest multiple of STEP with largest < 2^exponent; k = bits - exponent, or FINEST. int64.

    The last exponent where any will do: all terms are 0, or cannot be summed.
    """
    exponent = _exponent(largest)
    return np.where((largest > 0) & _summable(largest, exponent, bits), exponent, last)


def summable(largest: np.ndarray, bits: int) -> np.ndarray:
    """Whether a part can be summed: it is finite, and 2^(53-k), above which t cannot be, is a float64."""
    return _summable(largest, _exponent(largest), bits)


def _summable(largest: np.ndarray, exponent: np.ndarray, bits: int) -> np.ndarray:
    return np.isfinite(largest) & (exponent <= 970 + bits)


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
