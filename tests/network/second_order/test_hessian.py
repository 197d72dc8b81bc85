"""Products with the Hessian, against differences of G."""

from __future__ import annotations

import numpy as np
import pytest
from curved import THETA, problem, weights_for
from tables import assembled, regression

from distnn.network.error_functions import ERROR_FUNCTIONS
from distnn.parallel.ranks import OneRank

ERRORS = [(error, theta) for error, outputs in ERROR_FUNCTIONS.items() for theta in outputs if theta != "sign"]


@pytest.mark.parametrize("theta", THETA)
@pytest.mark.parametrize("error, output_theta", ERRORS)
def test_hessian_product(error: str, output_theta: str, theta: str, small_blocks: None) -> None:
    objective = problem(error, output_theta, theta)
    w, v, u = (weights_for(objective, seed) for seed in (0, 1, 2))
    Hv = objective.hessian_product(w, v).copy()
    h = 1e-5
    difference = (objective(w + h * v).G - objective(w - h * v).G) / (2 * h)
    np.testing.assert_allclose(Hv, difference, rtol=1e-6, atol=1e-6 * np.abs(difference).max())
    assert u @ Hv == pytest.approx(v @ objective.hessian_product(w, u), rel=1e-9)


def test_hessian_product_of_one_layer_and_one_output(small_blocks: None) -> None:
    X, Y = regression(30)
    for hidden in ((), (3,)):
        objective = assembled(OneRank(), X, Y, hidden=hidden, output_theta="tanh").objective
        w, v = weights_for(objective), weights_for(objective, 1)
        difference = (objective(w + 1e-5 * v).G - objective(w - 1e-5 * v).G) / 2e-5
        np.testing.assert_allclose(objective.hessian_product(w, v), difference, rtol=1e-5, atol=1e-8)
