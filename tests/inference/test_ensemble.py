"""Several models as one: means, spreads and intervals, against numpy on the members' own predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

import distnn
from distnn.data.tables import ArraySource
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.ensemble import Ensemble
from distnn.inference.evaluation import evaluate
from distnn.inference.export import export
from distnn.inference.stored import load_model
from distnn.parallel.ranks import OneRank

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(80, 2))
Y = np.column_stack([np.sin(X[:, 0]) + 7, 100 * X[:, 1] ** 2]) + 0.1 * GENERATOR.normal(size=(80, 2))
KINDS = np.where(X[:, 0] + X[:, 1] ** 2 + GENERATOR.normal(size=80) > 1, "warm", "cold")


def members(targets: np.ndarray, count: int = 3, **options: object) -> list[distnn.Model]:
    given = {"hidden": (3,), "max_iterations": 20, "weight_decay": 1e-3, **options}
    return [distnn.fit(X, targets, seed=seed, **given).model for seed in range(count)]


def test_its_prediction_is_the_mean_and_its_spread_the_deviation() -> None:
    own = members(Y)
    ensemble, each = Ensemble.of(own), np.array([model(X) for model in own])
    np.testing.assert_allclose(ensemble(X), each.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(ensemble.spread(X), each.std(axis=0, ddof=1), rtol=1e-10)
    mean, deviation = ensemble.predict(X, return_std=True)
    np.testing.assert_array_equal((mean, deviation), (ensemble(X), ensemble.spread(X)))
    np.testing.assert_allclose(ensemble.derivative(X), np.mean([model.derivative(X) for model in own], axis=0))


def test_intervals_hold_both_what_members_say_and_what_they_differ_by() -> None:
    own = members(Y, intervals="all")
    ensemble = Ensemble.of(own)
    within = np.array([model.deviations(X) for model in own]) ** 2  # members × (function, observation) × rows × targets
    between = np.array([model(X) for model in own]).var(axis=0, ddof=1)
    expected = np.sqrt(within.mean(axis=0) + between)
    np.testing.assert_allclose(np.array(ensemble.deviations(X)), expected, rtol=1e-9)
    low, high = ensemble.bounds(X, 0.95)[:, 0, :2].T
    fewest = min(model.certainty.freedom[0] for model in own if model.certainty is not None)
    np.testing.assert_allclose((high - low) / 2, student.ppf(0.975, fewest) * expected[0][:, 0], rtol=1e-9)


def test_a_spread_does_not_pass_for_intervals_that_the_rows_did_not_allow() -> None:
    with pytest.warns(UserWarning, match="without intervals"):
        own = members(np.hstack([X, X]), 2, hidden=(), weight_decay=0.0, intervals="all")  # without noise
    with pytest.raises(UserError, match="without intervals"):
        Ensemble.of(own).predict(X, return_std=True)


@pytest.mark.parametrize("output_theta", ["softmax", "logistic"])
def test_classes_are_those_of_the_mean_probabilities(output_theta: str) -> None:
    own = members(KINDS, output_theta=output_theta, error="cross-entropy", classes=True)
    ensemble = Ensemble.of(own)
    mean = np.mean([model(X) for model in own], axis=0)
    np.testing.assert_allclose(ensemble(X), mean, rtol=1e-13)
    found = evaluate(Application.of(ensemble, ArraySource(X, KINDS, None, OneRank()), OneRank(), True), "all")
    warm = mean[:, -1] if mean.shape[1] == 2 else mean[:, 0]
    p = np.where(KINDS == "warm", warm, 1 - warm)
    assert found["E"] == pytest.approx(-np.log(p).mean(), rel=1e-12)
    assert found["right"] == np.mean(ensemble.classify(X) == KINDS)
    with pytest.raises(UserError, match="ensemble of classes has no intervals"):
        ensemble.bounds(X)


def test_its_error_is_that_of_the_mean() -> None:
    ensemble = Ensemble.of(members(Y))
    found = evaluate(Application.of(ensemble, ArraySource(X, Y, None, OneRank()), OneRank(), True), "all")
    residual = ensemble(X) - Y
    assert found["E"] == pytest.approx(np.square(residual / Y.std(axis=0)).sum(axis=1).mean(), rel=1e-12)
    assert [*found["targets"].values()][1]["rmse"] == pytest.approx(np.sqrt(np.mean(residual[:, 1] ** 2)), rel=1e-12)


@pytest.mark.parametrize("intervals", [None, "all"])
def test_a_file_holds_it(intervals: str | None, tmp_path: Path) -> None:
    ensemble = Ensemble.of(members(Y, intervals=intervals))
    ensemble.save(tmp_path / "model.safetensors")
    found = load_model(tmp_path)
    assert isinstance(found, Ensemble)
    np.testing.assert_array_equal(found(X), ensemble(X))
    np.testing.assert_array_equal(found.spread(X), ensemble.spread(X))
    if intervals:
        np.testing.assert_array_equal(found.bounds(X), ensemble.bounds(X))


def test_what_it_cannot_do_is_said(tmp_path: Path) -> None:
    own = members(Y)
    with pytest.raises(UserError, match="export a member"):
        export(Ensemble.of(own), "json", tmp_path / "x")
    with pytest.raises(UserError, match="that is an ensemble of 3 models"):
        distnn.fit(X, Y, start=Ensemble.of(own), hidden=(3,))
    with pytest.raises(UserError, match="one architecture and one preparation"):
        Ensemble.of([*own, distnn.fit(X[:50], Y[:50], hidden=(3,), max_iterations=2).model])
