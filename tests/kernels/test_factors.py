"""Triangular factors: right, also in parts, and none where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distnn.kernels import algebra, factors

# Sizes of matrices around the blocks of a factor, and beyond two of them.
SIZES = [1, 2, 63, 64, 65, 150]


def definite(n: int) -> np.ndarray:
    J = np.random.default_rng(n).standard_normal((n, n + 3))
    return J @ J.T + 0.1 * np.eye(n)


@pytest.mark.parametrize("n", SIZES)
def test_factors(n: int, way: str) -> None:
    A, b = definite(n), np.random.default_rng(0).standard_normal(n)
    L = factors.cholesky(A)
    assert L is not None
    np.testing.assert_allclose(L, np.linalg.cholesky(A), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(L @ L.T, A, rtol=0, atol=1e-14 * n * A.max())
    np.testing.assert_array_equal(factors.cholesky(A, 0.5), factors.cholesky(A + 0.5 * np.eye(n)))
    np.testing.assert_allclose(A @ factors.solve(L, b), b, atol=1e-10 * n)
    T = factors.invert(L)
    np.testing.assert_allclose(T @ L, np.eye(n), atol=1e-11 * n)
    assert (np.triu(T, 1) == 0).all() and (np.triu(L, 1) == 0).all()


@pytest.mark.parametrize("n", SIZES)
def test_factors_in_parts(n: int, way: str) -> None:
    """Of rows below a factor, and of equations with it: the bits of the whole factor, and of `solve`."""
    A, b = definite(n + 9), np.random.default_rng(0).standard_normal(n + 9)
    L = factors.cholesky(A)
    assert L is not None
    top, rows = L[:n, :n].copy(), A[n:, :n].copy()
    factors.divide(rows, top)
    x = factors.solve_lower(top, b[:n])
    rest = factors.solve_upper(L[n:, n:].copy(), factors.solve_lower(L[n:, n:].copy(), b[n:] - algebra.times(rows, x)))
    upper = factors.solve_upper(top, factors.subtract_columns(rows, rest, x))
    np.testing.assert_allclose(np.concatenate([upper, rest]), factors.solve(L, b), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(rows, L[n:, :n], rtol=1e-9, atol=1e-12)
    if way != "off":
        assert rows.tobytes() == L[n:, :n].tobytes()
        assert (
            factors.solve_upper(top, factors.solve_lower(top, b[:n])).tobytes() == factors.solve(top, b[:n]).tobytes()
        )
        full, zeros = np.zeros((n, n)), np.zeros(n)
        assert factors.subtract_columns(full, zeros, x).tobytes() == x.tobytes()


@pytest.mark.parametrize("n", SIZES)
def test_no_factor_of_what_is_not_positive_definite(n: int, way: str) -> None:
    for wrong in (-1.0, 0.0, math.nan):
        A = definite(n)
        A[-1, -1] = wrong
        assert factors.cholesky(A) is None
