"""`python -m distnn.evaluate`: E as training knows it, and accuracies and errors as scikit-learn counts them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi_runner import mpirun
from sklearn.metrics import confusion_matrix, mean_squared_error, r2_score
from tables import regression, words, write_csv
from threaded_ranks import on_ranks

from distnn import UserError, load_model
from distnn.data.sampling import held_out
from distnn.evaluate import EvaluateOptions, main
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate
from distnn.parallel.ranks import OneRank, Ranks
from distnn.train import main as train_main

N = 2500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    X, Y = regression(N, m=2)
    weights = np.random.default_rng(3).integers(0, 5, N) / 2
    names = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}
    write_csv(folder / "numbers.csv", {**names, "w": weights, "p": Y[:, 0], "q": Y[:, 1] + 1e7})
    X, Z = words(N)
    write_csv(folder / "words.csv", {"u": X[:, 0], "v": X[:, 1], "fruit": Z})
    common = ["--hidden", "5", "--quiet", "--validation", "0.3", "--seed", "4", "--max-iterations", "40"]
    for name, targets in (("numbers", ("p", "q", "--weights", "w")), ("words", ("fruit",))):
        arguments = ["--data", str(folder / f"{name}.csv"), "--targets", *targets, *common]
        assert train_main(OneRank(), [*arguments, "--out", str(folder / name)]) == 0
    return folder


def evaluated(folder: Path, name: str, rows: str = "all", size: int = 1) -> dict[str, Any]:
    options = EvaluateOptions(model=str(folder / name), data=str(folder / f"{name}.csv"), rows=rows)  # type: ignore[arg-type]

    def work(ranks: Ranks) -> dict[str, Any]:
        return evaluate(Application(options, ranks, with_targets=True), options.rows)

    return work(OneRank()) if size == 1 else on_ranks(size, work)[size - 1]


@pytest.mark.parametrize("name", ["numbers", "words"])
def test_E_is_that_of_the_training_to_the_bit(name: str, folder: Path) -> None:
    last = json.loads((folder / name / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["stale"] == 0, "the last weights are the best, which were kept"
    assert evaluated(folder, name, "trained")["E"] == last["E_in"]
    assert evaluated(folder, name, "held-out")["E"] == last["E_val"]


@pytest.mark.parametrize("size", [2, 3, 9])
@pytest.mark.parametrize("name", ["numbers", "words"])
def test_the_same_bits_on_any_number_of_ranks(name: str, size: int, folder: Path) -> None:
    assert evaluated(folder, name, size=size) == evaluated(folder, name)


@pytest.mark.parametrize("rows", ["all", "trained", "held-out"])
def test_numbers(rows: str, folder: Path) -> None:
    X, Y = regression(N, m=2)
    Y = Y + [0, 1e7]
    weights = np.random.default_rng(3).integers(0, 5, N) / 2
    out = held_out(4, 0.3, 0, N)
    mask = {"all": out | True, "trained": ~out, "held-out": out}[rows]
    predictions = load_model(folder / "numbers")(X)
    found = evaluated(folder, "numbers", rows)
    assert found["n"] == weights[mask].sum()
    for j, name in enumerate("pq"):
        true, guess, weight = Y[mask, j], predictions[mask, j], weights[mask]
        expected = mean_squared_error(true, guess, sample_weight=weight) ** 0.5
        assert found["targets"][name]["rmse"] == pytest.approx(expected, rel=1e-9)
        assert found["targets"][name]["R2"] == pytest.approx(r2_score(true, guess, sample_weight=weight), abs=1e-6)


def test_classes(folder: Path) -> None:
    X, Z = words(N)
    guess = load_model(folder / "words").classify(X)
    found = evaluated(folder, "words")
    assert found["classes"] == ["apple", "pear", "plum"]
    assert found["confusion"] == confusion_matrix(Z, guess).tolist()
    assert found["right"] == pytest.approx(np.mean(guess == Z), rel=1e-14)
    assert found["n"] == N


def test_what_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ["--model", str(folder / "words"), "--data", str(folder / "words.csv")]
    assert main(OneRank(), data) == 0
    shown = capsys.readouterr().out
    found = evaluated(folder, "words")
    assert "examples  2,500\n" in shown
    assert f"E         {found['E']:.6g}\n" in shown
    assert f"right     {100 * found['right']:.2f} %\n" in shown
    for name, counts in zip(found["classes"], found["confusion"], strict=True):
        assert [name, *map(str, counts)] in [line.split() for line in shown.splitlines()]
    assert main(OneRank(), [*data, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert main(OneRank(), ["--model", str(folder / "numbers"), "--data", str(folder / "numbers.csv")]) == 0
    shown = capsys.readouterr().out
    assert "p         root mean square error" in shown
    assert ", R² " in shown


@pytest.mark.job
def test_under_mpirun(folder: Path) -> None:
    done = mpirun(3, "-m", "distnn.evaluate", "--model", folder / "words", "--data", folder / "words.csv", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == evaluated(folder, "words")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize(
    ("name", "content", "rows", "sentence"),
    [
        (
            "words",
            "u,v,fruit\n1,2,apple\n1,2,grape\n",
            "all",
            "the class 'grape' in column fruit is not one that the model knows: apple, pear, plum",
        ),
        ("words", "u,v\n1,2\n", "all", "lacks the column fruit"),
        (
            "numbers",
            "a,b,c,w,p,q\n1,2,3,1,1,x\n",
            "all",
            "a.csv: the target column q holds words; the model predicts numbers",
        ),
        ("numbers", "a,b,c,w,p,q\n1,2,3,0,1,1\n", "all", r"no rows to evaluate on \(--rows all\)"),
        ("numbers", "a,b,c,w,p,q\n1,2,3,-1,1,1\n", "all", "row 0, column w: the weight -1 is negative"),
        ("numbers", "a,b,c,p,q\n1,2,3,1,1\n", "held-out", r"no rows to evaluate on \(--rows held-out\)"),
    ],
)
def test_bad_input(name: str, content: str, rows: str, sentence: str, size: int, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content)
    arguments = ["--model", str(folder / name), "--data", str(tmp_path / "a.csv"), "--rows", rows]
    with pytest.raises(UserError, match=sentence):
        on_ranks(size, lambda ranks: main(ranks, arguments)) if size > 1 else main(OneRank(), arguments)


def test_a_table_without_the_weights_counts_every_row_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b,c,p,q\n1,2,3,1,1\n4,5,6,1,1\n")
    options = EvaluateOptions(model=str(folder / "numbers"), data=str(tmp_path / "a.csv"))
    assert evaluate(Application(options, OneRank(), with_targets=True), "all")["n"] == 2


@pytest.mark.job
def test_with_weights_an_example_counts_as_its_weight(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = ["x,class,weight", *(f"{x},{'low' if x < 5 else 'high'},{1 + x % 3}" for x in range(10)), "9.5,low,7"]
    table.write_text("\n".join(rows) + "\n")
    model = tmp_path / "run"
    train = ["--data", str(table), "--targets", "class", "--weights", "weight", "--hidden", "--optimizer", "lbfgs"]
    done = mpirun(1, "-m", "distnn.train", *train, "--max-iterations", "3", "--quiet", "--out", str(model))
    assert done.returncode == 0, done.stderr
    done = mpirun(2, "-m", "distnn.evaluate", "--model", str(model), "--data", str(table), "--json")
    result = json.loads(done.stdout)
    predicted = mpirun(1, "-m", "distnn.predict", "--model", str(model), "--data", str(table)).stdout.split("\n")[1:]
    expected = {("high", "high"): 0.0, ("high", "low"): 0.0, ("low", "high"): 0.0, ("low", "low"): 0.0}
    for row, line in zip(rows[1:], predicted, strict=False):
        _, true, weight = row.split(",")
        expected[true, line.split(",")[0]] += float(weight)
    assert result["confusion"] == [[expected[a, b] for b in ("high", "low")] for a in ("high", "low")]
    assert result["n"] == sum(expected.values())
    assert result["right"] == (expected["high", "high"] + expected["low", "low"]) / result["n"]
