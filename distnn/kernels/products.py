"""The three matrix products of a layer, for examples as columns, in the shapes that BLAS is fast at.

With its AVX-512 kernels OpenBLAS computes a small product without copying its operands first, up to three times faster
than a larger one of few rows. So a product over many columns is done panel by panel, a panel being as many columns as
still make a small product. docs/blocks.md has the measurements. The panels depend on the shapes and on the kernel of
BLAS alone, as the bits do.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from distnn.kernels import blas

KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")  # that have code of their own for small products
SMALL = 1_000_000  # multiplications in a product that they take for small
PIECE = 128  # bytes: a panel is a multiple of this wide
SMALL_SUM = 1200  # elements of a G^(l), up to which they take its product for small
SUM_PANEL = 320_000  # multiplications in a panel of G^(l): then it stays in the cache while it is read again and again
MANY_TIMES = 4  # more columns than rows of a matrix, for which factors of its columns pay


def signals(W: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    """Write s = Wᵀ x, b × columns, to out. W: a × b; x: a × columns. Local."""
    _by_panels(W.T, x, out)


def push_back(W: np.ndarray, delta: np.ndarray, out: np.ndarray) -> None:
    """Write W δ, a × columns, to out. W: a × b; delta: b × columns. Local."""
    if W.shape[1] == 1:
        np.multiply(W, delta, out=out)  # 9 times faster than a matrix product
    else:
        _by_panels(W, delta, out)


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
    columns = x.shape[1]
    width = _width(out.size, columns, x.itemsize, SUM_PANEL) if out.size <= SMALL_SUM else columns
    if width == columns:
        np.matmul(x, delta.T, out=out)
        return
    whole = columns - columns % width
    np.add.reduce(np.matmul(_panels(x, width), _panels(delta, width).transpose(0, 2, 1)), axis=0, out=out)
    if whole < columns:
        out += x[:, whole:] @ delta[:, whole:].T


def _by_panels(A: np.ndarray, x: np.ndarray, out: np.ndarray) -> None:
    columns = x.shape[1]
    width = _width(A.size, columns, x.itemsize, SMALL)
    if width == columns:
        np.matmul(A, x, out=out)
        return
    whole = columns - columns % width
    np.matmul(A, _panels(x, width), out=_panels(out, width))
    if whole < columns:
        np.matmul(A, x[:, whole:], out=out[:, whole:])


def _panels(x: np.ndarray, width: int) -> np.ndarray:
    """A view of x, a × columns, as panels × a × width, without the columns left over."""
    count = x.shape[1] // width
    return x[:, : count * width].reshape(len(x), count, width).transpose(1, 0, 2)


@cache
def small_products() -> bool:
    """Whether BLAS has code of its own for small products."""
    return blas.library().get("architecture") in KERNELS


@cache
def _width(size: int, columns: int, itemsize: int, most: int) -> int:
    """Columns of a panel, of `columns`, for products with a matrix of so many elements: equal up to whole pieces.

    most: multiplications in the product of a panel. All columns, where panels bring nothing.
    """
    piece = PIECE // itemsize
    widest = most // (size * piece)  # in pieces
    if columns * size <= most or widest == 0 or not small_products():
        return columns
    count = -(-columns // (widest * piece))
    return min(-(-columns // (piece * count)), widest) * piece
