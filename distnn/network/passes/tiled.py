"""Passes over a block in compiled code, layer after layer in tiles: tiled.h, for networks too wide for fused.py.

BLAS copies what it multiplies into an order that suits it, for every product anew. Here arrays are kept in that order:
the weights once for all blocks, x^(l) and δ^(l) as they are made. θ and θ' are applied while a few panels of columns
are in the cache. docs/decisions/compiled-code.md has the measurements. The bits are the same with AVX-512 and AVX2, and
depend on no BLAS.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, SIZE
from distnn.kernels.memory import address, vector
from distnn.network.activations import Activation
from distnn.network.passes.compiled import CompiledPasses, NetworkInC

SECOND_LEVEL = 1 << 20  # bytes of a core's second-level cache, where the system does not tell
SHARE = 4 / 5  # of it that x^(l-1) and s^(l) take, of the panels that go through the layers together,
FEWEST = 4  # but at least so many panels: they share the way of the weights from the memory
PAGE, APART = 32, 12  # rows of a panel in a page; and of one panel after another, which so are in different sets


class TiledInC(NetworkInC):
    """struct tiled of tiled.h."""

    _fields_ = (
        ("x_rows", SIZE),
        ("together", SIZE),
        ("delta", ADDRESS),
        ("below", ADDRESS),
        ("turned", ADDRESS),
        ("inputs", ADDRESS),
        ("inputs_row", SIZE),
    )


class Tiled(CompiledPasses):
    """Passes of one layer after another in tiles. See CompiledPasses. group: columns that are summed into G at a time.

    Sums read rows of x beyond those that they add, and use none of them: so there is room after x.
    """

    prefix, struct = "tiled", TiledInC
    arguments: ClassVar = {**CompiledPasses.arguments, "load": (ADDRESS, ADDRESS)}

    def __init__(self, d: Sequence[int], theta: Activation, dtype: np.dtype, instruction_set: str | None = None):
        self.tile = self._constant("tile")  # rows
        weights = sum((a + 1) * _up(b, self.tile) for a, b in pairwise(d))
        super().__init__(d, theta, dtype, instruction_set, weights=weights)
        self.group = self._constant("group") * self.panel
        self.rows += (APART - self.rows) % PAGE
        self._network.x_rows = self.rows
        self._network.together = self._together(library.constant("library_second_level") or SECOND_LEVEL)

    def _together(self, second_level: int) -> int:
        """Panels that go through all layers before the next ones, so that they suit this cache: equal parts of a group.

        The bits do not depend on it.
        """
        group, layer = (
            self._constant("group"),
            max(a + 1 + b for a, b in pairwise(self.d)) * self._constant("panel_bytes"),
        )
        most = min(group, max(FEWEST, int(SHARE * second_level) // layer))
        return -(-group // -(-group // most))

    def _load(self, w: np.ndarray) -> None:
        w = np.ascontiguousarray(w, np.float64)
        self.functions.load(self._at, w.ctypes.data)

    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole groups, or all columns in whole panels if these are less."""
        return min(self._fits(self.group) * self.group, _up(max(1, count), self.panel))

    def _allocate(self, columns: int) -> None:
        widest = _up(max(self.d[1:]), self.panel)
        self._x = self._units(columns, room=self.tile)
        self._deltas = [vector(widest * min(columns, self.group), self.dtype) for _ in range(2)]
        self._turned = vector(widest * self.group, self.dtype)
        self._network.x, self._network.turned = address(self._x), address(self._turned)
        self._network.delta, self._network.below = (address(delta) for delta in self._deltas)


def _up(number: int, to: int) -> int:
    """The smallest multiple of `to` that is not below the number."""
    return -(-number // to) * to
