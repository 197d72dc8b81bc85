"""The log loss of averaged probabilities, against scikit-learn's; on ranks, in words, and where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import log_loss
from tables import words, write_csv
from threaded_ranks import on_ranks

from distnn import UserError, load_model
from distnn.evaluate import main
from distnn.parallel.ranks import OneRank
from distnn.train import main as train_main

X, NAMES = words(60)
WEIGHTS = np.random.default_rng(0).integers(1, 5, 60) / 2


def trained(folder: Path, *more: str) -> list[str]:
    """What to evaluate: a short training of it on all rows."""
    table = write_csv(folder / "t.csv", {"a": X[:, 0], "b": X[:, 1], "w": WEIGHTS, "fruit": NAMES})
    made = ["--weights", "w", "--hidden", "3", "--max-iterations", "9", "--quiet", "--out", str(folder / "run"), *more]
    assert train_main(OneRank(), ["--data", str(table), *made]) == 0
    return ["--model", str(folder / "run"), "--data", str(table)]


@pytest.mark.parametrize("theta", ["softmax", "logistic"])
def test_it_is_scikit_learns_on_any_number_of_ranks(
    theta: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], small_blocks: None
) -> None:
    """Logistic outputs of three classes are no probabilities that add up to 1, and have no log loss."""
    arguments = trained(tmp_path, "--intervals", "all", "--output-theta", theta)
    printed = []
    for P in (1, 3):
        on_ranks(P, lambda ranks: main(ranks, [*arguments, "--json"]))
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    found = json.loads(printed[0])
    if theta == "logistic":
        assert "averaged_log_loss" not in found
        return
    model = load_model(tmp_path / "run")
    for name, probabilities in (("log_loss", model(X)), ("averaged_log_loss", model.probabilities(X))):
        assert found[name] == pytest.approx(log_loss(NAMES, probabilities, sample_weight=WEIGHTS), rel=1e-9)
    assert main(OneRank(), arguments) == 0
    assert f"averaged  {found['averaged_log_loss']:.6g}" in capsys.readouterr().out
    with pytest.raises(UserError, match="--leverage is for models of numbers, and this one predicts classes"):
        main(OneRank(), [*arguments, "--leverage", "1"])


def test_a_model_without_intervals_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(OneRank(), trained(tmp_path)) == 0
    assert "averaged" not in capsys.readouterr().out
