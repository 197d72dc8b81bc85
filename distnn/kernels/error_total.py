"""Errors of a block's outputs in compiled code, which makes e, its sum and δ^(L) in one pass: error_total.h."""

from __future__ import annotations

import numpy as np

from distnn.kernels.arrays import compiled
from distnn.kernels.library import ERRORS
from distnn.kernels.memory import is_in_rows, rows_at


def error_total(
    error: str,
    s: np.ndarray,
    y: np.ndarray,
    shares: np.ndarray | None,
    weights: np.ndarray | None,
    delta: np.ndarray | None,
) -> float | None:
    """`ErrorFunction.total` of network/error_functions.py, to the same bits; None where it is not for compiled code.

    error: the name of error function and output. s is not overwritten. y, delta and weights must be of its dtype.
    shares: of squared error alone. Local.
    """
    function = compiled("error_total", s.dtype)
    if (
        function is None
        or error not in ERRORS
        or not all(is_in_rows(a, s.dtype) for a in (s, y, delta) if a is not None)
    ):
        return None
    shares = None if shares is None else np.ascontiguousarray(shares, np.float64)
    weights = None if weights is None else np.ascontiguousarray(weights, s.dtype)
    factors = rows_at(shares)[0], rows_at(weights)[0]
    return function(ERRORS.index(error), *s.shape, *rows_at(s), *rows_at(y), *factors, *rows_at(delta))
