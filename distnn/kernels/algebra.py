"""Sums, products and triangular factors in a fixed order of operations: algebra.h, factors.h, elementary.h in csrc/.

What enters weights, records or predictions comes from here, or is elementwise +, -, ×, ÷ or √ of numpy, which IEEE 754
determines. So it has the same bits on every CPU, with any BLAS, numpy and compiler. Where DISTNN_FUSED is off numpy and
BLAS do the same, with bits of their own (docs/decisions/same-bits.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, FUNCTIONS, SIZE
from distnn.kernels.library import beginning as _at

MANY = 12_000  # sums of an outer product
ARITHMETIC = 1  # the version of these orders: raised when the bits of a training change
ARGUMENTS = {
    "row_products": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE),
    "combination": (SIZE, ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "dot": (SIZE, ADDRESS, ADDRESS),
    "total": (SIZE, ADDRESS),
    "elementwise": (SIZE, SIZE, SIZE, ADDRESS, SIZE, ADDRESS, SIZE),
    "product_of": (SIZE, SIZE, SIZE, ADDRESS, SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "outer_sum_of": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE, SIZE),
    "jacobian_square": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "cholesky": (SIZE, ADDRESS, SIZE),
    "divide": (SIZE, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    "solve_lower": (SIZE, ADDRESS, SIZE, ADDRESS),
    "solve_upper": (SIZE, ADDRESS, SIZE, ADDRESS),
    "subtract_columns": (SIZE, ADDRESS, SIZE, ADDRESS, SIZE, ADDRESS),
    "invert": (SIZE, ADDRESS, SIZE, ADDRESS, ADDRESS),
}


def arithmetic() -> str:
    """The arithmetic in use: its version, or "numpy" where DISTNN_FUSED is off. Local. UserError if it is none."""
    return "numpy" if library.instructions() is None else str(ARITHMETIC)


def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ_k a_k b_k, float64. a, b: float64 (n,). Local."""
    function = _function("dot", a.dtype)
    if function is None:
        return float(a @ b)
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    return function(a.size, _at(a), _at(b))  # type: ignore[return-value]


def total(a: np.ndarray) -> float:
    """The sum of all numbers of a, float64 or float32, in the order of memory; in their precision. Local."""
    function = _function("total", a.dtype)
    if function is None:
        return float(a.sum())
    a = np.ascontiguousarray(a)
    return function(a.size, _at(a))  # type: ignore[return-value]


def times(a: np.ndarray, v: np.ndarray) -> np.ndarray:
    """a v, (m,), for a: m × n, v: (n,), of one dtype. Local."""
    function = _function("row_products", a.dtype)
    if function is None:
        return a @ v
    a, v, out = _rows(a), np.ascontiguousarray(v, a.dtype), np.empty(len(a), a.dtype)
    function(len(a), _at(a), _step(a), 1, _at(v), 0, v.size, _at(out), 1, 0)
    return out


def norm(a: np.ndarray) -> float:
    """The Euclidean length of a, float64 (n,). Local."""
    return math.sqrt(dot(a, a))


def row_products(a: np.ndarray, b: np.ndarray, lower: bool = False) -> np.ndarray:
    """a bᵀ: m × n, for a: m × k and b: n × k, of one dtype. Local.

    lower: only what is not above the diagonal is asked for; the rest is anything.
    """
    out = np.empty((len(a), len(b)), a.dtype)
    write_row_products(a, b, out, lower)
    return out


def write_row_products(a: np.ndarray, b: np.ndarray, out: np.ndarray, lower: bool = False) -> None:
    """`row_products`, written to out."""
    function = _function("row_products", a.dtype)
    if function is None:
        np.matmul(a, b.T, out=out)
        return
    a, b, to = _rows(a), _rows(b, a.dtype), out if _is_rows(out, a.dtype) else np.empty(out.shape, a.dtype)
    (m, k), n = a.shape, len(b)
    function(m, _at(a), _step(a), n, _at(b), _step(b), k, _at(to), _step(to), lower)
    if to is not out:
        out[...] = to


def outer_sum(x: np.ndarray, delta: np.ndarray, out: np.ndarray, lower: bool = False, sums: int = 0) -> None:
    """Write x δᵀ, a × b, to out, for x: a × columns, δ: b × columns, of one dtype. Local.

    As `write_row_products` where there are few sums; many are made term by term, which is faster then. sums: how many
    there are, of which these may be a part; 0: these are all.
    """
    function = _function("outer_sum_of", x.dtype)
    if function is None or (sums or len(x) * len(delta)) < MANY or x.shape[1] == 0:
        write_row_products(x, delta, out, lower)
        return
    x, delta = _rows(x), _rows(delta, x.dtype)
    to = out if _is_rows(out, x.dtype) else np.empty(out.shape, x.dtype)
    sides = len(x), _at(x), _step(x), len(delta), _at(delta), _step(delta), x.shape[1]
    if not function(*sides, _at(to), _step(to), lower):
        raise MemoryError
    if to is not out:
        out[...] = to


def jacobian_square(x: Sequence[np.ndarray], delta: Sequence[np.ndarray], out: np.ndarray) -> bool:
    """Write the lower triangle of J Jᵀ to out, as `outer_sum`, for a J that is not made as a whole. Local.

    J's rows are, layer after layer, the products of each row of x with each of δ: a × columns and b × columns, of one
    dtype, and Σ a b rows in all. Returns False, with nothing written, where `outer_sum` of J itself is to do it.
    """
    function = _function("jacobian_square", out.dtype)
    if function is None or out.size < MANY or x[0].shape[1] == 0 or not _is_rows(out, out.dtype):
        return False
    pairs = [(_rows(of_x), _rows(of_delta)) for of_x, of_delta in zip(x, delta, strict=True)]
    layers = np.array([[of for a in pair for of in (len(a), _at(a), _step(a))] for pair in pairs], np.intp)
    if not function(len(layers), _at(layers), len(out), x[0].shape[1], _at(out), _step(out)):
        raise MemoryError
    return True


def combination(factors: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Σ_i factor_i a_i, (n,), for factors: (m,) and a: m × n, of one dtype; term by term. Local."""
    function = _function("combination", a.dtype)
    if function is None:
        return factors @ a
    a, factors, out = _rows(a), np.ascontiguousarray(factors, a.dtype), np.empty(a.shape[1], a.dtype)
    function(len(a), _at(factors), _at(a), _step(a), a.shape[1], _at(out), 0)
    return out


def column_sums(a: np.ndarray) -> np.ndarray:
    """Σ_i a_i, (n,), for a: m × n; term by term. Local."""
    return a[0].copy() if len(a) == 1 else combination(np.ones(len(a), a.dtype), a)


def row_sums(a: np.ndarray) -> np.ndarray:
    """The `total` of each row of a, m × n: (m,). Local."""
    return np.array([total(row) for row in a], a.dtype)


def cholesky(A: np.ndarray) -> np.ndarray | None:
    """L, lower triangular, with L Lᵀ = A; None where A is not positive definite in floating point. Local.

    A: symmetric, float64 (n, n), of which the lower triangle is read.
    """
    function = _function("cholesky", A.dtype)
    if function is None:
        try:
            return np.linalg.cholesky(A) if np.isfinite(A.diagonal()).all() else None
        except np.linalg.LinAlgError:
            return None
    L = np.array(A, order="C")
    return L if function(len(L), _at(L), len(L)) else None


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
    function = _function(name, L.dtype)
    if function is None:
        solution: np.ndarray = np.linalg.solve(L if name == "solve_lower" else L.T, b)
        return solution
    L, x = np.ascontiguousarray(L), np.array(b, np.float64)
    function(len(L), _at(L), len(L), _at(x))
    return x


def divide(A: np.ndarray, L: np.ndarray) -> None:
    """Replace A by X with X Lᵀ = A. A: float64 (m, n), rows of `cholesky`'s matrix below L's. Local."""
    function = _function("divide", L.dtype)
    if function is None:
        A[...] = np.linalg.solve(L, A.T).T
        return
    L = np.ascontiguousarray(L)
    function(len(A), _at(A), _step(A), len(L), _at(L), len(L))


def subtract_columns(L: np.ndarray, x: np.ndarray, b: np.ndarray) -> np.ndarray:
    """b - Lᵀ x, (n,), in the order of `solve_upper`. L: float64 (m, n), rows of a factor; x: (m,). Local."""
    function = _function("subtract_columns", L.dtype)
    if function is None:
        return b - L.T @ x
    L, x, found = np.ascontiguousarray(L), np.ascontiguousarray(x), np.array(b, np.float64)
    function(len(L), _at(L), L.shape[1], _at(x), L.shape[1], _at(found))
    return found


def invert(L: np.ndarray) -> np.ndarray:
    """L⁻¹ of a lower triangular L, float64 (n, n). Local."""
    function = _function("invert", L.dtype)
    if function is None:
        return np.tril(np.linalg.inv(L))
    L, T, memory = np.ascontiguousarray(L), np.empty(L.shape), np.empty(L.shape)
    function(len(L), _at(L), len(L), _at(T), _at(memory))
    return T


def product(W: np.ndarray, x: np.ndarray, out: np.ndarray, across: bool) -> None:
    """Write Wᵀ x to out, or W x if `across`, term by term. W: a × b; all of one dtype. Local."""
    function = _function("product_of", x.dtype)
    if function is None:
        np.matmul(W if across else W.T, x, out=out)
        return
    W, x, to = _rows(W, x.dtype), _rows(x), out if _is_rows(out, x.dtype) else np.empty(out.shape, x.dtype)
    (a, b), columns = W.shape, x.shape[1]
    addresses = _at(W), _step(W), _at(x), _step(x), columns, _at(to), _step(to)
    if not function(across, a, b, *addresses):
        raise MemoryError
    if to is not out:
        out[...] = to


def apply(name: str, x: np.ndarray) -> None:
    """Replace the numbers of x, float64 or float32, by a function of them, one of FUNCTIONS. Local."""
    function = _function("elementwise", x.dtype)
    if function is None:
        NUMPY[name](x)
        return
    rows = x if _is_rows(x, x.dtype) else np.ascontiguousarray(x).reshape(1, -1)
    address, step = _at(rows), _step(rows)
    function(FUNCTIONS.index(name), len(rows), rows.shape[1], address, step, address, step)
    if rows is not x:
        x[...] = rows.reshape(x.shape)


def applied(name: str, x: np.ndarray) -> np.ndarray:
    """`apply` to a copy. Local."""
    found = np.array(x)
    apply(name, found)
    return found


def value(name: str, number: float) -> float:
    """A function of one number, one of FUNCTIONS. Local."""
    return float(applied(name, np.array([number]))[0])


def _logistic(x: np.ndarray) -> None:
    x *= 0.5
    np.tanh(x, out=x)
    x += 1
    x *= 0.5


NUMPY: dict[str, Callable[[np.ndarray], object]] = {
    "tanh": lambda x: np.tanh(x, out=x),
    "logistic": _logistic,
    "relu": lambda x: np.maximum(x, 0, out=x),
    "identity": lambda x: None,
    "exp": lambda x: np.exp(x, out=x),
    "expm1": lambda x: np.expm1(x, out=x),
    "log": lambda x: np.log(x, out=x),
    "log1p": lambda x: np.log1p(x, out=x),
}


def power(x: float, n: int) -> float:
    """xⁿ for a whole n ≥ 0, by squaring: the C library's differs from machine to machine."""
    found = 1.0
    while n:
        if n & 1:
            found *= x
        x, n = x * x, n >> 1
    return found


def cosine_of_half_turns(x: float) -> float:
    """cos π x for 0 ≤ x ≤ 1, by the series of cosine and sine."""
    if x > 0.5:
        return -cosine_of_half_turns(1 - x)
    first, angle = (0, math.pi * x) if x <= 0.25 else (1, math.pi * (0.5 - x))
    found = 0.0
    for k in range(first + 20, first, -2):  # Horner's scheme: 1 - a²/(1·2) (1 - a²/(3·4) (…))
        found = angle * angle / ((k - 1) * k) * (1 - found)
    return (1 - found) * (angle if first else 1.0)


def _function(name: str, dtype: np.dtype) -> Callable[..., object] | None:
    return _made(name, dtype.char, library.instructions())


@cache
def _made(name: str, kind: str, instruction_set: str | None) -> Callable[..., object] | None:
    if instruction_set is None or kind not in "df":  # such as complex numbers
        return None
    made = library.function(name, np.dtype(kind), instruction_set, *ARGUMENTS[name])
    if name in ("dot", "total"):
        made.restype = library.REAL[np.dtype(kind).name]  # type: ignore[attr-defined]
    elif name in ("cholesky", "product_of", "outer_sum_of", "jacobian_square"):
        made.restype = SIZE  # type: ignore[attr-defined]
    return made


def _is_rows(a: np.ndarray, dtype: np.dtype) -> bool:
    """Whether compiled code reads a as it lies in memory: each row's numbers side by side."""
    return a.ndim == 2 and a.dtype == dtype and (a.strides[1] == a.itemsize or a.shape[1] == 1) and a.strides[0] >= 0


def _rows(a: np.ndarray, dtype: np.dtype | None = None) -> np.ndarray:
    dtype = dtype or a.dtype
    return a if (a.flags.c_contiguous and a.dtype == dtype) or _is_rows(a, dtype) else np.ascontiguousarray(a, dtype)


def _step(a: np.ndarray) -> int:
    return a.strides[0] // a.itemsize
