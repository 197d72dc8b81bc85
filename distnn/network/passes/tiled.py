"""Passes over a block in compiled code, layer after layer in tiles: tiled.h, for networks too wide for fused.py.

BLAS copies what it multiplies into an order that suits it, for every product anew. Here arrays are kept in that order:
the weights once for all blocks, x^(l) and δ^(l) as they are made. θ and θ' are applied while a few panels of columns
are in the cache. docs/decisions/compiled-code.md has the measurements. The bits are the same with AVX-512 and AVX2, and
depend on no BLAS.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import ADDRESS, SIZE, address
from distnn.kernels.memory import vector
from distnn.network.passes.compiled import CompiledPasses
from distnn.network.weights import weight_count

PAGE, APART = 32, 12  # rows of a panel in a page; and of one panel after another, which so are in different sets


class Functions(NamedTuple):
    """Of tiled.h, for one dtype and one set of instructions. Addresses and sizes are plain numbers.

    panel: the columns of a panel. group: those that are summed into G at a time. rows: of a tile.
    """

    panel: int
    group: int
    rows: int
    load: Callable[..., None]
    forward: Callable[..., None]
    backward: Callable[..., None]


class _Network(ctypes.Structure):
    """struct tiled of tiled.h."""

    _fields_ = (
        ("L", SIZE),
        ("theta", SIZE),
        *((name, ADDRESS) for name in ("d", "w", "x")),
        ("x_rows", SIZE),
        *((name, ADDRESS) for name in ("delta", "below", "turned")),
    )


def functions(dtype: np.dtype, instruction_set: str) -> Functions:
    """The compiled functions for a dtype and a set of instructions that is available."""
    found = library.loaded()
    assert found is not None
    arguments = {
        "load": (ADDRESS, ADDRESS),
        "forward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
        "backward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    }
    in_c = {
        name: library.function(f"tiled_{name}", dtype, instruction_set, *types) for name, types in arguments.items()
    }
    panel = found.tiled_panel_bytes() // dtype.itemsize
    return Functions(panel, found.tiled_group() * panel, found.tiled_tile(), **in_c)


class Tiled(CompiledPasses):
    """Passes over blocks, as `layerwise.Layerwise` makes them. Local. instruction_set: one that is `available`."""

    def __init__(self, d: Sequence[int], theta: str, dtype: np.dtype, instruction_set: str):
        super().__init__(d, theta, dtype)
        self.functions = functions(dtype, instruction_set)
        rows, tile = sum(d[:-1]) + len(d) - 1, self.functions.rows
        self.panel, self.rows = self.functions.panel, rows + (APART - rows) % PAGE
        self._w = vector(sum((a + 1) * _up(b, tile) for a, b in pairwise(d)) + tile**2, dtype)

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64, |W|) from now on, rounded to dtype. ValueError for another number of them."""
        if w.shape != (weight_count(self.d),):
            raise ValueError(f"w has the shape {w.shape}; this network has {weight_count(self.d)} weights")
        w = np.ascontiguousarray(w, np.float64)
        network = _Network(len(self.d) - 1, self.theta, self._d.ctypes.data, self._w.ctypes.data)
        self.functions.load(ctypes.addressof(network), w.ctypes.data)

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Piece by piece: the columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """
        if x.shape[1] == 0:
            G[:] = 0
        for columns, network in self._pieces(x):
            count = columns.stop - columns.start
            yield columns, self._s[:, :count], self._delta_L[:, :count]
            self.functions.backward(network, address(self._delta_L), self._columns, count, address(G), columns.start)

    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole groups, or all columns in whole panels if these are less."""
        group = self.functions.group
        return min(self._fits(group) * group, _up(max(1, count), self.panel))

    def _network(self, columns: int) -> ctypes.Structure:
        group, widest = self.functions.group, _up(max(self.d[1:]), self.panel)
        self._x = self._units(columns, self.functions.rows)
        self._deltas = [vector(widest * min(columns, group), self.dtype) for _ in range(2)]
        self._turned = vector(widest * group, self.dtype)
        arrays = [array.ctypes.data for array in (self._d, self._w, self._x)]
        deltas = [array.ctypes.data for array in (*self._deltas, self._turned)]
        return _Network(len(self.d) - 1, self.theta, *arrays, self.rows, *deltas)


def _up(number: int, to: int) -> int:
    """The smallest multiple of `to` that is not below the number."""
    return -(-number // to) * to
