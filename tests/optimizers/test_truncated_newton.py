"""Truncated Newton: its equations, and saddles."""

from __future__ import annotations

import numpy as np
import pytest
from functions import ROSENBROCK_START, Lost, Squares, rosenbrock
from scipy.optimize import minimize
from stepping import run

from distnn.optimizers.truncated_newton import TruncatedNewton, solve


def test_truncated_newton_finds_what_scipy_finds() -> None:
    function = rosenbrock(6)
    start = np.resize(ROSENBROCK_START, 6)
    theirs = minimize(function, start, jac=True, hessp=function.hessian_product, method="trust-ncg", tol=1e-10)
    np.testing.assert_allclose(run(TruncatedNewton(), function, start, 100).w, theirs.x, atol=1e-6)


def test_newton_equations() -> None:
    """In the region: H p = -G. At its edge: the length is the radius. With negative curvature: to the edge and down."""
    generator = np.random.default_rng(0)
    basis, _ = np.linalg.qr(generator.normal(size=(5, 5)))
    H, G = basis * [1, 2, 3, 4, 5.0] @ basis.T, 1e-9 * generator.normal(size=5)
    p, Hp = solve(lambda v: H @ v, G, 1.0, 100)
    np.testing.assert_allclose(Hp, H @ p, atol=1e-20)
    assert np.linalg.norm(Hp + G) <= 1e-4 * np.linalg.norm(G)
    for bent in (H, H - 4.5 * np.eye(5)):
        products = []
        p, Hp = solve(lambda v, bent=bent, products=products: products.append(v) or bent @ v, G, 1e-12, 100)
        assert len(products) == 1
        assert np.linalg.norm(p) == pytest.approx(1e-12)
        assert G @ p + p @ Hp / 2 < 0


def test_truncated_newton_leaves_a_saddle() -> None:
    """E = x² + (y² - 1)²: from near the saddle (0, 0), where the Hessian has a negative eigenvalue."""
    function = Squares(
        lambda w: (np.array([w[0], w[1] ** 2 - 1]), np.array([[1.0, 0.0], [0.0, 2 * w[1]]])),
        lambda w, v: np.array([0.0, 2 * (w[1] ** 2 - 1) * v[1]]),
    )
    state = run(TruncatedNewton(), function, np.array([0.5, 1e-3]), 30)
    np.testing.assert_allclose(state.w, [0, 1], atol=1e-7)


def test_region_shrinks_where_the_gradient_is_not_finite() -> None:
    """Also where the error falls as promised: the same step would be tried for ever."""
    optimizer, function = TruncatedNewton(), Lost()
    state = optimizer.step(function, optimizer.start(function, np.ones(2)), 0)
    assert 0.9 < state.w.max() < 1 and state.radius < 1 and not state.stuck
