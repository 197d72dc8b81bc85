"""Regression: the bits of `fit` and of the command line, attributes, warm starts, warnings."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from estimators import quiet, regressor
from tables import regression, write_csv

from distnn import UserError, fit, load_model
from distnn.kernels import blas
from distnn.parallel.ranks import OneRank
from distnn.train import main as train_main

pytestmark = quiet

X, Y = regression(200)
y = Y[:, 0]
WEIGHTS = np.random.default_rng(2).random(200)
FAST = {"hidden_layer_sizes": (4,), "solver": "gradient-descent", "max_iter": 5, "random_state": 3, "alpha": 0.0}
SAME = {"hidden": (4,), "optimizer": "gradient-descent", "max_iterations": 5, "seed": 3, "min_gradient": 1e-4}


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_the_bits_of_fit_and_of_the_command_line(weights: Any, tmp_path: Path) -> None:
    ours = regressor(**FAST).fit(X, y, weights)
    theirs = fit(X, y, weights=weights, **SAME)
    np.testing.assert_array_equal(ours.model_.network.w, theirs.model.network.w)
    assert ours.loss_curve_ == [record.E_in for record in theirs.records[1:]]
    columns = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": y} | ({} if weights is None else {"w": weights})
    table = write_csv(tmp_path / "a.csv", columns)
    arguments = ["--data", str(table), "--targets", "y", "--hidden", "4", "--optimizer", "gradient-descent", "--quiet"]
    arguments += ["--max-iterations", "5", "--seed", "3", "--min-gradient", "1e-4", "--out", str(tmp_path / "run")]
    assert train_main(OneRank(), arguments + ([] if weights is None else ["--weights", "w"])) == 0
    np.testing.assert_array_equal(load_model(tmp_path / "run").network.w, ours.model_.network.w)
    np.testing.assert_array_equal(load_model(tmp_path / "run")(X)[:, 0], ours.predict(X))


def test_early_stopping_is_that_of_fit() -> None:
    ours = regressor(**FAST, early_stopping=True, validation_fraction=0.2, n_iter_no_change=7).fit(X, y)
    theirs = fit(X, y, validation=0.2, patience=7, window=7, **SAME)
    np.testing.assert_array_equal(ours.model_.network.w, theirs.model.network.w)
    assert ours.validation_loss_curve_ == [record.E_val for record in theirs.records[1:]]
    assert not hasattr(regressor(**FAST).fit(X, y), "validation_loss_curve_")


def test_attributes() -> None:
    model = regressor(**FAST).fit(X, y)
    assert (model.n_features_in_, model.n_iter_, len(model.loss_curve_)) == (3, 5, 5)
    assert (model.n_layers_, model.n_outputs_, model.out_activation_) == (3, 1, "identity")
    assert model.loss_ == model.loss_curve_[-1] == model.records_[-1].E_in
    assert model.best_loss_ == min(model.loss_curve_)
    assert model.reason_ == "t >= 5"
    assert model.predict(X).shape == (200,)
    assert not hasattr(model, "feature_names_in_")


def test_several_targets() -> None:
    X, Y = regression(100, m=2)
    model = regressor(hidden_layer_sizes=(8,), max_iter=30, random_state=0).fit(X, Y)
    assert model.predict(X).shape == (100, 2)
    assert model.score(X, Y) > 0.5


def test_a_warm_start_goes_on() -> None:
    """Twice two iterations are four; on other rows the first prediction is that of the model before."""
    twice = regressor(**{**FAST, "max_iter": 2}, warm_start=True)
    twice.fit(X, y).fit(X, y)
    np.testing.assert_array_equal(twice.coefs_[0], regressor(**{**FAST, "max_iter": 4}).fit(X, y).coefs_[0])
    before = twice.predict(X)
    twice.set_params(max_iter=0).fit(X[:50], y[:50] * 2)
    np.testing.assert_allclose(twice.predict(X), before, rtol=1e-12)
    with pytest.raises(ValueError, match="architecture"):
        twice.set_params(hidden_layer_sizes=(5,)).fit(X, y)
    with pytest.raises(ValueError, match=r"^warm_start and members both say what weights to begin with"):
        twice.set_params(hidden_layer_sizes=(4,), members=2).fit(X, y)


def test_a_warm_start_draws_no_weights() -> None:
    twice = regressor(**{**FAST, "max_iter": 2}, warm_start=True, sigma=0.1).fit(X, y).fit(X, y)
    four = regressor(**{**FAST, "max_iter": 4}, sigma=0.1).fit(X, y)
    np.testing.assert_array_equal(twice.coefs_[0], four.coefs_[0])


def test_random_states() -> None:
    def weights(random_state: Any) -> np.ndarray:
        model = regressor(**{**FAST, "max_iter": 0, "random_state": random_state}).fit(X, y)
        return model.model_.network.w

    assert np.array_equal(weights(4), weights(np.int64(4)))
    generator = np.random.RandomState(4)
    first, second = weights(generator), weights(generator)
    assert not np.array_equal(first, second), "one generator, drawn from twice"
    assert np.array_equal(first, weights(np.random.RandomState(4)))
    np.random.seed(4)  # noqa: NPY002 - None draws from numpy's old generator
    assert np.array_equal(first, weights(None))
    assert not np.array_equal(first, weights(None))


def test_verbose(capsys: pytest.CaptureFixture) -> None:
    quiet = regressor(**FAST).fit(X, y)
    assert capsys.readouterr().out == ""
    model = regressor(**FAST, verbose=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"Iteration 5, loss = {model.loss_:.8f}" and len(lines) == 6
    np.testing.assert_array_equal(model.coefs_[0], quiet.coefs_[0])


LIMITS = [{"max_iter": 3}, {"max_iter": 9, "max_evaluations": 2}, {"stop": "seconds >= 0 or E_in < 0"}]
DONE = [{"goal": 1e9}, {"tol": 1e9}]


@pytest.mark.parametrize("given", LIMITS, ids=str)
def test_a_training_that_was_cut_off(given: dict[str, Any]) -> None:
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning, match="^Stopped because ") as caught:
        regressor(**{**FAST, **given}).fit(X, y)
    assert caught[0].filename == __file__, "where fit was called"


@pytest.mark.parametrize("given", DONE, ids=str)
def test_a_training_that_was_done(given: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor(**{**FAST, **given}).fit(X, y)


def test_a_training_that_diverged_keeps_finite_weights() -> None:
    from sklearn.exceptions import ConvergenceWarning

    model = regressor(**{**FAST, "max_iter": 900}, activation="relu", learning_rate_init=1e4)
    with pytest.warns(ConvergenceWarning, match="no longer finite.*a smaller learning_rate_init than .*solver, one"):
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()


def test_threads_of_BLAS_are_given_back() -> None:
    before = blas.library()["num_threads"]
    with blas.limited_threads(2):
        regressor(**FAST).fit(X, y).predict(X)
        assert blas.library()["num_threads"] == 2
    assert blas.library()["num_threads"] == before


def test_not_fitted_and_other_columns() -> None:
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        regressor().predict(X)
    with pytest.raises(ValueError, match="2 features, but MLPRegressor is expecting 3"):
        regressor(**FAST).fit(X, y).predict(X[:, :2])


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    regressor(**FAST).fit(X, y).predict(X)
    assert list(tmp_path.iterdir()) == []


def test_deviations_of_new_observations() -> None:
    """Those of the model; in one dimension where y had one. Without intervals, a sentence in the estimators' words."""
    made = {"hidden_layer_sizes": (2,), "solver": "bayesian", "random_state": 3}
    ours = regressor(**made, intervals="all").fit(X, y)
    mean, deviation = ours.predict(X[:5], return_std=True)
    np.testing.assert_array_equal(mean, ours.predict(X[:5]))
    np.testing.assert_array_equal(deviation, ours.model_.deviations(X[:5])[1][:, 0])
    assert regressor(**made, intervals="last").fit(X, y).predict(X[:5], return_std=True)[1].shape == (5,)
    two = np.column_stack([y, y**2])
    assert regressor(**made, intervals="all").fit(X, two).predict(X[:5], return_std=True)[1].shape == (5, 2)
    with pytest.raises(UserError, match="train it with --intervals all"):
        regressor(**made).fit(X, y).predict(X, return_std=True)


def test_what_a_mask_hides_is_no_value() -> None:
    """scikit-learn's own estimators train on it."""
    masked = np.ma.masked_less(np.arange(20), 3)
    x, y = np.arange(20.0)[:, None], np.arange(20.0)
    for inputs, targets in ((masked[:, None], y), (x, masked)):
        with pytest.raises(ValueError, match="contains NaN"):
            regressor().fit(inputs, targets)
    fitted = regressor(max_iter=1).fit(np.ma.array(x), y)
    with pytest.raises(ValueError, match="contains NaN"):
        fitted.predict(masked[:, None])
