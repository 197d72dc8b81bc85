"""Backpropagation over one block of examples: the hot loop.

    δ^(L) from the error function,   δ^(l) = W^(l+1) δ^(l+1) ⊗ θ'(s^(l)), bias row left out,
    Σ_i x_i^(l-1) δ_i^(l)ᵀ as one matrix product per layer, and Σ_i e_i beside it.

Examples are columns. All buffers are made once, for the largest block, and nothing else is allocated per weight.
They are few, so that a block of a narrow network stays in the cache: x^(l) is not needed any more once G^(l+1) and
δ^(l) are computed, θ' is written over it, and then δ^(l-1).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from distnn import products
from distnn.activations import ACTIVATIONS
from distnn.error_functions import error_function
from distnn.memory import matrix, row_stride, vector
from distnn.network import Network, forward, layers, weight_count


class Block(NamedTuple):
    """Consecutive rows of D as columns. Local.

    x: x^(0), (d^(0)+1) × rows, row 0 of ones; y: d^(L) × rows; weights: (rows,) or None for all one.
    """

    x: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None


class Workspace(NamedTuple):
    """Buffers for blocks of one width: x^(1) … x^(L-1), s^(L), δ^(1) … δ^(L). δ^(l-1) lies in the memory of x^(l)."""

    x: list[np.ndarray]
    s: np.ndarray
    delta: list[np.ndarray]


class Backpropagation:
    """Sums of e and of the gradient over a block, in float64 or float32 arithmetic. Local.

    network: gives d and θ; its weights are not used: `load(w)` says which weights to use.
    error: name of the error function. dtype: of the blocks and of all arithmetic in them.
    """

    def __init__(self, network: Network, error: str, dtype: np.dtype | type = np.float64):
        self.d, self.dtype = network.d, np.dtype(dtype)
        self.theta = ACTIVATIONS[network.theta]
        self.error_function = error_function(error, network.output_theta)
        self._w = np.zeros(weight_count(self.d), self.dtype)
        self.W = layers(self._w, self.d)
        self._memory: list[np.ndarray] = []
        self._workspaces: dict[int, Workspace] = {}
        self._rows = 0
        self._largest = -1  # nothing is allocated yet

    @property
    def sizes(self) -> list[int]:
        """The lengths of the parts of what `gradient` writes: one for each W^(l), and those of the error.

        In float32 the error, which is summed in float64, is written as two numbers: itself rounded, and the rest.
        """
        return [W.size for W in self.W] + [1] * (8 // self.dtype.itemsize)

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64) from now on, rounded to dtype."""
        np.copyto(self._w, w, casting="same_kind")

    def require_derivatives(self) -> None:
        """Raise UserError if this network cannot be trained."""
        if len(self.d) > 2:
            self.theta.require_derivative()
        self.error_function.require_derivative()

    def gradient(self, block: Block, out: np.ndarray) -> None:
        """Write Σ_i ∇e_i, then Σ_i e_i, each with the example's weight, to out: of dtype, as long as `sizes` say."""
        space = self._workspace(block.x.shape[1])
        x = [block.x, *space.x]
        forward(self.W, x, space.s, self.theta)
        delta = space.delta[-1]
        rest = self._total(self.error_function.error(space.s, block.y, delta), block)
        stop = len(self._w)
        for place in range(stop, len(out)):
            out[place] = rest
            rest -= float(out[place])
        if block.weights is not None:
            delta *= block.weights
        factors = None  # that the rows of δ^(l) in memory still lack
        for l in range(len(self.W), 0, -1):
            W, delta = self.W[l - 1], space.delta[l - 1]
            G = out[stop - W.size : stop].reshape(W.shape)
            stop -= W.size
            products.outer_sum(x[l - 1], delta, G)
            if factors is not None:
                G *= factors
                W = W * factors
            if l > 1:
                below = space.delta[l - 2]
                factors = products.push_back_but_factors(W[1:], delta, below, len(self.W[l - 2]))
                self.theta.chain(x[l - 1][1:], below, x[l - 1][1:])  # type: ignore[misc]

    def error(self, block: Block) -> float:
        """Σ_i e_i with the examples' weights; forward propagation only."""
        space = self._workspace(block.x.shape[1])
        forward(self.W, [block.x, *space.x], space.s, self.theta)
        return self._total(self.error_function.error(space.s, block.y, None), block)

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """x^(L), d^(L) × rows, for x^(0) of shape (d^(0)+1) × rows; the next call overwrites it."""
        space = self._workspace(x.shape[1])
        forward(self.W, [x, *space.x], space.s, self.theta)
        self.error_function.output(space.s)
        return space.s

    @staticmethod
    def _total(e: np.ndarray, block: Block) -> float:
        return float((e if block.weights is None else e * block.weights).sum(dtype=np.float64))

    def _workspace(self, rows: int) -> Workspace:
        if rows > self._largest:
            self._allocate(rows)
        if rows not in self._workspaces:
            self._workspaces[rows] = self._views(rows)
        space = self._workspaces[rows]
        if rows != self._rows:  # another width lays the rows of ones elsewhere in the same memory
            self._rows = rows
            for x in space.x:
                x[0] = 1
        return space

    def _allocate(self, rows: int) -> None:
        """Memory for each of x^(1) … x^(L-1), below its row of ones for δ of the layer below; s^(L), δ^(L), δ^(L-1)."""
        hidden = self.d[1:-1]
        sizes = [1 + max(width, below) for below, width in pairwise((0, *hidden))]
        sizes += [self.d[-1], self.d[-1], self.d[-2]]
        self._memory = [vector(size * row_stride(rows, self.dtype), self.dtype) for size in sizes]
        self._workspaces.clear()
        self._largest, self._rows = rows, 0

    def _views(self, rows: int) -> Workspace:
        hidden, (*x, s, delta, below) = self.d[1:-1], self._memory
        stride = row_stride(rows, self.dtype)
        deltas = [matrix(memory[stride:], width, rows) for memory, width in zip(x[1:], hidden, strict=False)]
        if hidden:
            deltas.append(matrix(below, hidden[-1], rows))
        return Workspace(
            x=[matrix(memory, width + 1, rows) for memory, width in zip(x, hidden, strict=True)],
            s=matrix(s, self.d[-1], rows),
            delta=[*deltas, matrix(delta, self.d[-1], rows)],
        )
