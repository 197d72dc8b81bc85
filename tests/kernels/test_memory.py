"""Arrays whose rows begin at cache lines, and others as compiled code reads them."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.data.preparation import Shift
from distnn.data.rows import Rows
from distnn.kernels import memory
from distnn.network.activations import ACTIVATIONS
from distnn.network.network import Network
from distnn.network.passes.layerwise import Layerwise


def on_lines(array: np.ndarray) -> bool:
    return array.ctypes.data % memory.LINE == 0 and array.strides[0] % memory.LINE == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 7), (31, 1008), (5, 16)])
def test_every_row_begins_at_a_line(rows: int, columns: int, dtype: str) -> None:
    arrays = [memory.empty(rows, columns, dtype) for _ in range(5)]  # numpy's own memory may begin at one by chance
    assert all(on_lines(array) for array in arrays)
    assert all(array.shape == (rows, columns) and array.dtype == dtype for array in arrays)
    for value, array in enumerate(arrays):
        array[...] = value
    assert all((array == value).all() for value, array in enumerate(arrays))  # none lies in the memory of another


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_do_not_begin_at_the_same_place_of_their_pages(dtype: str) -> None:
    """They need no less memory than shorter ones: memory for some columns is enough for fewer."""
    each = memory.LINE // np.dtype(dtype).itemsize
    strides = [memory.row_stride(columns, dtype) for columns in range(200 * each)]
    assert strides == sorted(strides)
    for columns, stride in enumerate(strides):
        lines = stride // each
        assert stride % each == 0 and 0 <= stride - columns < 4 * each
        assert lines < 60 or 2 <= lines % 64 <= 62
        assert lines % 64 > 60 or lines % 64 <= 2 or stride - columns < each  # no line more than needed elsewhere


def test_a_matrix_lies_in_the_memory_given() -> None:
    vector = memory.vector(3 * memory.row_stride(10, "float64"), "float64")
    vector[:] = np.arange(len(vector))
    np.testing.assert_array_equal(memory.matrix(vector, 3, 10)[:, 0], [0, 16, 32])
    assert memory.matrix(vector, 2, 10).base is not None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_hot_loop_works_on_such_arrays(dtype: str) -> None:
    network = Network([3, 5, 4, 2])
    space = Layerwise(network.d, ACTIVATIONS["tanh"], np.dtype(dtype))._workspace(37)
    assert all(on_lines(array) for array in (*space.x, space.s, *space.delta))
    assert on_lines(Shift(np.zeros(3), None)(Rows.of_inputs(np.ones((37, 3))), dtype).x)


def test_parts_of_rows_are_read_where_they_lie() -> None:
    a = np.arange(60.0).reshape(6, 10)
    for part in (a, a[2:5], a[::2, 3:7], a[:, 4:5], a[1:1]):
        assert memory.in_rows(part) is part
    assert memory.step(a[::2, 3:7]) == 20
    for other in (a.T, a[:, ::2], a[::-1]):
        copy = memory.in_rows(other)
        assert memory.step(copy) == copy.shape[1] and (copy == other).all()
    assert memory.in_rows(a, np.dtype("float32")).dtype == np.float32
    assert not memory.is_in_rows(a, np.dtype("float32")) and not memory.is_in_rows(a[0], a.dtype)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (6088, "6.09 kB"), (2.5e9, "2.5 GB"), (3e15, "3e+03 TB")],
)
def test_amounts_of_memory(size: float, words: str) -> None:
    assert memory.amount(size) == words
