"""What is put where a value is missing: the mean or median of a column over all of D, exact on any number of ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum

Parts = Sequence[dict[int, np.ndarray]]  # numbers of each chunk of this rank's rows, by column, float64; local
SIGN = np.uint64(1 << 63)


def means(parts: Parts, columns: Sequence[int], count: int, ranks: Ranks) -> np.ndarray:
    """The mean of each column, (m,) float64, NaN where there is no number. Collective, replicated.

    count: of the chunks of all ranks. Exact as every sum over D is: the same bits for any number of ranks.
    """
    m = len(columns)
    counts = np.zeros(m, np.int64)
    largest = np.zeros(m)
    for part in parts:
        for i, column in enumerate(columns):
            counts[i] += len(part[column]) if column in part else 0
            if column in part:
                largest[i] = max(largest[i], np.abs(part[column]).max(initial=0))
    ranks.sum(counts)
    ranks.maximum(largest)
    scale = np.ldexp(1.0, np.minimum(np.frexp(largest)[1], 1023))  # the sum of what is divided by it cannot overflow

    def term(j: int, out: np.ndarray) -> None:
        for i, column in enumerate(columns):
            out[i] = (parts[j][column] / scale[i]).sum() if column in parts[j] else 0

    total = ExactSum(ranks, [1] * m, len(parts), count)(term)
    with np.errstate(invalid="ignore"):
        return total / counts * scale


def medians(parts: Parts, columns: Sequence[int], ranks: Ranks) -> np.ndarray:
    """The median of each column, (m,) float64, NaN where there is no number. Collective, replicated; exact.

    The number of rank k among n is found bit by bit, by counting how many are below: 64 sums of 2 m counts. Of an even
    number of values it is the mean of the two in the middle.
    """
    empty = [np.empty(0)]
    own = [np.sort(_ordered(np.concatenate([p[column] for p in parts if column in p] or empty))) for column in columns]
    counts = np.array([len(values) for values in own], np.int64)
    ranks.sum(counts)
    middle = np.stack([np.maximum(counts - 1, 0) // 2, counts // 2])  # the places of the two
    found = np.zeros((2, len(columns)), np.uint64)
    for bit in range(63, -1, -1):
        trial = found | np.uint64(1 << bit)
        below = np.array([[np.searchsorted(own[i], value) for i, value in enumerate(row)] for row in trial], np.int64)
        ranks.sum(below)
        found = np.where(below <= middle, trial, found)
    low, high = _unordered(found)
    return np.where(counts > 0, low / 2 + high / 2, np.nan)


def _ordered(values: np.ndarray) -> np.ndarray:
    """Unsigned integers in the order of the float64 values, none of them NaN."""
    bits = (values + 0.0).view(np.uint64)  # + 0.0: there is one zero
    return np.where(bits & SIGN, ~bits, bits | SIGN)


def _unordered(integers: np.ndarray) -> np.ndarray:
    """The float64 values of such integers."""
    return np.where(integers & SIGN, integers & ~SIGN, ~integers).view(np.float64)
