"""Standardisation of columns: (value - mean) / deviation, with mean and deviation over all of D."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distnn.kernels.algebra import row_sums
from distnn.kernels.algebra import total as total_of
from distnn.parallel.ranks import Ranks
from distnn.parallel.reduction import ExactSum


@dataclass(frozen=True)
class Scaling:
    """Standardisation of m columns; each field float64, (m,). Replicated.

    shift is a value of the column itself (of the first row with a weight above 0), taken off in float64 before anything
    else: a column like 1.7e9 + small then keeps its digits in float32 too. mean is that of the shifted column.
    """

    shift: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Which columns are constant, bool (m,): their deviation is given as 0 by `measure`, and not divided by."""
        return self.deviation == 0

    @staticmethod
    def identity(m: int) -> Scaling:
        """Leaves m columns as they are."""
        return Scaling(np.zeros(m), np.zeros(m), np.ones(m))

    @property
    def is_identity(self) -> bool:
        return not self.shift.any() and not self.mean.any() and bool((self.deviation == 1).all())

    def standardise(self, shifted: np.ndarray) -> None:
        """Finish what `shift_columns` began, in place: m × r, of any dtype. Local."""
        if not self.is_identity:
            with np.errstate(all="ignore"):  # where that is not finite, it is said later
                shifted -= self.mean[:, None].astype(shifted.dtype)
                shifted /= self.divisor[:, None].astype(shifted.dtype)

    @property
    def divisor(self) -> np.ndarray:
        """What columns are divided by, (m,): their deviation, and 1 where they are constant."""
        return np.where(self.constant, 1, self.deviation)

    def undo(self, columns: np.ndarray) -> np.ndarray:
        """The values, float64, m × r, that standardise to `columns`."""
        return columns.astype(np.float64) * self.deviation[:, None] + self.mean[:, None] + self.shift[:, None]

    def relative_to(self, other: Scaling) -> tuple[np.ndarray, np.ndarray]:
        """a, b, each (m,): where `other` standardises a value to z, this standardises it to a z + b."""
        offset = (other.shift - self.shift) + (other.mean - self.mean)
        return other.divisor / self.divisor, offset / self.divisor


def shift_columns(rows: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
    """Write the columns of `rows`, r × m, less shift, (m,), to out, m × r. Local.

    The difference is float64, and then rounded; values beyond out's dtype become infinite, or 0.
    """
    with np.errstate(over="ignore", under="ignore"):
        np.subtract(rows.T, shift[:, None], out=out, casting="same_kind")


def measure(
    shift: np.ndarray, parts: Sequence[tuple[np.ndarray, np.ndarray | None]], ranks: Ranks, count: int
) -> Scaling:
    """The scaling that standardises all columns over D. Collective, replicated; exact like every sum over D.

    shift: what was taken off the columns already. parts: this rank's blocks, each the shifted columns (m × r, after
    whatever other rows) and the examples' weights (r,) or None; count: the number of blocks of all ranks. The deviation
    is that of the population, sqrt(Σ (x - mean)² / n), and 0 for a constant column.
    """
    m = len(shift)
    magnitude = np.zeros(m)
    for x, _ in parts:
        np.maximum(magnitude, np.abs(x[-m:]).max(axis=1, initial=0), out=magnitude)
    ranks.maximum(magnitude)
    exponent = np.minimum(np.frexp(magnitude)[1], 1023)
    scale = np.ldexp(1.0, exponent)  # squares of what is divided by it cannot overflow

    sums = ExactSum(ranks, [1] * (m + 1), len(parts), count)

    def first_moment(j: int, out: np.ndarray) -> None:
        x, weights = parts[j]
        z = x[-m:] / scale[:, None]
        out[:m] = row_sums(z if weights is None else z * weights)
        out[m] = x.shape[1] if weights is None else total_of(weights.astype(np.float64))

    total = sums(first_moment)
    mean = total[:m] / total[m]

    def second_moment(j: int, out: np.ndarray) -> None:
        x, weights = parts[j]
        z = np.square(x[-m:] / scale[:, None] - mean[:, None])
        out[:m] = row_sums(z if weights is None else z * weights)
        out[m] = 0

    deviation = np.sqrt(sums(second_moment)[:m] / total[m]) * scale
    # Rounding leaves a constant column a deviation of some 1e-16 of its size: that is no spread to divide by.
    constant = deviation <= 1e-14 * scale
    return Scaling(shift, mean * scale, np.where(constant, 0.0, deviation))
