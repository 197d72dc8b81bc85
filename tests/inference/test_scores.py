"""Probabilities, scores and `predict` of models: as scikit-learn computes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score
from tables import regression, words

from distnn import UserError, fit, load_model
from distnn.inference.scores import as_probabilities, r_squared


def test_numbers() -> None:
    X, Y = regression(300)
    Y = np.hstack([Y, X[:, :1] ** 2])
    found = fit(X, Y, hidden=4, max_iterations=5)
    np.testing.assert_array_equal(found.predict(X), found.model(X))
    assert found.score(X, Y) == pytest.approx(r2_score(Y, found(X)), rel=1e-12)
    assert found.score(X[:9], Y[:9]) == found.model.score(X[:9], Y[:9])
    with pytest.raises(UserError, match="X has 9 rows and Y 8"):
        found.score(X[:9], Y[:8])
    with pytest.raises(UserError, match=r"Y has the shape \(9, 1\); the predictions for X have \(9, 2\)"):
        found.score(X[:9], Y[:9, 0])
    with pytest.raises(UserError, match="which have no probabilities"):
        found.predict_proba(X)
    for gap in (np.where(np.arange(300)[:, None] == 7, np.nan, Y), np.ma.array(Y, mask=np.arange(600) // 2 == 7)):
        with pytest.raises(UserError, match="Y lacks a value in row 7: leave such rows out of X and Y"):
            found.score(X, gap)


@pytest.mark.parametrize("constant", [1.0, 2.0])
def test_a_constant_target(constant: float) -> None:
    Y, found = np.ones((4, 1)), np.full((4, 1), constant)
    assert r_squared(found, Y) == r2_score(Y, found)


@pytest.mark.parametrize("kind", ["words", "integers", "booleans", "numbers"])
@pytest.mark.parametrize("output_theta", ["softmax", "logistic"])
def test_classes(kind: str, output_theta: str) -> None:
    X, Z = words(300)
    Y = {
        "words": Z,
        "integers": np.unique(Z, return_inverse=True)[1] - 1,
        "booleans": Z == "pear",
        "numbers": np.unique(Z, return_inverse=True)[1] + 0.5,
    }[kind]
    found = fit(X, Y, classes=True, output_theta=output_theta, hidden=8, optimizer="lbfgs", max_iterations=60)
    labels = found.predict(X)
    assert set(labels) <= set(Y) and labels.dtype.kind == Y.dtype.kind
    assert found.score(X, Y) == np.mean(labels == Y) > 0.6
    chances = found.predict_proba(X)
    np.testing.assert_allclose(chances.sum(axis=1), 1)
    np.testing.assert_array_equal(np.unique(Y)[chances.argmax(axis=1)], labels)


def test_outputs_that_are_no_probabilities() -> None:
    X, Z = words(300)
    found = fit(X, Z, output_theta="tanh", error="squared", hidden=4, max_iterations=2)
    with pytest.raises(UserError, match=r"\(tanh, squared error\) are no probabilities"):
        found.predict_proba(X)
    assert found.score(X, Z) == accuracy_score(Z, found.predict(X))


def test_logistic_outputs_are_divided_by_their_sum() -> None:
    outputs = np.array([[0.2, 0.2, 0.4], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(as_probabilities(outputs, "logistic"), [[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]])
    np.testing.assert_allclose(as_probabilities(np.array([[0.3]]), "logistic"), [[0.7, 0.3]])


def test_saved_and_loaded(tmp_path: Path) -> None:
    X, Y = regression(50)
    found = fit(X, Y, hidden=2, max_iterations=1)
    found.save(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(load_model(tmp_path / "model.safetensors").predict(X), found.predict(X))


def test_labels_of_another_kind() -> None:
    X, Y = words(300)
    classes, numbers = fit(X, Y, max_iterations=1), fit(X, X[:, 0], hidden=2, max_iterations=1)
    with pytest.raises(UserError, match="none of the model's classes, apple, pear, plum: its first label is 3"):
        classes.score(X, np.full(300, 3))
    with pytest.raises(UserError, match="Y holds plum, and the model was trained on numbers"):
        numbers.score(X, ["plum"] * 300)
    with pytest.raises(UserError, match="X has 300 rows and Y none"):
        numbers.score(X, None)
    for columns in (2, 4):
        with pytest.raises(
            UserError, match=rf"Y has the shape \(300, {columns}\): give labels, or a column for each of 3"
        ):
            classes.score(X, np.ones((300, columns)))
    for model, targets in ((classes, Y), (numbers, X)):
        with pytest.raises(UserError, match="X and Y have no rows"):
            model.score(X[:0], targets[:0])
    assert classes.score(X[:2], [Y[0], "no class"]) in (0, 0.5)
    assert classes.score(X, np.eye(3)[np.unique(Y, return_inverse=True)[1]]) == classes.score(X, Y)


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    found = fit(*regression(50), hidden=2, max_iterations=1)
    with pytest.raises(UserError, match=r"nowhere/m cannot be written: No such file or directory\.$"):
        found.save(tmp_path / "nowhere/m")
