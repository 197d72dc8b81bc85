"""Levenberg-Marquardt: its steps, its damping, and what it refuses."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest
from functions import ROSENBROCK_START, Squares, quadratic, rosenbrock
from scipy.optimize import least_squares
from stepping import run
from tables import assembled, regression

from distnn.errors import UserError
from distnn.kernels.algebra import norm
from distnn.optimizers.levenberg_marquardt import LevenbergMarquardt, descend
from distnn.optimizers.matrix import Dense, Factor
from distnn.parallel.ranks import OneRank


def test_levenberg_marquardt_finds_what_scipy_finds() -> None:
    """A fit with a residual that stays: y = a exp(b x) + c."""
    x = np.linspace(0, 2, 30)
    y = 2 * np.exp(-1.5 * x) + 0.5 + 0.05 * np.random.default_rng(0).normal(size=30)

    def residuals(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        power = np.exp(w[1] * x)
        return w[0] * power + w[2] - y, np.column_stack([power, w[0] * x * power, np.ones_like(x)])

    start = np.array([1.0, 0.0, 0.0])
    theirs = least_squares(
        lambda w: residuals(w)[0], start, lambda w: residuals(w)[1], method="lm", xtol=1e-14, ftol=1e-14
    )
    state = run(LevenbergMarquardt(), Squares(residuals), start, 50)
    np.testing.assert_allclose(state.w, theirs.x, rtol=1e-6)
    np.testing.assert_allclose(state.E, 2 * theirs.cost, rtol=1e-12)


def test_levenberg_marquardt_step_is_gauss_newtons_where_damping_is_small() -> None:
    state = run(LevenbergMarquardt(damping=1e-12), quadratic(), np.zeros(6), 1)
    np.testing.assert_allclose(state.w, 1, atol=1e-8)


def test_damping_follows_the_gain_ratio() -> None:
    """A tenth after a step as promised; twice, then four times as much after trials that fail."""
    function, optimizer = quadratic(), LevenbergMarquardt(damping=0.5)
    first = optimizer.step(function, optimizer.start(function, np.zeros(6)), 0)
    second = optimizer.step(function, first, 1)
    assert first.mu < 0.5 * 200 and second.mu == pytest.approx(first.mu / 10)

    def kink(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        slope = np.where(w > 0, 1.0, -100.0)
        return slope * w + 1, np.diag(slope)

    function, w, A, mu, nu = Squares(kink), np.ones(1), 2.0, 1e-3 * 2.0, 2.0
    E, G = function(w)
    while True:
        h = -G / (A + mu)
        gain = (E - function(w + h)[0]) / -(G @ h + A * h @ h / 2)
        if gain > 0:
            break
        mu, nu = mu * nu, nu * 2
    assert nu > 8
    state = LevenbergMarquardt().step(function, LevenbergMarquardt().start(function, w), 0)
    assert state.nu == 2 and state.mu == pytest.approx(mu * max(0.1, 1 - (2 * gain - 1) ** 3))


@pytest.mark.parametrize(("damping", "measured"), [(1e-6, 2), (1e-4, 2), (1.0, 1)])
def test_damping_follows_the_bend(damping: float, measured: int) -> None:
    """An accelerated step that bends too much is not tried: h alone is, with as much more damping, its bend taken as
    the largest; if that fails, the bend is measured again. Afterwards μ is at least what the bend allows.
    """
    function, w = rosenbrock(), ROSENBROCK_START
    A, (E, G) = function.gauss_newton(w), function(w)
    mu, nu, bends, bent = damping * A.diagonal().max(), 2, 0, False
    while True:
        damped = A + mu * np.eye(2)
        h = np.linalg.solve(damped, -G)
        a, bend = np.zeros(2), 0.75
        if not bent:
            a, bends = np.linalg.solve(damped, -function.acceleration(w, h)), bends + 1
            bend = 2 * norm(a) / norm(h)
            if bent := bend > 0.75:
                mu *= max(2, bend / 0.75)
                continue
        gain = (E - function(w + h + a / 2)[0]) / -(G @ h + h @ A @ h / 2)
        if gain > 0:
            break
        mu, nu, bent = mu * nu, nu * 2, False
    assert bends >= measured
    optimizer = LevenbergMarquardt(damping=damping)
    state = optimizer.step(function, optimizer.start(function, w), 0)
    np.testing.assert_allclose(state.w, w + h + a / 2, rtol=1e-6)
    assert state.nu == 2 and state.mu == pytest.approx(mu * max(0.1, 1 - (2 * gain - 1) ** 3, bend / 0.75))


class Bent(Squares):
    """Σ (w - 1)², with an acceleration that makes every step bend by so much. Counts how often it is asked for it."""

    def __init__(self, bend: float, mu: float):
        super().__init__(lambda w: (w - 1, np.eye(2)))
        self.bend, self.mu, self.measured = bend, mu, 0

    def acceleration(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        self.measured += 1
        return self.bend / 2 * (2 + self.mu) * v[::-1]


@pytest.mark.parametrize(("bend", "plain"), [(0.0, 0), (0.7, 0), (0.8, 2), (1.6, 3), (2.9, 4), (1e9, 4)])
def test_the_larger_a_bend_was_the_more_plain_steps_follow(bend: float, plain: int) -> None:
    """Their bend is neither measured nor a bound of μ."""
    optimizer, function = LevenbergMarquardt(damping=0.5), Bent(bend, mu=1.0)
    state = optimizer.step(function, optimizer.start(function, np.array([3.0, -2.0])), 0)
    assert function.measured >= 1 and state.plain == plain
    function.measured = 0
    for left in reversed(range(plain)):
        before, state = state, optimizer.step(function, state, 1)
        np.testing.assert_allclose(state.w, before.w - before.G / (2 + before.mu), rtol=1e-12)
        assert state.mu < before.mu
        assert (function.measured, state.plain) == (0, left)
    optimizer.step(function, state, 1)
    assert function.measured >= 1


def test_a_plain_step_stays_plain_when_trials_fail() -> None:
    optimizer, function = LevenbergMarquardt(), Bent(0.0, mu=0.0)
    state = replace(optimizer.start(function, np.ones(2)), E=-1.0, G=np.ones(2), plain=2)  # no trial is below that
    stuck = optimizer.step(function, state, 1)
    assert stuck.stuck and function.evaluations > 5 and function.measured == 0


def test_a_bend_that_is_no_number_is_a_trial_that_fails() -> None:
    optimizer, function = LevenbergMarquardt(), Bent(np.nan, mu=0.0)
    assert optimizer.step(function, optimizer.start(function, np.zeros(2)), 0).stuck


def test_a_bend_beyond_all_measure_is_answered_by_more_damping() -> None:
    function = Squares(lambda w: (w - 1, np.eye(2)), lambda w, v: np.full(2, 1e308))
    optimizer = LevenbergMarquardt()
    state = optimizer.step(function, optimizer.start(function, np.zeros(2)), 0)
    assert not state.stuck and state.E < 2


def test_levenberg_marquardt_refuses_what_does_not_fit() -> None:
    with pytest.raises(UserError, match=r"about [\d,]+ MB a rank .* 6 × 6 .*--max-megabytes"):
        LevenbergMarquardt(max_megabytes=1e-4).start(quadratic(), np.zeros(6))  # type: ignore[arg-type]


def test_levenberg_marquardt_refuses_cross_entropy() -> None:
    X, _ = regression(20)
    objective = assembled(OneRank(), X, np.array(["a", "b"] * 10), error="cross-entropy").objective
    with pytest.raises(UserError, match="sum of squares"):
        LevenbergMarquardt().start(objective, np.zeros(len(objective.decayed)))


def test_a_matrix_that_is_singular_in_floating_point_is_answered_by_more_damping() -> None:
    """Residuals so small that JᵀJ + μI is 0 in float64 for the first μ."""
    function = Squares(lambda w: (1e-170 * (w - 1), 1e-170 * np.eye(2)), lambda w, v: np.zeros(2))
    optimizer = LevenbergMarquardt(damping=1e-10)
    state = optimizer.step(function, optimizer.start(function, np.zeros(2)), 0)
    assert np.isfinite(state.w).all()


def test_no_factor_is_kept_while_the_next_one_takes_memory() -> None:
    """Each is as large as A: in the trials of one step there is one at a time."""
    function = Bent(0.0, mu=0.0)
    factors: list[weakref.ref[Factor]] = []

    class Counted(Dense):
        def factor(self, mu: float) -> Factor | None:
            assert not any(factor() for factor in factors)
            factor = super().factor(mu)
            assert factor
            factors.append(weakref.ref(factor))
            return factor

    state = replace(LevenbergMarquardt().start(function, np.ones(2)), E=-1.0, G=np.ones(2))  # no trial is below that
    assert descend(function, Counted(np.eye(2)), state, 1e-3).stuck and len(factors) > 5


def test_damping_ends_at_the_range_of_float64() -> None:
    """Where the largest allowed is beyond it, μ grows to infinity, which would be tried for ever."""
    rising = Squares(lambda w: (np.full(2, 1e150) * (1 + (w != 0).any()), 1e150 * np.eye(2)))
    state = run(LevenbergMarquardt(), rising, np.zeros(2), 1)
    assert state.stuck and not state.w.any()
