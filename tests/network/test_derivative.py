"""∂x^(L)/∂x^(0) against the complex step, of a network written down anew."""

from __future__ import annotations

import numpy as np
import pytest
from availability import need_instructions
from passing import digest, plain

from distnn import UserError
from distnn.network.derivative import derivative, require_derivative
from distnn.network.network import Network

STEP = 1e-200
THETAS = {
    "tanh": np.tanh,
    "logistic": lambda s: 1 / (1 + np.exp(-s)),
    "relu": lambda s: np.where(s.real > 0, s, 0),
    "identity": lambda s: s,
    "softmax": lambda s: np.exp(s) / np.exp(s).sum(axis=1, keepdims=True),
}


def outputs(network: Network, X: np.ndarray) -> np.ndarray:
    """h(x) in complex numbers."""
    for l, W in enumerate(network.W):
        X = THETAS[network.theta if l + 1 < network.L else network.output_theta](X @ W[1:] + W[0])
    return X


@pytest.mark.parametrize("d", [(4, 3), (3, 5, 2), (2, 6, 4, 3), (1, 7, 1)])
@pytest.mark.parametrize("theta", [name for name in THETAS if name != "softmax"])
@pytest.mark.parametrize("output_theta", THETAS)
def test_against_the_complex_step(d: tuple[int, ...], theta: str, output_theta: str) -> None:
    network = Network(d, theta, output_theta).initialise(3)
    X = np.random.default_rng(1).normal(size=(9, d[0]))
    np.testing.assert_allclose(outputs(network, X), network(X), rtol=1e-12, atol=1e-12)
    found = derivative(network.W, theta, output_theta, X)
    assert found.shape == (9, d[-1], d[0])
    for j in range(d[0]):
        there = X.astype(complex)
        there[:, j] += 1j * STEP
        np.testing.assert_allclose(found[:, :, j], outputs(network, there).imag / STEP, rtol=1e-12, atol=1e-14)


def test_signs_are_refused_where_they_count() -> None:
    for theta, output_theta in (("sign", "tanh"), ("tanh", "sign")):
        with pytest.raises(UserError, match="sign has no derivative"):
            require_derivative(theta, output_theta, 2)
    require_derivative("sign", "softmax", 1)


def test_the_bits_are_those_of_every_other_machine() -> None:
    """Hashes that x86-64 wrote, which products of BLAS do not have."""
    need_instructions()
    found = []
    for output_theta in ("identity", "softmax"):
        network = Network((20, 30, 25, 4), "tanh", output_theta)
        network.w[:] = plain(network.w.size)
        found.append(derivative(network.W, "tanh", output_theta, plain(40, 20)))
    assert digest(found) == "536d310982c9675b"
