"""JᵀJ and Jᵀr, against a dense Jacobian made of differences."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from curved import problem, weights_for
from tables import assembled, regression, words

import distnn
from distnn.errors import UserError
from distnn.kernels import library
from distnn.kernels.algebra import symmetric
from distnn.network.second_order.gauss_newton import PART_BYTES, GaussNewton, megabytes
from distnn.network.second_order.propagation import propagated
from distnn.network.weights import decay_mask
from distnn.optimizers.bayesian import MORE_MATRICES
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt
from distnn.parallel.ranks import OneRank


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


def test_gauss_newton_is_the_hessian_of_a_linear_model(small_blocks: None) -> None:
    X, Y = regression(40, m=2)
    objective = assembled(OneRank(), X, Y, hidden=(), output_theta="identity", weight_decay=0.1).objective
    w = weights_for(objective)
    H = np.array([objective.hessian_product(w, one) for one in np.eye(len(w))])
    np.testing.assert_allclose(objective.gauss_newton(w), H, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("output_theta", ["softmax", "logistic"])
@pytest.mark.parametrize("K", [2, 3])
def test_of_cross_entropy_too(output_theta: str, K: int, small_blocks: None) -> None:
    weights = np.random.default_rng(1).uniform(0, 2, 40)
    options = {"hidden": (), "output_theta": output_theta, "weight_decay": 0.1}
    objective = assembled(OneRank(), *words(40, K), weights, **options).objective
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


@pytest.mark.parametrize(("optimizer", "more"), [("levenberg-marquardt", 0), ("bayesian", MORE_MATRICES)])
def test_its_memory(optimizer: Any, more: int) -> None:
    """What is said of a training is what it takes, besides the part of J that is in memory without compiled code."""
    X, Y = regression(300)
    tracemalloc.start()
    try:
        size = distnn.fit(X, Y, hidden=(300,), optimizer=optimizer, max_iterations=2).model.network.w.size
        taken = (tracemalloc.get_traced_memory()[1] - (0 if library.instructions() else PART_BYTES)) / 1e6
    finally:
        tracemalloc.stop()
    assert taken == pytest.approx(megabytes(size) + more * 8e-6 * size**2, rel=0.1)


def test_cross_entropy_is_no_sum_of_squares() -> None:
    objective = problem("cross-entropy", "softmax")
    w = weights_for(objective)
    assert not objective.is_sum_of_squares
    with pytest.raises(ValueError, match="no sum of squares"):
        objective.acceleration(w, w)
    with pytest.raises(UserError, match="--error squared, or --optimizer lbfgs"):
        LevenbergMarquardt().start(objective, w)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_are_those_of_the_lower_triangle(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, and nothing above the diagonal: it would decide about a row's unit in the sum. In two parts of J."""
    monkeypatch.setattr("distnn.network.second_order.gauss_newton.PART_BYTES", 1)
    X, Y = regression(90)
    objective = assembled(OneRank(), X, Y, hidden=(12, 8), dtype=dtype).objective
    gauss_newton, (block, *_) = GaussNewton(objective.backpropagation), objective.examples.blocks
    objective.terms.load(weights_for(objective))
    found = propagated(objective.backpropagation, block)
    lower = np.empty(gauss_newton.size * (gauss_newton.size + 1) // 2)
    gauss_newton.lower(found, lower)
    whole = np.tril(symmetric(lower, gauss_newton.size))
    for rows in (slice(0, 70), slice(70, 71), slice(71, gauss_newton.size)):
        some = np.full((rows.stop - rows.start) * rows.stop, np.nan)
        gauss_newton.rows(found, rows, some)
        np.testing.assert_array_equal(some.reshape(-1, rows.stop), whole[rows, : rows.stop])
