"""Evaluation of a model: E as training knows it, and accuracies and errors as scikit-learn counts them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from evaluations import N, evaluated, trained_on
from sklearn.metrics import confusion_matrix, mean_squared_error, r2_score
from tables import regression, words, write_csv

from distnn import load_model
from distnn.data.sampling import for_test, held_out
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank
from distnn.train import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_on(tmp_path_factory.mktemp("evaluation"))


@pytest.mark.parametrize("name", ["numbers", "words"])
def test_E_is_that_of_the_training_to_the_bit(name: str, folder: Path) -> None:
    result = json.loads((folder / name / "result.json").read_text())
    for rows, error in (("trained", "E_in"), ("held-out", "E_val"), ("test", "E_test")):
        assert evaluated(folder, name, rows)["E"] == result[error]
    assert len({result[error] for error in ("E_in", "E_val", "E_test")}) == 3


@pytest.mark.parametrize("size", [2, 3, 9])
@pytest.mark.parametrize("name", ["numbers", "words"])
def test_the_same_bits_on_any_number_of_ranks(name: str, size: int, folder: Path) -> None:
    assert evaluated(folder, name, size=size) == evaluated(folder, name)


@pytest.mark.parametrize("rows", ["all", "trained", "held-out", "test"])
def test_numbers(rows: str, folder: Path) -> None:
    X, Y = regression(N, m=2)
    Y = Y + [0, 1e7]
    weights = np.random.default_rng(3).integers(0, 5, N) / 2
    out = held_out(4, 0.3, np.arange(0, N))
    test = for_test(4, 0.2, np.arange(0, N))
    mask = {"all": out | True, "trained": ~out & ~test, "held-out": out, "test": test}[rows]
    predictions = load_model(folder / "numbers")(X)
    found = evaluated(folder, "numbers", rows)
    assert found["n"] == weights[mask].sum()
    for j, name in enumerate("pq"):
        true, guess, weight = Y[mask, j], predictions[mask, j], weights[mask]
        expected = mean_squared_error(true, guess, sample_weight=weight) ** 0.5
        assert found["targets"][name]["rmse"] == pytest.approx(expected, rel=1e-9)
        assert found["targets"][name]["R2"] == pytest.approx(r2_score(true, guess, sample_weight=weight), abs=1e-6)


@pytest.mark.parametrize("size", [1e160, 1e-170, 1e-320, 1e307])
def test_targets_of_any_size(size: float, tmp_path: Path) -> None:
    """As those of size 1; the smallest have few digits."""
    x = np.linspace(-1, 1, 400)
    found = []
    for factor in (1.0, size):
        name = f"{factor:g}"
        write_csv(tmp_path / f"{name}.csv", {"x": x, "y": np.sin(3 * x) * factor})
        options = ["--hidden", "3", "--max-iterations", "3", "--optimizer", "gradient-descent", "--quiet"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            data = ["--data", str(tmp_path / f"{name}.csv"), "--out", str(tmp_path / name)]
            assert main(OneRank(), [*data, *options]) == 0
            found.append(evaluated(tmp_path, name)["targets"]["y"])
    assert found[1]["rmse"] / size == pytest.approx(found[0]["rmse"], rel=1e-9 if size > 1e-300 else 1e-3)
    assert found[1]["R2"] == pytest.approx(found[0]["R2"], rel=1e-9 if size > 1e-300 else 1e-3)


def test_a_constant_target_has_no_R2(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c,p,q\n" + "".join(f"{i},{i % 3},3,0.3,1\n" for i in range(9)))
    options = ApplyOptions(model=str(folder / "numbers"), data=str(tmp_path / "a.csv"))
    found = evaluate(Application(options, OneRank(), with_targets=True), "all")["targets"]
    assert [found[name]["R2"] for name in "pq"] == [None, None]


def test_classes(folder: Path) -> None:
    X, Z = words(N)
    guess = load_model(folder / "words").classify(X)
    found = evaluated(folder, "words")
    assert found["classes"] == ["apple", "pear", "plum"]
    assert found["confusion"] == confusion_matrix(Z, guess).tolist()
    assert found["right"] == pytest.approx(np.mean(guess == Z), rel=1e-14)
    assert found["n"] == N


def test_a_table_without_the_weights_counts_every_row_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c,p,q\n1,2,3,1,1\n4,5,6,1,1\n")
    options = ApplyOptions(model=str(folder / "numbers"), data=str(tmp_path / "a.csv"))
    assert evaluate(Application(options, OneRank(), with_targets=True), "all")["n"] == 2
