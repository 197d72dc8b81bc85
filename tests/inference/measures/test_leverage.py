"""Leverages and the error with each row left out, against real refits without it."""

from __future__ import annotations

import numpy as np
import pytest
from tables import regression

import distnn
from distnn.data.rows import Rows
from distnn.inference.measures import Seen
from distnn.inference.measures.leverage import Leverage
from distnn.inference.model import Model


def measured(model: Model, X: np.ndarray, Y: np.ndarray, weights: np.ndarray | None = None) -> tuple[dict, np.ndarray]:
    """What is found by target, and h."""
    assert model.certainty is not None
    exponent = 0 if weights is None else -4
    scaled = np.ones(len(X)) if weights is None else np.ldexp(weights, exponent)
    rows = Rows(np.arange(len(X)), X, Y)
    block = model.preparation.block(rows, "float64")
    measure = Leverage(model.certainty, model.preparation, exponent)
    seen = Seen(rows, block.y, model.outputs(X), scaled)
    variances = model.certainty.variances(model.backpropagation(), block)
    out = np.zeros(len(measure.sizes))
    measure.write(seen, variances, out)
    return measure.result(out, float(scaled.sum())), measure.of(seen, variances)


@pytest.mark.parametrize("weighted", [False, True])
def test_without_hidden_layers_it_is_what_refits_give(weighted: bool) -> None:
    X, Y = regression(12, m=2)
    c = np.random.default_rng(0).uniform(0.5, 2, 12) if weighted else np.ones(12)
    weights = c if weighted else None
    options = {"hidden": (), "optimizer": "levenberg-marquardt"}
    found, h = measured(distnn.fit(X, Y, weights=weights, intervals="all", **options).model, X, Y, weights)
    residuals = []
    for i in range(12):
        rest = np.arange(12) != i
        refit = distnn.fit(X[rest], Y[rest], weights=None if weights is None else weights[rest], **options).model
        residuals.append(refit(X[[i]])[0] - Y[i])
    expected = np.sqrt(np.average(np.square(residuals), axis=0, weights=c))
    for j, name in enumerate(found):
        assert found[name]["left_out_rmse"] == pytest.approx(expected[j], rel=1e-8)
        assert found[name]["gamma"] == pytest.approx(4, rel=1e-9)
    hat = np.column_stack([np.ones(12), X])
    hat = hat @ np.linalg.inv(hat.T @ (c[:, None] * hat)) @ hat.T * c
    np.testing.assert_allclose(h, [hat.diagonal()] * 2, rtol=1e-9)


def test_a_row_has_its_share_in_the_mean_of_the_targets() -> None:
    """Without it the mean is that of the others, which is all that a straight line without slopes knows."""
    X, Y = regression(12)
    options = {"hidden": (), "optimizer": "lbfgs", "weight_decay": 1e9}
    found, h = measured(distnn.fit(X, Y, intervals="all", **options).model, X, Y)
    np.testing.assert_allclose(h, 1 / 12, rtol=1e-6)
    others = (Y.sum() - Y) / 11
    assert found["y"]["left_out_rmse"] == pytest.approx(np.sqrt(np.square(Y - others).mean()), rel=1e-6)


def test_of_hidden_layers_it_is_near_what_refits_give() -> None:
    """Bayesian refits, which begin at the weights of all rows, for the rows with the largest leverages."""
    generator = np.random.default_rng(1)
    X = generator.uniform(-1, 1, (60, 1))
    Y = np.sin(3 * X) + 0.1 * generator.normal(size=(60, 1))
    options = {"hidden": (2,), "optimizer": "bayesian"}
    model = distnn.fit(X, Y, intervals="all", **options).model
    found, h = measured(model, X, Y)
    gamma = distnn.fit(X, Y, **options).records[-1].gamma  # in which the bias of the output counts for less than 1
    assert gamma < found["y"]["gamma"] < gamma + 1
    own = (model(X) - Y)[:, 0]
    for i in np.argsort(-h[0])[:5]:
        rest = np.arange(60) != i
        refit = distnn.fit(X[rest], Y[rest], start=model, **options).model
        left_out = float(refit(X[[i]])[0, 0] - Y[i, 0])
        assert left_out == pytest.approx(own[i] / (1 - h[0, i]), rel=0.25, abs=0.01)


def test_a_row_that_alone_determines_a_weight_leaves_it_unknown() -> None:
    measure = Leverage.__new__(Leverage)
    measure.names, measure.deviation = ("y",), np.ones(1)
    assert measure.result(np.array([np.inf, 2.0]), 3.0) == {"y": {"left_out_rmse": None, "gamma": 2.0}}
