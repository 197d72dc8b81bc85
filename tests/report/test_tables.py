"""What is told in words: worst rows, comparison, options."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from evaluations import evaluated
from reporting import cells, parsed, report, subject, train, words_of

from distnn import load_model
from distnn.report.predictions import WORST
from distnn.report.tables import differences


def test_the_worst_rows_by_number(trained: Path, pages: dict[str, str]) -> None:
    table = np.loadtxt(trained / "numbers.csv", delimiter=",", skiprows=1)
    residual = load_model(trained / "numbers")(table[:, :3]) - table[:, 4:]
    found = subject(trained / "numbers").predictions
    assert found is not None
    rows = cells(parsed(pages["numbers"]))
    lists = [i for i, row in enumerate(rows) if row == ["row", "true", "predicted", "error"]]
    assert len(lists) == 2
    for k, start in enumerate(lists):
        worst = sorted(found.numbers.tolist(), key=lambda row: -abs(residual[row, k]))[:WORST]
        assert [row[0] for row in rows[start + 1 : start + 1 + WORST]] == [f"line {n + 2} (row {n})" for n in worst]
        assert abs(float(rows[start + 1][3])) == pytest.approx(abs(residual[worst[0], k]), rel=1e-5)


def test_classes_and_their_worst_rows(trained: Path, pages: dict[str, str]) -> None:
    found = evaluated(trained, "words", "test")
    rows = cells(parsed(pages["words"]))
    for name, own in found["by_class"].items():
        assert [name, *(f"{own[key]:.6g}" for key in ("precision", "recall", "f1", "n", "auc"))] in rows
    predictions = subject(trained / "words").predictions
    assert predictions is not None and predictions.scores is not None
    of_true = predictions.scores[np.arange(len(predictions.true)), predictions.true]
    start = rows.index(["row", "true", "predicted", "what the output of the true class lacks"])
    assert rows[start + 1][0].endswith(f"(row {predictions.numbers[of_true.argmin()]})")
    assert rows[start + 1][3] == f"{1 - of_true.min():.6g}"


def test_runs_beside_each_other(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("distnn.report.figures.FIGURES", ())
    for hidden in ("3", "6"):
        train(
            trained / "words.csv", tmp_path / f"run-{hidden}", "--targets", "fruit", "--hidden", hidden,
            "--max-iterations", "5",
        )  # fmt: skip
    names = [str(tmp_path / "run-3"), str(tmp_path / "run-6")]
    page = parsed(report(tmp_path, "--compare", *names))
    rows = cells(page)
    assert ["", *names] in rows
    ends = [json.loads((tmp_path / f"run-{hidden}/result.json").read_text()) for hidden in ("3", "6")]
    assert ["E_in", *(f"{end['E_in']:.6g}" for end in ends)] in rows
    assert ["hidden", "[3]", "[6]"] in rows
    assert [row[0] for row in differences(subject(Path(names[0]), compare=(Path(names[1]),)).histories)] == ["hidden"]
    assert "Their options are the same" not in words_of(page)


def test_configuration_and_commands(trained: Path, pages: dict[str, str]) -> None:
    page = parsed(pages["words"])
    rows = cells(page)
    assert ["validation", "0.3"] in rows and ["data", str(trained / "words.csv")] in rows
    environment = json.loads((trained / "words/environment.json").read_text())
    assert ["numpy", environment["numpy"]] in rows
    commands = [words_of(command) for command in page.iter("code")]
    model, data = str(trained / "words"), str(trained / "words.csv")
    assert commands == [
        f"mpirun -n 2 python -m distnn.train --config {model}/options.toml --out {model}-again",
        f"python -m distnn.evaluate --model {model} --data {data} --rows trained",
        f"python -m distnn.evaluate --model {model} --data {data} --rows held-out",
        f"python -m distnn.evaluate --model {model} --data {data} --rows test",
        f"python -m distnn.report --model {model} --data {data}",
    ]
