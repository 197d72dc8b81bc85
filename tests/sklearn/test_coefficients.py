"""coefs_ and intercepts_ are for inputs as they are: in scikit-learn's own estimator they give the same predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from estimators import classifier, quiet, regressor
from tables import regression, words

pytestmark = quiet


def theirs(ours: Any, X: np.ndarray, y: np.ndarray) -> Any:
    """scikit-learn's estimator of the same name, with our weights."""
    import sklearn.neural_network

    kind = getattr(sklearn.neural_network, type(ours).__name__)
    estimator = kind(hidden_layer_sizes=ours.hidden_layer_sizes, activation=ours.activation, max_iter=1)
    estimator.fit(X, y)
    assert [W.shape for W in estimator.coefs_] == [W.shape for W in ours.coefs_]
    assert [b.shape for b in estimator.intercepts_] == [b.shape for b in ours.intercepts_]
    estimator.coefs_, estimator.intercepts_ = ours.coefs_, ours.intercepts_
    return estimator


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
@pytest.mark.parametrize("m", [1, 2])
def test_regression(activation: str, m: int) -> None:
    X, Y = regression(100, m=m)
    X[:, 1] = 4  # constant
    y = Y if m > 1 else Y[:, 0]
    ours = regressor(hidden_layer_sizes=(5, 4), activation=activation, max_iter=5, random_state=0).fit(X, y)
    estimator = theirs(ours, X, y)
    np.testing.assert_allclose(estimator.predict(X), ours.predict(X), rtol=1e-10)
    assert not np.shares_memory(ours.coefs_[0], ours.model_.network.w)


def test_classes() -> None:
    X, y = words(100)
    ours = classifier(hidden_layer_sizes=(5,), max_iter=20, random_state=0).fit(X + [0, 100], y)
    estimator = theirs(ours, X, y)
    np.testing.assert_allclose(estimator.predict_proba(X + [0, 100]), ours.predict_proba(X + [0, 100]), rtol=1e-8)
