"""Adam and AdamW, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer
from stepping import Given, gradients, run

from distnn.optimizers.adam import Adam


def test_adam_is_scikit_learns() -> None:
    G, theirs = gradients(20), [np.ones(4)]
    reference = AdamOptimizer(theirs, learning_rate_init=0.1, beta_1=0.8, beta_2=0.95, epsilon=1e-300)
    for g in G:
        reference.update_params(theirs, [g])
    state = run(Adam(eta=0.1, beta1=0.8, beta2=0.95, epsilon=1e-300), Given(G), np.ones(4), 20)
    np.testing.assert_allclose(state.w, theirs[0], rtol=1e-12)


def test_adamw_takes_a_share_off_the_weights_but_not_off_the_biases() -> None:
    settings = {"eta": 0.1, "schedule": "step", "decay_steps": 1, "decay_factor": 0.5}
    G = gradients(1)
    plain = run(Adam(**settings), Given(G), np.full(4, 2.0), 1)
    decayed = run(Adam(**settings, decoupled_decay=0.25), Given(G), np.full(4, 2.0), 1)
    np.testing.assert_allclose(plain.w - decayed.w, np.array([0, 1, 1, 1]) * 0.1 * 0.25 * 2.0)
