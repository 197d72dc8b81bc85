"""The Jacobian that scipy's least squares are given."""

from __future__ import annotations

import numpy as np

from distnn import Network
from distnn.bench.convergence.least_squares import forward, outputs_jacobian
from distnn.bench.convergence.problems import Instance


def test_jacobian() -> None:
    """Against differences, with two outputs."""
    generator = np.random.default_rng(0)
    network = Network([3, 4, 5, 2], output_theta="identity").initialise(0)
    X = generator.normal(size=(6, 3))
    instance = Instance(X, np.zeros((6, 2)), network.d, "identity", "squared", network.w)
    np.testing.assert_allclose(forward(network.w, instance)[-1], network(X), rtol=1e-12)
    steps = 1e-6 * np.eye(network.w.size)
    columns = [(forward(network.w + s, instance)[-1] - forward(network.w - s, instance)[-1]).ravel() for s in steps]
    np.testing.assert_allclose(outputs_jacobian(network.w, instance), np.column_stack(columns) / 2e-6, atol=1e-8)
