"""Errors of rows in trainings without them: those of scikit-learn, row by row, whatever the blocks and ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from threaded_ranks import on_ranks

from distnn.data.sampling import permuted
from distnn.data.tables import ArraySource
from distnn.kernels.blocks import Cut
from distnn.parallel.ranks import OneRank, Ranks
from distnn.runs.assembly import Assembly, assemble
from distnn.runs.left_out import LeftOut
from distnn.runs.options import Options
from distnn.runs.refits import FOLDS, refits
from distnn.streams import stream
from distnn.training.termination import compare

ROWS, LAMBDA_N = 43, 3.0
GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(ROWS, 5))
Y = np.column_stack([X @ [1, 2, 0, 0, 0] + GENERATOR.normal(size=ROWS), np.sin(2 * X[:, 0])])
FOLD = permuted(np.arange(ROWS), ROWS, stream(0, "folds")) % FOLDS
RIDGE: dict[str, Any] = {"hidden": (), "optimizer": "levenberg-marquardt", "weight_decay": LAMBDA_N / ROWS}


def assembled(ranks: Ranks, weights: np.ndarray | None = None, **options: Any) -> Assembly:
    own = slice(ROWS * ranks.rank // ranks.size, ROWS * (ranks.rank + 1) // ranks.size)
    source = ArraySource(X[own], Y[own], None if weights is None else weights[own], ranks)
    return assemble(Options(**options), source, ranks)


def errors(made: Assembly, over: Assembly, iterations: int = 20) -> list[LeftOut]:
    none = [np.zeros(block.x.shape[1]) for block in over.examples.blocks]
    return list(refits(made, over.objective, compare("t", ">=", iterations), "", str, none))


def test_of_ridge_regression_they_are_those_of_scikit_learn_fold_by_fold() -> None:
    """Inputs and targets stay standardised by all rows."""
    made = assembled(OneRank(), **RIDGE)
    inputs, targets = (StandardScaler().fit_transform(table) for table in (X, Y))
    expected, found = np.zeros(ROWS), errors(made, made)
    for fold in range(FOLDS):
        kept = np.not_equal(FOLD, fold)
        ridge = Ridge(LAMBDA_N).fit(inputs[kept], targets[kept])
        squares = np.square(ridge.predict(inputs) - targets).sum(axis=1)
        expected[~kept] = squares[~kept]
        np.testing.assert_allclose(np.concatenate(found[fold]), expected, rtol=1e-8)
    assert len(found) == FOLDS


def test_a_row_counts_for_its_weight() -> None:
    weights = GENERATOR.integers(1, 4, ROWS).astype(float)
    made = assembled(OneRank(), weights, **{**RIDGE, "weight_decay": LAMBDA_N / weights.sum()}, standardise=False)
    targets = (Y - np.average(Y, axis=0, weights=weights)) / np.sqrt(
        np.average(np.square(Y - np.average(Y, axis=0, weights=weights)), axis=0, weights=weights)
    )
    ridge = Ridge(LAMBDA_N).fit(X[FOLD != 4], targets[FOLD != 4], weights[FOLD != 4])
    squares = np.square(ridge.predict(X) - targets).sum(axis=1)
    np.testing.assert_allclose(np.concatenate(errors(made, made)[-1])[FOLD == 4], squares[FOLD == 4], rtol=1e-8)


def test_the_same_bits_on_any_number_of_ranks_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the rows over which errors are compared are cut otherwise, and so lie on other ranks."""
    monkeypatch.setattr("distnn.runs.plan.cut", lambda n, d, dtype, squares: Cut(n, r := 4 + 5 * len(d), -(-n // r)))

    def found(ranks: Ranks) -> list[bytes]:
        made = assembled(ranks, hidden=(2,), optimizer="bayesian", decays="groups")
        own = [np.concatenate([*part, []]) for part in errors(made, assembled(ranks, **RIDGE), 10)]
        return [np.concatenate(ranks.gather(part)).tobytes() for part in own]

    alone = found(OneRank())
    assert len(set(alone)) == FOLDS
    for P in (2, 3):
        assert on_ranks(P, found) == [alone] * P


def test_where_a_fold_has_all_rows_that_weigh_anything_they_end() -> None:
    weights = np.where(FOLD == 1, 1.0, 1e-300)  # as good as 0 beside the largest, and not left out of the table
    made = assembled(OneRank(), weights, hidden=(), optimizer="bayesian", dtype="float32")
    assert len(errors(made, made)) == 1
