"""The matrix products of a layer."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
from availability import use_instructions
from examples import block

from distnn.kernels import products
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network

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

    below[:] = np.nan
    factors = products.push_back_but_factors(W, delta, below, 2)
    assert (factors is None) == (b > 1)
    if factors is not None:
        below *= factors[:, None]
    np.testing.assert_allclose(below, expected, rtol=0, atol=rounding * b * 8)


@pytest.mark.parametrize("rows", [5, 60])
def test_one_output_with_few_and_many_rows(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many, W^(L) is applied to G^(L-1) and to W^(L-1) instead of to every column of δ^(L-1)."""
    d = (2, 4, 3, 1)
    network = Network(d, "tanh", "identity").initialise(3)
    generator = np.random.default_rng(4)
    X, Y = generator.normal(size=(rows, 2)), generator.normal(size=(rows, 1))
    use_instructions("off", monkeypatch)
    engine = Backpropagation(network, "squared")
    engine.load(network.w)
    out = np.empty(len(network.w))
    engine.gradient(block(X, Y), out)
    expected = oracles.mean_gradient(network.w.tolist(), d, X, Y, ("tanh", "squared", "identity"))
    np.testing.assert_allclose(out / rows, expected, rtol=1e-11, atol=1e-15)
