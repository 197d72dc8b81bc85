"""Weights of examples of any size: scaled by one power of two, so that neither 1e-320 nor 1e308 is lost in a sum."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from distnn.parallel.ranks import Ranks


def exponent(weights: Iterable[np.ndarray | None], ranks: Ranks) -> int:
    """e such that the largest weight of all ranks times 2^e lies in (1/16, 1], or 0. Collective, replicated.

    weights: this rank's, arrays of any length, or None. e is a multiple of 4, as the exponents of exact sums are:
    weights that needed no scaling give the same bits with it.
    """
    largest = np.array([max((float(found.max(initial=0)) for found in weights if found is not None), default=0.0)])
    ranks.maximum(largest)
    return power(largest[0])


def power(largest: float) -> int:
    """e, a multiple of 4, such that the largest number times 2^e lies in (1/16, 1]; 0 for 0. Local."""
    return -4 * -(-int(np.frexp(largest)[1]) // 4)


def scaled(weights: np.ndarray | None, exponent: int) -> np.ndarray | None:
    """The weights (r,) times 2^exponent, float64; None stays None. Local."""
    return None if weights is None else np.ldexp(weights, exponent)
