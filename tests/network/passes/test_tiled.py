"""Passes by tiles, of wide layers; and whether the room suffices that is there since tiles read beyond rows."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from availability import need_instructions
from checkout import CHECKOUT
from mpi_runner import python
from passing import DTYPES, WIDE, compare, draw

from distnn.network.activations import ACTIVATIONS
from distnn.network.passes.tiled import Tiled
from distnn.network.weights import weight_count

PROGRAM = CHECKOUT / "tests" / "support" / "guard_page.py"
ROWS, WEIGHTS = 7, 3 * 12  # that are read beyond the ends: rows of x, and rows of a tile of weights


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDE, ids=str)
def test_wide_as_numpy(d: tuple[int, ...], dtype: str) -> None:
    compare(d, dtype, "tiled", (700, 1, 33, 270), factor=4, sets=1)


@pytest.mark.job
@pytest.mark.parametrize("room", [(), (ROWS, WEIGHTS)], ids=["as it is", "as little as needed"])
def test_nothing_is_read_beyond_an_array(room: tuple[int, ...]) -> None:
    need_instructions()
    done = python(PROGRAM, *map(str, room))
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.job
@pytest.mark.parametrize("room", [(ROWS - 1, WEIGHTS), (ROWS, WEIGHTS - 16)], ids=["rows of x", "weights"])
def test_less_room_would_show(room: tuple[int, ...]) -> None:
    """A line of numbers less, of 8 bytes: arrays end with a line. Only with AVX-512 so many weights are read."""
    need_instructions(*(["avx512"] if room[1] < WEIGHTS else []))
    assert python(PROGRAM, *map(str, room)).returncode == -signal.SIGSEGV


@pytest.mark.parametrize("dtype", DTYPES)
def test_bits_do_not_depend_on_caches(dtype: str) -> None:
    need_instructions()
    d = (70, 150, 90, 3)
    passes = Tiled(d, ACTIVATIONS["tanh"], np.dtype(dtype))
    block, found = draw(d, 1000, dtype), set()
    passes.load(np.linspace(-1, 1, weight_count(d)))
    choices = {passes._together(cache) for cache in (1, 1 << 17, 1 << 18, 1 << 30)}
    assert len(choices) > 2
    for together in choices:
        passes._network.together = together
        G = np.empty(weight_count(d), dtype)
        for _, s, delta in passes.gradient(block.x, G):
            delta[:] = s
        found.add(G.tobytes())
    assert len(found) == 1
