"""The matrix products of a layer, whole and by panels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import oracles
import pytest
from examples import block

from distnn.kernels import library, products
from distnn.network.backpropagation import Backpropagation
from distnn.network.network import Network

# a, b, columns: one small product; panels, with columns left over and without; too large for panels.
SHAPES = [(3, 2, 500), (31, 30, 1008), (31, 30, 2007), (31, 30, 2048), (65, 64, 1000), (129, 128, 900), (129, 1, 3001)]


def draw(*shape: int, dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


@pytest.fixture(autouse=True, params=["SkylakeX", "Haswell"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """What BLAS says its kernel is. Every kernel computes every product right, however fast."""
    monkeypatch.setattr(products.blas, "library", lambda: {"architecture": request.param})
    for remembered in (products.small_products, products._width):
        remembered.cache_clear()
    yield request.param
    for remembered in (products.small_products, products._width):
        remembered.cache_clear()


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


@pytest.mark.parametrize("itemsize", [4, 8])
@pytest.mark.parametrize(
    ("size", "columns"), [(930, 1008), (930, 1504), (4160, 976), (8000, 2000), (10, 10**6), (1, 7)]
)
@pytest.mark.parametrize("most", [products.SMALL, products.SUM_PANEL])
def test_panels_make_small_products(size: int, columns: int, itemsize: int, most: int, kernel: str) -> None:
    width = products._width(size, columns, itemsize, most)
    if kernel == "Haswell":
        assert width == columns
        return
    assert width * size <= most
    assert width == columns or width * itemsize % products.PIECE == 0
    piece = products.PIECE // itemsize
    assert columns // width <= -(-columns // (most // size // piece * piece)) + 1, "more panels than needed"


def test_large_products_are_left_whole() -> None:
    assert products._width(784 * 256, 2000, 4, products.SMALL) == 2000


def test_panels_are_used(monkeypatch: pytest.MonkeyPatch, kernel: str) -> None:
    ndims = []

    class Watching:
        def matmul(self, x: np.ndarray, y: np.ndarray, **named: Any) -> np.ndarray:
            ndims.append(y.ndim)
            return np.matmul(x, y, **named)

        def __getattr__(self, name: str) -> Any:
            return getattr(np, name)

    monkeypatch.setattr(products, "np", Watching())
    W, x, delta = draw(31, 30), draw(31, 2007), draw(30, 2007)
    products.signals(W, x, np.empty((30, 2007)))
    products.push_back(W, delta, np.empty((31, 2007)))
    products.outer_sum(x, delta, np.empty((31, 30)))
    # And the columns left over; in the last product by an operator.
    assert ndims == ([3, 2, 3, 2, 3] if kernel == "SkylakeX" else [2, 2, 2])


@pytest.mark.parametrize("rows", [5, 60])
def test_one_output_with_few_and_many_rows(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With many, W^(L) is applied to G^(L-1) and to W^(L-1) instead of to every column of δ^(L-1)."""
    d = (2, 4, 3, 1)
    network = Network(d, "tanh", "identity").initialise(3)
    generator = np.random.default_rng(4)
    X, Y = generator.normal(size=(rows, 2)), generator.normal(size=(rows, 1))
    monkeypatch.setenv(library.VARIABLE, "off")
    engine = Backpropagation(network, "squared")
    engine.load(network.w)
    out = np.empty(len(network.w))
    engine.gradient(block(X, Y), out)
    expected = oracles.mean_gradient(network.w.tolist(), d, X, Y, ("tanh", "squared", "identity"))
    np.testing.assert_allclose(out / rows, expected, rtol=1e-11, atol=1e-15)
