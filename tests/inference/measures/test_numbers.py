"""Errors of numbers in the units of the table; of any size and on ranks: tests/inference/test_evaluation.py."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from tables import assembled, regression

from distnn.data.rows import Rows
from distnn.inference.measures import Seen
from distnn.inference.measures.numbers import Residuals
from distnn.parallel.ranks import OneRank


def test_scikit_learn_finds_the_same() -> None:
    X, Y = regression(200, m=2)
    model = assembled(OneRank(), X, Y).model
    weights = np.random.default_rng(0).random(200)
    measure = Residuals(model.preparation)
    out, guesses = np.zeros(sum(measure.sizes)), model(X)
    measure.write(seen := Seen(Rows(np.arange(200), X, Y), np.empty((2, 0)), model.outputs(X), weights), out)
    found = measure.result(out, float(weights.sum()), 0)["targets"]
    for j, name in enumerate(model.preparation.targets):
        true, guess, its = Y[:, j], guesses[:, j], found[name]
        mse, mae, r2 = (
            metric(true, guess, sample_weight=weights) for metric in (mean_squared_error, mean_absolute_error, r2_score)
        )
        assert (its["rmse"], its["mae"]) == pytest.approx((mse**0.5, mae), rel=1e-12)
        assert its["R2"] == pytest.approx(r2, abs=1e-12)
        size, y, predicted = measure.errors(seen)[j]
        np.testing.assert_array_equal(predicted, guess)
        np.testing.assert_array_equal(y, true)
        np.testing.assert_array_equal(size, np.abs(guess - true))
