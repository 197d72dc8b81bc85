"""Tables that are taken for what they are by every command: what a model was trained on, and what it is applied to."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distnn import evaluate, predict, train
from distnn.errors import UserError
from distnn.inference.application import Application
from distnn.inference.evaluation import evaluate as evaluated
from distnn.inference.options import ApplyOptions
from distnn.parallel.ranks import OneRank

generator = np.random.default_rng(0)
X = np.round(generator.uniform(1, 2, (50, 2)), 3)
LINES = [f"{a},{b},{a * a + b:.4f}" for a, b in X]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """run(lines, *options): a training in the directory "run", on table.csv with these lines."""
    monkeypatch.chdir(tmp_path)

    def work(lines: list[str], *options: str) -> Path:
        Path("table.csv").write_text("\n".join(lines) + "\n")
        options = options if "--resume" in options else (*options, "--hidden", "3", "--data", "table.csv")
        options = options if "--max-iterations" in options else (*options, "--max-iterations", "5")
        assert train.main(OneRank(), [*options, "--quiet", "--out", "run"]) == 0
        return tmp_path

    return work


def rows(path: str) -> list[list[str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def apply(*arguments: str) -> None:
    assert predict.main(OneRank(), ["--model", "run", *arguments]) == 0


def test_a_header_of_numbers_is_not_forgotten(run: Callable[..., Path]) -> None:
    run(["1100,1102,1104", *LINES], "--header")
    apply("--data", "table.csv", "--out", "p.csv")
    assert len(rows("p.csv")) == 51 and rows("p.csv")[0] == ["1104"]


def test_held_out_rows_are_of_the_table_that_was_trained_on(run: Callable[..., Path]) -> None:
    run(["a,b,y", *LINES], "--validation", "0.3")
    Path("copy.csv").write_text(Path("table.csv").read_text())
    Path("other.csv").write_text("\n".join(["a,b,y", *LINES[1:], LINES[0]]) + "\n")
    for data in ("table.csv", "copy.csv"):
        assert evaluate.main(OneRank(), ["--model", "run", "--data", data, "--rows", "held-out"]) == 0
    with pytest.raises(UserError, match=r"--rows held-out is for the table .* other\.csv is another one"):
        evaluate.main(OneRank(), ["--model", "run", "--data", "other.csv", "--rows", "held-out"])
    assert evaluate.main(OneRank(), ["--model", "run", "--data", "other.csv"]) == 0


def test_resume_refuses_swapped_columns_and_other_words(run: Callable[..., Path]) -> None:
    again = ("--resume", "--max-iterations", "9")
    words = [f"{line},{'oak' if i % 2 else 'fir'}" for i, line in enumerate(LINES)]
    run(["a,b,y,kind", *words], "--targets", "y")
    run(["a,b,y,kind", *words], *again)
    for lines in (["b,a,y,kind", *words], ["a,b,y,kind", *(line.replace("oak", "elm") for line in words)]):
        with pytest.raises(UserError, match="rows, values or columns differ"):
            run(lines, *again)


@pytest.mark.parametrize("data", ["table.csv", "./table.csv", "tab*.csv"])
def test_the_table_is_not_written_over(run: Callable[..., Path], data: str) -> None:
    run(["a,b,y", *LINES])
    before = Path("table.csv").read_bytes()
    with pytest.raises(UserError, match=r"table\.csv is the table itself"):
        apply("--data", data, "--out", "table.csv")
    assert Path("table.csv").read_bytes() == before


def test_columns_of_one_name(run: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"has 2 columns of the name 'a': .*leave it out by its number with --ignore"):
        run(["a,a,y", *LINES])
    run(["a,a,y", *LINES], "--ignore", "1")


def test_words_that_training_did_not_see(run: Callable[..., Path]) -> None:
    run(["a,b,y,kind", *(f"{line},{'oak' if i % 2 else 'fir'}" for i, line in enumerate(LINES))], "--targets", "y")
    Path("new.csv").write_text("kind,b,a\nash,1,1\noak,1,1\n")
    with pytest.raises(UserError, match=r"column kind: 'ash' is not one of the words .* fir, oak.*--unknown zeros"):
        apply("--data", "new.csv", "--out", "p.csv")
    apply("--data", "new.csv", "--out", "p.csv", "--unknown", "zeros")
    header, ash, oak = rows("p.csv")
    assert header == ["y"] and ash != oak


@pytest.mark.parametrize("impute", ["median", "drop"])
def test_gaps_and_transforms_in_every_command(run: Callable[..., Path], impute: str) -> None:
    lines = ["?" + line[line.index(",") :] if i % 7 == 3 else line for i, line in enumerate(LINES)]
    run(["a,b,y", *lines], "--impute", impute, "--transform", "y=log1p", "b=log", "--max-iterations", "60")
    options = ApplyOptions(model="run", data="table.csv")
    found = evaluated(Application(options, OneRank(), with_targets=True), "all")
    assert found["n"] == (50 if impute == "median" else 43)
    assert found["targets"]["y"]["R2"] > 0.8, "in the units of the table"
    if impute == "drop":
        with pytest.raises(UserError, match=r"line 5 \(row 3\), column a: '\?' stands where a number belongs; to have"):
            apply("--data", "table.csv", "--out", "p.csv")
    else:
        apply("--data", "table.csv", "--out", "p.csv")
        guesses = np.array([float(row[0]) for row in rows("p.csv")[1:]])
        truth = np.array([float(line.split(",")[2]) for line in LINES])
        assert np.sqrt(np.mean((guesses - truth) ** 2)) == pytest.approx(found["targets"]["y"]["rmse"], rel=1e-9)


def test_labels_are_what_is_written(run: Callable[..., Path]) -> None:
    run(["a,b,k", *(f"{a},{b},{'01' if a + b > 3 else '1'}" for a, b in X)], "--classes", "--max-iterations", "60")
    apply("--data", "table.csv", "--out", "p.csv")
    assert {row[0] for row in rows("p.csv")[1:]} == {"01", "1"}
