"""The BLAS library that numpy computes matrix products with."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # CBLAS's numbers


def library() -> dict[str, Any]:
    """What threadpoolctl knows of it: its name (internal_api), version, architecture (the kernel), num_threads.

    Empty if it is not known.
    """
    libraries = [library for library in threadpool_info() if library["user_api"] == "blas"]
    libraries.sort(key=lambda library: "numpy" not in library["filepath"])  # scipy may have brought another one
    return libraries[0] if libraries else {}


@cache
def gemm(dtype: np.dtype) -> Callable[..., None] | None:
    """CBLAS's C ← α A B + β C for float64 or float32, which numpy does not offer with β ≠ 0. Local.

    Arrays are addresses here. None, unless numpy has the OpenBLAS of its own wheels: its names and integers are known.
    """
    number = ctypes.c_double if dtype == np.float64 else ctypes.c_float
    name = f"scipy_cblas_{'d' if dtype == np.float64 else 's'}gemm64_"
    try:
        function = getattr(ctypes.CDLL(library()["filepath"]), name)
    except (KeyError, OSError, AttributeError):
        return None
    size, address = ctypes.c_int64, ctypes.c_void_p
    layout, matrix = [ctypes.c_int] * 3, [address, size]
    function.argtypes = [*layout, *[size] * 3, number, *matrix, *matrix, number, *matrix]
    function.restype = None
    return function


def limit_threads(threads: int) -> None:
    """Let BLAS use this many threads in this process, whatever the environment says. Local."""
    threadpool_limits(threads, user_api="blas")
