"""Errors of several models on the same rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluations import evaluated
from reporting import cells, parsed, report, subject, train
from tables import write_csv

from distnn.report import figures
from distnn.report.figures import compared as figure


@pytest.fixture(scope="module")
def runs(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """More runs on the tables of `trained`: whole, which trained on all rows, and others."""
    folder = tmp_path_factory.mktemp("compared")
    numbers = ("--targets", "p", "q", "--weights", "w", "--max-iterations", "4")
    train(trained / "numbers.csv", folder / "same", *numbers, "--validation", "0.3", "--test", "0.2", "--seed", "4")
    train(trained / "numbers.csv", folder / "whole", *numbers)
    train(trained / "numbers.csv", folder / "apart", *numbers, "--test", "0.004", "--seed", "9")
    train(trained / "numbers.csv", folder / "apart-too", *numbers, "--test", "0.004", "--seed", "11")
    return {path.name: path for path in folder.iterdir()}


def test_the_rows_that_no_model_was_trained_on(trained: Path, runs: dict[str, Path], style: None) -> None:
    told = subject(trained / "numbers", compare=(runs["same"],))
    found, own = told.compared, told.predictions
    assert found is not None and own is not None and told.lacking == []
    np.testing.assert_array_equal(found.errors[0], np.abs(own.predicted - own.true))
    measured = evaluated(trained, "numbers", "test")["targets"]
    values = dict(found.measures)
    for name in "pq":
        for key, words in (("rmse", "root mean square error"), ("mae", "mean absolute error"), ("R2", "R²")):
            assert values[f"{name} {words}"][0] == pytest.approx(measured[name][key])
    drawn = figure.draw(told)
    assert [drawing.name for drawing in drawn] == ["compared-1", "compared-2"]
    for line, errors in zip(drawn[1].figure.axes[0].get_lines(), found.errors, strict=True):
        assert line.get_xdata().tolist() == figure.shares(errors[:, 1])[0].tolist()


def test_of_a_model_that_saw_them_it_is_said(trained: Path, runs: dict[str, Path]) -> None:
    told = subject(trained / "numbers", compare=(runs["whole"],))
    assert told.compared is not None and told.predictions is not None
    assert len(told.compared.errors[1]) == len(told.predictions.numbers)
    assert told.lacking == [f"Errors are compared on rows that training saw: that of {runs['whole']}."]


def test_models_that_kept_no_row_in_common_are_compared_on_all(runs: dict[str, Path]) -> None:
    told = subject(runs["apart"], compare=(runs["apart-too"],))
    assert told.predictions is not None and len(told.predictions.numbers) < 30
    assert told.compared is not None and len(told.compared.errors[0]) > 1900  # some have the weight 0
    assert f"that training saw: that of {runs['apart']}, {runs['apart-too']}." in told.lacking[0]


def test_a_table_that_is_given(
    trained: Path, runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "FIGURES", ())
    lines = (trained / "numbers.csv").read_text().splitlines()
    (tmp_path / "other.csv").write_text("\n".join(lines[:31]))
    names = [str(trained / "numbers"), str(runs["whole"])]
    page = parsed(report(tmp_path, "--compare", *names, "--data", str(tmp_path / "other.csv")))
    told = subject(Path(names[0]), tmp_path / "other.csv", (Path(names[1]),))
    assert told.compared is not None and told.predictions is not None
    assert 15 < len(told.compared.errors[0]) == len(told.predictions.numbers) <= 30  # some have the weight 0
    rows = cells(page)
    assert [[name, *(f"{value:.6g}" for value in values)] for name, values in told.compared.measures] == [
        row for row in rows if row[0].startswith(("p ", "q "))
    ]


def test_classes(trained: Path, tmp_path: Path) -> None:
    train(trained / "words.csv", tmp_path / "more", "--targets", "fruit", "--test", "0.2", "--seed", "4",
          "--max-iterations", "4")  # fmt: skip
    told = subject(trained / "words", trained / "words.csv", (tmp_path / "more",))
    assert told.compared is not None and told.predictions is not None and told.predictions.scores is not None
    own = told.predictions
    np.testing.assert_array_equal(told.compared.errors[0][:, 0], 1 - own.scores[np.arange(len(own.true)), own.true])
    share = evaluated(trained, "words", "test")["right"]
    assert dict(told.compared.measures)["share right"][0] == pytest.approx(share)


def test_what_cannot_be_compared(trained: Path, tmp_path: Path) -> None:
    told = subject(trained / "numbers", compare=(trained / "words",))
    assert told.compared is None and "--data compares their errors on it." in told.lacking[-1]
    told = subject(trained / "numbers", trained / "numbers.csv", (trained / "words",))
    assert told.compared is None
    assert f"{trained / 'words'} is left out where errors are compared: " in told.lacking[-1]
    path = write_csv(tmp_path / "t.csv", {name: np.arange(20.0) % 7 for name in "abcp"})
    train(path, tmp_path / "one", "--targets", "p", "--max-iterations", "1")
    train(path, tmp_path / "two", "--targets", "c", "--max-iterations", "1")
    told = subject(tmp_path / "one", path, (tmp_path / "two",))
    assert told.compared is None and "predict different columns: their errors are not compared." in told.lacking[-1]
