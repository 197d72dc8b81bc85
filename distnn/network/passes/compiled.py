"""Blocks that go through compiled code piece by piece, a piece being some columns: what fused.py and tiled.py share."""

from __future__ import annotations

import ctypes
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from ctypes import c_double
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from distnn.kernels import library
from distnn.kernels.blocks import Block
from distnn.kernels.library import ADDRESS, ERRORS, SIZE, THETAS
from distnn.kernels.memory import address, beginning, rows_in_memory, step, vector
from distnn.network.activations import Activation
from distnn.network.error_functions import ErrorFunction
from distnn.network.weights import weight_count

PIECE_BYTES = 5 << 19  # of x^(0) … x^(L-1): calls cost little on so many columns, which the third-level cache still has


class NetworkInC(ctypes.Structure):
    """How struct fused and struct tiled begin; w and x: memory for W^(1), …, W^(L) and x^(0), …, x^(L-1)."""

    _fields_: ClassVar[Sequence[tuple[str, Any]]] = (
        ("L", SIZE),
        ("theta", SIZE),
        *((name, ADDRESS) for name in ("d", "w", "x")),
    )


class CompiledPasses(ABC):
    """Passes over blocks, as `layerwise.Layerwise` makes them. Local.

    d: the architecture. theta: θ of the hidden layers, one of THETAS. dtype: of all arrays.
    instruction_set: one that is available; the one in use where none is given.

    For a class of passes: prefix, with which the names of its functions in C begin; arguments: their types, for each
    function; struct: its network in C.
    For an object: functions: these functions. panel: the columns of a panel. rows: those of x^(0), …, x^(L-1) in it.
    """

    prefix: ClassVar[str]
    arguments: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "forward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
        "backward": (ADDRESS, ADDRESS, SIZE, SIZE, ADDRESS, SIZE),
        "total": (ADDRESS, ADDRESS, SIZE, SIZE, SIZE, *[ADDRESS] * 2, SIZE, ADDRESS, SIZE, *[ADDRESS] * 3),
    }
    struct: ClassVar[type[NetworkInC]]

    @classmethod
    def serves(cls, d: Sequence[int], theta: Activation) -> bool:
        """Whether these passes can be used for a network here. Local. UserError for a bad value of DISTNN_FUSED."""
        return len(d) > 2 and theta.name in THETAS and library.instructions() is not None

    def __init__(
        self, d: Sequence[int], theta: Activation, dtype: np.dtype, instruction_set: str | None = None, *, weights: int
    ):
        """weights: numbers in the memory for them."""
        self.d, self.dtype = tuple(d), dtype
        instruction_set = instruction_set or library.instructions()
        assert instruction_set is not None
        self.functions = SimpleNamespace(
            **{
                name: library.function(f"{self.prefix}_{name}", dtype, instruction_set, *types)
                for name, types in self.arguments.items()
            }
        )
        self.functions.total.restype = c_double
        self.panel, self.rows = self._constant("panel_bytes") // dtype.itemsize, sum(d[:-1]) + len(d) - 1
        self._d, self._w = np.array(d, np.intp), vector(weights, dtype)
        self._network = self.struct(len(d) - 1, THETAS.index(theta.name), address(self._d), address(self._w))
        self._at = ctypes.addressof(self._network)
        self._weights, self._kind = weight_count(self.d), (d[0] + 1, d[-1], dtype)
        self._columns = 0  # of the widest piece so far, whole panels

    def load(self, w: np.ndarray) -> None:
        """Use the weights w (float64, |W|) from now on, rounded to dtype. ValueError for another number of them."""
        if w.shape != (self._weights,):
            raise ValueError(f"w has the shape {w.shape}; this network has {self._weights} weights")
        self._load(w)

    def forward(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """Forward propagation of x^(0), piece by piece: its columns and s^(L), which is overwritten afterwards."""
        for columns, s, _ in self._pieces(x):
            yield columns, s

    def gradient(self, x: np.ndarray, G: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Piece by piece: the columns, s^(L), and where to write δ^(L) before the next one is asked for.

        In the end Σ_i x_i^(l-1) δ_i^(l)ᵀ of all layers is in G, |W|.
        """
        if x.shape[1] == 0:
            G[:] = 0
        for columns, s, delta in self._pieces(x):
            yield columns, s, delta
            add = columns.start > 0
            self.functions.backward(self._at, self._delta_at, self._columns, s.shape[1], address(G), add)

    def in_one_call(self, error: ErrorFunction, block: Block, G: np.ndarray | None) -> float | None:
        """Σ_i weight_i e_i, whose gradient is written to G, if any; None where C has no such error, or no columns."""
        if error.name not in ERRORS:
            return None
        if block.kind != self._kind:
            x, y = rows_in_memory(block.x, self.d[0] + 1, self.dtype), rows_in_memory(block.y, self.d[-1], self.dtype)
            weights = None if block.weights is None else np.ascontiguousarray(block.weights, self.dtype)
            block = Block(x, y, weights)
        x_at, x_step, y_at, y_step, weights_at, columns = block.places
        if columns == 0:
            return None
        shares = None if error.shares is None else np.ascontiguousarray(error.shares, np.float64)
        pieces = columns, self._piece(columns), self._s_at, self._delta_at, ERRORS.index(error.name)
        factors = None if shares is None else address(shares), weights_at
        to = None if G is None else address(G)
        found: float = self.functions.total(self._at, x_at, x_step, *pieces, y_at, y_step, *factors, to)
        return found

    @abstractmethod
    def _load(self, w: np.ndarray) -> None:
        """Write w to the memory for weights."""

    @abstractmethod
    def _width(self, count: int) -> int:
        """Columns of the pieces of so many: whole panels."""

    @abstractmethod
    def _allocate(self, columns: int) -> None:
        """Give the network in C memory for pieces of so many columns."""

    def _pieces(self, x: np.ndarray) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """After forward propagation of each piece: its columns, s^(L), and where to write δ^(L)."""
        x = rows_in_memory(x, self.d[0] + 1, self.dtype)
        count = x.shape[1]
        width = self._piece(count)
        begin, stride = beginning(x), step(x)
        for start in range(0, count, width):
            stop = min(start + width, count)
            first = begin + start * x.itemsize
            self.functions.forward(self._at, first, stride, stop - start, self._s_at, self._columns)
            yield slice(start, stop), self._s[:, : stop - start], self._delta_L[:, : stop - start]

    def _piece(self, count: int) -> int:
        """Columns of the pieces of so many, for which there is memory from now on."""
        width = self._width(count)
        if width > self._columns:
            self._columns = width
            self._s, self._delta_L = vector(2 * self.d[-1] * width, self.dtype).reshape(2, -1, width)
            self._s_at, self._delta_at = address(self._s), address(self._delta_L)
            self._allocate(width)
        return width

    def _constant(self, name: str) -> int:
        """One of the numbers that the code was compiled with."""
        return library.constant(f"{self.prefix}_{name}")

    def _fits(self, columns: int) -> int:
        """How often so many columns of x^(0), …, x^(L-1) fit in a piece: once, or more often within PIECE_BYTES."""
        return max(1, PIECE_BYTES // (self.rows * columns * self.dtype.itemsize))

    def _units(self, columns: int, room: int = 0) -> np.ndarray:
        """Memory for x^(0), …, x^(L-1), panel by panel, with their rows of ones; and some room for as many rows."""
        memory = vector(self.rows * columns + room * self.panel, self.dtype)
        panels = memory[: self.rows * columns].reshape(-1, self.rows, self.panel)
        panels[:, np.cumsum([0, *(self._d[:-2] + 1)])] = 1
        return memory
