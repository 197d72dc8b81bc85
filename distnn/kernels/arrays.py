"""Functions of arrays in compiled code, by name: what each takes, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from ctypes import c_double
from functools import cache
from typing import Any

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, REAL, SIZE

ARGUMENTS = {
    "row_products": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE),
    "combination": (SIZE, ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "products_apart": (SIZE, ADDRESS, SIZE, ADDRESS, ADDRESS),
    "combination_apart": (SIZE, ADDRESS, ADDRESS, SIZE, ADDRESS),
    "moved": (SIZE, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
    "dot": (SIZE, ADDRESS, ADDRESS),
    "square_distance": (SIZE, ADDRESS, ADDRESS, SIZE),
    "total": (SIZE, ADDRESS),
    "error_total": (SIZE, SIZE, SIZE, ADDRESS, SIZE, ADDRESS, SIZE, ADDRESS, ADDRESS, ADDRESS, SIZE),
    "adam": (SIZE, *[ADDRESS] * 9),
    "elementwise": (SIZE, SIZE, SIZE, ADDRESS, SIZE, ADDRESS, SIZE),
    "product_of": (SIZE, SIZE, SIZE, ADDRESS, SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "outer_sum_of": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE),
    "symmetric": (SIZE, ADDRESS, ADDRESS),
    "jacobian_square": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "cholesky": (SIZE, ADDRESS, SIZE),
    "divide": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "solve_lower": (SIZE, ADDRESS, SIZE, ADDRESS),
    "solve_upper": (SIZE, ADDRESS, SIZE, ADDRESS),
    "subtract_columns": (SIZE, ADDRESS, SIZE, ADDRESS, SIZE, ADDRESS),
    "invert": (SIZE, ADDRESS, SIZE, ADDRESS, ADDRESS),
}
SUCCESSES = ("cholesky", "product_of", "outer_sum_of", "jacobian_square")  # return whether they could


def compiled(name: str, dtype: np.dtype) -> Callable[..., Any] | None:
    """The function for arrays of this dtype; None where numpy computes, or for others than float64 and float32. Local.

    name: one of ARGUMENTS.
    """
    return _made(name, dtype.char, library.instructions())


@cache
def _made(name: str, kind: str, instruction_set: str | None) -> Callable[..., Any] | None:
    if instruction_set is None or kind not in "df":  # such as complex numbers
        return None
    made: Any = library.function(name, np.dtype(kind), instruction_set, *ARGUMENTS[name])
    if name in ("dot", "square_distance", "total"):
        made.restype = REAL[np.dtype(kind).name]
    elif name == "error_total":
        made.restype = c_double
    elif name in SUCCESSES:
        made.restype = SIZE
    return made
