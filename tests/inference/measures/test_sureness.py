"""What evaluate says of a model that knows how sure it is: on ranks, in words, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from tables import regression, write_csv
from threaded_ranks import on_ranks

from distnn import UserError, load_model
from distnn.evaluate import main
from distnn.parallel.ranks import OneRank
from distnn.train import main as train_main


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with weights and one outlying row, a run on all of it, one with a test, and one without intervals."""
    folder = tmp_path_factory.mktemp("sureness")
    X, Y = regression(80, d=2, m=2)
    X[11] = [40, -30]
    weights = np.random.default_rng(0).integers(1, 5, 80) / 2
    write_csv(folder / "t.csv", {"a": X[:, 0], "b": X[:, 1], "w": weights, "p": Y[:, 0], "q": Y[:, 1]})
    common = ["--data", str(folder / "t.csv"), "--targets", "p", "q", "--weights", "w", "--hidden", "3", "--quiet"]
    for name, more in (("whole", []), ("test", ["--test", "0.2"])):
        run = [*common, "--optimizer", "bayesian", "--intervals", "all", *more, "--out", str(folder / name)]
        assert train_main(OneRank(), run) == 0
    assert (
        train_main(OneRank(), [*common, "--fit-exactly", "--max-iterations", "3", "--out", str(folder / "plain")]) == 0
    )
    return folder


def evaluated(folder: Path, run: str, *more: str) -> list[str]:
    return ["--model", str(folder / run), "--data", str(folder / "t.csv"), *more]


def test_the_same_on_any_number_of_ranks(folder: Path, capsys: pytest.CaptureFixture[str], small_blocks: None) -> None:
    arguments = evaluated(folder, "whole", "--leverage", "2", "--json")
    printed = []
    for P in (1, 3):
        on_ranks(P, lambda ranks: main(ranks, arguments))
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    found = json.loads(printed[0])["targets"]
    model = load_model(folder / "whole")
    assert sum(of["gamma"] for of in found.values()) < model.network.w.size
    for of in found.values():
        assert 0.85 <= of["coverage"] <= 1
        assert of["left_out_rmse"] > of["rmse"]
        assert of["leverages"][0]["row"] == 11
        assert len(of["leverages"]) == 2
        assert 1 >= of["leverages"][0]["leverage"] > of["leverages"][1]["leverage"] > 0


def test_it_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), evaluated(folder, "whole", "--leverage", "1")) == 0
    printed = capsys.readouterr().out
    assert "% within the 95 % intervals, mean log predictive density" in printed
    assert "each row left out: root mean square error" in printed
    assert "The largest leverages on p." in printed
    assert "(row 11)" in printed
    assert main(OneRank(), evaluated(folder, "test", "--rows", "test")) == 0
    assert "within the 95 % intervals" in capsys.readouterr().out
    assert main(OneRank(), evaluated(folder, "plain")) == 0
    assert "intervals" not in capsys.readouterr().out


def test_what_it_is_of_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a transformed target errors in its own units stand beside some of its logarithm; of the last layer alone."""
    given = ["--data", str(folder / "t.csv"), "--targets", "p", "--ignore", "q", "w", "--transform", "p=log", "--quiet"]
    for name, more in (("log", ["--intervals", "all"]), ("last", ["--intervals", "last", "--weight-decay", "0.01"])):
        run = [*given, "--hidden", "2", "--optimizer", "bayesian" if name == "log" else "lbfgs", *more]
        assert train_main(OneRank(), [*run, "--out", str(folder / name)]) == 0
        assert main(OneRank(), evaluated(folder, name, "--leverage", "1")) == 0
        printed = capsys.readouterr().out
        assert re.search(r"density \S+ of log p\n", printed)
        kept = ", hidden layers as they are" if name == "last" else ""
        assert re.search(rf"each row left out{kept}: root mean square error \S+ of log p; leverages sum to", printed)


@pytest.mark.parametrize(
    ("run", "more", "words"),
    [
        ("plain", ["--leverage", "1"], "train it with --intervals all"),
        (
            "test",
            ["--leverage", "1"],
            "--leverage is of the rows that were trained on, not of --rows all: give --rows tr",
        ),
        ("whole", ["--leverage", "1", "--rows", "held-out"], "not of --rows held-out: give --rows trained"),
        ("whole", ["--leverage", "-1"], "--leverage -1: give a number of at least 0"),
    ],
)
def test_what_is_refused(folder: Path, run: str, more: list[str], words: str) -> None:
    with pytest.raises(UserError, match=words):
        main(OneRank(), evaluated(folder, run, *more))


def test_leverages_of_another_table_are_refused(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "t.csv").read_text().splitlines()
    (tmp_path / "t.csv").write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(
        UserError, match=r"--leverage is for the table that .* is another one, or has changed: leave it"
    ):
        main(OneRank(), ["--model", str(folder / "whole"), "--data", str(tmp_path / "t.csv"), "--leverage", "1"])
