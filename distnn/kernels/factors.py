"""Triangular factors of symmetric matrices, and equations solved with them: factors.h in csrc/, as algebra.py says."""

from __future__ import annotations

import numpy as np

from distnn.kernels.arrays import compiled
from distnn.kernels.memory import beginning, step


def cholesky(A: np.ndarray, mu: float = 0.0) -> np.ndarray | None:
    """L, lower triangular, with L Lᵀ = A + μ I; None where that is not positive definite in floating point. Local.

    A: symmetric, float64 (n, n), of which the lower triangle is read.
    """
    L = np.array(A, order="C")
    np.fill_diagonal(L, A.diagonal() + mu)
    function = compiled("cholesky", A.dtype)
    if function is None:
        try:
            return np.linalg.cholesky(L) if np.isfinite(L.diagonal()).all() else None
        except np.linalg.LinAlgError:
            return None
    return L if function(len(L), beginning(L), len(L)) else None


def solve(L: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with L Lᵀ x = b, (n,). L: from `cholesky`. Local."""
    return solve_upper(L, solve_lower(L, b))


def solve_lower(L: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with L x = b, (n,). L: from `cholesky`. Local."""
    return _solved("solve_lower", L, b)


def solve_upper(L: np.ndarray, b: np.ndarray) -> np.ndarray:
    """x with Lᵀ x = b, (n,). L: from `cholesky`. Local."""
    return _solved("solve_upper", L, b)


def _solved(name: str, L: np.ndarray, b: np.ndarray) -> np.ndarray:
    function = compiled(name, L.dtype)
    if function is None:
        solution: np.ndarray = np.linalg.solve(L if name == "solve_lower" else L.T, b)
        return solution
    L, x = np.ascontiguousarray(L), np.array(b, np.float64)
    function(len(L), beginning(L), len(L), beginning(x))
    return x


def divide(A: np.ndarray, L: np.ndarray) -> None:
    """Replace A by X with X Lᵀ = A. A: float64 (m, n), rows of `cholesky`'s matrix below L's. Local."""
    function = compiled("divide", L.dtype)
    if function is None:
        A[...] = np.linalg.solve(L, A.T).T
        return
    L = np.ascontiguousarray(L)
    function(len(A), beginning(A), step(A), len(L), beginning(L), len(L))


def subtract_columns(L: np.ndarray, x: np.ndarray, b: np.ndarray) -> np.ndarray:
    """b - Lᵀ x, (n,), in the order of `solve_upper`. L: float64 (m, n), rows of a factor; x: (m,). Local."""
    function = compiled("subtract_columns", L.dtype)
    if function is None:
        return b - L.T @ x
    L, x, found = np.ascontiguousarray(L), np.ascontiguousarray(x), np.array(b, np.float64)
    function(len(L), beginning(L), L.shape[1], beginning(x), L.shape[1], beginning(found))
    return found


def invert(L: np.ndarray) -> np.ndarray:
    """L⁻¹ of a lower triangular L, float64 (n, n). Local."""
    function = compiled("invert", L.dtype)
    if function is None:
        return np.tril(np.linalg.inv(L))
    L, T, memory = np.ascontiguousarray(L), np.empty(L.shape), np.empty(L.shape)
    function(len(L), beginning(L), len(L), beginning(T), beginning(memory))
    return T
