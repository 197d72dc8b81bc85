"""Squared error in compiled code: the bits that numpy gives it, step by step, for every θ and any numbers."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from availability import every_arithmetic, need_instructions

from distnn.kernels.library import THETAS
from distnn.kernels.squared import squared_error
from distnn.network.activations import ACTIVATIONS
from distnn.network.error_functions import ErrorFunction, SquaredError


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("theta", THETAS)
def test_the_bits_are_those_of_the_formulas(theta: str, dtype: str) -> None:
    need_instructions()
    generator = np.random.default_rng(3)
    for outputs, examples, shared, weighted in product((1, 3), (1, 7, 512, 1300), (False, True), (False, True)):
        s = (generator.normal(size=(outputs, 1400)) * 3).astype(dtype)[:, :examples]
        y = generator.normal(size=(outputs, 1500)).astype(dtype)[:, 5 : 5 + examples]
        if examples > 7:
            s[0, :6] = np.nan, np.inf, -np.inf, 1e30, -0.0, 0
            y[0, 3:6] = -1e30, 0, -0.0
        weights = generator.random(examples).astype(dtype) * 3 if weighted else None
        function = SquaredError(ACTIVATIONS[theta], generator.random((outputs, 1)) if shared else None)
        for arithmetic in every_arithmetic():
            delta, expected = np.empty((2, outputs, examples), dtype)
            with np.errstate(all="ignore"):
                total = ErrorFunction.total(function, s.copy(), y, weights, expected)  # type: ignore[arg-type]
            found = squared_error(theta, s, y, function.shares, weights, delta)
            if arithmetic == "off":
                assert found is None
                continue
            np.testing.assert_array_equal(found, total)
            np.testing.assert_array_equal(delta, expected)
            np.testing.assert_array_equal(squared_error(theta, s, y, function.shares, weights, None), total)


def test_what_is_left_to_numpy() -> None:
    s, y = np.ones((2, 8)), np.ones((2, 8))
    assert squared_error("sign", s, y, None, None, None) is None
    assert squared_error("tanh", s[:, ::2], y[:, ::2], None, None, None) is None
    assert squared_error("tanh", s, y.astype(np.float32), None, None, None) is None
    assert squared_error("tanh", s, y, None, None, np.ones((2, 8), np.float32)) is None
