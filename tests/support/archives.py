"""Files of NumPy, made by hand."""

from __future__ import annotations

import io

import numpy as np


def npy(shape: tuple[int, ...], dtype: str = "<f8", fortran: bool = False, data: bytes = b"\0" * 64) -> bytes:
    """A .npy file that may lie."""
    written = io.BytesIO()
    np.lib.format.write_array_header_1_0(written, {"descr": dtype, "fortran_order": fortran, "shape": shape})
    return written.getvalue() + data
