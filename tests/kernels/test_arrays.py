"""Which arrays compiled code reads as they lie, and which are copied for it."""

from __future__ import annotations

import numpy as np
import pytest
from availability import need_instructions, use_instructions

from distnn.kernels import arrays


def test_parts_of_rows_are_read_where_they_lie() -> None:
    a = np.arange(60.0).reshape(6, 10)
    for part in (a, a[2:5], a[::2, 3:7], a[:, 4:5], a[1:1]):
        assert arrays.in_rows(part) is part
    assert arrays.step(a[::2, 3:7]) == 20
    for other in (a.T, a[:, ::2], a[::-1]):
        copy = arrays.in_rows(other)
        assert arrays.step(copy) == copy.shape[1] and (copy == other).all()
    assert arrays.in_rows(a, np.dtype("float32")).dtype == np.float32
    assert not arrays.is_in_rows(a, np.dtype("float32")) and not arrays.is_in_rows(a[0], a.dtype)


def test_numbers_that_compiled_code_does_not_know_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions()
    assert arrays.compiled("dot", np.dtype("float64")) is not None
    assert arrays.compiled("dot", np.dtype("complex128")) is None
    use_instructions("off", monkeypatch)
    assert arrays.compiled("dot", np.dtype("float64")) is None
