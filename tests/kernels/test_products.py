"""The matrix products of a layer."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.kernels import products

# a, b, columns: some columns left over of a panel, and none; more columns, rows and terms than are computed together.
SHAPES = [
    (3, 2, 500),
    (31, 30, 1008),
    (31, 30, 2007),
    (31, 30, 2048),
    (65, 64, 1000),
    (129, 128, 900),
    (129, 1, 3001),
    (2100, 14, 40),
]


def draw(*shape: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("a", "b", "columns"), SHAPES)
def test_the_same_as_long_products(a: int, b: int, columns: int, dtype: str) -> None:
    W, x, delta = draw(a, b, dtype=dtype), draw(a, columns, dtype=dtype), draw(b, columns, dtype=dtype)
    W64, x64, delta64 = (array.astype(np.longdouble) for array in (W, x, delta))
    rounding = 4 * float(np.finfo(dtype).eps)

    s = np.full((b, columns), np.nan, dtype)
    products.signals(W, x, s)
    np.testing.assert_allclose(s, W64.T @ x64, rtol=0, atol=rounding * a)

    G = np.full((a, b), np.nan, dtype)
    products.outer_sum(x, delta, G)
    np.testing.assert_allclose(G, x64 @ delta64.T, rtol=0, atol=rounding * columns)

    below = np.full((a, columns), np.nan, dtype)
    products.push_back(W, delta, below)
    expected = W64 @ delta64
    np.testing.assert_allclose(below, expected, rtol=0, atol=rounding * b * 8)
