"""Passes over a block in compiled code, all layers at once for a panel of examples: fused.h, for narrow networks.

In numpy each call reads and writes whole rows of a block, and its elementwise passes, its calls and the memory take as
long as the products do in a narrow network. Compiled code does everything between x^(0) and s^(L), and between δ^(L)
and G, while a panel is in the first-level cache, which saves most where layers are narrowest (docs/performance.md). The
bits are the same with every set of instructions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ctypes import c_double
from typing import ClassVar

import numpy as np

from distnn.kernels.blocks import Block
from distnn.kernels.library import ADDRESS, SIZE, THETAS
from distnn.kernels.memory import LINE, address, rows_at, rows_in_memory, vector
from distnn.network.activations import Activation
from distnn.network.error_functions import ErrorFunction, SquaredError
from distnn.network.passes.compiled import CompiledPasses, NetworkInC
from distnn.network.weights import weight_count

WIDEST = 64  # of the layers: beyond, tiled.py is as fast or faster


class FusedInC(NetworkInC):
    """struct fused of fused.h."""

    _fields_ = (("delta", ADDRESS), ("sums", ADDRESS))


class Fused(CompiledPasses):
    """Passes of all layers at once. See CompiledPasses."""

    prefix, struct = "fused", FusedInC
    arguments: ClassVar = {
        "forward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
        "backward": (ADDRESS, ADDRESS, SIZE, SIZE),
        "finish": (ADDRESS, ADDRESS),
        "squared": (ADDRESS, ADDRESS, SIZE, SIZE, SIZE, *[ADDRESS] * 2, SIZE, ADDRESS, SIZE, *[ADDRESS] * 3),
    }

    @classmethod
    def serves(cls, d: Sequence[int], theta: Activation) -> bool:
        """Whether these passes can be used for a network here, and are the fastest. Local."""
        return max(d) <= WIDEST and super().serves(d, theta)

    def __init__(self, d: Sequence[int], theta: Activation, dtype: np.dtype, instruction_set: str | None = None):
        super().__init__(d, theta, dtype, instruction_set, weights=weight_count(d))
        self._delta = vector(sum(d[1:]) * self._constant("group") * self.panel, dtype)
        self._sums = vector(self._w.size * (LINE // dtype.itemsize), dtype)
        self._network.delta, self._network.sums = address(self._delta), address(self._sums)
        self.functions.squared.restype = c_double

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Piece by piece: the columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """
        self._sums[:] = 0
        for columns, s, delta in self._pieces(x):
            yield columns, s, delta
            self.functions.backward(self._at, self._delta_at, self._columns, s.shape[1])
        self.functions.finish(self._at, address(G))

    def in_one_call(self, error: ErrorFunction, block: Block, G: np.ndarray | None) -> float | None:
        """Σ_i weight_i e_i of squared error, whose gradient is written to G, if any; None where that is numpy's."""
        if not isinstance(error, SquaredError) or error.theta.name not in THETAS:
            return None
        x, y = rows_in_memory(block.x, self.d[0] + 1, self.dtype), rows_in_memory(block.y, self.d[-1], self.dtype)
        shares = None if error.shares is None else np.ascontiguousarray(error.shares, np.float64)
        weights = None if block.weights is None else np.ascontiguousarray(block.weights, self.dtype)
        columns, theta = x.shape[1], THETAS.index(error.theta.name)
        pieces = columns, self._piece(columns), self._s_at, self._delta_at
        factors = rows_at(shares)[0], rows_at(weights)[0]
        to = None if G is None else address(G)
        found: float = self.functions.squared(self._at, *rows_at(x), *pieces, theta, *rows_at(y), *factors, to)
        return found

    def _load(self, w: np.ndarray) -> None:
        np.copyto(self._w, w, casting="same_kind")

    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole panels, and equal but for the last."""
        panels = max(1, -(-count // self.panel))
        pieces = -(-panels // self._fits(self.panel))
        return -(-panels // pieces) * self.panel

    def _allocate(self, columns: int) -> None:
        self._x = self._units(columns)
        self._network.x = address(self._x)
