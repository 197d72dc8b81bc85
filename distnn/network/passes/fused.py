"""Passes over a block in compiled code, all layers at once for a panel of examples: fused.h, for narrow networks.

In numpy each call reads and writes whole rows of a block, and its elementwise passes, its calls and the memory take as
long as the products do in a narrow network. Compiled code does everything between x^(0) and s^(L), and between δ^(L)
and G, while a panel is in the first-level cache, which saves most where layers are narrowest (docs/performance.md). The
bits are the same with every set of instructions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distnn.kernels.library import ADDRESS
from distnn.kernels.memory import LINE, address, vector
from distnn.network.activations import Activation
from distnn.network.passes.compiled import CompiledPasses, NetworkInC
from distnn.network.weights import weight_count

WIDEST = 64  # of the layers: beyond, tiled.py is as fast or faster


class FusedInC(NetworkInC):
    """struct fused of fused.h."""

    _fields_ = (("delta", ADDRESS), ("sums", ADDRESS))


class Fused(CompiledPasses):
    """Passes of all layers at once. See CompiledPasses."""

    prefix, struct = "fused", FusedInC

    @classmethod
    def serves(cls, d: Sequence[int], theta: Activation) -> bool:
        """Whether these passes can be used for a network here, and are the fastest. Local."""
        return max(d) <= WIDEST and super().serves(d, theta)

    def __init__(self, d: Sequence[int], theta: Activation, dtype: np.dtype, instruction_set: str | None = None):
        super().__init__(d, theta, dtype, instruction_set, weights=weight_count(d))
        self._delta = vector(sum(d[1:]) * self._constant("group") * self.panel, dtype)
        self._sums = vector(self._w.size * (LINE // dtype.itemsize), dtype)
        self._network.delta, self._network.sums = address(self._delta), address(self._sums)

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
