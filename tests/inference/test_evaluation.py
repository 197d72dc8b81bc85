"""Evaluation of a model: E as training knows it, and accuracies and errors as scikit-learn counts them."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from evaluations import N, evaluated, trained_on
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
)
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
        expected = mean_absolute_error(true, guess, sample_weight=weight)
        assert found["targets"][name]["mae"] == pytest.approx(expected, rel=1e-9)
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
    p = load_model(folder / "words")(X)
    assert found["auc"] == pytest.approx(roc_auc_score(Z, p, multi_class="ovr"), rel=1e-12)
    assert found["log_loss"] == pytest.approx(log_loss(Z, p), rel=1e-12)
    for k, (name, own) in enumerate(found["by_class"].items()):
        assert own["auc"] == pytest.approx(roc_auc_score(name == Z, p[:, k]), rel=1e-12)
    expected = precision_recall_fscore_support(Z, guess)
    for j, score in enumerate(("precision", "recall", "f1", "n")):
        assert [own[score] for own in found["by_class"].values()] == pytest.approx(expected[j].tolist(), rel=1e-12)
    for mean in ("macro", "weighted"):
        expected = precision_recall_fscore_support(Z, guess, average=mean)[:3]
        assert list(found[mean].values()) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("output", ["logistic", "softmax", "tanh"])
def test_two_classes_with_weights(output: str, tmp_path: Path) -> None:
    X, Z = words(900, 2)
    weights = np.random.default_rng(5).integers(0, 9, 900) / 4
    write_csv(tmp_path / "two.csv", {"u": X[:, 0], "v": X[:, 1], "w": weights, "fruit": Z})
    options = ["--targets", "fruit", "--weights", "w", "--output-theta", output, "--max-iterations", "5", "--quiet"]
    assert main(OneRank(), ["--data", str(tmp_path / "two.csv"), *options, "--out", str(tmp_path / "two")]) == 0
    found = evaluated(tmp_path, "two")
    assert evaluated(tmp_path, "two", size=3) == found
    model, sample = load_model(tmp_path / "two"), {"sample_weight": weights}
    p, guess = model(X)[:, -1], model.classify(X)
    assert found["n"] == weights.sum()
    assert found["auc"] == pytest.approx(roc_auc_score(Z == "pear", p, **sample), rel=1e-12)
    if output == "tanh":
        assert found["log_loss"] is None
    else:
        assert found["log_loss"] == pytest.approx(log_loss(Z, p, **sample), rel=1e-12)
    for mean in ("macro", "weighted"):
        expected = precision_recall_fscore_support(Z, guess, average=mean, **sample)[:3]
        assert list(found[mean].values()) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(found["confusion"], confusion_matrix(Z, guess, **sample), rtol=1e-12)


def test_labels_with_weights(tmp_path: Path) -> None:
    X = np.random.default_rng(6).normal(size=(900, 2))
    Y = np.stack([X[:, 0] + X[:, 1] > 0, X[:, 0] * X[:, 1] > 0.3, X[:, 1] > 1], axis=1).astype(int)
    weights = np.random.default_rng(5).integers(0, 9, 900) / 4
    columns = {"u": X[:, 0], "v": X[:, 1], "w": weights, "p": Y[:, 0], "q": Y[:, 1], "r": Y[:, 2]}
    write_csv(tmp_path / "labels.csv", columns)
    options = ["--targets", "p", "q", "r", "--classes", "--weights", "w", "--max-iterations", "5", "--quiet"]
    assert main(OneRank(), ["--data", str(tmp_path / "labels.csv"), *options, "--out", str(tmp_path / "labels")]) == 0
    found = evaluated(tmp_path, "labels")
    assert evaluated(tmp_path, "labels", size=3) == found
    p, sample = load_model(tmp_path / "labels")(X), {"sample_weight": weights}
    found = found["labels"]
    assert found["right"] == pytest.approx(accuracy_score(Y, p > 0.5, **sample), rel=1e-12)
    expected = precision_recall_fscore_support(Y, p > 0.5, zero_division=0, **sample)
    for j, score in enumerate(("precision", "recall", "f1", "n")):
        assert [own[score] for own in found["by_label"].values()] == pytest.approx(expected[j].tolist(), rel=1e-12)
    areas = roc_auc_score(Y, p, average=None, **sample)
    assert [own["auc"] for own in found["by_label"].values()] == pytest.approx(areas.tolist(), rel=1e-12)
    for mean in ("micro", "macro", "weighted"):
        expected = precision_recall_fscore_support(Y, p > 0.5, average=mean, zero_division=0, **sample)[:3]
        assert list(found[mean].values()) == pytest.approx(expected, rel=1e-12)
    columns["q"] = np.where(Y[:, 1], 0.9, 0)  # a probability, which is no label
    write_csv(tmp_path / "labels.csv", columns)
    assert "labels" not in evaluated(tmp_path, "labels")


@pytest.mark.parametrize("size", [1, 3])
def test_the_largest_errors(size: int, folder: Path) -> None:
    X, Y = regression(N, m=2)
    Y = Y + [0, 1e7]
    predictions, there = load_model(folder / "numbers")(X), np.random.default_rng(3).integers(0, 5, N) > 0
    found = evaluated(folder, "numbers", size=size, worst=4)
    for j, name in enumerate("pq"):
        sizes = np.where(there, np.abs(predictions[:, j] - Y[:, j]), -1)  # rows of weight 0 do not count
        rows = np.argsort(-sizes, kind="stable")[:4].tolist()
        worst = found["targets"][name]["worst"]
        assert [row["row"] for row in worst] == rows
        assert [row["place"] for row in worst] == [f"line {row + 2} (row {row})" for row in rows]
        assert [row["true"] for row in worst] == Y[rows, j].tolist()
        assert [row["error"] for row in worst] == pytest.approx(sizes[rows].tolist(), rel=1e-9)
    X, Z = words(N)
    p, guess = load_model(folder / "words")(X), load_model(folder / "words").classify(X)
    lacks = 1 - p[np.arange(N), np.searchsorted(["apple", "pear", "plum"], Z)]
    for row, expected in zip(
        evaluated(folder, "words", size=size, worst=9)["worst"], np.argsort(-lacks, kind="stable"), strict=False
    ):
        assert (row["row"], row["true"], row["predicted"]) == (expected, Z[expected], guess[expected])
        assert row["error"] == pytest.approx(lacks[expected], rel=1e-9)


def test_a_table_without_one_of_the_classes(folder: Path, tmp_path: Path) -> None:
    X, Z = words(200)
    rows = Z != "plum"
    write_csv(tmp_path / "a.csv", {"u": X[rows, 0], "v": X[rows, 1], "fruit": Z[rows]})
    options = ApplyOptions(model=str(folder / "words"), data=str(tmp_path / "a.csv"))
    found = evaluate(Application(options, OneRank(), with_targets=True), "all")
    assert found["auc"] is None and found["by_class"]["plum"] == {
        "precision": 0, "recall": 0, "f1": 0, "n": 0, "auc": None,
    }  # fmt: skip
    assert found["by_class"]["pear"]["auc"] is not None


def test_a_table_without_the_weights_counts_every_row_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c,p,q\n1,2,3,1,1\n4,5,6,1,1\n")
    options = ApplyOptions(model=str(folder / "numbers"), data=str(tmp_path / "a.csv"))
    assert evaluate(Application(options, OneRank(), with_targets=True), "all")["n"] == 2
