"""Gradient descent that finds its learning rate: η grows with each success, and shrinks until E_in falls enough."""

from __future__ import annotations

import numpy as np
import pytest
from functions import Lost

from distnn.optimizers.adaptive_gradient_descent import C1, GROWTH, SHRINKAGE, AdaptiveGradientDescent


class Parabola:
    """E = w² / 2, counting evaluations."""

    evaluations = 0

    def __call__(self, w: np.ndarray) -> tuple[float, np.ndarray]:
        self.evaluations += 1
        return float(w @ w) / 2, w.copy()


def test_a_success_makes_the_rate_grow() -> None:
    problem, optimizer = Parabola(), AdaptiveGradientDescent(eta=0.1)
    state = optimizer.start(problem, np.array([1.0]))  # type: ignore[arg-type]
    after = optimizer.step(problem, state, 0)  # type: ignore[arg-type]
    assert after.w[0] == pytest.approx(0.9) and after.eta == pytest.approx(GROWTH * 0.1)
    assert problem.evaluations == 2


def test_a_rate_that_is_too_large_shrinks_until_the_fall_is_enough() -> None:
    """The step to (1 - η) w lowers E enough for η ≤ 2 (1 - C1), as Armijo's condition says."""
    problem, eta = Parabola(), 10.0
    state = AdaptiveGradientDescent(eta=eta).start(problem, np.array([1.0]))  # type: ignore[arg-type]
    after = AdaptiveGradientDescent(eta=eta).step(problem, state, 0)  # type: ignore[arg-type]
    trials = 1
    while eta > 2 * (1 - C1):
        eta, trials = eta * SHRINKAGE, trials + 1
    assert after.w[0] == pytest.approx(1 - eta) and after.eta == pytest.approx(GROWTH * eta)
    assert problem.evaluations == 1 + trials


def test_eta_shrinks_where_the_gradient_is_not_finite() -> None:
    """Also where the error falls enough: the next step would have no direction."""
    optimizer, function = AdaptiveGradientDescent(eta=0.4), Lost()
    state = optimizer.step(function, optimizer.start(function, np.ones(2)), 0)
    assert 0.9 < state.w.max() < 1 and np.isfinite(state.G).all() and not state.stuck
