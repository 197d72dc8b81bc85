"""Sums of numbers and of their squares, of any size: 1e160 and 1e-170 have squares that no float64 holds.

Each number is scaled by the power of two that suits its size, and goes into the sum of that size, as in J. L. Blue, "A
portable Fortran program to find the Euclidean norm of a vector", ACM TOMS 4 (1978). The totals are put together as
fractions, which know no range.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

SCALES = (0, 600, -600)  # exponents of two: for ordinary, small and large numbers
LIMIT = 400  # numbers from 2^-400 to 2^400 are ordinary: so are their squares, and all sums of these
SUMS = len(SCALES)


def by_size(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a - b, scaled, in the place of its size, and 0 in the others: SUMS × the shape of a. Local."""
    with np.errstate(over="ignore"):
        difference, half = a - b, a / 2 - b / 2  # of which the second does not overflow
    small, large = np.abs(difference) < 2.0**-LIMIT, ~(np.abs(half) < 2.0 ** (LIMIT - 1))
    return np.stack(
        [
            np.where(small | large, 0.0, difference),
            np.ldexp(np.where(small, difference, 0.0), SCALES[1]),
            np.ldexp(np.where(large, half, 0.0), SCALES[2] + 1),
        ]
    )


def total(sums: np.ndarray, power: int) -> Fraction | None:
    """What the sums by size, (SUMS,), of numbers to this power are together; None if one of them is not finite."""
    if not np.isfinite(sums).all():
        return None
    parts = (Fraction(float(s)) * Fraction(2) ** (-power * scale) for s, scale in zip(sums, SCALES, strict=True))
    return sum(parts, Fraction(0))


def nearest(x: Fraction) -> float:
    """x as a float64, infinite beyond its range."""
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def root(x: Fraction) -> float:
    """√x to a float64's precision, infinite beyond its range."""
    exponent = (x.numerator.bit_length() - x.denominator.bit_length()) // 2
    try:
        return math.ldexp(math.sqrt(x / Fraction(4) ** exponent), exponent)
    except OverflowError:
        return math.inf
