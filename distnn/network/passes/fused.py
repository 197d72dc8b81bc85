"""Passes over a block in compiled code, all layers at once for a panel of examples: fused.h, for narrow networks.

In numpy each call reads and writes whole rows of a block, and its elementwise passes, its calls and the memory take as
long as the products do in a narrow network. Compiled code does everything between x^(0) and s^(L), and between δ^(L)
and G, while a panel is in the first-level cache: 1.2 to 1.5 times as fast with AVX-512, twice with AVX2
(docs/performance.md). The bits are the same with either.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, SIZE, address
from distnn.kernels.memory import LINE, vector
from distnn.network.passes.compiled import CompiledPasses
from distnn.network.weights import weight_count

WIDEST = 64  # of the layers: beyond, tiled.py is as fast or faster


class Functions(NamedTuple):
    """Of fused.h, for one dtype and one set of instructions. Addresses and sizes are plain numbers.

    panel: the columns of a panel. group: the panels whose δ is in memory at the same time.
    """

    panel: int
    group: int
    forward: Callable[..., None]
    backward: Callable[..., None]
    finish: Callable[..., None]


class _Network(ctypes.Structure):
    """struct fused of fused.h."""

    _fields_ = (
        ("L", SIZE),
        ("theta", SIZE),
        *((name, ADDRESS) for name in ("d", "w", "x", "delta", "sums")),
    )


def functions(dtype: np.dtype, instruction_set: str) -> Functions:
    """The compiled functions for a dtype and a set of instructions that is available."""
    found = library.loaded()
    assert found is not None
    arguments = {
        "forward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
        "backward": (ADDRESS, ADDRESS, SIZE, SIZE),
        "finish": (ADDRESS, ADDRESS),
    }
    in_c = {
        name: library.function(f"fused_{name}", dtype, instruction_set, *types) for name, types in arguments.items()
    }
    return Functions(found.fused_panel_bytes() // dtype.itemsize, found.fused_group(), **in_c)


class Fused(CompiledPasses):
    """Passes over blocks, as `layerwise.Layerwise` makes them. Local. instruction_set: one that is `available`."""

    def __init__(self, d: Sequence[int], theta: str, dtype: np.dtype, instruction_set: str):
        super().__init__(d, theta, dtype)
        self.functions = functions(dtype, instruction_set)
        self.panel, self.rows = self.functions.panel, sum(d[:-1]) + len(d) - 1
        self._w = np.zeros(weight_count(d), dtype)
        self._delta = vector(sum(d[1:]) * self.functions.group * self.panel, dtype)
        self._sums = vector(self._w.size * (LINE // dtype.itemsize), dtype)

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64, |W|) from now on, rounded to dtype."""
        np.copyto(self._w, w, casting="same_kind")

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Piece by piece: the columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """
        self._sums[:] = 0
        for columns, network in self._pieces(x):
            count = columns.stop - columns.start
            yield columns, self._s[:, :count], self._delta_L[:, :count]
            self.functions.backward(network, address(self._delta_L), self._columns, count)
        self.functions.finish(ctypes.addressof(self._made), address(G))

    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole panels, and equal but for the last."""
        panels = max(1, -(-count // self.panel))
        pieces = -(-panels // self._fits(self.panel))
        return -(-panels // pieces) * self.panel

    def _network(self, columns: int) -> ctypes.Structure:
        self._x = self._units(columns)
        arrays = (self._d, self._w, self._x, self._delta, self._sums)
        return _Network(len(self.d) - 1, self.theta, *(array.ctypes.data for array in arrays))
