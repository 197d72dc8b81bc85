"""Gradient descent."""

from __future__ import annotations

import numpy as np
from functions import ROSENBROCK_START, rosenbrock
from stepping import run

from distnn.optimizers.adaptive_gradient_descent import AdaptiveGradientDescent


def test_rosenbrock_down_the_gradient() -> None:
    state = run(AdaptiveGradientDescent(), rosenbrock(), ROSENBROCK_START, 5000)
    np.testing.assert_allclose(state.w, 1, atol=0.05)
