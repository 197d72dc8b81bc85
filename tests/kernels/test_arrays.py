"""Functions of arrays in compiled code."""

from __future__ import annotations

import numpy as np
import pytest
from availability import need_instructions, use_instructions

from distnn.kernels import arrays


def test_numbers_that_compiled_code_does_not_know_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions()
    assert arrays.compiled("dot", np.dtype("float64")) is not None
    assert arrays.compiled("dot", np.dtype("complex128")) is None
    use_instructions("off", monkeypatch)
    assert arrays.compiled("dot", np.dtype("float64")) is None
