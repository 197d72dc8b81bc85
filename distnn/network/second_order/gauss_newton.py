"""The Gauss-Newton matrix over one block: Σ JᵀJ, J being, of a sum of squares, the Jacobian of the outputs x^(L).

One row of J belongs to one example and one output j: ∂x_j/∂W^(l) = x^(l-1) δ^(l)ᵀ, with the sensitivities of x_j in
place of those of e. Of cross-entropy the rows are r_jᵀ ∂s^(L)/∂w, r_j being the columns of a root of e's curvature by
the signals s^(L): N. N. Schraudolph, "Fast curvature matrix-vector products for second-order gradient descent", Neural
Computation 14 (2002). J is never kept: some hundred rows of it, |W| numbers each, are made and multiplied at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np

from distnn.kernels import algebra, library, products
from distnn.kernels.blocks import Block
from distnn.kernels.memory import matrix, row_stride, vector
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order.propagation import Propagated
from distnn.network.weights import weight_count

PART_BYTES = 16 << 20  # memory of the part of J at hand
COPIES, COPIES_OF_NUMPY = 5.5, 7  # of the matrix at the same time, as measured: with compiled code, and without
SAFE = 2.0**50  # derivatives up to this, and from its inverse on, have sums of squares that float32 holds
FEWEST = 64  # rows of that part: below, adding up |W|² numbers each time costs more than the products


class GaussNewton:
    """Σ_i weight_i J_iᵀ J_i over a block, at the weights and shares that `backpropagation` has loaded. Local.

    last: of the weights of the last layer alone, W^(L).
    """

    def __init__(self, backpropagation: Backpropagation, last: bool = False):
        self.backpropagation = backpropagation
        self.first = len(backpropagation.d) - 2 if last else 0  # of the layers
        self.size = size = weight_count(backpropagation.d[self.first :])
        self.columns = max(FEWEST, PART_BYTES // (size * backpropagation.dtype.itemsize))

    @cached_property
    def memory(self) -> np.ndarray:
        """Of the part of J at hand, where it is made."""
        dtype = self.backpropagation.dtype
        return vector(self.size * row_stride(self.columns, dtype), dtype)

    @cached_property
    def places(self) -> np.ndarray:
        """Where the numbers of the lower triangle are in the matrix, row by row."""
        return np.flatnonzero(np.tri(self.size, dtype=bool))

    @cached_property
    def product(self) -> np.ndarray:
        return np.zeros((self.size, self.size), self.backpropagation.dtype)  # above the diagonal nothing is written

    @property
    def parts(self) -> list[int]:
        """The lengths of the parts of what `lower` writes: the rows of the lower triangle."""
        return list(range(1, self.size + 1))

    def lower(self, found: Propagated, out: np.ndarray) -> None:
        """Write the lower triangle of the matrix, row by row, to out: float64, |W| (|W| + 1) / 2."""
        out[:] = 0
        for x, delta, scale in self._factors(found):
            if scale is not None or not algebra.jacobian_square(x, delta, self.product):
                J = self._jacobian(x, delta, scale)
                algebra.outer_sum(J, J, self.product, lower=True)
            part = self.product if scale is None else scale * self.product * scale.T
            out += part.reshape(-1).take(self.places)

    def rows(self, found: Propagated, rows: slice, out: np.ndarray) -> None:
        """Write these rows of the matrix up to column rows.stop, zeros above the diagonal, one after another to out.

        The bits are those of `lower`. Memory: two of these parts besides `out`.
        """
        out = out.reshape(-1, rows.stop)
        out[:] = 0
        product = np.zeros(out.shape, self.backpropagation.dtype)
        left, right = slice(rows.start), slice(rows.start, rows.stop)
        for number, (x, delta, scale) in enumerate(self._factors(found)):
            J = self._jacobian(x, delta, scale)
            at_once = number == 0 and scale is None and product.dtype == out.dtype
            to = out if at_once else product
            algebra.outer_sum(J[rows], J[left], to[:, left], sums=self.size**2)
            algebra.outer_sum(J[rows], J[right], to[:, right], lower=True, sums=self.size**2)
            if not at_once:
                out += product if scale is None else scale[rows] * product * scale[: rows.stop].T
        square = out[:, right]
        square[np.triu_indices_from(square, 1)] = 0

    def _factors(self, found: Propagated) -> Iterator[tuple[list[np.ndarray], list[np.ndarray], np.ndarray | None]]:
        """Of each part of Jᵀ, |W| × examples: its x and δ, layer by layer; and what its rows are to be divided by.

        That is |W| × 1; None for 1.
        """
        x = found.x
        for top in self._tops(found.block, self._output(found)):
            delta = self._sensitivities(x, top)
            scale = self._scale(x, delta)
            for start in range(0, top.shape[1], self.columns):
                part = slice(start, start + self.columns)
                yield [below[:, part] for below in x[self.first :]], [above[:, part] for above in delta], scale

    def lengths(self, found: Propagated, T: np.ndarray, tops: Iterable[np.ndarray] | None = None) -> np.ndarray:
        """|T g_ij|² of each output j, float64, d^(L) × rows: g_ij is a row of J, with its weight, and T |W| × |W|.

        tops: other g_ij, without weights: derivatives by the signals s^(L), d^(L) × rows, of whatever is asked for.
        """
        x, dtype, each = found.x, self.backpropagation.dtype, []
        for top in self._tops(found.block, self._output(found)) if tops is None else tops:
            delta, squares = self._sensitivities(x, top.astype(dtype, copy=False)), np.empty(top.shape[1])
            for start in range(0, len(squares), self.columns):
                part = slice(start, start + self.columns)
                some = [below[:, part] for below in x[self.first :]], [above[:, part] for above in delta]
                J = self._jacobian(*some).astype(T.dtype, copy=False)
                lengths = np.empty_like(J)
                algebra.product(T, J, lengths, across=True)
                squares[part] = algebra.column_sums(np.square(lengths))
            each.append(squares)
        return np.stack(each)

    def _output(self, found: Propagated) -> np.ndarray:
        """x^(L)."""
        output = found.s.copy()
        self.backpropagation.error_function.output(output)
        return output

    def _tops(self, block: Block, output: np.ndarray) -> Iterable[np.ndarray]:
        """δ^(L) of each row of J, with the roots of the examples' weights and the outputs' shares."""
        shares = self.backpropagation.shares
        for j in range(len(output)):
            top = self.backpropagation.error_function.root(output, j)
            if block.weights is not None:
                top *= np.sqrt(block.weights)
            if shares is not None:
                top *= np.sqrt(shares).astype(top.dtype)
            yield top

    def _sensitivities(self, x: list[np.ndarray], top: np.ndarray) -> list[np.ndarray]:
        """δ^(1), …, δ^(L) from δ^(L), from the first layer on that is asked for."""
        W, theta = self.backpropagation.W, self.backpropagation.theta
        delta = [top]
        for l in range(len(W) - 1, self.first, -1):
            below = np.empty((len(W[l]) - 1, top.shape[1]), top.dtype)
            products.push_back(W[l][1:], delta[0], below)
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

    def _jacobian(self, x: list[np.ndarray], delta: list[np.ndarray], scale: np.ndarray | None = None) -> np.ndarray:
        """Jᵀ of a part, |W| × examples, divided by `scale`."""
        width = x[0].shape[1]
        J = matrix(self.memory, self.size, width)
        stop = 0
        for below, above in zip(x, delta, strict=True):
            size = len(below) * len(above)
            out = J[stop : stop + size].reshape(len(below), len(above), width)
            np.multiply(below[:, None], above[None], out=out)
            stop += size
        if scale is not None:
            J /= scale.astype(J.dtype)
        return J


def megabytes(weights: int) -> float:
    """Memory per rank for the matrix of |W| weights: to make it and to solve with it, and to sum it exactly."""
    return weights**2 * 8 * (COPIES if library.instructions() else COPIES_OF_NUMPY) / 1e6
