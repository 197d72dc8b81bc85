"""Passes over a block layer by layer in numpy, for every network: three products a layer, and calls on arrays.

For those that compiled code does not serve, and where there is none.

All buffers are made once, for the largest block, and nothing else is allocated per weight. They are few, so that a
block of a narrow network stays in the cache: x^(l) is not needed any more once G^(l+1) and δ^(l) are computed, θ' is
written over it, and then δ^(l-1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from distnn.kernels import products
from distnn.kernels.blocks import Block
from distnn.kernels.memory import matrix, row_stride, vector
from distnn.network.activations import Activation
from distnn.network.error_functions import ErrorFunction
from distnn.network.forward import forward
from distnn.network.weights import layers


class Workspace(NamedTuple):
    """Buffers for blocks of one width: x^(1) … x^(L-1), s^(L), δ^(1) … δ^(L). δ^(l-1) lies in the memory of x^(l)."""

    x: list[np.ndarray]
    s: np.ndarray
    delta: list[np.ndarray]


class Layerwise:
    """Passes over blocks. Local. d: the architecture. theta: θ of the hidden layers. dtype: of all arrays."""

    @classmethod
    def serves(cls, d: Sequence[int], theta: Activation) -> bool:
        """Always: these passes can be used for every network."""
        return True

    def __init__(self, d: Sequence[int], theta: Activation, dtype: np.dtype):
        self.d, self.theta, self.dtype = tuple(d), theta, dtype
        self._memory: list[np.ndarray] = []
        self._workspaces: dict[int, Workspace] = {}
        self._rows = 0
        self._largest = -1  # nothing is allocated yet

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64, |W|, not to be changed meanwhile) from now on, rounded to dtype."""
        self.W = layers(w.astype(self.dtype, copy=False), self.d)

    def forward(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Forward propagation of x^(0), in one piece: all columns and s^(L), which is overwritten afterwards."""
        space = self._workspace(x.shape[1])
        forward(self.W, [x, *space.x], space.s, self.theta)
        yield slice(0, x.shape[1]), space.s

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """In one piece: all columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """
        for columns, s in self.forward(x):
            space = self._workspaces[x.shape[1]]
            yield columns, s, space.delta[-1]
            self._backward([x, *space.x], space.delta, layers(G, self.d))

    def _backward(self, x: list[np.ndarray], deltas: list[np.ndarray], G: list[np.ndarray]) -> None:
        for l in range(len(self.W), 0, -1):
            products.outer_sum(x[l - 1], deltas[l - 1], G[l - 1])
            if l > 1:
                products.push_back(self.W[l - 1][1:], deltas[l - 1], deltas[l - 2])
                self.theta.chain(x[l - 1][1:], deltas[l - 2], x[l - 1][1:])  # type: ignore[misc]

    def in_one_call(self, error: ErrorFunction, block: Block, G: np.ndarray | None) -> None:
        """None: every layer takes several calls."""

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
