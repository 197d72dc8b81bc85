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

from distnn import compiled
from distnn.compiled import ADDRESS, SIZE, THETAS, address
from distnn.memory import empty, vector
from distnn.network import weight_count

PIECE_BYTES = 5 << 19  # of x^(0) … x^(L-1) of a piece, if that is more than a group of panels
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


def functions(dtype: np.dtype, of: str) -> Functions:
    """The compiled functions for a dtype and a set of instructions that is available."""
    library = compiled.library()
    assert library is not None
    arguments = {
        "load": (ADDRESS, ADDRESS),
        "forward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
        "backward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
    }
    found = {name: compiled.function(f"tiled_{name}", dtype, of, *types) for name, types in arguments.items()}
    panel = library.tiled_panel_bytes() // dtype.itemsize
    return Functions(panel, library.tiled_group() * panel, library.tiled_tile(), **found)


class Tiled:
    """Passes over blocks, as `layerwise.Layerwise` makes them. Local.

    d: the architecture. theta: the name of θ of the hidden layers, one of THETAS. dtype: of all arrays. of: a set of
    instructions that is `available`.
    """

    def __init__(self, d: Sequence[int], theta: str, dtype: np.dtype, of: str):
        self.d, self.theta, self.dtype = tuple(d), THETAS.index(theta), dtype
        self.functions = functions(dtype, of)
        self._d = np.array(d, np.intp)
        rows, tile = sum(d[:-1]) + len(d) - 1, self.functions.rows
        self._x_rows = rows + (APART - rows) % PAGE
        self._w = vector(sum((a + 1) * _up(b, tile) for a, b in pairwise(d)) + tile**2, dtype)
        self._columns = 0  # of the widest piece so far, whole panels

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64, |W|) from now on, rounded to dtype."""
        if w.shape != (weight_count(self.d),):
            raise ValueError(f"w has the shape {w.shape}; this network has {weight_count(self.d)} weights")
        w = np.ascontiguousarray(w, np.float64)
        network = _Network(len(self.d) - 1, self.theta, self._d.ctypes.data, self._w.ctypes.data)
        self.functions.load(ctypes.addressof(network), w.ctypes.data)

    def forward(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Forward propagation of x^(0), piece by piece: its columns and s^(L), which is overwritten afterwards."""
        for columns, _ in self._pieces(x):
            yield columns, self._s[:, : columns.stop - columns.start]

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Piece by piece: the columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """
        if x.shape[1] == 0:
            G[:] = 0
        for columns, network in self._pieces(x):
            count, stride = columns.stop - columns.start, self._s.strides[0] // self._s.itemsize
            yield columns, self._s[:, :count], self._delta_L[:, :count]
            self.functions.backward(network, address(self._delta_L), stride, count, address(G), columns.start)

    def _pieces(self, x: np.ndarray) -> Iterator[tuple[slice, int]]:
        """After forward propagation of each piece: its columns, and the address of the network."""
        x = compiled.rows_in_memory(x, self.d[0] + 1, self.dtype)
        count = x.shape[1]
        width = self._width(count)
        if width > self._columns:
            self._allocate(width)
        network, s = ctypes.addressof(self._network), self._s
        for start in range(0, count, width):
            columns = slice(start, min(start + width, count))
            part, strides = x[:, columns], (x.strides[0] // x.itemsize, s.strides[0] // s.itemsize)
            self.functions.forward(network, part.ctypes.data, strides[0], part.shape[1], s.ctypes.data, strides[1])
            yield columns, network

    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole groups, or all columns in whole panels if these are less."""
        group = self.functions.group
        groups = max(1, PIECE_BYTES // (self._x_rows * group * self.dtype.itemsize))
        return min(groups * group, _up(max(1, count), self.functions.panel))

    def _allocate(self, columns: int) -> None:
        d, dtype, panel, group, tile = self.d, self.dtype, *self.functions[:3]
        self._columns = columns
        self._s, self._delta_L = empty(d[-1], columns, dtype), empty(d[-1], columns, dtype)
        self._x = vector(self._x_rows * columns + tile * panel, dtype)
        panels = self._x[: self._x_rows * columns].reshape(-1, self._x_rows, panel)
        panels[:, np.cumsum([0, *(self._d[:-2] + 1)])] = 1  # the rows of ones
        widest = _up(max(d[1:]), panel)
        self._deltas = [vector(widest * min(columns, group), dtype) for _ in range(2)]
        self._turned = vector(widest * group, dtype)
        deltas = [array.ctypes.data for array in (*self._deltas, self._turned)]
        arrays = [array.ctypes.data for array in (self._d, self._w, self._x)]
        self._network = _Network(len(d) - 1, self.theta, *arrays, self._x_rows, *deltas)


def _up(number: int, to: int) -> int:
    """The smallest multiple of `to` that is not below the number."""
    return -(-number // to) * to
