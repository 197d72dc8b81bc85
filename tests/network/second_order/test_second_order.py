"""JᵀJ and products with the Hessian, against differences; and that their bits do not depend on the ranks."""

from __future__ import annotations

import numpy as np
import pytest
from tables import assembled, regression, words
from threaded_ranks import on_ranks

from distnn.errors import UserError
from distnn.network.error_functions import ERROR_FUNCTIONS
from distnn.network.second_order.gauss_newton import GaussNewton, megabytes, square
from distnn.network.second_order.hessian import HessianProduct
from distnn.parallel.ranks import OneRank, Ranks
from distnn.training.objective import Objective, decay_mask

THETA = ("tanh", "logistic", "relu", "identity")
ERRORS = [(error, theta) for error, outputs in ERROR_FUNCTIONS.items() for theta in outputs if theta != "sign"]


def problem(error: str, output_theta: str, theta: str = "tanh", ranks: Ranks | None = None, n: int = 40) -> Objective:
    """Two hidden layers, three outputs, examples with weights, weight decay."""
    weights = np.random.default_rng(1).uniform(0, 2, n)
    X, Y = words(n) if error == "cross-entropy" else regression(n, m=3)
    return assembled(
        ranks or OneRank(), X, Y, weights, error=error, output_theta=output_theta, theta=theta,
        hidden=(5, 4), weight_decay=0.01, standardise_targets=None if error == "cross-entropy" else True,
    ).objective  # fmt: skip


def weights_for(objective: Objective, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(objective.decayed))


@pytest.mark.parametrize("theta", THETA)
@pytest.mark.parametrize("error, output_theta", ERRORS)
def test_hessian_product(error: str, output_theta: str, theta: str, small_blocks: None) -> None:
    objective = problem(error, output_theta, theta)
    w, v, u = (weights_for(objective, seed) for seed in (0, 1, 2))
    Hv = objective.hessian_product(w, v).copy()
    h = 1e-5
    difference = (objective(w + h * v).G - objective(w - h * v).G) / (2 * h)
    np.testing.assert_allclose(Hv, difference, rtol=1e-6, atol=1e-6 * np.abs(difference).max())
    assert u @ Hv == pytest.approx(v @ objective.hessian_product(w, u), rel=1e-9)


def test_hessian_product_of_one_layer_and_one_output(small_blocks: None) -> None:
    X, Y = regression(30)
    for hidden in ((), (3,)):
        objective = assembled(OneRank(), X, Y, hidden=hidden, output_theta="tanh").objective
        w, v = weights_for(objective), weights_for(objective, 1)
        difference = (objective(w + 1e-5 * v).G - objective(w - 1e-5 * v).G) / 2e-5
        np.testing.assert_allclose(objective.hessian_product(w, v), difference, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("hidden", [(), (4,), (5, 4)])
@pytest.mark.parametrize("m", [1, 3])
@pytest.mark.parametrize("output_theta", ["identity", "tanh", "logistic"])
def test_gauss_newton_is_that_of_the_dense_jacobian(
    output_theta: str, m: int, hidden: tuple[int, ...], small_blocks: None
) -> None:
    n = 30
    X, Y = regression(n, m=m)
    weights = np.random.default_rng(1).uniform(0, 2, n)
    assembly = assembled(
        OneRank(), X, Y, weights, hidden=hidden, output_theta=output_theta, weight_decay=0.01, standardise=False
    )
    network, objective = assembly.model.network, assembly.objective
    w = weights_for(objective) * 0.3

    def outputs(w: np.ndarray) -> np.ndarray:
        network.w[:] = w
        return network(X)

    h = 1e-6
    A = np.zeros((len(w), len(w)))
    columns = np.array([(outputs(w + h * one) - outputs(w - h * one)) / (2 * h) for one in np.eye(len(w))])
    for i in range(n):
        for j in range(m):
            A += 2 * weights[i] * np.outer(columns[:, i, j], columns[:, i, j])
    A = A / weights.sum() + 2 * 0.01 * np.diag(decay_mask(network.d))
    found = objective.gauss_newton(w)
    np.testing.assert_allclose(found, A, rtol=1e-5, atol=1e-7 * np.abs(A).max())
    np.testing.assert_array_equal(found, found.T)


@pytest.mark.parametrize("hidden", [(), (4,), (5, 4)])
@pytest.mark.parametrize("theta", THETA)
@pytest.mark.parametrize("output_theta", ["identity", "tanh", "logistic"])
def test_acceleration_is_that_of_the_dense_jacobian(
    output_theta: str, theta: str, hidden: tuple[int, ...], small_blocks: None
) -> None:
    n = 30
    X, Y = regression(n, m=3)
    weights = np.random.default_rng(1).uniform(0, 2, n)
    assembly = assembled(
        OneRank(), X, Y, weights, hidden=hidden, theta=theta, output_theta=output_theta, weight_decay=0.01,
        standardise=False,
    )  # fmt: skip
    network, objective = assembly.model.network, assembly.objective
    w, v = weights_for(objective) * 0.3, weights_for(objective, 1)

    def outputs(w: np.ndarray) -> np.ndarray:
        network.w[:] = w
        return network(X)

    h = 1e-4
    bent = (outputs(w + h * v) - 2 * outputs(w) + outputs(w - h * v)) / h**2
    along = np.array([outputs(w + 1e-6 * e) - outputs(w - 1e-6 * e) for e in np.eye(len(w))]) / 2e-6
    expected = 2 * np.einsum("wij,ij,i->w", along, bent, weights) / weights.sum()
    found = objective.acceleration(w, v)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * max(1, np.abs(expected).max()))


def test_gauss_newton_is_the_hessian_of_a_linear_model(small_blocks: None) -> None:
    X, Y = regression(40, m=2)
    objective = assembled(OneRank(), X, Y, hidden=(), output_theta="identity", weight_decay=0.1).objective
    w = weights_for(objective)
    H = np.array([objective.hessian_product(w, one) for one in np.eye(len(w))])
    np.testing.assert_allclose(objective.gauss_newton(w), H, rtol=1e-10, atol=1e-12)


def test_parts_of_the_jacobian_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows of J are made at a time."""
    objective = problem("squared", "tanh", n=300)
    w = weights_for(objective)
    whole = objective.gauss_newton(w)
    monkeypatch.setattr("distnn.network.second_order.gauss_newton.PART_BYTES", 1)
    parts = problem("squared", "tanh", n=300)
    np.testing.assert_allclose(parts.gauss_newton(w), whole, rtol=1e-12, atol=1e-14)


def test_float32(small_blocks: None) -> None:
    X, Y = regression(50)
    double, single = (
        assembled(OneRank(), X, Y, hidden=(4,), dtype=dtype).objective for dtype in ("float64", "float32")
    )
    w, v = weights_for(double), weights_for(double, 1)
    np.testing.assert_allclose(single.gauss_newton(w), double.gauss_newton(w), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(single.hessian_product(w, v), double.hessian_product(w, v), rtol=1e-3, atol=1e-4)


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
    for make, size in ((product.product, len(w)), (matrix.lower, sum(matrix.sizes))):
        whole, part, total = np.empty(size), np.empty(size), np.zeros(size)
        make(block, whole)
        for start, stop in ((0, 10), (10, 45), (45, 60)):
            make(block._replace(**{name: getattr(block, name)[..., start:stop] for name in block._fields}), part)
            total += part
        np.testing.assert_allclose(total, whole, rtol=1e-11, atol=1e-12)


def test_square_and_its_memory() -> None:
    np.testing.assert_array_equal(
        square(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 3), [[1, 2, 4], [2, 3, 5], [4, 5, 6]]
    )
    assert 8e-6 * 1000**2 < megabytes(1000) < 100 * 8e-6 * 1000**2


def test_cross_entropy_is_no_sum_of_squares() -> None:
    objective = problem("cross-entropy", "softmax")
    w = weights_for(objective)
    for ask in (objective.require_squares, lambda: objective.gauss_newton(w), lambda: objective.acceleration(w, w)):
        with pytest.raises(UserError, match="--error squared, or --optimizer lbfgs"):
            ask()
