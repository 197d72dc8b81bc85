"""Passes by tiles, of wide layers; and whether the room suffices that is there since sums read beyond rows."""

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
ROWS = 7  # of x that are read beyond its end


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", WIDE, ids=str)
def test_wide_as_numpy(d: tuple[int, ...], dtype: str) -> None:
    compare(d, dtype, "tiled", (700, 1, 33, 270), factor=4, sets=1)


@pytest.mark.job
@pytest.mark.parametrize("room", [(), (ROWS,)], ids=["as it is", "as little as needed"])
def test_nothing_is_read_beyond_an_array(room: tuple[int, ...]) -> None:
    need_instructions()
    done = python(PROGRAM, *map(str, room))
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.job
def test_less_room_would_show() -> None:
    need_instructions()
    assert python(PROGRAM, str(ROWS - 1)).returncode == -signal.SIGSEGV


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


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("d", [(70, 30, 3), (100, 1, 1), (5, 600, 2)], ids=str)
def test_bits_do_not_depend_on_where_inputs_lie(d: tuple[int, ...], dtype: str) -> None:
    """Products read x^(0) where it lies, or a copy: for rows a multiple of CROWDED apart, and for one or many units."""
    need_instructions()
    passes = Tiled(d, ACTIVATIONS["tanh"], np.dtype(dtype))
    passes.load(np.linspace(-1, 1, weight_count(d)))
    block, found, used = draw(d, 700, dtype), set(), set()
    for stride in (700, 701, 704, 1024):
        x = np.full((d[0] + 1, stride), np.nan, dtype)[:, :700]
        x[...] = block.x
        G = np.empty(weight_count(d), dtype)
        for _, s, delta in passes.gradient(x, G):
            delta[:] = s
            used.add(passes._network.inputs is None)
        found.add(G.tobytes())
    assert used == ({True, False} if d[1] == 30 else {True})
    assert len(found) == 1 and np.isfinite(G).all()
