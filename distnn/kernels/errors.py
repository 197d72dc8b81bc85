"""Squared error of a block's outputs in compiled code, which makes e, its sum and δ^(L) in one pass: squared.h."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_double
from functools import cache

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, SIZE, THETAS, rows_at


def squared_error(
    theta: str,
    s: np.ndarray,
    y: np.ndarray,
    shares: np.ndarray | None,
    weights: np.ndarray | None,
    delta: np.ndarray | None,
) -> float | None:
    """`SquaredError.total` of network/error_functions.py, to the same bits; None where it is not for compiled code.

    theta: the output's. s is not overwritten. y, delta and weights must be of its dtype. Local.
    """
    function = _function(s.dtype.char, library.instructions())
    if function is None or theta not in THETAS or not _lie_in_rows(s, y, delta):
        return None
    shares = None if shares is None else np.ascontiguousarray(shares, np.float64)
    weights = None if weights is None else np.ascontiguousarray(weights, s.dtype)
    factors = rows_at(shares)[0], rows_at(weights)[0]
    return function(THETAS.index(theta), *s.shape, *rows_at(s), *rows_at(y), *factors, *rows_at(delta))


@cache
def _function(kind: str, instruction_set: str | None) -> Callable[..., float] | None:
    if instruction_set is None:
        return None
    arguments = (SIZE, SIZE, SIZE, ADDRESS, SIZE, ADDRESS, SIZE, ADDRESS, ADDRESS, ADDRESS, SIZE)
    made = library.function("squared_error", np.dtype(kind), instruction_set, *arguments)
    made.restype = c_double  # type: ignore[attr-defined]
    return made  # type: ignore[return-value]


def _lie_in_rows(s: np.ndarray, y: np.ndarray, delta: np.ndarray | None) -> bool:
    """Whether all are of one dtype, the numbers of each row side by side."""
    dtype, step = s.dtype, s.itemsize
    return (
        s.strides[1] == step
        and y.dtype == dtype
        and y.strides[1] == step
        and (delta is None or (delta.dtype == dtype and delta.strides[1] == step))
    )
