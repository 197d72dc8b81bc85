"""Student's t distribution with ν degrees of freedom: any number above 0; infinite ones are the normal distribution.

Its density, and how far from 0 it has a given probability: the same bits on every machine, as in normal.py.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from distnn.kernels import normal
from distnn.kernels.elementary import applied, value

MANY = 1000.0  # ν beyond which the expansion by 1 / ν is exact to rounding
LARGE = 15.0  # x from which that of ln Γ(x + 1/2) - ln Γ(x) by 1 / x is
STEPS = 200  # of Newton's method, which takes five, or thirty far out
TINY = 1e-300  # instead of 0 in a continued fraction


def log_density(t: np.ndarray, freedom: float) -> np.ndarray:
    """ln of the density at t: float64 of any shape. Local."""
    if math.isinf(freedom):
        return -0.5 * (np.square(t) + value("log", 2 * math.pi))
    at_0 = _log_gamma_step(freedom / 2) - 0.5 * value("log", math.pi * freedom)
    return at_0 - (freedom + 1) / 2 * applied("log1p", np.square(t) / freedom)


@cache
def quantile(probability: float, freedom: float) -> float:
    """t ≥ 0 within ±t of which T lies with this probability, between 0 and 1: to 1e-11 or so of t. Local."""
    z = float(normal.quantile(np.array([0.5 + probability / 2]))[0])
    if freedom > MANY:
        return z if math.isinf(freedom) else _expanded(z, freedom)
    t = z
    for _ in range(STEPS):  # P(|T| ≤ t) is concave and the normal's is larger: steps come from below
        density = value("exp", float(log_density(np.array([t]), freedom)[0]))
        step = (_beyond(t, freedom) - (1 - probability)) / (2 * density)
        t += step
        if step <= 1e-14 * t:
            break
    return t


def _expanded(z: float, freedom: float) -> float:
    """Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.5."""
    s = z * z
    terms = (
        (s + 1) / 4,
        ((5 * s + 16) * s + 3) / 96,
        (((3 * s + 19) * s + 17) * s - 15) / 384,
        ((((79 * s + 776) * s + 1482) * s - 1920) * s - 945) / 92160,
    )
    found = 0.0
    for term in reversed(terms):
        found = (found + term) / freedom
    return z * (1 + found)


def _beyond(t: float, freedom: float) -> float:
    """P(|T| > t), an incomplete beta function: Press et al., "Numerical recipes", section 6.4."""
    s, half = t * t / freedom, freedom / 2
    inside, outside = s / (1 + s), 1 / (1 + s)
    logarithm = _log_gamma_step(half) - 0.5 * value("log", math.pi) - half * value("log1p", s)
    both = value("exp", logarithm) * math.sqrt(inside)  # xᵃ (1 - x)ᵇ / B(a, b)
    if outside < (half + 1) / (half + 2.5):
        return both * _fraction(half, 0.5, outside) / half
    return 1 - both * _fraction(0.5, half, inside) / 0.5


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _not_0(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / _not_0(1 + term * d), _not_0(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < 1e-16:
            break
    return found


def _not_0(x: float) -> float:
    return x if abs(x) > TINY else TINY


def _log_gamma_step(x: float) -> float:
    """ln Γ(x + 1/2) - ln Γ(x)."""
    ratio = 1.0
    while x < LARGE:
        ratio *= x / (x + 0.5)
        x += 1
    s = 1 / (x * x)
    series = (-1 / 8 + s * (1 / 192 + s * (-1 / 640 + s * (17 / 14336 + s * (-31 / 18432 + s * 691 / 180224))))) / x
    return value("log", ratio) + 0.5 * value("log", x) + series
