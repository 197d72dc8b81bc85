"""A program: compiled passes through random networks. Every array ends where a page begins that nobody may read.

What reads or writes beyond an array, be it by one row, ends the program by SIGSEGV. Each network is printed before.

    python guard_page.py          with the room that tiled.py leaves, since sums read beyond rows
    python guard_page.py ROWS     with room for so many rows of x
"""

from __future__ import annotations

import ctypes
import mmap
import sys

import numpy as np

from distnn.kernels import library, memory
from distnn.kernels.blocks import Block
from distnn.network.activations import ACTIVATIONS
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network
from distnn.network.passes import compiled, fused, tiled
from distnn.network.passes.fused import Fused
from distnn.network.passes.tiled import Tiled

NETWORKS = 60
HARDEST = [(2, 8, 1)]  # x^(0) and x^(1) fill up a panel, and sixteen rows are read of nine
mprotect = ctypes.CDLL(None).mprotect
mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


def guarded(size: int, dtype: np.typing.DTypeLike) -> np.ndarray:
    """As `memory.vector`, before a guard page, but for what is lacking to a whole line. All numbers are NaN."""
    used = memory.row_stride(size, dtype) * np.dtype(dtype).itemsize
    pages = mmap.mmap(-1, (used + 2 * mmap.PAGESIZE - 1) // mmap.PAGESIZE * mmap.PAGESIZE)
    begin, guard = len(pages) - mmap.PAGESIZE - used, len(pages) - mmap.PAGESIZE
    assert mprotect(ctypes.addressof(ctypes.c_char.from_buffer(pages)) + guard, mmap.PAGESIZE, 0) == 0
    array = np.frombuffer(pages, dtype, size, begin)
    array[:] = np.nan
    return array


def copied(array: np.ndarray) -> np.ndarray:
    """The same numbers, each row at the beginning of a line, before a guard page."""
    copy = memory.empty(*array.shape, array.dtype)
    copy[...] = array
    return copy


def pass_through(
    d: tuple[int, ...], dtype: str, rows: int, error: str, way: type[Fused | Tiled], instruction_set: str
) -> None:
    """A gradient of so many rows, the error, and the outputs. error: one of ERRORS."""
    name, output = error.split()
    network = Network(d, "tanh", output).initialise()
    engine = Backpropagation(network, name, np.dtype(dtype))
    engine.passes = way(d, ACTIVATIONS["tanh"], engine.dtype, instruction_set)
    w = guarded(len(network.w), np.float64)
    w[:] = network.w
    engine.load(w)
    generator = np.random.default_rng(rows)
    x = generator.normal(size=(d[0] + 1, rows)).astype(dtype)
    x[0] = 1
    y = generator.normal(size=(d[-1], rows)).astype(dtype)
    block = Block(copied(x), copied(y), None)
    out = guarded(len(network.w), dtype)
    assert engine.gradient(block, out) == engine.error(block)
    assert np.isfinite(out).all() and np.isfinite(engine.error(block))
    assert np.isfinite(engine.outputs(block.x)).all()


def less_room(rows_of_x: int) -> None:
    """Make the memory that Tiled allocates for x as long as if it had left so much room at its end."""
    units = Tiled._units
    Tiled._units = lambda self, columns, room=0: units(self, columns, rows_of_x)  # type: ignore[method-assign]


if __name__ == "__main__":
    for module in (memory, compiled, fused, tiled):
        module.vector = guarded  # type: ignore[attr-defined]
    compiled.PIECE_BYTES = 1 << 17  # several pieces
    if len(sys.argv) > 1:
        less_room(int(sys.argv[1]))
    generator, errors = np.random.default_rng(17), np.random.default_rng(18)
    drawn = (tuple(map(int, generator.integers(1, 41, generator.integers(3, 7)))) for _ in range(NETWORKS))
    for d in (*HARDEST, *drawn):
        rows = int(generator.choice([1, 7, 31, 64, 300, 1000]))
        for dtype in ("float64", "float32"):
            for instruction_set in library.available():
                for way in (Fused, Tiled):
                    error = str(errors.choice(library.ERRORS))
                    print(way.__name__, d, dtype, instruction_set, rows, error, file=sys.stderr, flush=True)
                    pass_through(d, dtype, rows, error, way, instruction_set)
