"""L-BFGS: its matrix, its pairs, and its search."""

from __future__ import annotations

import dataclasses

import numpy as np
from functions import ROSENBROCK_START, quadratic, rosenbrock
from scipy.optimize import minimize
from stepping import run

from distnn.kernels.algebra import Rows
from distnn.optimizers.lbfgs import LBFGS, inverse_hessian_product


def test_lbfgs_needs_no_more_evaluations_than_scipy() -> None:
    ours = theirs = 0
    for size in (2, 4, 8, 16):
        for seed in range(4):
            w = np.random.default_rng(seed).normal(size=size)
            goal, function = 1e-10, rosenbrock(size)
            optimizer = LBFGS()
            state = optimizer.start(function, w)
            while state.tensors()["E"] > goal:
                state = optimizer.step(function, state, 0)
            ours += function.evaluations
            best: list[float] = []

            def counted(w: np.ndarray, best: list[float] = best, size: int = size) -> tuple[float, np.ndarray]:
                E, G = rosenbrock(size)(w)
                best.append(E)
                return E, G

            minimize(counted, w, jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-12, "maxiter": 10_000})
            theirs += int(np.argmax(np.array(best) <= goal)) + 1
    assert ours <= theirs


def test_inverse_hessian_product_is_the_bfgs_matrix() -> None:
    """The two-loop recursion against the update formula H⁺ = (I - ρ s yᵀ) H (I - ρ y sᵀ) + ρ s sᵀ."""
    generator = np.random.default_rng(0)
    A = np.diag(np.arange(1.0, 6.0))
    S = generator.normal(size=(3, 5))
    Y = S @ A
    H = np.eye(5) * (S[-1] @ Y[-1]) / (Y[-1] @ Y[-1])
    for s, y in zip(S, Y, strict=True):
        rho = 1 / (s @ y)
        H = (np.eye(5) - rho * np.outer(s, y)) @ H @ (np.eye(5) - rho * np.outer(y, s)) + rho * np.outer(s, s)
    v = generator.normal(size=5)
    T = np.linalg.inv(np.triu(S @ Y.T))
    np.testing.assert_allclose(inverse_hessian_product(Rows(S), Rows(Y), T, v), H @ v, rtol=1e-12)
    np.testing.assert_array_equal(inverse_hessian_product(Rows(), Rows(), np.empty((0, 0)), v), v)


def test_lbfgs_remembers_the_last_pairs() -> None:
    """T stays the inverse of the products of S and Y, also when old pairs are forgotten and steps become tiny."""
    for steps, pairs in ((2, 3), (12, 3), (40, 10)):
        state = run(LBFGS(pairs=pairs), rosenbrock(8), np.resize(ROSENBROCK_START, 8), steps)
        S, Y, T = (np.asarray(state.tensors()[name]) for name in "SYT")
        assert len(S) == len(Y) == min(steps, pairs)
        np.testing.assert_array_equal(T, np.triu(T))
        np.testing.assert_allclose(T @ np.triu(S @ Y.T), np.eye(len(S)), atol=1e-9)


def test_lbfgs_starts_again_down_the_gradient_where_its_search_fails() -> None:
    """With pairs of another function, whose direction leads nowhere."""
    function, w = quadratic(), np.zeros(6)
    state = LBFGS().start(function, w)
    S, Y = np.eye(6)[:2], -np.eye(6)[:2]  # negative curvature: p points uphill
    T = np.linalg.inv(np.triu(S @ Y.T))
    after = LBFGS().step(function, dataclasses.replace(state, S=Rows(S), Y=Rows(Y), T=T), 1)
    assert not after.stuck and after.E < state.E
    assert len(after.S) == 1


def test_lbfgs_keeps_the_last_pairs() -> None:
    function, optimizer = rosenbrock(8), LBFGS(pairs=3)
    before = state = run(optimizer, function, np.zeros(8), 7)
    state = optimizer.step(function, state, 7)
    assert np.shape(state.S) == np.shape(state.Y) == (3, 8)
    np.testing.assert_array_equal(state.S.vectors[:2], before.S.vectors[1:])
    np.testing.assert_array_equal(state.S.vectors[-1], state.w - before.w)
    np.testing.assert_array_equal(state.Y.vectors[-1], state.G - before.G)
