"""What is put where a value is missing: the mean or median of a column over all of D, exact on any number of ranks.

A way to find it is shown the numbers of this rank a chunk of rows after another, and keeps what it needs of them. To
add one: a class with the methods of `Filler`, and its name in FILLERS.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from distnn.data.shelf import Room, Shelf
from distnn.kernels import algebra
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum

SIGN = np.uint64(1 << 63)
GAP = np.uint64(2**64 - 1)  # above all numbers, as `_ordered` has them
BITS = 8  # of a number that a pass over all of them finds
NOTHING = -5000  # an exponent below those of all numbers


class Filler(Protocol):
    """Finds a number for each of m columns, by what it is shown. Local but for the call."""

    def add(self, values: np.ndarray) -> None:
        """The next rows: m × r float64, NaN where a number is missing."""

    def __call__(self, count: int, ranks: Ranks) -> np.ndarray:
        """(m,) float64, NaN where there is no number. count: of the chunks of all ranks. Collective, replicated."""


class Means:
    """The means; exact as every sum over D is: the same bits for any number of ranks. Of a chunk it keeps the sums."""

    def __init__(self, m: int, room: Room):
        self.counts = np.zeros(m, np.int64)
        self.sums: list[tuple[np.ndarray, np.ndarray]] = []  # of each chunk what 2^exponent is multiplied by

    def add(self, values: np.ndarray) -> None:
        known = np.where(np.isnan(values), 0, values)
        self.counts += (values == values).sum(axis=1)
        exponents = _exponents(np.abs(known).max(axis=1, initial=0))
        self.sums.append(
            (np.array([algebra.total(np.ldexp(v, -e)) for v, e in zip(known, exponents, strict=True)]), exponents)
        )

    def __call__(self, count: int, ranks: Ranks) -> np.ndarray:
        m = len(self.counts)
        exponents = np.max([e for _, e in self.sums], axis=0, initial=NOTHING) + np.zeros(m)
        ranks.maximum(exponents)
        ranks.sum(self.counts)
        scale = np.minimum(exponents, 1023).astype(np.int64)  # the sum of what is divided by 2^scale cannot overflow

        def term(j: int, out: np.ndarray) -> None:
            sums, own = self.sums[j]
            out[:] = np.ldexp(sums, own - scale)

        total = ExactSum(ranks, [1] * m, len(self.sums), count)(term)
        with np.errstate(invalid="ignore"):
            return np.ldexp(total / self.counts, scale)


class Numbers(NamedTuple):
    """m × r uint64, in the order of the numbers."""

    x: np.ndarray


class Medians:
    """The medians. Of an even number of values it is the mean of the two in the middle.

    The number of rank k among n is found eight bits after another, by counting how many have which: eight passes over
    the numbers, which are kept in the room's memory, or its file.
    """

    def __init__(self, m: int, room: Room):
        self.counts = np.zeros(m, np.int64)
        self.shelf = Shelf(room)

    def add(self, values: np.ndarray) -> None:
        self.counts += (values == values).sum(axis=1)
        self.shelf.append(Numbers(_ordered(values)))

    def __call__(self, count: int, ranks: Ranks) -> np.ndarray:
        ranks.sum(self.counts)
        above = np.stack([np.maximum(self.counts - 1, 0) // 2, self.counts // 2])  # how many come before the two
        found = np.zeros(above.shape, np.uint64)
        for shift in range(64 - BITS, -1, -BITS):
            histograms = np.zeros((*above.shape, 1 << BITS), np.int64)
            with ranks.sharing_errors():
                self._count(found, shift, histograms)
            ranks.sum(histograms)
            upto = histograms.cumsum(axis=2)
            digits = (upto <= above[:, :, None]).sum(axis=2)
            before = np.take_along_axis(upto, np.maximum(digits - 1, 0)[:, :, None], axis=2)[:, :, 0]
            above -= np.where(digits > 0, before, 0)
            found |= np.minimum(digits, (1 << BITS) - 1).astype(np.uint64) << np.uint64(shift)
        low, high = _unordered(np.where(self.counts > 0, found, SIGN))
        return np.where(self.counts > 0, low / 2 + high / 2, np.nan)

    def _count(self, found: np.ndarray, shift: int, histograms: np.ndarray) -> None:
        """Add how many numbers of this rank that agree with `found` above have which of the next bits. Local."""
        last, top = np.uint64((1 << BITS) - 1), shift + BITS
        for numbers in self.shelf.view(Numbers):
            for i, values in enumerate(numbers.x):
                for k in range(2):
                    if k and found[0, i] == found[1, i]:
                        continue
                    alike = values if top == 64 else values[(values ^ found[k, i]) >> np.uint64(top) == 0]
                    digits = ((alike >> np.uint64(shift)) & last).astype(np.int64)
                    histograms[k, i] += np.bincount(digits, minlength=1 << BITS)
        same = found[0] == found[1]
        histograms[1, same] = histograms[0, same]


FILLERS: dict[str, Callable[[int, Room], Filler]] = {"mean": Means, "median": Medians}


def together(values: dict[int, np.ndarray], columns: Sequence[int], rows: np.ndarray) -> np.ndarray:
    """Columns of the given rows, bool (r,), for `Filler.add`: NaN for a column that is not there. Local."""
    nothing = np.full(len(rows), np.nan)
    return np.stack([values.get(column, nothing)[rows] for column in columns])


def _exponents(largest: np.ndarray) -> np.ndarray:
    """The exponents of the powers of two that are just above these numbers; int64."""
    return np.where(largest > 0, np.frexp(largest)[1], NOTHING).astype(np.int64)


def _ordered(values: np.ndarray) -> np.ndarray:
    """Unsigned integers in the order of the float64 values, GAP for NaN."""
    bits = (values + 0.0).view(np.uint64)  # + 0.0: there is one zero
    return np.where(np.isnan(values), GAP, np.where(bits & SIGN, ~bits, bits | SIGN))


def _unordered(integers: np.ndarray) -> np.ndarray:
    """The float64 values of such integers."""
    return np.where(integers & SIGN, integers & ~SIGN, ~integers).view(np.float64)
