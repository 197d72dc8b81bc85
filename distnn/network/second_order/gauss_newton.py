"""The Gauss-Newton matrix of a sum of squares over one block: Σ JᵀJ, J being the Jacobian of the outputs x^(L).

One row of J belongs to one example and one output j: ∂x_j/∂W^(l) = x^(l-1) δ^(l)ᵀ, with the sensitivities of x_j in
place of those of e. J is never kept: some hundred rows of it, |W| numbers each, are made and multiplied at a time.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from distnn.kernels.blocks import Block
from distnn.kernels.memory import matrix, row_stride, vector
from distnn.network.backpropagation import Backpropagation
from distnn.network.error_functions import output_theta
from distnn.network.forward import forward
from distnn.network.weights import weight_count

PART_BYTES = 16 << 20  # memory of the part of J at hand
SQUARES, TRIANGLES = 5, 6  # copies of the matrix, and of its lower triangle, at the same time
SAFE = 2.0**50  # derivatives up to this, and from its inverse on, have sums of squares that float32 holds
FEWEST = 64  # rows of that part: below, adding up |W|² numbers each time costs more than the products


class GaussNewton:
    """Σ_i weight_i J_iᵀ J_i over a block, at the weights and shares that `backpropagation` has loaded. Local.

    last: of the weights of the last layer alone, W^(L). ValueError if the error function is not a sum of squares.
    """

    def __init__(self, backpropagation: Backpropagation, last: bool = False):
        self.theta = output_theta(backpropagation.error_function)
        self.backpropagation = backpropagation
        self.first = len(backpropagation.d) - 2 if last else 0  # of the layers
        self.size = size = weight_count(backpropagation.d[self.first :])
        self.columns = max(FEWEST, PART_BYTES // (size * backpropagation.dtype.itemsize))
        self.memory = vector(size * row_stride(self.columns, backpropagation.dtype), backpropagation.dtype)

    @cached_property
    def matrix(self) -> np.ndarray:
        return np.empty((self.size, self.size))

    @cached_property
    def product(self) -> np.ndarray:
        return np.empty((self.size, self.size), self.backpropagation.dtype)

    @property
    def parts(self) -> list[int]:
        """The lengths of the parts of what `lower` writes: the rows of the lower triangle."""
        return list(range(1, self.size + 1))

    def lower(self, block: Block, out: np.ndarray) -> None:
        """Write the lower triangle of the matrix, row by row, to out: float64, |W| (|W| + 1) / 2."""
        x, slope = self._forward(block)
        self.matrix[:] = 0
        for j in range(len(slope)):
            delta = self._sensitivities(x, slope, j)
            scale = self._scale(x, delta)
            for start in range(0, slope.shape[1], self.columns):
                J = self._jacobian(x, delta, slice(start, start + self.columns))
                if scale is None:
                    np.matmul(J, J.T, out=self.product)
                    self.matrix += self.product
                else:
                    J /= scale.astype(J.dtype)
                    np.matmul(J, J.T, out=self.product)
                    self.matrix += scale * self.product * scale.T
        stop = 0
        for i, row in enumerate(self.matrix, 1):
            out[stop : stop + i] = row[:i]
            stop += i

    def lengths(self, block: Block, T: np.ndarray) -> np.ndarray:
        """weight_i |T g_ij|² of each output j, float64, d^(L) × rows: g_ij is a row of J, T |W| × |W|."""
        x, slope = self._forward(block)
        found = np.empty(slope.shape)
        for j in range(len(slope)):
            delta = self._sensitivities(x, slope, j)
            for start in range(0, slope.shape[1], self.columns):
                part = slice(start, start + self.columns)
                found[j, part] = np.square(T @ self._jacobian(x, delta, part)).sum(axis=0)
        return found

    def _forward(self, block: Block) -> tuple[list[np.ndarray], np.ndarray]:
        """x^(0), …, x^(L-1), and θ'(s^(L)) times the roots of the examples' weights and the outputs' shares."""
        d, dtype, width = self.backpropagation.d, self.backpropagation.dtype, block.x.shape[1]
        x = [block.x, *(np.ones((above + 1, width), dtype) for above in d[1:-1])]
        output, slope = np.empty((d[-1], width), dtype), np.ones((d[-1], width), dtype)
        forward(self.backpropagation.W, x, output, self.backpropagation.theta)
        self.theta.apply(output)
        self.theta.chain(output, slope, np.empty_like(slope))  # type: ignore[misc]
        if block.weights is not None:
            slope *= np.sqrt(block.weights)
        if self.backpropagation.shares is not None:
            slope *= np.sqrt(self.backpropagation.shares).astype(dtype)
        return x, slope

    def _sensitivities(self, x: list[np.ndarray], slope: np.ndarray, j: int) -> list[np.ndarray]:
        """δ^(1), …, δ^(L) of output j, from the first layer on that is asked for."""
        W, theta = self.backpropagation.W, self.backpropagation.theta
        top = np.zeros_like(slope)
        top[j] = slope[j]
        delta = [top]
        for l in range(len(W) - 1, self.first, -1):
            below = W[l][1:, j, None] * top[j] if l == len(W) - 1 else W[l][1:] @ delta[0]
            theta.chain(x[l][1:], below, np.empty_like(below))  # type: ignore[misc]
            delta.insert(0, below)
        return delta

    def _scale(self, x: list[np.ndarray], delta: list[np.ndarray]) -> np.ndarray | None:
        """For each weight a power of two near its largest derivative, |W| × 1; None where that is not needed."""
        if self.backpropagation.dtype == np.float64:
            return None
        each = zip(x[self.first :], delta, strict=True)
        most = [(np.abs(below).max(axis=1), np.abs(above).max(axis=1).astype(np.float64)) for below, above in each]
        largest = np.concatenate([np.outer(below, above).ravel() for below, above in most])
        if largest.max() <= SAFE and not ((largest > 0) & (largest < 1 / SAFE)).any():
            return None
        return np.ldexp(1.0, np.clip(np.frexp(largest)[1], -126, 127))[:, None]

    def _jacobian(self, x: list[np.ndarray], delta: list[np.ndarray], part: slice) -> np.ndarray:
        """Jᵀ for some examples: |W| × examples."""
        width = len(range(x[0].shape[1])[part])
        J = matrix(self.memory, self.size, width)
        stop = 0
        for below, above in zip(x[self.first :], delta, strict=True):
            size = len(below) * len(above)
            out = J[stop : stop + size].reshape(len(below), len(above), width)
            np.multiply(below[:, None, part], above[None, :, part], out=out)
            stop += size
        return J


def square(lower: np.ndarray, size: int) -> np.ndarray:
    """The symmetric matrix (size, size) whose lower triangle, row by row, is `lower`."""
    matrix = np.empty((size, size))
    stop = 0
    for i in range(size):
        matrix[i, : i + 1] = matrix[: i + 1, i] = lower[stop : stop + i + 1]
        stop += i + 1
    return matrix


def megabytes(weights: int) -> float:
    """Memory per rank for the matrix of |W| weights: to make it and to solve with it, and to sum it exactly."""
    return weights**2 * 8 * (SQUARES + TRIANGLES / 2) / 1e6
