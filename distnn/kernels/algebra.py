"""Sums and products of arrays in a fixed order of operations: algebra.h in csrc/.

What enters weights, records or predictions comes from here, from factors.py, elementary.py and error_total.py, or is
elementwise +, -, ×, ÷ or √ of numpy, which IEEE 754 determines. So it has the same bits on every CPU, with any BLAS,
numpy and compiler. Where DISTNN_FUSED is off numpy and BLAS do the same, with bits of their own
(docs/decisions/same-bits.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike

from distnn.kernels import library
from distnn.kernels.arrays import compiled
from distnn.kernels.memory import beginning, in_rows, is_in_rows, step

MANY = 12_000  # sums of an outer product
PART = 16384  # numbers of a vector that the second-level cache has, whatever is done with them
SMALL = 2.0**-900  # squares that sum to less may have lost digits
ARITHMETIC = 1  # the version of these orders: raised when the bits of a training change


def arithmetic() -> str:
    """The arithmetic in use: its version, or "numpy" where DISTNN_FUSED is off. Local. UserError if it is none."""
    return "numpy" if library.instructions() is None else str(ARITHMETIC)


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ_k a_k b_k, float64. a, b: float64 (n,). Local."""
    function = compiled("dot", a.dtype)
    if function is None:
        return float(a @ b)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return function(a.size, beginning(a), beginning(b))


def total(a: np.ndarray) -> float:
    """The sum of all numbers of a, float64 or float32, in the order of memory; in their precision. Local."""
    function = compiled("total", a.dtype)
    if function is None:
        return float(a.sum())
    a = np.ascontiguousarray(a)
    return function(a.size, beginning(a))


def times(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    """a v, (m,), for a: m × n, v: (n,), of one dtype. Local."""
    function = compiled("row_products", a.dtype)
    if function is None:
        return a @ v
    a, v, out = in_rows(a), np.ascontiguousarray(v, a.dtype), np.empty(len(a), a.dtype)
    function(len(a), beginning(a), step(a), 1, beginning(v), 0, v.size, beginning(out), 1, 0)
    return out


def norm(a: np.ndarray) -> float:
    """The Euclidean length of a, float64 (n,), also where squares of its numbers leave what float64 holds. Local."""
    square = dot(a, a)
    if SMALL <= square < math.inf:
        return math.sqrt(square)
    largest = float(np.abs(a).max(initial=0.0))
    if not 0 < largest < math.inf:
        return largest
    exponent = math.frexp(largest)[1]
    a = np.ldexp(a, -exponent)
    return float(np.ldexp(math.sqrt(dot(a, a)), exponent))


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Euclidean length of a - b, which is not written to memory. a, b: float64 (n,). Local."""
    function = compiled("square_distance", a.dtype)
    if function is None:
        return norm(a - b)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    square = function(a.size, beginning(a), beginning(b), PART)
    return math.sqrt(square) if SMALL <= square < math.inf else norm(a - b)


def moved(a: np.ndarray, factor: float, b: np.ndarray) -> np.ndarray:
    """a + factor b, of float64 (n,), as numpy has it; of millions of numbers, in one pass. Local."""
    function = None if a.size <= PART else compiled("moved", a.dtype)
    if function is None:
        return a + factor * b
    a, b, by, out = np.ascontiguousarray(a), np.ascontiguousarray(b), np.array(factor, a.dtype), np.empty_like(a)
    function(a.size, beginning(a), by.ctypes.data, beginning(b), beginning(out))
    return out


def row_products(a: np.ndarray, b: np.ndarray, lower: bool = False) -> np.ndarray:
    """a bᵀ: m × n, for a: m × k and b: n × k, of one dtype. Local.

    lower: only what is not above the diagonal is asked for; the rest is anything.
    """
    out = np.empty((len(a), len(b)), a.dtype)
    write_row_products(a, b, out, lower)
    return out


def write_row_products(a: np.ndarray, b: np.ndarray, out: np.ndarray, lower: bool = False) -> None:
    """`row_products`, written to out."""
    function = compiled("row_products", a.dtype)
    if function is None:
        np.matmul(a, b.T, out=out)
        return
    a, b, to = in_rows(a), in_rows(b, a.dtype), out if is_in_rows(out, a.dtype) else np.empty(out.shape, a.dtype)
    (m, k), n = a.shape, len(b)
    function(m, beginning(a), step(a), n, beginning(b), step(b), k, beginning(to), step(to), lower)
    if to is not out:
        out[...] = to


def outer_sum(x: np.ndarray, delta: np.ndarray, out: np.ndarray, lower: bool = False, sums: int = 0) -> None:
    """Write x δᵀ, a × b, to out, for x: a × columns, δ: b × columns, of one dtype. Local.

    As `write_row_products` where there are few sums; many are made term by term, which is faster then. sums: how many
    there are, of which these may be a part; 0: these are all.
    """
    function = compiled("outer_sum_of", x.dtype)
    if function is None or (sums or len(x) * len(delta)) < MANY or x.shape[1] == 0:
        write_row_products(x, delta, out, lower)
        return
    x, delta = in_rows(x), in_rows(delta, x.dtype)
    to = out if is_in_rows(out, x.dtype) else np.empty(out.shape, x.dtype)
    sides = len(x), beginning(x), step(x), len(delta), beginning(delta), step(delta), x.shape[1]
    if not function(*sides, beginning(to), step(to), lower):
        raise MemoryError
    if to is not out:
        out[...] = to


def jacobian_square(x: Sequence[np.ndarray], delta: Sequence[np.ndarray], out: np.ndarray) -> bool:
    """Write the lower triangle of J Jᵀ to out, as `outer_sum`, for a J that is not made as a whole. Local.

    J's rows are, layer after layer, the products of each row of x with each of δ: a × columns and b × columns, of one
    dtype, and Σ a b rows in all. Returns False, with nothing written, where `outer_sum` of J itself is to do it.
    """
    function = compiled("jacobian_square", out.dtype)
    if function is None or out.size < MANY or x[0].shape[1] == 0 or not is_in_rows(out, out.dtype):
        return False
    pairs = [(in_rows(of_x), in_rows(of_delta)) for of_x, of_delta in zip(x, delta, strict=True)]
    layers = np.array([[of for a in pair for of in (len(a), beginning(a), step(a))] for pair in pairs], np.intp)
    if not function(len(layers), beginning(layers), len(out), x[0].shape[1], beginning(out), step(out)):
        raise MemoryError
    return True


def symmetric(lower: np.ndarray, size: int) -> np.ndarray:
    """The symmetric matrix (size, size) whose lower triangle, row by row, is `lower`, float64. Local."""
    if lower.size != size * (size + 1) // 2:
        raise ValueError(f"{lower.size} numbers are no lower triangle of {size} rows")
    function, matrix = compiled("symmetric", lower.dtype), np.empty((size, size), lower.dtype)
    if function is None:
        below = np.tri(size, dtype=bool)
        matrix[below] = matrix.T[below] = lower
        return matrix
    lower = np.ascontiguousarray(lower)
    function(size, beginning(lower), beginning(matrix))
    return matrix


def combination(factors: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Σ_i factor_i a_i, (n,), for factors: (m,) and a: m × n, of one dtype; term by term. Local."""
    function = compiled("combination", a.dtype)
    if function is None:
        return factors @ a
    a, factors, out = in_rows(a), np.ascontiguousarray(factors, a.dtype), np.empty(a.shape[1], a.dtype)
    function(len(a), beginning(factors), beginning(a), step(a), a.shape[1], beginning(out), 0)
    return out


class Rows:
    """Vectors, float64 (n,), as the rows of a matrix, m × n, that lie apart: none moves where one comes or goes. Local.

    The products are those of the matrix. As an array it is the matrix, in memory of its own.
    """

    def __init__(self, vectors: Sequence[np.ndarray] = (), addresses: np.ndarray | None = None):
        self.vectors = tuple(vectors)
        self.addresses = np.array([beginning(row) for row in vectors], np.uintp) if addresses is None else addresses

    def __len__(self) -> int:
        return len(self.vectors)

    def __reduce__(self) -> tuple[type[Rows], tuple[Sequence[np.ndarray]]]:  # a copy has other addresses
        return Rows, (self.vectors,)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float64)

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the matrix; (0,) of none."""
        return (len(self), *self.vectors[0].shape) if self.vectors else (0,)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.vectors, dtype)

    def followed_by(self, row: np.ndarray, most: int) -> Rows:
        """The last ones of these rows and, after them, this one: at most so many."""
        first, row = max(0, len(self) + 1 - most), np.ascontiguousarray(row)
        return Rows((*self.vectors[first:], row), np.append(self.addresses[first:], np.uintp(beginning(row))))

    def times(self, v: np.ndarray) -> np.ndarray:
        """The product with v, (n,): (m,)."""
        function = compiled("products_apart", v.dtype)
        if function is None:
            return np.asarray(self) @ v if self.vectors else np.empty(0)
        v, out = np.ascontiguousarray(v), np.empty(len(self))
        function(len(self), beginning(self.addresses), v.size, beginning(v), beginning(out))
        return out

    def combined(self, factors: np.ndarray) -> np.ndarray:
        """Their `combination`, (n,), by factors (m,)."""
        function = compiled("combination_apart", factors.dtype)
        if function is None:
            return factors @ np.asarray(self)
        factors, out = np.ascontiguousarray(factors), np.empty_like(self.vectors[0])
        function(len(self), beginning(factors), beginning(self.addresses), out.size, beginning(out))
        return out


def column_sums(a: np.ndarray) -> np.ndarray:
    """Σ_i a_i, (n,), for a: m × n; term by term. Local."""
    return a[0].copy() if len(a) == 1 else combination(np.ones(len(a), a.dtype), a)


def row_sums(a: np.ndarray) -> np.ndarray:
    """The `total` of each row of a, m × n: (m,). Local."""
    return np.array([total(row) for row in a], a.dtype)


def product(W: np.ndarray, x: np.ndarray, out: np.ndarray, across: bool) -> None:
    """Write Wᵀ x to out, or W x if `across`, term by term. W: a × b; all of one dtype. Local."""
    function = compiled("product_of", x.dtype)
    if function is None:
        np.matmul(W if across else W.T, x, out=out)
        return
    W, x, to = in_rows(W, x.dtype), in_rows(x), out if is_in_rows(out, x.dtype) else np.empty(out.shape, x.dtype)
    (a, b), columns = W.shape, x.shape[1]
    addresses = beginning(W), step(W), beginning(x), step(x), columns, beginning(to), step(to)
    if not function(across, a, b, *addresses):
        raise MemoryError
    if to is not out:
        out[...] = to
