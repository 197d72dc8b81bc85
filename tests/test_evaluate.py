"""`python -m distnn.evaluate`: what it prints, and what it refuses."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from evaluations import evaluated, trained_on
from mpi_runner import mpirun
from tables import regression, write_csv
from threaded_ranks import on_ranks
from trainings import trained

from distnn import UserError, fit
from distnn.evaluate import main
from distnn.parallel.ranks import OneRank
from distnn.train import main as train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_on(tmp_path_factory.mktemp("evaluate"))


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
    assert f"ROC AUC   {found['auc']:.6g}\n" in shown and f"log loss  {found['log_loss']:.6g}\n" in shown
    for name, own in found["by_class"].items():
        values = [f"{own[key]:.6g}" for key in ("precision", "recall", "f1", "auc", "n")]
        assert [name, *values] in [line.split() for line in shown.splitlines()]
    assert main(OneRank(), [*data, "--worst", "3"]) == 0
    shown = capsys.readouterr().out
    for row in evaluated(folder, "words", worst=3)["worst"]:
        line = [*row["place"].split(), row["true"], row["predicted"], f"{row['error']:.6g}"]
        assert line in [line.split() for line in shown.splitlines()]
    assert main(OneRank(), ["--model", str(folder / "numbers"), "--data", str(folder / "numbers.csv")]) == 0
    shown = capsys.readouterr().out
    assert "p         root mean square error" in shown and ", mean absolute " in shown
    assert ", R² " in shown


def test_what_json_has_no_number_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a transformed target a prediction may be beyond float64, and so is the error."""
    (tmp_path / "t.csv").write_text("x,y\n" + "".join(f"{x},{math.exp(x)!r}\n" for x in range(9)))
    options = ["--transform", "y=log", "--hidden", "--max-iterations", "9", "--quiet", "--out", str(tmp_path / "run")]
    assert train(OneRank(), [str(tmp_path / "t.csv"), *options]) == 0
    (tmp_path / "far.csv").write_text("x,y\n1e6,1\n2,3\n")
    assert main(OneRank(), [str(tmp_path / "run"), str(tmp_path / "far.csv"), "--worst", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)["targets"]["y"]
    assert found["rmse"] is None and found["worst"][0]["predicted"] is None and found["worst"][0]["row"] == 0


def test_a_number_of_rows_below_zero(folder: Path) -> None:
    with pytest.raises(UserError, match=r"--worst -1: give a number of at least 0\."):
        main(OneRank(), ["--model", str(folder / "words"), "--data", str(folder / "words.csv"), "--worst", "-1"])


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
            "column q: 'x' stands where a number belongs",
        ),
        ("numbers", "a,b,c,w,p,q\n1,2,3,0,1,1\n", "all", r"no rows to evaluate on \(--rows all\)"),
        ("numbers", "a,b,c,w,p,q\n1,2,3,-1,1,1\n", "all", "row 0, column w: the weight -1 is negative"),
        ("numbers", "a,b,c,p,q\n1,2,3,1,1\n", "held-out", "--rows held-out is for the table that the model was tr"),
        ("numbers", "a,b,c,p,q\n" + "1,2,3,1,1\n" * 99, "test", "--rows test is for the table that the model was tr"),
    ],
)
def test_bad_input(name: str, content: str, rows: str, sentence: str, size: int, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(content)
    arguments = ["--model", str(folder / name), "--data", str(tmp_path / "a.csv"), "--rows", rows]
    with pytest.raises(UserError, match=sentence):
        on_ranks(size, lambda ranks: main(ranks, arguments)) if size > 1 else main(OneRank(), arguments)


@pytest.mark.parametrize(("rows", "option"), [("held-out", "--validation"), ("test", "--test")])
def test_rows_that_the_training_did_not_keep_apart(rows: str, option: str, tmp_path: Path) -> None:
    X, y = regression(20)
    fit(X, y, hidden=(), optimizer="lbfgs").model.save(tmp_path / "model.safetensors")
    write_csv(tmp_path / "t.csv", {"x1": X[:, 0], "x2": X[:, 1], "x3": X[:, 2], "y": y[:, 0]})
    arguments = ["--model", str(tmp_path / "model.safetensors"), "--data", str(tmp_path / "t.csv"), "--rows", rows]
    with pytest.raises(UserError, match=f"the training .* no rows .*, which {option} 0.1 does: use --rows all"):
        main(OneRank(), arguments)


@pytest.mark.job
def test_with_weights_an_example_counts_as_its_weight(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = ["x,class,weight", *(f"{x},{'low' if x < 5 else 'high'},{1 + x % 3}" for x in range(10)), "9.5,low,7"]
    table.write_text("\n".join(rows) + "\n")
    model = tmp_path / "run"
    train = ["--data", str(table), "--targets", "class", "--weights", "weight", "--hidden", "--optimizer", "lbfgs"]
    trained(model, *train, "--max-iterations", "3", "--quiet")
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
