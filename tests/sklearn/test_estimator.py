"""What both estimators have in common: scikit-learn's tools take them as its own."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
import pytest
from estimators import classifier, quiet, regressor
from tables import regression, words

pytestmark = quiet
X, Y = regression(60)
y = Y[:, 0]
XC, NAMES = words(90)
FAST = {"hidden_layer_sizes": (4,), "max_iter": 10, "random_state": 0}
GOOD = {**FAST, "hidden_layer_sizes": (12,), "max_iter": 60}


def test_clone() -> None:
    from sklearn.base import clone

    fitted = regressor(**FAST, learning_rate_init=0.5, solver="gradient-descent").fit(X, y)
    twin = clone(fitted)
    assert twin.get_params() == fitted.get_params() and not hasattr(twin, "model_")
    np.testing.assert_array_equal(twin.fit(X, y).predict(X), fitted.predict(X))


@pytest.mark.parametrize("kind", ["pickle", "joblib"])
def test_stored(kind: str) -> None:
    """A copy predicts the same, and goes on from its weights."""
    import joblib

    module: Any = {"pickle": pickle, "joblib": joblib}[kind]
    for fitted, X_, y_ in ((regressor(**FAST).fit(X, y), X, y), (classifier(**FAST).fit(XC, NAMES), XC, NAMES)):
        file = io.BytesIO()
        module.dump(fitted, file)
        file.seek(0)
        copy = module.load(file)
        np.testing.assert_array_equal(copy.predict(X_), fitted.predict(X_))
        again = [estimator.set_params(warm_start=True).fit(X_, y_).coefs_[0] for estimator in (copy, fitted)]
        np.testing.assert_array_equal(*again)


def test_repr_shows_what_was_changed() -> None:
    assert repr(regressor(**FAST)) == "MLPRegressor(hidden_layer_sizes=(4,), max_iter=10, random_state=0)"
    assert "MLPRegressor" in regressor(**FAST).fit(X, y)._repr_html_()


def test_a_pipeline_and_set_output() -> None:
    import pandas
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    pipeline = make_pipeline(StandardScaler(), regressor(**GOOD)).set_output(transform="pandas").fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == ["a", "b", "c"]
    assert pipeline.score(frame, y) > 0.5
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline[-1].predict(frame.rename(columns={"a": "z"}))


def test_the_model_goes_to_the_command_line_with_the_names_of_the_columns(tmp_path: Any) -> None:
    import pandas

    from distnn import load_model

    fitted = regressor(**FAST).fit(pandas.DataFrame(X, columns=["a", "b", "c"]), pandas.Series(y, name="lift"))
    fitted.model_.save(tmp_path / "model")
    stored = load_model(tmp_path / "model")
    assert stored.preparation.inputs == ("a", "b", "c")
    np.testing.assert_array_equal(stored(X)[:, 0], fitted.predict(X))


def test_a_search_of_a_grid() -> None:
    from sklearn.model_selection import GridSearchCV

    grid = {"hidden_layer_sizes": [(), (8,)], "alpha": [0.0, 1.0]}
    search = GridSearchCV(regressor(**{**GOOD, "max_iter": 20}), grid, cv=2).fit(X, y)
    assert search.best_params_["hidden_layer_sizes"] == (8,)
    assert search.best_estimator_.predict(X).shape == (60,)


def test_cross_validation_and_importance() -> None:
    from sklearn.inspection import permutation_importance
    from sklearn.model_selection import cross_val_score

    assert cross_val_score(classifier(**GOOD), XC, NAMES, cv=2).shape == (2,)
    Z = np.column_stack([XC, np.random.default_rng(0).normal(size=90)])
    fitted = classifier(**GOOD).fit(Z, NAMES, np.ones(90))
    importance = permutation_importance(fitted, Z, NAMES, n_repeats=3, random_state=0).importances_mean
    assert importance[:2].min() > importance[2]


def test_calibrated_probabilities() -> None:
    from sklearn.calibration import CalibratedClassifierCV

    calibrated = CalibratedClassifierCV(classifier(**GOOD), cv=2).fit(XC, NAMES)
    np.testing.assert_allclose(calibrated.predict_proba(XC).sum(axis=1), 1)
    assert calibrated.score(XC, NAMES) > 0.6


@pytest.mark.usefixtures("routing")
def test_weights_are_routed() -> None:
    """Through a search to fit and to score, as asked."""
    from sklearn.model_selection import GridSearchCV

    weights = np.arange(60.0)
    asked = regressor(**FAST).set_fit_request(sample_weight=True).set_score_request(sample_weight=False)
    search = GridSearchCV(asked, {"max_iter": [5]}, cv=2).fit(X, y, sample_weight=weights)
    expected = regressor(**{**FAST, "max_iter": 5}).fit(X, y, weights)
    np.testing.assert_array_equal(search.best_estimator_.coefs_[0], expected.coefs_[0])
    refused = regressor(**FAST).set_fit_request(sample_weight=False).set_score_request(sample_weight=False)
    plain = GridSearchCV(refused, {"max_iter": [5]}, cv=2)
    with pytest.raises(TypeError, match="sample_weight"):
        plain.fit(X, y, sample_weight=weights)
