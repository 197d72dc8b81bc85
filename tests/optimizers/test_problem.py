"""Any problem will do: functions with known minima, with no network, no data and no ranks."""

from __future__ import annotations

import numpy as np
import pytest
from functions import ROSENBROCK_START, quadratic, rosenbrock
from stepping import run

from distnn.optimizers import OPTIMIZERS

SECOND_ORDER = ["lbfgs", "levenberg-marquardt", "truncated-newton"]


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "bayesian"])  # which looks for noise
def test_quadratic(name: str) -> None:
    settings = {"sgd": {"eta": 0.01}, "gradient-descent": {"eta": 0.01}, "adam": {"eta": 0.05}}.get(name, {})
    state = run(OPTIMIZERS[name](**settings), quadratic(10), np.zeros(6), 2000)
    np.testing.assert_allclose(state.w, 1, atol=1e-3 if name == "adam" else 1e-6)


@pytest.mark.parametrize("name", SECOND_ORDER)
@pytest.mark.parametrize("size", [2, 10])
def test_rosenbrock(name: str, size: int) -> None:
    state = run(OPTIMIZERS[name](), rosenbrock(size), np.resize(ROSENBROCK_START, size), 200)
    np.testing.assert_allclose(state.w, 1, atol=1e-6)


def test_acceleration_of_the_stand_in_is_exact() -> None:
    """R²{10 (w_2 - w_1²)} = -20 v_1²."""
    w, v = np.array([0.5, 2.0]), np.array([0.3, -1.0])
    J = rosenbrock().residuals(w)[1]
    np.testing.assert_allclose(rosenbrock().acceleration(w, v), 2 * J.T @ [-20 * 0.09, 0], rtol=1e-6)
