"""Errors of rows left out: exactly those of refits for a straight line, and judged over all ranks alike."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler
from threaded_ranks import on_ranks

from distnn.data.tables import ArraySource
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.assembly import Assembly, assemble
from distnn.runs.left_out import LeftOut, are_clearly_less, left_out, mean
from distnn.runs.options import Options
from distnn.training.progress import Progress

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(40, 5))
Y = np.column_stack([X @ [1, 2, 0, 0, 0] + GENERATOR.standard_t(2, size=40), np.sin(2 * X[:, 0])])


def trained(ranks: Ranks, weights: np.ndarray | None = None, **options: object) -> tuple[Assembly, Progress]:
    own = slice(len(X) * ranks.rank // ranks.size, len(X) * (ranks.rank + 1) // ranks.size)
    source = ArraySource(X[own], Y[own], None if weights is None else weights[own], ranks)
    made = assemble(Options(**options), source, ranks)  # type: ignore[arg-type]
    progress = made.begin()
    for _ in made.iterations(progress):
        pass
    return made, progress


def errors(made: Assembly, progress: Progress) -> LeftOut:
    found = left_out(made, progress, made.objective)
    assert found is not None
    return found


@pytest.mark.parametrize("decay", [0.01, 1.0, 100.0])
def test_of_ridge_regression_they_are_those_of_scikit_learn(decay: float) -> None:
    made, progress = trained(
        OneRank(), hidden=(), optimizer="levenberg-marquardt", weight_decay=decay / 40, max_iterations=20, plateau=0
    )
    inputs, targets = (StandardScaler().fit_transform(table) for table in (X, Y))
    ridge = RidgeCV([decay], store_cv_results=True).fit(inputs, targets)
    np.testing.assert_allclose(errors(made, progress)[0], ridge.cv_results_[..., 0].sum(axis=1), rtol=1e-8)


def test_what_a_row_has_told_of_the_targets_mean_counts() -> None:
    """Also where biases decay: here all weights do, to 0, and what is left is the mean."""
    made, progress = trained(OneRank(), hidden=(), optimizer="bayesian", max_iterations=1)
    progress.best_w = np.zeros_like(progress.best_w)
    progress.state = replace(progress.state, alpha=np.full(progress.best_w.size, 1e12))
    expected = np.square((Y - Y.mean(axis=0)) / Y.std(axis=0) / (1 - 1 / 40)).sum(axis=1)
    np.testing.assert_allclose(errors(made, progress)[0], expected, rtol=1e-6)


def test_a_row_of_weight_2_is_two_rows_for_the_mean() -> None:
    weights = GENERATOR.integers(1, 3, 40).astype(float)
    made, progress = trained(OneRank(), weights, hidden=(), optimizer="levenberg-marquardt", weight_decay=0.1)
    own = errors(made, progress)
    assert mean(own, made.objective) == pytest.approx((weights * own[0]).sum() / weights.sum(), rel=1e-12)


def test_the_same_bits_on_any_number_of_ranks(small_blocks: None) -> None:
    def found(ranks: Ranks) -> tuple[float, bool]:
        made, progress = trained(ranks, hidden=(2,), optimizer="bayesian", decays="groups", max_iterations=10)
        own = errors(made, progress)
        return mean(own, made.objective), are_clearly_less([0.9 * part for part in own], own, made.objective)

    alone = found(OneRank())
    assert alone[1]
    for P in (2, 3):
        assert on_ranks(P, found) == [alone] * P


def test_less_is_clear_beyond_twice_the_standard_error() -> None:
    made, _ = trained(OneRank(), hidden=(), optimizer="bayesian", max_iterations=1)
    old = [np.full(40, 2.0)]
    spread = np.where(np.arange(40) % 2, 1.0, -1.0)  # of deviation 1: the standard error is 1 / sqrt(40)
    for less, clear in ((1.9, False), (2.1, True)):
        assert are_clearly_less([old[0] - less / math.sqrt(40) + spread], old, made.objective) is clear
    assert are_clearly_less(old, None, made.objective)
    assert not are_clearly_less(None, old, made.objective)
    assert not are_clearly_less([np.full(40, math.inf)], old, made.objective)
    assert mean(None, made.objective) == math.inf


def test_on_a_share_of_the_rows_it_takes_as_much_as_if_the_others_made_no_difference() -> None:
    """After one of five parts √5 standard errors of the difference there, and not 1."""
    made, _ = trained(OneRank(), hidden=(), optimizer="bayesian", max_iterations=1)
    old = np.full(40, 2.0)
    spread = np.where(np.arange(40) % 2, 1.0, -1.0)
    for less, clear in ((2.1, False), (2.4, True)):
        new = np.where(np.arange(40) < 8, old - less / math.sqrt(8) + spread, old)
        assert are_clearly_less([new], [old], made.objective, 1.0, 1 / 5) is clear


def test_without_a_decay_too_many_weights_have_none() -> None:
    made, progress = trained(OneRank(), hidden=(20,), optimizer="levenberg-marquardt", max_iterations=2)
    assert left_out(made, progress, made.objective) is None
