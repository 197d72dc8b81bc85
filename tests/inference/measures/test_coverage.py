"""The share within intervals and the log density, against scipy's Student's t; in the units of the table."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student
from tables import regression

import distnn
from distnn.data.rows import Rows
from distnn.inference.measures import Seen
from distnn.inference.measures.coverage import Coverage


def test_scipy_finds_the_same() -> None:
    X, Y = regression(60, m=2)
    model = distnn.fit(X, Y * [1, 1000], hidden=(3,), optimizer="bayesian", intervals="all").model
    assert model.certainty is not None
    X, Y = regression(200, m=2, seed=1)
    Y = Y * [1, 1000]
    weights = np.random.default_rng(0).random(200)
    measure = Coverage(model.certainty, model.preparation)
    block = model.preparation.block(Rows(np.arange(200), X, Y), "float64")
    seen = Seen(Rows(np.arange(200), X, Y), block.y, model.outputs(X), weights)
    out = np.zeros(len(measure.sizes))
    measure.write(seen, model.certainty.variances(model.backpropagation(), block), out)
    found = measure.result(out, float(weights.sum()))
    mean, (_, deviation) = model(X), model.deviations(X)
    bounds = model.bounds(X, 0.95)
    for j, name in enumerate(model.preparation.targets):
        within = (bounds[:, j, 2] <= Y[:, j]) & (Y[:, j] <= bounds[:, j, 3])
        assert 0.05 < within.mean() < 1
        assert found[name]["coverage"] == pytest.approx(np.average(within, weights=weights), rel=1e-12)
        density = student(model.certainty.freedom[j], mean[:, j], deviation[:, j]).logpdf(Y[:, j])
        assert found[name]["log_density"] == pytest.approx(np.average(density, weights=weights), rel=1e-9)
