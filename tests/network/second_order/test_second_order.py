"""JᵀJ and products with the Hessian, against differences; and that their bits do not depend on the ranks."""

from __future__ import annotations

import numpy as np
import pytest
from curved import problem, weights_for
from tables import assembled, regression
from threaded_ranks import on_ranks

from distnn.network.second_order.gauss_newton import GaussNewton
from distnn.network.second_order.hessian import HessianProduct, backpropagated
from distnn.network.second_order.propagation import propagated
from distnn.parallel.ranks import OneRank, Ranks


def test_float32(small_blocks: None) -> None:
    X, Y = regression(50)
    double, single = (
        assembled(OneRank(), X, Y, hidden=(4,), dtype=dtype).objective for dtype in ("float64", "float32")
    )
    w, v = weights_for(double), weights_for(double, 1)
    np.testing.assert_allclose(single.gauss_newton(w), double.gauss_newton(w), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(single.hessian_product(w, v), double.hessian_product(w, v), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("size", [1e-22, 1e22])
def test_float32_where_products_are_beyond_its_range(size: float, small_blocks: None) -> None:
    """A column of some 1e22, whose derivatives have squares beyond 1e38, and one of 1e-22."""
    X, Y = regression(50, d=2)
    factors = np.concatenate([np.ones(4), np.full(4, 1 / size), np.ones(4), np.ones(5)])

    def found(dtype: str) -> list[np.ndarray]:
        columns = X * [size, 1]
        objective = assembled(OneRank(), columns, Y, hidden=(4,), dtype=dtype, standardise=False).objective
        w, v = weights_for(objective) * factors, weights_for(objective, 1) * factors
        A, Hv, a = objective.gauss_newton(w), objective.hessian_product(w, v), objective.acceleration(w, v)
        return [A * factors * factors[:, None], Hv * factors, a * factors]

    for single, double in zip(found("float32"), found("float64"), strict=True):
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-4 * np.abs(double).max())


@pytest.mark.parametrize("P", [2, 3, 7])
def test_same_bits_for_every_P(P: int, small_blocks: None) -> None:
    def bits(ranks: Ranks) -> tuple[bytes, ...]:
        objective = problem("squared", "tanh", ranks=ranks)
        w, v = weights_for(objective), weights_for(objective, 1)
        products = [ask(w, v).tobytes() for ask in (objective.hessian_product, objective.acceleration)]
        return objective.gauss_newton(w).tobytes(), *products

    alone = bits(OneRank())
    assert on_ranks(P, bits) == [alone] * P


def test_blocks_of_changing_width() -> None:
    """The buffers of one block do not leak into the next, wider or narrower one."""
    objective = problem("squared", "tanh", n=60)
    backpropagation, block = objective.backpropagation, objective.examples.blocks[0]
    w, v = weights_for(objective), weights_for(objective, 1)
    backpropagation.load(w)
    product, matrix = HessianProduct(backpropagation), GaussNewton(backpropagation)
    product.load(v)
    for make, of, size in (
        (product.product, backpropagated, len(w)),
        (matrix.lower, propagated, sum(matrix.parts)),
    ):
        whole, part, total = np.empty(size), np.empty(size), np.zeros(size)
        make(of(backpropagation, block), whole)
        for start, stop in ((0, 10), (10, 45), (45, 60)):
            some = block._replace(**{name: getattr(block, name)[..., start:stop] for name in block._fields})
            make(of(backpropagation, some), part)
            total += part
        np.testing.assert_allclose(total, whole, rtol=1e-11, atol=1e-12)
