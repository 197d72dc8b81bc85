"""The problems: data and weights to begin with, by seed."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
