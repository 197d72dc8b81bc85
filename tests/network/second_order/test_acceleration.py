"""The second derivative of the residuals along a direction."""

from __future__ import annotations

import numpy as np
import pytest
from curved import THETA, weights_for
from tables import assembled, regression

from distnn.parallel.ranks import OneRank


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
