"""The problems: data and weights to begin with, by seed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from distnn.bench.convergence.problems import PROBLEMS, teacher


def test_initial_weights_and_data_differ_by_seed() -> None:
    for name in ("xor", "teacher", "smooth"):
        problem = replace(PROBLEMS[name], rows=50)
        one, again, other = problem.instance(0), problem.instance(0), problem.instance(1)
        assert (one.w == again.w).all() and (one.X == again.X).all() and (one.Y == again.Y).all()
        assert (one.w != other.w).any() and (one.X != other.X).any()


def test_the_answer_of_a_noisy_teacher() -> None:
    """E_in of the teacher's own weights is the noise's variance, as the table says."""
    X, clean = teacher(5, 8, 1)(3, 4000)
    X_again, noisy = PROBLEMS["noisy-teacher"].data(3, 4000)
    assert (X_again == X).all()
    assert ((noisy - clean) ** 2).mean() == pytest.approx(0.01, rel=0.1)


def test_the_answer_of_logistic_regression() -> None:
    """The lowest E_in is what scikit-learn's Newton method finds, and the last goal is just above it."""
    problem = PROBLEMS["logistic"]
    X, Y = problem.data(0, problem.rows)
    fit = LogisticRegression(C=float("inf"), solver="newton-cholesky", tol=1e-12).fit(X, Y[:, 0])
    lowest = log_loss(Y[:, 0], fit.predict_proba(X))
    assert float(problem.answer.split(",")[0]) == pytest.approx(lowest, abs=1e-12)
    assert lowest < problem.goals[-1] < lowest + 1e-8
