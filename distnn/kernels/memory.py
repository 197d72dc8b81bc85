"""How arrays lie in memory: new ones in rows that begin at cache lines, others as compiled code reads them.

Vector instructions then never load from two lines at once: numpy's own arrays begin 16 or 48 bytes off a line, which
costs a narrow network 6 % of its speed.
"""

from __future__ import annotations

import ctypes

import numpy as np
from numpy.typing import DTypeLike

LINE = 64  # bytes
PAGE, NEAR = 4096 // LINE, 2  # lines: rows nearly a multiple of a page apart compete for the same places in the cache
addressof, from_buffer = ctypes.addressof, ctypes.c_char.from_buffer


def row_stride(columns: int, dtype: DTypeLike) -> int:
    """Elements from the beginning of one row to that of the next, no fewer where there are more columns.

    `columns` and what fills up the last line, and some lines more where that is nearly a multiple of a page.
    """
    line = LINE // np.dtype(dtype).itemsize
    lines = -(-columns // line)
    if lines > NEAR:
        lines += max(0, 2 * NEAR - 1 - (lines + NEAR - 1) % PAGE)
    return lines * line


def vector(size: int, dtype: DTypeLike) -> np.ndarray:
    """Memory for `size` numbers, not set, that begins at a cache line."""
    itemsize = np.dtype(dtype).itemsize
    memory = np.empty(size + LINE // itemsize, dtype)
    start = -memory.ctypes.data % LINE // itemsize
    return memory[start : start + size]


def matrix(memory: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """The first `rows` rows in memory from `vector`, a view, rows × columns."""
    stride = row_stride(columns, memory.dtype)
    return memory[: rows * stride].reshape(rows, stride)[:, :columns]


def empty(rows: int, columns: int, dtype: DTypeLike) -> np.ndarray:
    """An array, rows × columns, not set, each row of which begins at a cache line."""
    return matrix(vector(rows * row_stride(columns, dtype), dtype), rows, columns)


def is_in_rows(a: np.ndarray, dtype: np.dtype) -> bool:
    """Whether compiled code reads a as it lies in memory: of this dtype, each row's numbers side by side. Local."""
    return a.ndim == 2 and a.dtype == dtype and (a.strides[1] == a.itemsize or a.shape[1] == 1) and a.strides[0] >= 0


def in_rows(a: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    """a, or a copy that lies in rows, of its own dtype or of another. Local."""
    dtype = dtype or a.dtype
    return a if (a.flags.c_contiguous and a.dtype == dtype) or is_in_rows(a, dtype) else np.ascontiguousarray(a, dtype)


def step(a: np.ndarray) -> int:
    """From the beginning of one row of a to that of the next, in numbers. Local."""
    return a.strides[0] // a.itemsize


def address(array: np.ndarray) -> int:
    """Where a contiguous array that may be written to begins: four times as fast as `array.ctypes.data`. Local."""
    return addressof(from_buffer(array))  # type: ignore[arg-type]


def beginning(array: np.ndarray) -> int:
    """Where an array begins whose rows may lie apart, and which may be read only: by the fast way, if it serves."""
    try:
        return addressof(from_buffer(array if array.ndim == 1 else array[0]))  # type: ignore[arg-type]
    except (TypeError, ValueError, IndexError):  # read only, or nothing
        return array.ctypes.data


def rows_at(a: np.ndarray | None) -> tuple[int | None, int]:
    """Where rows, each of whose numbers lie side by side, begin, and how many numbers lie between two. Local."""
    return (None, 0) if a is None else (beginning(a), step(a))


def rows_in_memory(x: np.ndarray, rows: int, dtype: np.dtype) -> np.ndarray:
    """x itself, if its rows lie in memory as compiled code reads them, else a copy. ValueError for a wrong number."""
    if len(x) != rows:
        raise ValueError(f"a block has {len(x)} rows where this network has {rows}")
    return in_rows(x, dtype)


def amount(size: float) -> str:
    """A number of bytes in words."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
