"""Error functions in compiled code: the bits that numpy gives them, step by step, for every one and any numbers."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from availability import every_arithmetic, need_instructions

from distnn.kernels.error_total import error_total
from distnn.kernels.library import ERRORS
from distnn.network import error_functions
from distnn.network.error_functions import SquaredError, error_function


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ERRORS)
def test_the_bits_are_those_of_the_formulas(name: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need_instructions()
    monkeypatch.setattr(error_functions, "error_total", lambda *_: None)  # so that the functions compute in numpy
    generator, function = np.random.default_rng(3), error_function(*name.split())
    for outputs, examples, shared, weighted in product((1, 3), (1, 7, 512, 1300), (False, True), (False, True)):
        s = (generator.normal(size=(outputs, 1400)) * 3).astype(dtype)[:, :examples]
        y = generator.normal(size=(outputs, 1500)).astype(dtype)[:, 5 : 5 + examples]
        if examples > 7:
            s[0, :6] = np.nan, np.inf, -np.inf, 1e30, -0.0, 0
            y[0, 3:6] = -1e30, 0, -0.0
            s[-1, 6:9] = np.nan, 800, -800
        weights = generator.random(examples).astype(dtype) * 3 if weighted else None
        if isinstance(function, SquaredError):
            function = replace(function, shares=generator.random((outputs, 1)) if shared else None)
        for arithmetic in every_arithmetic():
            delta, expected = np.empty((2, outputs, examples), dtype)
            with np.errstate(all="ignore"):
                total = function.total(s.copy(), y, weights, expected)
            found = error_total(name, s, y, function.shares, weights, delta)
            if arithmetic == "off":
                assert found is None
                continue
            np.testing.assert_array_equal(found, total)
            np.testing.assert_array_equal(delta, expected)
            np.testing.assert_array_equal(error_total(name, s, y, function.shares, weights, None), total)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_sum_of_finite_numbers_has_these_bits_too(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above, NaN hides the sum. Classes with smoothed labels, of many examples and of many classes."""
    need_instructions()
    monkeypatch.setattr(error_functions, "error_total", lambda *_: None)
    generator = np.random.default_rng(5)
    for name, (outputs, examples), smoothed in product(ERRORS[-2:], ((2, 1300), (10, 700), (1000, 70)), (0, 0.1)):
        s = (generator.normal(size=(outputs, examples)) * 5).astype(dtype)
        y = np.full((outputs, examples), smoothed / outputs, dtype)
        y[generator.integers(0, outputs, examples), np.arange(examples)] += 1 - smoothed
        weights = generator.random(examples).astype(dtype)
        for arithmetic in every_arithmetic():
            delta, expected = np.empty((2, outputs, examples), dtype)
            total = error_function(*name.split()).total(s.copy(), y, weights, expected)
            if arithmetic != "off":
                assert np.isfinite(total) and error_total(name, s, y, None, weights, delta) == total
                np.testing.assert_array_equal(delta, expected)


def test_what_is_left_to_numpy() -> None:
    s, y = np.ones((2, 8)), np.ones((2, 8))
    assert error_total("squared sign", s, y, None, None, None) is None
    for name in ERRORS:
        assert error_total(name, s[:, ::2], y[:, ::2], None, None, None) is None
        assert error_total(name, s, y.astype(np.float32), None, None, None) is None
        assert error_total(name, s, y, None, None, np.ones((2, 8), np.float32)) is None
