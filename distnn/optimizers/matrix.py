"""A symmetric matrix A as a damped step of Newton's needs it: `SymmetricMatrix`; and `Dense`, whole on every rank.

`parallel.symmetric.DistributedMatrix` is the other one. Both have the same bits.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from distnn.kernels import algebra, factors


class Factor(Protocol):
    """L, lower triangular, of a positive definite matrix L Lᵀ."""

    def solve(self, b: np.ndarray) -> np.ndarray:
        """x with L Lᵀ x = b, float64 (|W|,). Collective, replicated."""


class SymmetricMatrix(Protocol):
    """A, |W| × |W|. Every method is collective, and takes and returns replicated float64 (|W|,)."""

    def diagonal(self) -> np.ndarray:
        """A's diagonal."""

    def times(self, v: np.ndarray) -> np.ndarray:
        """A v."""

    def factor(self, mu: float) -> Factor | None:
        """The factor of A + μ I; None where that is not positive definite in floating point."""


class Dense:
    """All of A on every rank: float64 (|W|, |W|)."""

    def __init__(self, A: np.ndarray):
        self.A = A

    def diagonal(self) -> np.ndarray:
        return self.A.diagonal().copy()

    def times(self, v: np.ndarray) -> np.ndarray:
        return algebra.times(self.A, v)

    def factor(self, mu: float) -> DenseFactor | None:
        L = factors.cholesky(self.A, mu)
        return None if L is None else DenseFactor(L)


class DenseFactor:
    """All of L on every rank."""

    def __init__(self, L: np.ndarray):
        self.L = L

    def solve(self, b: np.ndarray) -> np.ndarray:
        return factors.solve(self.L, b)
