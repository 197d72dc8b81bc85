"""Classes: labels of any type, probabilities, the bits of `fit` and of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from estimators import classifier, quiet
from tables import words, write_csv

from distnn import UserError, fit, load_model
from distnn.parallel.ranks import OneRank
from distnn.train import main as train_main

pytestmark = quiet

X, NAMES = words(200)
FAST = {"hidden_layer_sizes": (4,), "max_iter": 5, "random_state": 3, "alpha": 0.0}
GOOD = {**FAST, "hidden_layer_sizes": (16,), "max_iter": 60}
SAME = {"hidden": (4,), "fit_exactly": True, "max_iterations": 5, "seed": 3, "min_gradient": 1e-4}


def test_the_bits_of_fit_and_of_the_command_line(tmp_path: Path) -> None:
    ours = classifier(**FAST).fit(X, NAMES)
    theirs = fit(X, NAMES, **SAME).model
    np.testing.assert_array_equal(ours.model_.network.w, theirs.network.w)
    table = write_csv(tmp_path / "a.csv", {"a": X[:, 0], "b": X[:, 1], "class": NAMES})
    arguments = [
        "--data",
        str(table),
        "--hidden",
        "4",
        "--max-iterations",
        "5",
        "--seed",
        "3",
        "--quiet",
        "--fit-exactly",
    ]
    assert train_main(OneRank(), [*arguments, "--min-gradient", "1e-4", "--out", str(tmp_path / "run")]) == 0
    model = load_model(tmp_path / "run")
    np.testing.assert_array_equal(model.network.w, ours.model_.network.w)
    np.testing.assert_array_equal(model.classify(X), ours.predict(X))
    np.testing.assert_array_equal(model(X), ours.predict_proba(X))


LABELS = {
    "words": NAMES,
    "objects": NAMES.astype(object),
    "integers": np.searchsorted(np.unique(NAMES), NAMES) * 7 - 3,
    "bytes": (np.searchsorted(np.unique(NAMES), NAMES) * 7).astype(np.int8),
    "floats": np.searchsorted(np.unique(NAMES), NAMES) * 1.0,
    "booleans": NAMES == "plum",
    "words that are numbers": np.array(["10", "9", "08"])[np.searchsorted(np.unique(NAMES), NAMES)],
    "words with spaces": np.array([" a", "a", ""])[np.searchsorted(np.unique(NAMES), NAMES)],
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_type(kind: str) -> None:
    y = LABELS[kind]
    model = classifier(**GOOD).fit(X, y)
    assert model.predict(X).dtype == y.dtype == model.classes_.dtype
    np.testing.assert_array_equal(model.classes_, np.unique(y))
    assert model.score(X, y) > 0.7
    probabilities = model.predict_proba(X)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(model.predict_log_proba(X), np.log(probabilities))


def test_labels_of_pandas() -> None:
    import pandas

    frame = pandas.DataFrame(X, columns=["a", "b"])
    model = classifier(**FAST).fit(frame, pandas.Series(NAMES, dtype="category"))
    assert model.feature_names_in_.tolist() == ["a", "b"]
    assert set(model.predict(frame)) <= {"apple", "pear", "plum"}


@pytest.mark.parametrize("kind", ["words", "integers", "floats", "booleans"])
def test_the_stored_model_has_the_labels_as_names(kind: str, tmp_path: Path) -> None:
    model = classifier(**FAST).fit(X, LABELS[kind])
    model.model_.save(tmp_path / "model")
    stored = load_model(tmp_path / "model")
    np.testing.assert_array_equal(stored.classify(X), model.predict(X))


def test_a_class_whose_rows_have_no_weight() -> None:
    model = classifier(**FAST).fit(X, NAMES, NAMES != "pear")
    assert model.classes_.tolist() == ["apple", "pear", "plum"]
    probabilities = model.predict_proba(X)
    assert not probabilities[:, 1].any()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert set(model.predict(X)) <= {"apple", "plum"}


@pytest.mark.parametrize("many", [True, False])
def test_logistic_outputs(many: bool) -> None:
    y = NAMES if many else NAMES == "plum"
    model = classifier(**GOOD, output_theta="logistic").fit(X, y)
    assert model.n_outputs_ == (3 if many else 1)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[model.predict_proba(X).argmax(axis=1)], model.predict(X))
    assert model.score(X, y) > 0.7


def test_outputs_that_are_no_probabilities() -> None:
    """The lecture's: tanh and the squared error."""
    model = classifier(**GOOD, error="squared").fit(X, NAMES)
    assert not hasattr(model, "predict_proba") and not hasattr(model, "predict_log_proba")
    assert model.out_activation_ == "tanh" and model.score(X, NAMES) > 0.7


def test_a_warm_start_goes_on() -> None:
    y = LABELS["integers"]
    given: dict[str, Any] = {**FAST, "solver": "gradient-descent"}
    twice = classifier(**{**given, "max_iter": 2}, warm_start=True)
    twice.fit(X, y).fit(X, y)
    once = classifier(**{**given, "max_iter": 4}).fit(X, y)
    np.testing.assert_array_equal(twice.coefs_[0], once.coefs_[0])
    with pytest.raises(ValueError, match="other classes"):
        twice.fit(X, y + 1)


@pytest.mark.parametrize(
    ("y", "sentence"), [(X[:, 0], "Unknown label type"), (NAMES == "kiwi", "one class only, False")]
)
def test_what_are_no_classes(y: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        classifier(**FAST).fit(X, y)


def test_probabilities_that_are_averaged_over_the_weights() -> None:
    """Those of the model, of one logistic output, too, and without intervals a sentence."""
    ours = classifier(**FAST, intervals="all").fit(X, NAMES)
    np.testing.assert_array_equal(ours.predict_proba(X, averaged=True), ours.model_.probabilities(X))
    two = classifier(**FAST, intervals="last", output_theta="logistic").fit(X, NAMES == "plum")
    second = two.model_.probabilities(X)
    np.testing.assert_array_equal(two.predict_proba(X, averaged=True), np.hstack([1 - second, second]))
    with pytest.raises(UserError, match="train it with --intervals all"):
        classifier(**FAST).fit(X, NAMES).predict_proba(X, averaged=True)
