"""The line search: strong Wolfe conditions on the functions of Moré & Thuente (1994), beside scipy's search."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import line_search

from distnn.optimizers.line_search import GROW_MOST, TRIALS, Trial, _extrapolate, _interpolate, along, strong_wolfe

Pair = tuple[float, float]


def function1(a: float) -> Pair:
    return -a / (a * a + 2), (a * a - 2) / (a * a + 2) ** 2


def function2(a: float) -> Pair:
    b = a + 0.004
    return b**5 - 2 * b**4, 5 * b**4 - 8 * b**3


def function3(a: float) -> Pair:
    beta, l = 0.01, 39
    if a <= 1 - beta:
        value, slope = 1 - a, -1.0
    elif a >= 1 + beta:
        value, slope = a - 1, 1.0
    else:
        value, slope = (a - 1) ** 2 / (2 * beta) + beta / 2, (a - 1) / beta
    wave = l * math.pi / 2
    return value + 2 * (1 - beta) / (l * math.pi) * math.sin(wave * a), slope + (1 - beta) * math.cos(wave * a)


def function4(a: float) -> Pair:
    """Yanai, Ozawa & Kaneko's, with β1 = 0.001 and β2 = 0.01."""
    g1, g2 = (math.sqrt(1 + b * b) - b for b in (0.001, 0.01))
    u, v = math.hypot(1 - a, 0.01), math.hypot(a, 0.001)
    return g1 * u + g2 * v, g1 * (a - 1) / u + g2 * a / v


FUNCTIONS = [function1, function2, function3, function4]


class Counted:
    def __init__(self, function: Callable[[float], Pair]):
        self.function, self.trials = function, 0

    def __call__(self, a: float) -> Trial:
        self.trials += 1
        return Trial(a, *self.function(a), np.array([a]), np.array([self.function(a)[1]]))


@pytest.mark.parametrize("c1, c2", [(1e-4, 0.9), (1e-3, 0.1), (0.1, 0.2)])
@pytest.mark.parametrize("first", [1e-3, 1e-1, 1e1, 1e3])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_strong_wolfe(function: Callable[[float], Pair], first: float, c1: float, c2: float) -> None:
    phi = Counted(function)
    start = phi(0.0)
    found = strong_wolfe(phi, start, first, c1, c2)
    assert found is not None
    fall = start.E - found.E
    assert fall >= -c1 * found.a * start.slope - 1e-14
    assert abs(found.slope) <= c2 * abs(start.slope)
    assert phi.trials <= TRIALS


def test_no_more_evaluations_than_scipy() -> None:
    """On 200 random lines through Rosenbrock's function, both from the first trial 1."""
    generator = np.random.default_rng(0)
    ours = theirs = 0

    def f(w: np.ndarray) -> float:
        return float(100 * (w[1] - w[0] ** 2) ** 2 + (1 - w[0]) ** 2)

    def gradient(w: np.ndarray) -> np.ndarray:
        return np.array([-400 * w[0] * (w[1] - w[0] ** 2) - 2 * (1 - w[0]), 200 * (w[1] - w[0] ** 2)])

    for _ in range(200):
        w = generator.normal(size=2)
        G = gradient(w)
        p = -G * generator.uniform(0.1, 2, 2)
        phi = along(lambda x: (f(x), gradient(x)), w, p)
        counted = [0]

        def counting(a: float, phi: Callable[[float], Trial] = phi, counted: list[int] = counted) -> Trial:
            counted[0] += 1
            return phi(a)

        found = strong_wolfe(counting, phi(0.0), 1.0, 1e-4, 0.9)
        a, evaluations, slopes, *_ = line_search(f, gradient, w, p, G, c1=1e-4, c2=0.9, maxiter=50)
        assert found is not None
        if a is not None:
            ours, theirs = ours + counted[0], theirs + max(evaluations, slopes)
            assert abs(found.slope) <= 0.9 * abs(G @ p)
    assert ours <= theirs


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_trial_that_is_not_finite_is_answered_by_a_shorter_one(bad: float) -> None:
    def function(a: float) -> Pair:
        return ((a - 0.01) ** 2, 2 * (a - 0.01)) if a < 0.02 else (bad, bad)

    found = strong_wolfe(Counted(function), Counted(function)(0.0), 1.0, 1e-4, 0.1)
    assert found is not None and found.a == pytest.approx(0.01, abs=1e-3)


def test_trials_stay_below_one_that_was_not_finite() -> None:
    """The minimum lies just below the end of the domain."""

    def function(a: float) -> Pair:
        return (-math.log(1 - a) - 50 * a, 1 / (1 - a) - 50) if a < 1 else (math.nan, math.nan)

    phi, asked = Counted(function), []

    def recorded(a: float) -> Trial:
        asked.append(a)
        return phi(a)

    found = strong_wolfe(recorded, phi(0.0), 1.0, 1e-4, 0.1)
    assert found is not None and 0.97 < found.a < 0.99
    assert max(asked[1:]) < 1


def test_a_fall_that_ends_where_numbers_do() -> None:
    """Shorter trials beyond it are rounded to it in the end."""
    phi = Counted(lambda a: (-a if a <= 1 else math.inf, -1.0))
    found = strong_wolfe(phi, phi(0.0), 1.0, 1e-4, 0.9)
    assert found is not None and found.a == 1


def test_none_where_nothing_falls() -> None:
    """φ rises although its slope says otherwise."""
    phi = Counted(lambda a: (a, -1.0))
    assert strong_wolfe(phi, phi(0.0), 1.0, 1e-4, 0.9) is None
    assert phi.trials <= TRIALS + 1


def test_the_lowest_trial_where_no_end_of_the_fall_is_found() -> None:
    phi = Counted(lambda a: (-a, -1.0))
    found = strong_wolfe(phi, phi(0.0), 1.0, 1e-4, 0.9)
    assert found is not None and found.a > 1e6


def test_where_no_cubic_helps_the_bracket_is_halved_or_the_step_grows() -> None:
    w = np.zeros(1)
    flat, steep = Trial(0.0, 1.0, 0.0, w, w), Trial(0.0, 1.0, -1.0, w, w)
    assert _interpolate(flat, Trial(2.0, 1.0, 0.0, w, w)) == 1.0
    assert _interpolate(steep, Trial(2.0, 1.0, math.inf, w, w)) == 1.0
    assert _extrapolate(steep, Trial(2.0, -1.0, -1.0, w, w)) == 2.0 + GROW_MOST * 2.0  # a straight line
