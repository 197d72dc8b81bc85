"""The three matrix products of a layer, for examples as columns, each sum in one order: see algebra.py."""

from __future__ import annotations

import numpy as np

from distnn.kernels import algebra

MANY_TIMES = 4  # more columns than rows of a matrix, for which factors of its columns pay


def signals(W: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Write s = Wᵀ x, b × columns, to out. W: a × b; x: a × columns. Local."""
    algebra.product(W, x, out, across=False)


def push_back(W: np.ndarray, delta: np.ndarray, out: np.ndarray) -> None:
    """Write W δ, a × columns, to out. W: a × b; delta: b × columns. Local."""
    if W.shape[1] == 1:
        np.multiply(W, delta, out=out)  # 9 times faster than a matrix product
    else:
        algebra.product(W, delta, out, across=True)


def push_back_but_factors(W: np.ndarray, delta: np.ndarray, out: np.ndarray, below: int) -> np.ndarray | None:
    """As push_back, but for factors of the rows of W δ: these, (a,), or None if there are none. Local.

    Where b is 1 every row is a multiple of δ: it is cheaper to multiply the two matrices of `below` × a that meet W δ
    next than all of its columns, if these are many more.
    """
    if W.shape[1] > 1 or delta.shape[1] < MANY_TIMES * below:
        push_back(W, delta, out)
        return None
    np.copyto(out, delta)
    return W[:, 0]


def outer_sum(x: np.ndarray, delta: np.ndarray, out: np.ndarray) -> None:
    """Write Σ_i x_i δ_iᵀ = x δᵀ, a × b, to out. x: a × columns; delta: b × columns. Local.

    out: of their dtype, or float64.
    """
    algebra.outer_sum(x, delta, out)
