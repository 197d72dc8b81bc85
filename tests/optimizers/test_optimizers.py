"""Every optimizer: on functions with known minima, beside scipy's, on a small network; resume, ranks, bad settings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from functions import Squares, quadratic, rosenbrock
from stepping import network, run

from distnn.optimizers import OPTIMIZERS
from distnn.parallel.ranks import OneRank

FULL = [name for name, optimizer in OPTIMIZERS.items() if not optimizer.stochastic]

# E falls in every step, from anywhere; of the Bayesian one M does, at α and β of that step
SAFE = [name for name in FULL if name not in ("gradient-descent", "bayesian")]


@pytest.mark.parametrize("name", SAFE)
def test_no_step_raises_the_error(name: str) -> None:
    """Whatever the settings: with these the first trials of all but one rise."""
    settings = {"levenberg-marquardt": {"damping": 1e-9}, "truncated-newton": {"radius": 1e3}}
    settings |= {"adaptive-gradient-descent": {"eta": 1e3}}
    function, optimizer = rosenbrock(4), OPTIMIZERS[name](**settings.get(name, {}))
    state = optimizer.start(function, np.array([-1.2, 1.0, 3.0, -2.0]))
    for t in range(100):
        after = optimizer.step(function, state, t)
        assert after.E <= state.E * (1 + 1e-14)
        np.testing.assert_allclose((after.E, *after.G), (function(after.w)[0], *function(after.w)[1]))
        state = after


@pytest.mark.parametrize("name", SAFE)
def test_stuck_at_a_minimum(name: str) -> None:
    """At the minimum itself, and where rounding hides the fall: a sentence, not an endless search."""
    for w in (np.ones(6), np.zeros(6)):
        function = quadratic()
        offset = Squares(lambda w, of=function: of.residuals(w))  # type: ignore[misc]
        state = run(OPTIMIZERS[name](), offset, w, 20_000)
        assert "no step lowers E_in" in state.stuck
        assert offset.evaluations < 20_000
        assert state.E < 1e-12
        again = OPTIMIZERS[name]().step(offset, dataclasses.replace(state, stuck=""), 0)
        assert again.E <= state.E


@pytest.mark.parametrize("name", SAFE)
def test_trials_that_are_not_finite_are_answered_by_shorter_steps(name: str) -> None:
    """r = ln w is not a number for w < 0, where a full step from w = 20 leads."""

    def residuals(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.log(w), np.diag(1 / w)

    function = Squares(residuals, lambda w, v: -np.log(w) / w**2 * v)
    settings = {"eta": 1e4} if "gradient" in name else {"radius": 1e4} if "newton" in name else {}
    state = run(OPTIMIZERS[name](**settings), function, np.array([20.0, 15.0]), 500)
    np.testing.assert_allclose(state.w, 1, atol=1e-4)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_descends_on_a_network(name: str) -> None:
    objective, w = network(OneRank())
    state = run(OPTIMIZERS[name](), objective, w, 100)
    assert objective.error(state.w) < 0.9 * objective.error(w)
