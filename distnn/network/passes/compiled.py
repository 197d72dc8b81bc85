"""Blocks that go through compiled code piece by piece, a piece being some columns: what fused.py and tiled.py share."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from distnn.kernels import library
from distnn.kernels.library import THETAS, address
from distnn.kernels.memory import empty, vector

PIECE_BYTES = 5 << 19  # of x^(0) … x^(L-1): calls cost little on so many columns, which the third-level cache still has


class CompiledPasses(ABC):
    """Passes over blocks, as `layerwise.Layerwise` makes them, but for the gradient. Local.

    d: the architecture. theta: the name of θ of the hidden layers, one of THETAS. dtype: of all arrays.
    functions: of C, among them forward. panel: the columns of a panel. rows: those of x^(0), …, x^(L-1) in a panel.
    """

    functions: Any
    panel: int
    rows: int

    def __init__(self, d: Sequence[int], theta: str, dtype: np.dtype):
        self.d, self.theta, self.dtype = tuple(d), THETAS.index(theta), dtype
        self._d = np.array(d, np.intp)
        self._columns = 0  # of the widest piece so far, whole panels

    @abstractmethod
    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole panels."""

    @abstractmethod
    def _network(self, columns: int) -> ctypes.Structure:
        """The network as C knows it, with memory for pieces of so many columns."""

    def forward(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Forward propagation of x^(0), piece by piece: its columns and s^(L), which is overwritten afterwards."""
        for columns, _ in self._pieces(x):
            yield columns, self._s[:, : columns.stop - columns.start]

    def _pieces(self, x: np.ndarray) -> Iterator[tuple[slice, int]]:
        """After forward propagation of each piece: its columns, and the address of the network."""
        x = library.rows_in_memory(x, self.d[0] + 1, self.dtype)
        count = x.shape[1]
        width = self._width(count)
        if width > self._columns:
            self._columns = width
            self._s, self._delta_L = empty(self.d[-1], width, self.dtype), empty(self.d[-1], width, self.dtype)
            self._made = self._network(width)
        begin, stride = x.ctypes.data, x.strides[0] // x.itemsize
        network, s = ctypes.addressof(self._made), address(self._s)
        for start in range(0, count, width):
            columns = slice(start, min(start + width, count))
            first = begin + start * x.itemsize
            self.functions.forward(network, first, stride, columns.stop - start, s, self._columns)
            yield columns, network

    def _fits(self, columns: int) -> int:
        """How often so many columns of x^(0), …, x^(L-1) fit in a piece: once, or more often within PIECE_BYTES."""
        return max(1, PIECE_BYTES // (self.rows * columns * self.dtype.itemsize))

    def _units(self, columns: int, room: int = 0) -> np.ndarray:
        """Memory for x^(0), …, x^(L-1), panel by panel, with their rows of ones; and some room for as many rows."""
        memory = vector(self.rows * columns + room * self.panel, self.dtype)
        panels = memory[: self.rows * columns].reshape(-1, self.rows, self.panel)
        panels[:, np.cumsum([0, *(self._d[:-2] + 1)])] = 1
        return memory
