"""Functions of a network in JAX. All else is compared with the CPU's, sum by sum, in test_terms.py."""

from __future__ import annotations

import numpy as np
import pytest

from distnn.accelerator.mathematics import THETAS, Mathematics
from distnn.network.activations import ACTIVATIONS
from distnn.network.network import Network


@pytest.mark.parametrize("output", ["tanh", "softmax"])
@pytest.mark.parametrize("d", [(2, 1), (2, 4, 3, 2)])
def test_outputs_are_those_of_the_network(d: tuple[int, ...], output: str) -> None:
    import jax

    network = Network(d, "logistic", output).initialise()
    X = np.random.default_rng(0).normal(size=(9, 2))
    m = Mathematics(d, "logistic", output, "squared")
    with jax.enable_x64(True):
        found = jax.jit(lambda w, x: m._any_outputs(m.layers(w), x))(network.w, np.vstack([np.ones(9), X.T]))
    np.testing.assert_allclose(np.asarray(found).T, network(X), rtol=1e-14, atol=1e-15)


def test_every_activation_that_can_be_trained_is_there() -> None:
    """A new one may come later: --device refuses it until then."""
    assert set(THETAS) == {name for name, theta in ACTIVATIONS.items() if theta.chain is not None}
