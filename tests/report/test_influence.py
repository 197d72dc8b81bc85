"""Permutation importance and partial dependence, against scikit-learn's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reporting import subject
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.inspection import partial_dependence as theirs_of
from sklearn.inspection import permutation_importance as theirs_by
from sklearn.metrics import accuracy_score, r2_score

from distnn import load_model
from distnn.report import influence
from distnn.report.influence import partial_dependence, permutation_importance, places, score


class Regressor(RegressorMixin, BaseEstimator):
    """A model as scikit-learn wants it."""

    def __init__(self, model: Any = None):
        self.model, self.fitted_ = model, True

    def fit(self, X: Any, y: Any) -> Regressor:
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model(X)


class Classifier(ClassifierMixin, BaseEstimator):
    """The same of a classifier, whose classes are numbers."""

    def __init__(self, model: Any = None):
        self.model, self.fitted_, self.classes_ = model, True, np.arange(3)

    def fit(self, X: Any, y: Any) -> Classifier:
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.model.preparation.classes.decode(self.model.outputs(X))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return self.model.outputs(X).T


@pytest.mark.parametrize(("name", "kind"), [("numbers", Regressor), ("words", Classifier)])
def test_against_scikit_learn(name: str, kind: Any, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, found = load_model(trained / name), subject(trained / name).predictions
    assert found is not None
    X, answers = found.inputs, found.answers
    monkeypatch.setattr(influence, "REPEATS", 60)
    score, falls = permutation_importance(model, X, answers)
    estimator = kind(model)
    assert score == pytest.approx(estimator.score(X, answers), rel=1e-12)
    theirs = theirs_by(estimator, X, answers, n_repeats=60, random_state=0)
    error = np.sqrt((falls.var(axis=1) + theirs.importances.var(axis=1)) / 60)
    assert (np.abs(falls.mean(axis=1) - theirs.importances_mean) < 4 * error).all()
    for j in range(len(falls)):
        curve = partial_dependence(model, j, X)
        expected = theirs_of(
            estimator, X, [j], kind="average", method="brute", custom_values={j: curve.values},
            **({"response_method": "predict_proba"} if kind is Classifier else {}),
        )  # fmt: skip
        np.testing.assert_allclose(curve.mean.T, expected["average"], rtol=1e-10)
        low, high = np.quantile(X[:, j], [0.05, 0.95])
        np.testing.assert_allclose(curve.values[[0, -1]], [low, high])


def test_scores() -> None:
    generator = np.random.default_rng(0)
    true, predicted = generator.normal(size=(2, 50, 3))
    assert score(true, predicted) == pytest.approx(r2_score(true, predicted))
    true, predicted = generator.integers(0, 3, (2, 50))
    assert score(true, predicted) == accuracy_score(true, predicted)


def test_a_column_of_words_is_tried_word_by_word_and_as_a_whole(trained: Path) -> None:
    found = subject(trained / "hostile")
    assert found.influence is not None and found.model is not None and found.predictions is not None
    model, X = found.model, found.predictions.inputs
    words = model.preparation.encodings[1].categories
    assert places(model) == [slice(0, 2), slice(2, 5)]  # a number and where it is missing; three words
    curve = partial_dependence(model, 1, X)
    assert curve.is_of_words and tuple(curve.values) == words
    for word, mean in zip(words, curve.mean[:, 0], strict=True):
        numbers = [None if missing else value for value, missing in X[:, :2].tolist()]
        frame = np.array([[number, word] for number in numbers], object)
        assert mean == pytest.approx(model(frame).mean(), rel=1e-10)
    number = next(curve for curve in found.influence.curves if not curve.is_of_words)
    frame = np.array([[number.values[3], word] for word in np.array(words)[X[:, 2:].argmax(axis=1)]], object)
    assert number.mean[3, 0] == pytest.approx(model(frame).mean(), rel=1e-10)


def test_networks_of_any_size_are_tried_on_as_many_rows_as_time_allows(trained: Path) -> None:
    found = subject(trained / "numbers")
    assert found.influence is not None and found.predictions is not None
    assert found.influence.rows == len(found.predictions.inputs)
    assert influence._affordable(10_000, 1e4) == 10_000
    assert influence._affordable(10_000, 4e8) == 1000
    assert influence._affordable(10_000, 1e12) == influence.FEWEST
    assert influence._affordable(7, 1e12) == 7
