"""What a block adds to each sum over D that `objective` asks for: here by numpy and compiled code, a block at a time.

To compute elsewhere (distnn/accelerator does): a class that is a `Terms`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np

from distnn.kernels.algebra import row_sums
from distnn.kernels.blocks import Block, Cut
from distnn.network.backpropagation import Backpropagation
from distnn.network.second_order.acceleration import Acceleration
from distnn.network.second_order.gauss_newton import GaussNewton
from distnn.network.second_order.hessian import HessianProduct, backpropagated
from distnn.network.second_order.propagation import Kept, propagated
from distnn.parallel.ranks import AnyTerms


class Terms(Protocol):
    """The terms of the sums, of some of this rank's blocks, at the weights and shares that were loaded last.

    Every rank calls every method, in the same order: what computes elsewhere may communicate.

    cut: how the rows of all ranks were cut into blocks, of which these are some, perhaps with rows left out.
    """

    def load(self, w: np.ndarray, shares: np.ndarray | None = None) -> None:
        """Use the weights w, float64 (|W|,), and of squared error the shares of the outputs, (d^(L),); None for 1."""

    def gradient(self, blocks: Sequence[Block], cut: Cut) -> AnyTerms:
        """Σ ∇e, of the dtype of the blocks, |W|; their tail is Σ e."""

    def error(self, blocks: Sequence[Block], cut: Cut) -> AnyTerms:
        """Σ e, one number."""

    def squares(self, blocks: Sequence[Block], cut: Cut) -> AnyTerms:
        """Σ (x_j - y_j)² of each output: d^(L)."""

    def gauss_newton(self, blocks: Sequence[Block], cut: Cut, last: bool) -> AnyTerms:
        """The lower triangle of Σ JᵀJ, row by row; last: of the weights of the last layer."""

    def lengths(self, blocks: Sequence[Block], cut: Cut, T: np.ndarray, last: bool) -> AnyTerms:
        """Σ |T g|² of each output, g being its gradient by these weights: d^(L)."""

    def acceleration(self, blocks: Sequence[Block], cut: Cut, v: np.ndarray) -> AnyTerms:
        """Σ Jᵀ ∂²x^(L)/∂v²: |W|."""

    def hessian_product(self, blocks: Sequence[Block], cut: Cut, v: np.ndarray) -> AnyTerms:
        """Σ ∇²e v: |W|."""

    def environment(self) -> dict[str, Any]:
        """What their bits depend on besides what `parallel.environment` records."""


class BlockTerms:
    """The terms as `Backpropagation` and the sums of second order compute them. See Terms."""

    def __init__(self, backpropagation: Backpropagation):
        self.backpropagation = backpropagation
        self._propagated = Kept(backpropagation, propagated)
        self._backpropagated = Kept(backpropagation, backpropagated)
        # What follows takes memory for |W| numbers or more, and is made when first asked for.
        self._gauss_newton = cache(lambda last: GaussNewton(backpropagation, last))
        self._acceleration = cache(lambda: Acceleration(backpropagation))
        self._hessian = cache(lambda: HessianProduct(backpropagation))

    def load(self, w: np.ndarray, shares: np.ndarray | None = None) -> None:
        self.backpropagation.load(w, shares)

    def gradient(self, blocks: Sequence[Block], cut: Cut) -> AnyTerms:
        return lambda j, out: self.backpropagation.gradient(blocks[j], out)

    def error(self, blocks: Sequence[Block], cut: Cut) -> AnyTerms:
        def term(j: int, out: np.ndarray) -> None:
            out[0] = self.backpropagation.error(blocks[j])

        return term

    def squares(self, blocks: Sequence[Block], cut: Cut) -> AnyTerms:
        return lambda j, out: self.backpropagation.squares(blocks[j], out)

    def gauss_newton(self, blocks: Sequence[Block], cut: Cut, last: bool) -> AnyTerms:
        return lambda j, out: self._gauss_newton(last).lower(self._propagated(blocks, j), out)

    def gauss_newton_rows(self, blocks: Sequence[Block], cut: Cut, rows: slice) -> AnyTerms:
        """These rows of Σ JᵀJ, up to column rows.stop, and zeros above the diagonal. See GaussNewton.rows."""
        return lambda j, out: self._gauss_newton(False).rows(self._propagated(blocks, j), rows, out)

    def lengths(self, blocks: Sequence[Block], cut: Cut, T: np.ndarray, last: bool) -> AnyTerms:
        def term(j: int, out: np.ndarray) -> None:
            out[:] = row_sums(self._gauss_newton(last).lengths(self._propagated(blocks, j), T))

        return term

    def acceleration(self, blocks: Sequence[Block], cut: Cut, v: np.ndarray) -> AnyTerms:
        bend = self._acceleration()
        bend.load(v)
        return lambda j, out: bend.write(self._propagated(blocks, j), out)

    def hessian_product(self, blocks: Sequence[Block], cut: Cut, v: np.ndarray) -> AnyTerms:
        product = self._hessian()
        product.load(v)
        return lambda j, out: product.product(self._backpropagated(blocks, j), out)

    def environment(self) -> dict[str, Any]:
        return {}
