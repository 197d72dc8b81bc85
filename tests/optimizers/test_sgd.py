"""Stochastic gradient descent beside scikit-learn's; clipped gradients."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer
from stepping import Given, gradients, run

from distnn.optimizers.sgd import StochasticGradientDescent


@pytest.mark.parametrize("momentum, nesterov", [(0.0, False), (0.9, False), (0.9, True)])
def test_sgd_is_scikit_learns(momentum: float, nesterov: bool) -> None:
    G, theirs = gradients(20), [np.ones(4)]
    reference = SGDOptimizer(theirs, learning_rate_init=0.1, momentum=momentum, nesterov=nesterov)
    for g in G:
        reference.update_params(theirs, [g])
    state = run(StochasticGradientDescent(eta=0.1, momentum=momentum, nesterov=nesterov), Given(G), np.ones(4), 20)
    np.testing.assert_allclose(state.w, theirs[0], rtol=1e-12)


def test_clipping() -> None:
    optimizer = StochasticGradientDescent(clip=1.0)
    np.testing.assert_allclose(optimizer.clipped(np.array([3.0, 4.0])), [0.6, 0.8])
    np.testing.assert_array_equal(optimizer.clipped(np.array([0.3, 0.4])), [0.3, 0.4])
    first = run(StochasticGradientDescent(eta=1.0, clip=0.1), Given([np.full(4, 5.0)]), np.zeros(4), 1)
    assert np.linalg.norm(first.w) == pytest.approx(0.1)
