"""Predictions of a table, row by row, against the model itself; which of them are shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from reporting import subject, train

from distnn import load_model
from distnn.data.sampling import for_test, held_out


def test_predictions_of_the_rows_that_were_kept_for_the_test(trained: Path) -> None:
    table = np.loadtxt(trained / "numbers.csv", delimiter=",", skiprows=1)
    model = load_model(trained / "numbers")
    found = subject(trained / "numbers").predictions
    assert found is not None and found.which == "test"
    held = for_test(4, load_model(trained / "numbers").held_out["test"], np.arange(len(table))) & (table[:, 3] > 0)
    assert found.numbers.tolist() == np.flatnonzero(held).tolist()
    np.testing.assert_allclose(found.true, table[held, 4:], rtol=1e-14)
    np.testing.assert_allclose(found.predicted, model(table[held, :3]), rtol=1e-12)
    assert found.weights is not None and found.weights.tolist() == table[held, 3].tolist()
    assert found.thinned == f"{held.sum():,} rows kept for the test of the table's 2,500"
    np.testing.assert_array_equal(found.inputs, table[held, :3])
    np.testing.assert_array_equal(found.answers, found.true)


def test_scores_of_classes(trained: Path) -> None:
    lines = (trained / "words.csv").read_text().splitlines()[1:]
    X = np.array([line.split(",")[:2] for line in lines], float)
    model = load_model(trained / "words")
    found = subject(trained / "words").predictions
    assert found is not None and found.scores is not None and model.preparation.classes is not None
    names = np.array(model.preparation.classes.names)
    assert names[found.true].tolist() == [lines[number].split(",")[2] for number in found.numbers]
    assert names[found.predicted].tolist() == model.classify(X[found.numbers]).tolist()
    np.testing.assert_allclose(found.scores.sum(axis=1), 1, rtol=1e-12)  # softmax
    np.testing.assert_allclose(found.scores, model.outputs(X[found.numbers]).T, rtol=1e-12)


def test_without_such_rows_those_held_out_are_shown_or_all(trained: Path, tmp_path: Path) -> None:
    options = ("--targets", "fruit", "--validation", "0.2", "--max-iterations", "3", "--seed", "3")
    train(trained / "words.csv", tmp_path / "run", *options)
    found = subject(tmp_path / "run").predictions
    assert found is not None and (found.which, list(found.evaluations)) == ("held-out", ["trained", "held-out"])
    assert found.numbers.tolist() == np.flatnonzero(held_out(3, 0.2, np.arange(2500))).tolist()
    found = subject(trained / "hostile").predictions
    assert found is not None and (found.which, list(found.evaluations)) == ("all", ["all"])
    assert found.numbers.tolist() == list(range(400)) and found.thinned == "400 rows"
