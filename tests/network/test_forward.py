"""Forward propagation, against the lecture's loops."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
from networks import ARCHITECTURES

from distnn import Network


@pytest.mark.parametrize("output_theta", ["tanh", "logistic", "relu", "identity", "softmax"])
@pytest.mark.parametrize("theta", oracles.THETA)
@pytest.mark.parametrize("d", ARCHITECTURES)
def test_forward_propagation(d: tuple[int, ...], theta: str, output_theta: str) -> None:
    network = Network(d, theta, output_theta).initialise(3)
    X = np.random.default_rng(0).normal(size=(4, d[0]))
    W = oracles.matrices(network.w.tolist(), d)
    expected = [oracles.output(oracles.forward(W, x, theta)[0][-1], output_theta) for x in X.tolist()]
    np.testing.assert_allclose(network(X), np.real(expected), rtol=1e-13, atol=1e-15)
    assert network(X[:0]).shape == (0, d[-1])


@pytest.mark.parametrize("d", ARCHITECTURES)
def test_a_network_of_identities_is_a_linear_model(d: tuple[int, ...]) -> None:
    network = Network(d, theta="identity", output_theta="identity").initialise(1)
    linear = np.eye(d[0] + 1)
    for W in network.W[:-1]:
        first = np.zeros((len(W), 1))
        first[0] = 1
        linear = linear @ np.hstack([first, W])
    linear = linear @ network.W[-1]
    X = np.random.default_rng(0).normal(size=(20, d[0]))
    np.testing.assert_allclose(network(X), np.column_stack([np.ones(20), X]) @ linear, rtol=1e-12, atol=1e-12)
